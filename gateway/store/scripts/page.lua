-- Some of the live sessions, in the order of session_expiry from a place on: an entry only ever moves to a later
-- score, so whoever goes through all of it in this order meets every session that lives meanwhile.
--
-- KEYS  1 session_expiry
-- ARGV  1 key prefix  2 how many entries to look at  3 how many values to read  4 how many sessions to return,
--       each at most
--       5 the userId that is wanted, or ""  6 what the value of a session that is wanted has in it, or ""
--       7, 8 the score and the name of the place to begin behind; "" and "": at the beginning
-- Returns {now, {sessionId, value, …}, score and name of the last place looked at}; instead of these two "" and ""
-- at the end. Among the sessions may be some whose value is spelled in another way than ours: whether they are
-- wanted is for the gateway to see.
--
-- A place is a score, and what a member begins with, its name: the sessionId. What is no entry of a session is
-- passed over. The place may be empty by now, since sessions end, and thousands may be due in one millisecond; so
-- it is found by bisection. Names are compared byte by byte, as Redis orders members: Lua's < goes by the server's
-- locale.

local prefix, look, read, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local user, has = ARGV[5] ~= '' and encoded(ARGV[5]), ARGV[6]

local function name_of(member)
  return string.sub(member, 1, 22)
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

-- The text is looked for first, which is much cheaper than to part the entry.
local function is_of_user(entry)
  return string.find(entry, ' ' .. user .. ' ', 24, true) and string.match(entry, '^%S+ %S+ %S+ (%S+) %S+$') == user
end

-- Where it isn't as we would write it, it may yet be in there.
local function may_have(value)
  return string.find(value, has, 1, true) or string.find(value, '\\', 1, true)
    or not string.find(value, string.match(has, '^"%a+":"'), 1, true)
end

local from = ARGV[7] ~= '' and rank_behind(ARGV[7], ARGV[8]) or 0
local entries = redis.call('ZRANGE', KEYS[1], from, from + look - 1)
local keys, entry_of_key, sessions, last = {}, {}, {}, 0
while last < #entries and #keys < read do
  last = last + 1
  local entry = entries[last]
  if string.byte(entry, 23) == 32 and (not user or is_of_user(entry)) then
    keys[#keys + 1] = prefix .. 'session:' .. name_of(entry)
    entry_of_key[#keys] = last
  end
end
local values = #keys > 0 and redis.call('MGET', unpack(keys)) or {}
for i = 1, #keys do
  if values[i] and (has == '' or may_have(values[i])) then
    sessions[#sessions + 1] = name_of(entries[entry_of_key[i]])
    sessions[#sessions + 1] = values[i]
    if #sessions == 2 * most then
      last = entry_of_key[i]
      break
    end
  end
end
if last == #entries and last < look then
  return {now, sessions, '', ''}
end
return {now, sessions, redis.call('ZSCORE', KEYS[1], entries[last]), name_of(entries[last])}
