-- Puts a session's value in the place of another, if that still stands there but for its last heartbeat. The
-- gateway edits values, no script does.
--
-- KEYS  1 session:<id>
-- ARGV  1 key prefix  2 sessionId  3 the value as it was read  4 the new one  5 "1" to tell the caches
-- Returns 1, or the value that stands there now, or false where there is none.

local value, new = redis.call('GET', KEYS[1]), ARGV[4]
if value ~= ARGV[3] then
  -- A heartbeat rewrites the end alone, and may come every millisecond: its time is kept.
  local heartbeat = value and ends_as_ours(value) and ends_as_ours(ARGV[3]) and ends_as_ours(new)
    and string.sub(value, 1, -45) == string.sub(ARGV[3], 1, -45)
  if not heartbeat then
    return value
  end
  new = string.sub(new, 1, -45) .. string.sub(value, -44)
end
redis.call('SET', KEYS[1], new, 'KEEPTTL')
if ARGV[5] == '1' then
  publish_ended(ARGV[1], ARGV[2])
end
return 1
