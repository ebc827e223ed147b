-- Ends a session for a reason, and keeps that reason for those who ask later.
--
-- KEYS  1 session:<id>  2 session_end:<id>  3 family_streams:<familyId>  4 device_streams:<deviceId>
-- ARGV  1 sessionId  2 tombstone (JSON)  3 its TTL in ms  4 "1" where it takes another tombstone's place
-- Returns 1 where this call ended the session, else 0.
--
-- One that lives nowhere gets a tombstone too: it may be asleep, and must not come back. The first reason
-- stands, but for an operator's.

local lives = redis.call('EXISTS', KEYS[1])
if lives == 0 and ARGV[4] ~= '1' and redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
expect_type(KEYS[3], 'set')
expect_type(KEYS[4], 'set')

redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('SREM', KEYS[4], ARGV[1])
return lives
