-- Overrides a family's limits, or takes an override back.
--
-- KEYS  1 family_limits:<familyId>  2 stream_events
-- ARGV  1 the override (JSON); "" for none any more  2 for how many ms (0: until it is changed)  3 familyId
--       4 the operator's why, or ""  5 the operator, or ""
-- Returns 1 where there is an override or was one, else 0.

expect_type(KEYS[1], 'string')
expect_type(KEYS[2], 'stream')

if ARGV[1] ~= '' and tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
elseif ARGV[1] ~= '' then
  redis.call('SET', KEYS[1], ARGV[1])
elseif redis.call('DEL', KEYS[1]) == 0 then
  return 0
end
event(KEYS[2], 'limits_changed', {familyId = ARGV[3]}, given(ARGV[4]), given(ARGV[5]))
return 1
