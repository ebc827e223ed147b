-- Admission, one atomic step (DESIGN.md section 3): reads, decides, then writes. Also a revival, which is
-- an admission that ends nobody, of a session that was there before (section 5).
--
-- KEYS  1 session:<id>  2 session_end:<id>  3 family_streams:<familyId>  4 device_streams:<deviceId>
--       5 family_limits:<familyId>  6 rate_limit:<userId>:create  7 evicted:<deviceId>
--       8 family_revoked:<familyId>  9 device_revoked:<deviceId>  10 session_expiry  11 stream_events
-- ARGV  1 how this second is written, or "" (text_now.lua)  2 the numbers, as below  3 sessionId
--       4, 5 the value's parts around startedAt  6 userId  7 familyId  8 deviceId  9 mediaId
--       10 the expiry entry without its time
--       of a revival: 11 the time of issue of the token  12 startedAt
--       of a create that may replace another: 11 tombstone (JSON) of those replaced  12 playerId or ""
--       13… sessionIds to give up for this one
-- Returns "ok <now> <family active> <device active> <family limit> <device limit> <time left> <how many were replaced
--         for it> <how many displaced> <code that would have refused, or nothing>", since an array is dearer to
--         make; or {the same, value} where it lived already
--      or {"family_limit" or "device_limit", now, the same four, {sessionId, …}, {value, …}} with every stream
--         in the way
--      or {"rate_limited", now, time to wait}, {"forbidden", now, message},
--         {"session_ended", now, tombstone or false}, {"revoked", now, message}, {"store_unavailable", now}
--
-- gateway/core/admission.c is the same decision for the embedded store.
--
-- This first part is all that most creates need, which find room, give up nobody and are under no order of an
-- operator's. Each function costs Redis something where a script defines it, called or not: those of the others
-- stand behind it, as create.lua does.

-- The numbers, as doubles (a Redis of 32 bits reads no longer integers): a word of its own for each, and its reading,
-- would cost Redis several times as much.
--   1 for a revival; ttl in ms; the caller's limits for family and device (-1: it said none), the settings' (0: none);
--   silence in ms that gives way (0: none does); 1 where the oldest may be evicted, the cooldown after that in ms;
--   creates a minute and user (0: any number); 1 where limits are only counted; after when, in ms, nobody waits
--   for the answer any more (0: not known)
local reviving, ttl, family_claim, device_claim, family_setting, device_setting, silence, may_evict, cooldown, rate,
  only_counted, useless_at = struct.unpack('>dddddddddddd', ARGV[2])
reviving = reviving == 1

-- Sent before Redis hung, and carried out when nobody waits for it: by now everybody looks silent.
if useless_at > 0 and now > useless_at then
  return {'store_unavailable', now}
end

-- The last step: writes the session, and all that counts it. Nothing in it can fail.
local function admit(family_size, device_size, started)
  local ttl_text, two_ttls = string.format('%d', ttl), string.format('%d', 2 * ttl) -- a number costs Redis more
  redis.call('SET', KEYS[1], ARGV[4] .. started .. ARGV[5] .. text_now .. '"}', 'PX', ttl_text)
  redis.call('SADD', KEYS[3], ARGV[3])
  if family_size == 0 or redis.call('PTTL', KEYS[3]) < 1.5 * ttl then -- as heartbeat.lua
    redis.call('PEXPIRE', KEYS[3], two_ttls)
  end
  redis.call('SADD', KEYS[4], ARGV[3])
  if device_size == 0 or redis.call('PTTL', KEYS[4]) < 1.5 * ttl then
    redis.call('PEXPIRE', KEYS[4], two_ttls)
  end
  redis.call('ZADD', KEYS[10], string.format('%.0f', now + ttl), ARGV[10] .. started)
  see_user(now, string.sub(KEYS[1], 1, -31), ARGV[6], ttl)
  redis.call('XADD', KEYS[11], 'MAXLEN', '~', events_kept(KEYS[11]), '*', unpack({
    'type', reviving and 'revived' or 'started', 'sessionId', ARGV[3], 'userId', ARGV[6], 'familyId', ARGV[7],
    'deviceId', ARGV[8], 'mediaId', ARGV[9], 'time', text_now}))
end

-- Whether a limit leaves no room.
local function reached(limit, active)
  return limit > 0 and active >= limit
end

-- Which of the texts are there, of whatever type.
local there = redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[5], KEYS[6], KEYS[8], KEYS[9])

-- The sets' sizes; and the types of all that is no text.
local family_size, device_size = redis.pcall('SCARD', KEYS[3]), redis.pcall('SCARD', KEYS[4])
if type(redis.pcall('ZCARD', KEYS[10])) ~= 'number' or type(redis.pcall('XLEN', KEYS[11])) ~= 'number'
  or type(family_size) ~= 'number' or type(device_size) ~= 'number' then
  expect_type(KEYS[10], 'zset')
  expect_type(KEYS[11], 'stream')
  expect_type(KEYS[3], 'set')
  expect_type(KEYS[4], 'set')
  redis.call('ZCARD', KEYS[10]) -- one of these raises what it was instead
  redis.call('XLEN', KEYS[11])
  family_size, device_size = redis.call('SCARD', KEYS[3]), redis.call('SCARD', KEYS[4])
end

-- Limits in force, unless the family has an override: the caller's word, else the settings.
local family_limit = family_claim >= 0 and family_claim or family_setting
local device_limit = device_claim >= 0 and device_claim or device_setting

-- A set's cardinality can only overstate: where it leaves room, and nothing is to be given up, nothing
-- more is read.
local gives_up = not reviving and ARGV[12] and (ARGV[12] ~= '' or #ARGV > 12)
if there == 0 and not reviving and not gives_up and not reached(family_limit, family_size)
  and not reached(device_limit, device_size) then
  if rate > 0 then
    redis.call('SET', KEYS[6], '1', 'PX', '60000')
  end
  admit(family_size, device_size, text_now)
  return string.format('ok %.0f %d %d %d %d %d 0 0 ', now, family_size + 1, device_size + 1, family_limit, device_limit,
    ttl)
end
