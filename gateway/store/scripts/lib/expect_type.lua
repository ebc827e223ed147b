-- Put before scripts that write sets: raises WRONGTYPE before anything was written, where a key holds
-- something else. Lua has no roll-back.
local function expect_type(key, wanted)
  local is = redis.call('TYPE', key).ok
  if is ~= 'none' and is ~= wanted then
    error({err = 'WRONGTYPE ' .. key .. ' is a ' .. is .. ', not a ' .. wanted})
  end
end

