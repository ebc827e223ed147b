-- Put before scripts that see a user alive: online_users:<window> counts them.
local function see_user(prefix, user, ttl)
  local window = math.floor(now / ttl)
  local key = prefix .. 'online_users:' .. string.format('%d', window)
  if redis.pcall('PFADD', key, user) == 1 then
    redis.pcall('PEXPIRE', key, (window + 2) * ttl - now)
  end
end

