-- Looks at the sessions that are due: re-arms those still alive, and cleans up after those that expired.
--
-- KEYS  1 session_expiry  2 stream_events
-- ARGV  1 key prefix  2 how many to look at, at most
-- Returns {entries looked at, sessions found expired}.
--
-- An entry goes in the very step that handles it; so any number of gateways may sweep. One whose session
-- left a tombstone ended in another way, and was told of then (its entry stayed where its value didn't tell it);
-- unless it is still in the sets: that one was stopped in its sleep, after it expired and before it was met here.

local prefix = ARGV[1]
expect_type(KEYS[1], 'zset')
expect_type(KEYS[2], 'stream')

local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local alive, dead, gone, expired = {}, {}, {}, 0
for i = 1, #due, 2 do
  local id, family, device, user, started = string.match(due[i], '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  local left = id and redis.call('PTTL', prefix .. 'session:' .. id) or -2
  if left >= 0 then
    alive[#alive + 1] = now + left
    alive[#alive + 1] = due[i]
  elseif left == -1 then
    alive[#alive + 1] = now + 60000
    alive[#alive + 1] = due[i]
  else
    dead[#dead + 1] = due[i]
  end
  if id and left == -2 then
    local about = {sessionId = id, familyId = decoded(family), deviceId = decoded(device), userId = decoded(user)}
    about.sets = {}
    for _, set in ipairs({prefix .. 'family_streams:' .. about.familyId, prefix .. 'device_streams:' .. about.deviceId}) do
      if redis.call('TYPE', set).ok == 'set' then
        table.insert(about.sets, set)
      end
    end
    about.duration = seconds_since(decoded(started), tonumber(due[i + 1]))
    about.untold = redis.call('EXISTS', prefix .. 'session_end:' .. id) == 0
    gone[#gone + 1] = about
  end
end

for _, about in ipairs(gone) do
  for _, set in ipairs(about.sets) do
    if redis.call('SREM', set, about.sessionId) == 1 then
      about.untold = true
    end
  end
  if about.untold then
    expired = expired + 1
    event(KEYS[2], 'expired', about, 'expired', nil, about.duration)
  end
end
-- What frees memory comes first: a Redis that has none left refuses a script's first write alone. Those alive
-- are re-armed in place: were they all taken out before, the key would be gone, and in a slot on its way to
-- another node no command takes a key that isn't there.
redis.call('ZREM', KEYS[1], '', unpack(dead))
for i = 1, #alive, 2 do
  redis.call('ZADD', KEYS[1], alive[i], alive[i + 1])
end
for _, about in ipairs(gone) do
  if about.untold then
    publish_ended(prefix, about.sessionId)
  end
end
return {#due / 2, expired}
