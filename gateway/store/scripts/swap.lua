-- Puts a session's value in the place of another, if that still stands there. The gateway edits values, no
-- script does.
--
-- KEYS  1 session:<id>
-- ARGV  1 key prefix  2 sessionId  3 the value as it was read  4 the new one  5 "1" to tell the caches
-- Returns 1, or the value that stands there now, or false where there is none.

local value = redis.call('GET', KEYS[1])
if value ~= ARGV[3] then
  return value
end
redis.call('SET', KEYS[1], ARGV[4], 'KEEPTTL')
if ARGV[5] == '1' then
  publish_ended(ARGV[1], ARGV[2])
end
return 1
