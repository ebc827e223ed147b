-- A family's live streams.
--
-- KEYS  1 family_streams:<familyId>  2 family_limits:<familyId>
-- ARGV  1 key prefix  2 the settings' limit for a family (0: none)
-- Returns {now, limit, {sessionId, value, …}}.

local limit = limit_of(decode(redis.call('GET', KEYS[2]) or '{}'), 'family') or tonumber(ARGV[2])
local members, streams = redis.call('SMEMBERS', KEYS[1]), {}
for first = 1, #members, 500 do
  local keys = {}
  for i = first, math.min(first + 499, #members) do
    keys[#keys + 1] = ARGV[1] .. 'session:' .. members[i]
  end
  local values = redis.call('MGET', unpack(keys))
  for i = 1, #keys do
    if values[i] then
      streams[#streams + 1] = members[first + i - 1]
      streams[#streams + 1] = values[i]
    end
  end
end
return {now, limit, streams}
