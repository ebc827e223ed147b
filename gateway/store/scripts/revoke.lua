-- Terminates all streams of a family, or of a device, and keeps new ones out for a while.
--
-- KEYS  1 family_revoked:<familyId> or device_revoked:<deviceId>
--       2 family_streams:<familyId> or device_streams:<deviceId>  3 session_expiry  4 stream_events
-- ARGV  1 key prefix  2 tombstone (JSON)  3 its TTL in ms
--       4 ms for which creates are refused (0: none are, -1: as before)  5 "familyId" or "deviceId"  6 its name
--       7, 8, 9 the mark's parts around its two times  10 the operator's why, or ""  11 the operator, or ""
--       12 "": another partition's script tells of the block
-- Returns the number of sessions that ended.

local prefix, block = ARGV[1], tonumber(ARGV[4])
local cause, by = given(ARGV[10]), given(ARGV[11])
expect_type(KEYS[1], 'string')
expect_type(KEYS[2], 'set')
expect_type(KEYS[4], 'stream')

local streams = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local value = redis.call('MGET', prefix .. 'session:' .. id)[1] -- GET would raise where it is no text
  local members = decode(value or '{}')
  members.sessionId, members.lives = id, value and true
  members.sets = {KEYS[2]}
  redis.call('EXISTS', prefix .. 'session_end:' .. id) -- touched before the first write, as all keys are
  for _, kind in ipairs({'family', 'device'}) do
    local name = text_of(members, kind .. 'Id')
    local set = name and prefix .. kind .. '_streams:' .. name
    if set and set ~= KEYS[2] then
      expect_type(set, 'set')
      table.insert(members.sets, set)
    end
  end
  streams[#streams + 1] = members
end

-- A block that holds stays as it is, with what it says; ours is written as ARGV 7 begins it.
local mark = redis.call('GET', KEYS[1])
local earlier = mark and decode(mark) or {}
local blocked = (time_text(earlier.blockedUntil) or '') > rfc3339(now)
local new_mark, life, left = ARGV[7] .. rfc3339(now), math.max(tonumber(ARGV[3]), block), 0
if block >= 0 or not blocked then
  new_mark = new_mark .. ARGV[8] .. rfc3339(now + math.max(0, block)) .. ARGV[9]
else
  left = redis.call('PTTL', KEYS[1])
  if string.sub(mark, 1, #ARGV[7]) == ARGV[7] and time_text(string.sub(mark, #ARGV[7] + 1, #ARGV[7] + 24)) then
    new_mark = new_mark .. string.sub(mark, #ARGV[7] + 25)
  else
    new_mark = new_mark .. ARGV[8] .. earlier.blockedUntil .. ARGV[9]
  end
end

-- What frees memory comes first: a Redis that has none left refuses a script's first write alone.
local ended = 0
for _, members in ipairs(streams) do
  for _, set in ipairs(members.sets) do
    redis.call('SREM', set, members.sessionId)
  end
  if members.lives then
    ended = ended + 1
    redis.call('DEL', prefix .. 'session:' .. members.sessionId)
    redis.call('SET', prefix .. 'session_end:' .. members.sessionId, ARGV[2], 'PX', ARGV[3])
    drop_entry(KEYS[3], members.sessionId, members)
    event(KEYS[4], 'terminated', members, cause or 'terminated', by, seconds_since(members.startedAt, now))
  end
end
if left == -1 then
  redis.call('SET', KEYS[1], new_mark) -- another writer's, which has no end
else
  redis.call('SET', KEYS[1], new_mark, 'PX', string.format('%d', math.max(life, left)))
end
if ARGV[12] ~= '' and (block > 0 or (block == 0 and blocked)) then
  event(KEYS[4], block > 0 and 'blocked' or 'unblocked', {[ARGV[5]] = ARGV[6]}, cause, by)
end
for _, members in ipairs(streams) do
  publish_ended(prefix, members.sessionId)
end
return ended
