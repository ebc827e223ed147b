-- Terminates all streams of a family, or of a device, and keeps new ones out for a while.
--
-- KEYS  1 family_revoked:<familyId> or device_revoked:<deviceId>
--       2 family_streams:<familyId> or device_streams:<deviceId>  3 stream_events
-- ARGV  1 key prefix  2 tombstone (JSON)  3 its TTL in ms  4 ms for which creates are refused (0: none)
--       5 message  6, 7, 8 the mark's parts around its two times
-- Returns the number of sessions that ended.

local prefix, block = ARGV[1], tonumber(ARGV[4])
expect_type(KEYS[1], 'string')
expect_type(KEYS[2], 'set')
expect_type(KEYS[3], 'stream')

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
    event(KEYS[3], 'terminated', members, 'terminated', nil, seconds_since(members.startedAt, now))
  end
end
redis.call('SET', KEYS[1], ARGV[6] .. rfc3339(now) .. ARGV[7] .. rfc3339(now + block) .. ARGV[8],
  'PX', math.max(tonumber(ARGV[3]), block))
for _, members in ipairs(streams) do
  publish_ended(prefix, members.sessionId)
end
return ended
