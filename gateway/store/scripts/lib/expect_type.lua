-- Put before scripts that write sets: raises WRONGTYPE before anything was written, where a key holds
-- something else. Lua has no roll-back.

local function expect_type(key, wanted)
  local is = redis.call('TYPE', key).ok
  if is ~= 'none' and is ~= wanted then
    -- Redis 6.2 puts the place in front of an error, by .., which a plain table fails.
    local raised = {__concat = function(place, self) return place .. self.err end}
    error(setmetatable({err = 'WRONGTYPE ' .. key .. ' is a ' .. is .. ', not a ' .. wanted}, raised))
  end
end

