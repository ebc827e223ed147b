-- Ends a session for a reason, and keeps that reason for those who ask later.
--
-- KEYS  1 session:<id>  2 session_end:<id>  3 session_expiry  4 stream_events
--       5 family_streams:<familyId>  6 device_streams:<deviceId>; these two where the names are known
-- ARGV  1 key prefix  2 sessionId  3 reason  4 tombstone (JSON)  5 its TTL in ms
--       6 the event's cause  7 its "by", or ""
-- Returns 1 where this call ended the session, else 0.
--
-- One that lives nowhere gets a tombstone too: it may be asleep, and must not come back. The first reason
-- stands, but for an operator's.

local prefix, id, reason = ARGV[1], ARGV[2], ARGV[3]
expect_type(KEYS[1], 'string')
expect_type(KEYS[2], 'string')
expect_type(KEYS[4], 'stream')

local value = redis.call('GET', KEYS[1])
if not value and reason ~= 'terminated' and redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
local members, sets = value and decode(value), {KEYS[5], KEYS[6]}
if value and #KEYS < 5 then
  for _, kind in ipairs({'family', 'device'}) do
    local name = text_of(members, kind .. 'Id')
    sets[#sets + 1] = name and prefix .. kind .. '_streams:' .. name
  end
end
for _, set in ipairs(sets) do
  expect_type(set, 'set')
end

-- What frees memory comes first: a Redis that has none left refuses a script's first write alone.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
if not value then
  return 0
end
for _, set in ipairs(sets) do
  redis.call('SREM', set, id)
end
drop_entry(KEYS[3], id, members)
members.sessionId = id
event(KEYS[4], reason, members, ARGV[6], given(ARGV[7]), seconds_since(members.startedAt, now))
publish_ended(prefix, id)
return 1
