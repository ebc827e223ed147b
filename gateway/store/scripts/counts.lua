-- How many sessions live, and how many users were seen lately.
--
-- KEYS  1 session_expiry
-- ARGV  1 key prefix  2 ttl in ms
-- Returns {now, entries, users}.

local ttl = tonumber(ARGV[2])
local window = (now - now % ttl) / ttl
local stem = ARGV[1] .. 'online_users:'
return {now, redis.call('ZCARD', KEYS[1]), redis.call('PFCOUNT', stem .. window, stem .. window - 1)}
