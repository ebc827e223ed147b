-- Puts a session in place that was let in, or kept alive, while Redis was away (DESIGN.md section 6): over the
-- limits if need be, since no viewer who was let in is thrown out. Ages are passed rather than times.
--
-- KEYS  1 session:<id>  2 session_end:<id>  3 family_streams:<familyId>  4 device_streams:<deviceId>
--       5 family_revoked:<familyId>  6 device_revoked:<deviceId>  7 session_expiry  8 stream_events
-- ARGV  1 key prefix  2 sessionId  3 ttl in ms  4 ms since its last sign of life  5 ms since its start
--       6, 7 the value's parts around startedAt  8 the expiry entry without its time
--       9 userId  10 familyId  11 deviceId  12 mediaId
-- Returns {"ok", now, time left}, {"session_ended", now, tombstone or false}, {"revoked", now, message}.

local prefix, id, ttl, idle = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local started, left = rfc3339(now - math.max(0, tonumber(ARGV[5]))), ttl - idle

for i = 3, 4 do
  expect_type(KEYS[i], 'set')
end
expect_type(KEYS[7], 'zset')
expect_type(KEYS[8], 'stream')
for _, i in ipairs({1, 2, 5, 6}) do
  expect_type(KEYS[i], 'string')
end

local tombstone = redis.call('GET', KEYS[2])
if tombstone then
  return {'session_ended', now, tombstone}
end
-- One that lives keeps its start, its last sign of life if that is newer, and, unless its title changed, what
-- others may have written into it.
local known = redis.call('GET', KEYS[1])
local members = known and decode(known) or {}
local same_title = known and members.mediaId == ARGV[12]
local last = rfc3339(now - idle)
if known then
  local known_last = last_heartbeat(known)
  started = time_text(members.startedAt) or started
  last = known_last and known_last > last and known_last or last
  local known_left = redis.call('PTTL', KEYS[1])
  left = math.max(left, known_left > 0 and known_left or ttl) -- another writer's may have no end
else
  for i = 5, 6 do
    local revoked = decode(redis.call('GET', KEYS[i]) or '{}')
    if (time_text(revoked.revokedAt) or '') >= started then
      return {'revoked', now, text_of(revoked, 'message') or ''}
    end
  end
  if left <= 0 then
    return {'session_ended', now, false}
  end
end

if same_title then
  redis.call('PEXPIRE', KEYS[1], left)
  if string.sub(known, -44, -27) == ',"lastHeartbeat":"' and string.sub(known, -26, -3) < last then
    redis.call('SETRANGE', KEYS[1], #known - 26, last)
  end
else
  redis.call('SET', KEYS[1], ARGV[6] .. started .. ARGV[7] .. last .. '"}', 'PX', left)
end
for i = 3, 4 do
  redis.call('SADD', KEYS[i], id)
  if redis.call('PTTL', KEYS[i]) < left + ttl then
    redis.call('PEXPIRE', KEYS[i], left + ttl)
  end
end
see_user(now, prefix, ARGV[9], ttl)
if not known then
  redis.call('ZADD', KEYS[7], now + left, ARGV[8] .. started)
  event(KEYS[8], 'adopted', {sessionId = id, userId = ARGV[9], familyId = ARGV[10], deviceId = ARGV[11],
    mediaId = ARGV[12]})
elseif not same_title then
  publish_ended(prefix, id)
end
return {'ok', now, left}
