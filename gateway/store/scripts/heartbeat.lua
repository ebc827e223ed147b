-- Keeps a session alive: its TTL, its lastHeartbeat, and the sets that count it.
--
-- KEYS  1 session:<id>  2 session_end:<id>  3 family_streams:<familyId>  4 device_streams:<deviceId>
-- ARGV  1 ttl in ms  2 sessionId
-- Returns {1, now, time left} in ms, or {0, now, tombstone or false}.
--
-- Extends first, then rewrites the time: a Redis at maxmemory still keeps viewers alive. An end is never
-- brought nearer, whatever another gateway's TTL is.

local ttl = tonumber(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local size = redis.call('STRLEN', KEYS[1])
if size == 0 then
  return {0, now, redis.call('GET', KEYS[2])}
end
local left = redis.call('PTTL', KEYS[1])
local tail = redis.call('GETRANGE', KEYS[1], -44, -1)

if left < ttl then
  redis.call('PEXPIRE', KEYS[1], ttl)
  left = ttl
end

-- A set lives one TTL longer than its sessions. One that was lost is made again.
for i = 3, 4 do
  local set_left = redis.call('PTTL', KEYS[i])
  if set_left == -2 then
    redis.call('SADD', KEYS[i], ARGV[2])
  end
  if set_left < left + ttl then
    redis.call('PEXPIRE', KEYS[i], left + ttl)
  end
end

-- The value ends in ,"lastHeartbeat":"2026-11-20T23:40:00.123Z"} where we wrote it.
if #tail == 44 and string.sub(tail, 1, 18) == ',"lastHeartbeat":"' and string.sub(tail, 43) == '"}' then
  redis.call('SETRANGE', KEYS[1], size - 26, rfc3339(now))
end
return {1, now, left}
