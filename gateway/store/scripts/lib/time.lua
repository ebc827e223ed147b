-- Put before scripts that read or write times. Redis' clock counts, never a gateway's.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + (clock[2] - clock[2] % 1000) / 1000

-- Milliseconds since 1970 as 2026-11-20T23:40:00.123Z: always 24 characters, so that times compare as
-- texts. Years begin in March here, so that the leap day is the last of a year; 400 years are 146,097 days.
--
-- What lies outside of 1970 to 9999 becomes the first or the last time in it.
--
-- Scripts that run often format times, so it is done without calls: (a - a % b) / b is the whole part of a / b, and
-- 48 + a digit is its character.
local function rfc3339(ms)
  ms = ms < 0 and 0 or ms > 253402300799999 and 253402300799999 or ms
  local rest = ms % 86400000
  local z = (ms - rest) / 86400000 + 719468
  local doe = z % 146097
  local yoe = doe - (doe - doe % 1460) / 1460 + (doe - doe % 36524) / 36524 - (doe - doe % 146096) / 146096
  yoe = (yoe - yoe % 365) / 365
  local doy = doe - (365 * yoe + (yoe - yoe % 4) / 4 - (yoe - yoe % 100) / 100)
  local mp = (5 * doy + 2 - (5 * doy + 2) % 153) / 153
  local day = doy - (153 * mp + 2 - (153 * mp + 2) % 5) / 5 + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + (z - doe) / 146097 * 400 + (month <= 2 and 1 or 0)
  local milli = rest % 1000
  rest = (rest - milli) / 1000
  local second = rest % 60
  rest = (rest - second) / 60
  local minute = rest % 60
  local hour, short = (rest - minute) / 60, year % 100
  local century = (year - short) / 100
  return string.char(
    48 + (century - century % 10) / 10, 48 + century % 10, 48 + (short - short % 10) / 10, 48 + short % 10, 45,
    48 + (month - month % 10) / 10, 48 + month % 10, 45, 48 + (day - day % 10) / 10, 48 + day % 10, 84,
    48 + (hour - hour % 10) / 10, 48 + hour % 10, 58, 48 + (minute - minute % 10) / 10, 48 + minute % 10, 58,
    48 + (second - second % 10) / 10, 48 + second % 10, 46,
    48 + (milli - milli % 100) / 100, 48 + (milli % 100 - milli % 10) / 10, 48 + milli % 10, 90)
end
