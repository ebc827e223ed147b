-- Ends a session for a reason, and keeps that reason for those who ask later.
--
-- KEYS  1 session:<id>  2 session_end:<id>  3 family_streams:<familyId>  4 device_streams:<deviceId>
--       5 stream_events
-- ARGV  1 key prefix  2 sessionId  3 reason  4 tombstone (JSON)  5 its TTL in ms  6 "by" of it, or ""
-- Returns 1 where this call ended the session, else 0.
--
-- One that lives nowhere gets a tombstone too: it may be asleep, and must not come back. The first reason
-- stands, but for an operator's.

local reason = ARGV[3]
expect_type(KEYS[1], 'string')
expect_type(KEYS[2], 'string')
expect_type(KEYS[3], 'set')
expect_type(KEYS[4], 'set')
expect_type(KEYS[5], 'stream')

local value = redis.call('GET', KEYS[1])
if not value and reason ~= 'terminated' and redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end

-- What frees memory comes first: a Redis that has none left refuses a script's first write alone.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
if not value then
  return 0
end
redis.call('SREM', KEYS[3], ARGV[2])
redis.call('SREM', KEYS[4], ARGV[2])
local members = decode(value)
members.sessionId = ARGV[2]
event(KEYS[5], reason, members, reason, ARGV[6] ~= '' and ARGV[6] or nil,
  seconds_since(members.startedAt, now))
publish_ended(ARGV[1], ARGV[2])
return 1
