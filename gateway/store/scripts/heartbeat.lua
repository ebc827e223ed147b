-- Keeps a session alive: its TTL, its lastHeartbeat, and the sets that count it.
--
-- KEYS  1 session:<id>  2 session_end:<id>  3 family_streams:<familyId>  4 device_streams:<deviceId>
-- ARGV  1 key prefix  2 sessionId  3 ttl in ms  4 userId  5 least time in ms between two writes (0: any)
-- Returns {1, now, time left, value where its end isn't ours, else false} in ms,
--      or {0, now, tombstone or false}.
--
-- Extends first, then rewrites the time: a Redis at maxmemory still keeps viewers alive. An end is never
-- brought nearer, whatever another gateway's TTL is.

local ttl, least = tonumber(ARGV[3]), tonumber(ARGV[5])

local size = redis.call('STRLEN', KEYS[1])
if size == 0 then
  return {0, now, redis.call('GET', KEYS[2])}
end
local left = redis.call('PTTL', KEYS[1])
local tail = redis.call('GETRANGE', KEYS[1], -44, -1)
local ours = #tail == 44 and string.sub(tail, 1, 18) == ',"lastHeartbeat":"' and string.sub(tail, 43) == '"}'

-- Too soon after the last sign of life: nothing is written. The TTL says it cheaply, but lies where
-- another gateway's is longer.
if left >= ttl - least and least > 0 and ours and string.sub(tail, 19, 42) > rfc3339(now - least) then
  return {1, now, left, false}
end

if left < ttl then
  redis.call('PEXPIRE', KEYS[1], ttl)
  left = ttl
end

-- A set lives one TTL longer than its sessions. One that was lost is made again; what is none is left alone.
for i = 3, 4 do
  local is = redis.call('TYPE', KEYS[i]).ok
  if is == 'none' then
    redis.pcall('SADD', KEYS[i], ARGV[2])
  end
  if (is == 'set' or is == 'none') and redis.call('PTTL', KEYS[i]) < left + ttl then
    redis.call('PEXPIRE', KEYS[i], left + ttl)
  end
end
see_user(ARGV[1], ARGV[4], ttl)

if not ours then
  return {1, now, left, redis.call('GET', KEYS[1])}
end
redis.pcall('SETRANGE', KEYS[1], size - 26, rfc3339(now))
return {1, now, left, false}
