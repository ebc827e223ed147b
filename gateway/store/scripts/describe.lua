-- A family, or a device, as an operator looks at it.
--
-- KEYS  1 family_streams:<familyId> or device_streams:<deviceId>
--       2 family_revoked:<familyId> or device_revoked:<deviceId>  3 of a family: family_limits:<familyId>
-- ARGV  1 key prefix  2, 3 the settings' limits for family and device (0: none)
-- Returns {now, {sessionId, value, …}, family limit, device limit, 1 where one of them is an override's, else 0,
--          ms until that ends (0: it doesn't), the time until which new streams are refused or "", message}.

local override = KEYS[3] and decode(redis.call('GET', KEYS[3]) or '{}') or {}
local family, device = limit_of(override, 'family'), limit_of(override, 'device')
local overridden = (family or device) and 1 or 0
local left = overridden == 1 and math.max(0, redis.call('PTTL', KEYS[3])) or 0
local revoked = decode(redis.call('GET', KEYS[2]) or '{}')
local blocked = time_text(revoked.blockedUntil) or ''
if blocked <= rfc3339(now) then
  blocked = ''
end
return {now, live_streams(ARGV[1], redis.call('SMEMBERS', KEYS[1])), family or tonumber(ARGV[2]),
  device or tonumber(ARGV[3]), overridden, left, blocked, blocked ~= '' and text_of(revoked, 'message') or ''}
