-- Some of the live sessions, in the order of session_expiry from a place on: an entry only ever moves to a later
-- score, so whoever goes through all of it in this order meets every session that lives meanwhile.
--
-- KEYS  1 session_expiry
-- ARGV  1 key prefix  2 how many entries to look at, at most  3 how many sessions to read, at most
--       4 the userId that is wanted, or ""
--       5, 6 the score and the name of the place to begin behind; "" and "": at the beginning
-- Returns {now, {score, name, sessionId, value, …} in order, score and name of the last place looked at}; instead
-- of these two "" and "" at the end.
--
-- A place is a score, and what a member begins with, its name: the sessionId and a blank. What is no entry of a
-- session is passed over. The place may be empty by now, since sessions end, and thousands may be due in one
-- millisecond; so it is found by bisection. Names are compared byte by byte, as Redis orders members: Lua's <
-- goes by the server's locale.

local prefix, look, most, user = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

local function name_of(member)
  return string.sub(member, 1, 23)
end

local function is_behind(name, other)
  for i = 1, math.min(#name, #other) do
    local ours, theirs = string.byte(name, i), string.byte(other, i)
    if ours ~= theirs then
      return ours > theirs
    end
  end
  return #name > #other
end

-- The rank of the first entry behind a place.
local function rank_behind(score, name)
  local low, high = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. score), redis.call('ZCOUNT', KEYS[1], '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_behind(name_of(redis.call('ZRANGE', KEYS[1], middle, middle)[1]), name) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

local from = ARGV[5] ~= '' and rank_behind(ARGV[5], ARGV[6]) or 0
local entries = redis.call('ZRANGE', KEYS[1], from, from + look - 1, 'WITHSCORES')
local members, keys, sessions, last = {}, {}, {}, 0 -- members: where the entry of a key stands
while last < #entries and #keys < most do
  last = last + 2
  local id, of_user = string.match(entries[last - 1], '^(%S+) %S+ %S+ (%S+) %S+$')
  if id and #id == 22 and (user == '' or decoded(of_user) == user) then
    keys[#keys + 1] = prefix .. 'session:' .. id
    members[#keys] = last - 1
  end
end
local values = #keys > 0 and redis.call('MGET', unpack(keys)) or {}
for i = 1, #keys do
  if values[i] then
    local name = name_of(entries[members[i]])
    sessions[#sessions + 1] = entries[members[i] + 1]
    sessions[#sessions + 1] = name
    sessions[#sessions + 1] = string.sub(name, 1, 22)
    sessions[#sessions + 1] = values[i]
  end
end
if last == #entries and last < 2 * look then
  return {now, sessions, '', ''}
end
return {now, sessions, entries[last], name_of(entries[last - 1])}
