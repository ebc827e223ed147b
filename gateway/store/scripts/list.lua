-- A family's live streams.
--
-- KEYS  1 family_streams:<familyId>  2 family_limits:<familyId>
-- ARGV  1 key prefix  2 the settings' limit for a family (0: none)
-- Returns {now, limit, {sessionId, value, …}}.

local limit = limit_of(decode(redis.call('GET', KEYS[2]) or '{}'), 'family') or tonumber(ARGV[2])
return {now, limit, live_streams(ARGV[1], redis.call('SMEMBERS', KEYS[1]))}
