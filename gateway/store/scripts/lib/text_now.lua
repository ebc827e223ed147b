
-- Put before scripts that write the time, behind time.lua: now as text. Their first argument is how the gateway
-- writes the second in which it expects them to run (by Redis' clock, as far as it knows that), for example
-- 1763682012 2026-11-20T23:40:12. and spares the calendar; in any other second, and where it is "", it isn't used.
local text_now = string.sub(ARGV[1], 1, 10) == clock[1]
  and string.format('%s%03dZ', string.sub(ARGV[1], 12), now % 1000) or rfc3339(now)
