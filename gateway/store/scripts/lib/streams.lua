-- Put before scripts that list a set's sessions.

-- The live ones among these sessionIds, as {sessionId, value, …}; read in chunks, since a limit of 0 can grow a
-- set to thousands.
local function live_streams(prefix, members)
  local streams = {}
  for first = 1, #members, 500 do
    local keys = {}
    for i = first, math.min(first + 499, #members) do
      keys[#keys + 1] = prefix .. 'session:' .. members[i]
    end
    local values = redis.call('MGET', unpack(keys))
    for i = 1, #keys do
      if values[i] then
        streams[#streams + 1] = members[first + i - 1]
        streams[#streams + 1] = values[i]
      end
    end
  end
  return streams
end

