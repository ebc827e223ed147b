-- Put before scripts that see a user alive: online_users:<window> counts them. One that was counted in this window
-- is so again only where the whole count was lost.
local function see_user(now, prefix, user, ttl, counted)
  local window = (now - now % ttl) / ttl
  local key = string.format('%sonline_users:%d', prefix, window)
  if counted and redis.call('EXISTS', key) == 1 then
    return
  end
  if redis.pcall('PFADD', key, user) == 1 then
    redis.pcall('PEXPIRE', key, (window + 2) * ttl - now)
  end
end
