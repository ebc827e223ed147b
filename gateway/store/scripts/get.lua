-- A session as it is.
--
-- KEYS  1 session:<id>  2 session_end:<id>
-- Returns {1, now, time left, value} in ms, or {0, now, tombstone or false}.

local value = redis.call('GET', KEYS[1])
if not value then
  return {0, now, redis.call('GET', KEYS[2])}
end
return {1, now, redis.call('PTTL', KEYS[1]), value}
