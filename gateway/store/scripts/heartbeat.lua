-- Keeps a session alive: its TTL, its lastHeartbeat, and the sets that count it.
--
-- KEYS  1 session:<id>  2 session_end:<id>  3 family_streams:<familyId>  4 device_streams:<deviceId>
-- ARGV  1 how this second is written, or "" (text_now.lua)  2 ttl in ms  3 userId
--       4 least time in ms between two writes (0: any)
-- Returns now in ms where the session lives a whole ttl from now, and its value ends as ours do: an array costs Redis
--         twice as much as reading a TTL;
--      or {1, now, time left, value where its end isn't ours, else false} in ms,
--      or {0, now, tombstone or false}.
--
-- Prefix and sessionId, of 22 characters, are cut from KEYS[1]: each word of a command costs Redis a third of what
-- reading a TTL does.
--
-- Extends first, then rewrites the time: a Redis at maxmemory still keeps viewers alive. An end is never
-- brought nearer, whatever another gateway's TTL is. A set is to live one TTL longer than its sessions; so
-- that not each heartbeat writes two of them, it is lengthened once it would live less than half a TTL longer.

local value = redis.call('GET', KEYS[1])
if not value or value == '' then
  return {0, now, redis.call('GET', KEYS[2])}
end
local ttl, least = tonumber(ARGV[2]), tonumber(ARGV[4])
local left = redis.call('PTTL', KEYS[1])
local ours = string.sub(value, -44, -27) == ',"lastHeartbeat":"' and string.sub(value, -2) == '"}'

-- Too soon after the last sign of life: nothing is written. The TTL says it cheaply, but lies where
-- another gateway's is longer.
if left >= ttl - least and least > 0 and ours and string.sub(value, -26, -3) > rfc3339(now - least) then
  return {1, now, left, false}
end

-- A user whose last sign of life lies in this window was counted then. The TTL tells when that was, within 10 ms,
-- since TIME runs on within a script and TTLs don't; one longer than ours tells nothing.
local seen = now - (ttl - left) - 10
local counted = left > 0 and left <= ttl and seen >= now - now % ttl

if left < ttl then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = ttl
end

-- A set that was lost is made again; what is none is left alone.
for i = 3, 4 do
  local set_left = redis.call('PTTL', KEYS[i])
  if set_left == -2 then
    redis.pcall('SADD', KEYS[i], string.sub(KEYS[1], -22))
    redis.call('PEXPIRE', KEYS[i], left + ttl)
  elseif set_left < left + ttl / 2 and redis.call('TYPE', KEYS[i]).ok == 'set' then
    redis.call('PEXPIRE', KEYS[i], left + ttl)
  end
end
see_user(now, string.sub(KEYS[1], 1, -31), ARGV[3], ttl, counted)

if not ours then
  return {1, now, left, value}
end
redis.pcall('SETRANGE', KEYS[1], string.format('%d', #value - 26), text_now)
if left > ttl then
  return {1, now, left, false}
end
return now
