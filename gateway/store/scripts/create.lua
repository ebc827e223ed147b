-- Admission, one atomic step (DESIGN.md section 3): reads, decides, then writes. Also a revival, which is
-- an admission that ends nobody, of a session that was there before (section 5).
--
-- KEYS  1 session:<id>  2 session_end:<id>  3 family_streams:<familyId>  4 device_streams:<deviceId>
--       5 family_limits:<familyId>  6 rate_limit:<userId>:create  7 evicted:<deviceId>
--       8 family_revoked:<familyId>  9 device_revoked:<deviceId>  10 session_expiry  11 stream_events
-- ARGV  1 key prefix  2 sessionId  3 "create" or "revive"  4 ttl in ms
--       5, 6 the caller's limits for family and device (-1: it said none)  7, 8 the settings' (0: none)
--       9 silence in ms that gives way (0: none does)  10 "1" where the oldest may be evicted
--       11 the cooldown after that in ms  12 creates a minute and user (0: any number)
--       13 "1" where limits are only counted  14, 15 the value's parts around startedAt
--       16 tombstone (JSON) of those replaced  17 "by" of the same  18 playerId or ""
--       19 userId  20 familyId  21 deviceId  22 mediaId  23 the expiry entry without its time
--       24 revive: the time of issue of the token  25 revive: startedAt
--       26 after when, in ms, nobody waits for the answer any more (0: not known)
--       27… sessionIds to give up for this one
-- Returns {"ok", now, family active, device active, family limit, device limit, time left,
--          code that would have refused or "", value where it lived already or false,
--          where any ended for it: how many were replaced, how many displaced}
--      or {"family_limit" or "device_limit", now, the same four, {sessionId, value, …}} with every stream
--         in the way
--      or {"rate_limited", now, time to wait}, {"forbidden", now, message},
--         {"session_ended", now, tombstone or false}, {"revoked", now, message}, {"store_unavailable", now}
--
-- gateway/core/admission.c is the same decision for the embedded store.

local prefix, id, reviving, ttl = ARGV[1], ARGV[2], ARGV[3] == 'revive', tonumber(ARGV[4])
local sets = {family = KEYS[3], device = KEYS[4]}
local self = {sessionId = id, userId = ARGV[19], familyId = ARGV[20], deviceId = ARGV[21], mediaId = ARGV[22]}
local text_now = rfc3339(now)

-- Sent before Redis hung, and carried out when nobody waits for it: by now everybody looks silent.
if tonumber(ARGV[26]) > 0 and now > tonumber(ARGV[26]) then
  return {'store_unavailable', now}
end

local two_ttls = string.format('%d', 2 * ttl) -- once: a number costs Redis more than a text

-- All texts in one call. To MGET what is no text is none: what else stands there is told of by its name.
local texts = redis.call('MGET', KEYS[1], KEYS[2], KEYS[5], KEYS[6], KEYS[8], KEYS[9])
local known, tombstone, override, creates_text, marks = texts[1], texts[2], texts[3], texts[4], {texts[5], texts[6]}
local readable = 0
for i = 1, 6 do
  readable = readable + (texts[i] and 1 or 0)
end
if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[5], KEYS[6], KEYS[8], KEYS[9]) > readable then
  for _, i in ipairs({1, 2, 5, 6, 8, 9}) do
    expect_type(KEYS[i], 'string')
  end
end
expect_type(KEYS[10], 'zset')
expect_type(KEYS[11], 'stream')

-- How many members a set has; 0 where there is none.
local function size_of(set)
  local size = redis.pcall('SCARD', set)
  if type(size) == 'table' then
    expect_type(set, 'set')
    size = redis.call('SCARD', set) -- raises what it was instead
  end
  return size
end

local sizes = {family = size_of(sets.family), device = size_of(sets.device)}
local active = {family = sizes.family, device = sizes.device}

-- Limits in force: the family's override, else the caller's word, else the settings.
override = override and decode(override)
local function limit_in_force(kind, claim, setting)
  return override and limit_of(override, kind) or (claim >= 0 and claim or setting)
end
local limits = {family = limit_in_force('family', tonumber(ARGV[5]), tonumber(ARGV[7])),
  device = limit_in_force('device', tonumber(ARGV[6]), tonumber(ARGV[8]))}

-- It lives already: a repeat, after an answer that was lost.
if known then
  return {'ok', now, active.family, active.device, limits.family, limits.device,
    redis.call('PTTL', KEYS[1]), '', known}
end

if reviving then
  if tombstone then
    return {'session_ended', now, tombstone}
  end
  for kind, set in pairs(sets) do -- its own ghost takes no place from it
    active[kind] = active[kind] - redis.call('SISMEMBER', set, id)
  end
end
for i = 1, 2 do
  local revoked = marks[i] and decode(marks[i]) or {}
  if (time_text(revoked.blockedUntil) or '') > text_now then
    if not reviving then
      self.sessionId = nil
      event(KEYS[11], 'denied', self, 'forbidden')
    end
    return {'forbidden', now, text_of(revoked, 'message') or ''}
  end
  if reviving and (time_text(revoked.revokedAt) or '') >= ARGV[24] then
    return {'revoked', now, text_of(revoked, 'message') or ''}
  end
end

-- The user's creates in this window of a minute. This one is counted where its outcome is known: nothing is
-- written before.
local rate, creates, window_left = reviving and 0 or tonumber(ARGV[12]), 0, 0
if rate > 0 then
  window_left = creates_text and redis.call('PTTL', KEYS[6]) or 0
  if window_left > 0 and #creates_text < 16 and string.find(creates_text, '^%d+$') then
    creates = tonumber(creates_text)
  else
    window_left = 0
  end
end

local function count_create()
  if rate > 0 and window_left > 0 then
    redis.call('INCR', KEYS[6])
  elseif rate > 0 then
    redis.call('SET', KEYS[6], '1', 'PX', '60000')
  end
end

if rate > 0 and creates >= rate then
  count_create()
  self.sessionId = nil
  event(KEYS[11], 'denied', self, 'rate_limited')
  return {'rate_limited', now, window_left}
end

local function full(kind)
  return limits[kind] > 0 and active[kind] >= limits[kind]
end

-- The live streams by sessionId, {id, value, family, device}, and the members whose session is gone. Read
-- in chunks, since a limit of 0 can grow a set to thousands; each value once.
local streams, gone, stem = {}, {family = {}, device = {}}, prefix .. 'session:'

local function read_members(kind)
  local members = sizes[kind] > 0 and redis.call('SMEMBERS', sets[kind]) or {}
  local unread = {}
  for _, member in ipairs(members) do
    if streams[member] then
      streams[member][kind] = true
    else
      unread[#unread + 1] = member
    end
  end
  for first = 1, #unread, 500 do
    local keys = {}
    for i = first, math.min(first + 499, #unread) do
      keys[#keys + 1] = stem .. unread[i]
    end
    local values = redis.call('MGET', unpack(keys))
    for i = 1, #keys do
      local member = unread[first + i - 1]
      if values[i] then
        streams[member] = {id = member, value = values[i], [kind] = true}
      else
        table.insert(gone[kind], member)
      end
    end
  end
  active[kind] = #members - #gone[kind]
end

local function prune()
  for kind, members in pairs(gone) do
    for first = 1, #members, 500 do
      redis.call('SREM', sets[kind], unpack(members, first, math.min(first + 499, #members)))
    end
  end
end

local ends = {}

local function give_up(stream, reason)
  stream.reason = reason
  ends[#ends + 1] = stream
  for kind in pairs(sets) do
    active[kind] = active[kind] - (stream[kind] and 1 or 0)
  end
end

local function members_of(stream)
  stream.members = stream.members or decode(stream.value)
  return stream.members
end

-- Step 6 for one limit: the longest silent go, as many as are needed and there are.
local function displace(kind)
  local silent = {}
  local before = rfc3339(now - tonumber(ARGV[9]))
  for _, stream in pairs(streams) do
    if stream[kind] and not stream.reason then
      stream.last = last_heartbeat(stream.value, before)
      if stream.last then
        silent[#silent + 1] = stream
      end
    end
  end
  table.sort(silent, function(a, b)
    return a.last < b.last or (a.last == b.last and a.id < b.id)
  end)
  for _, stream in ipairs(silent) do
    if full(kind) then
      give_up(stream, 'displaced')
    end
  end
end

-- Step 7 for one limit: the family's oldest goes, one at most.
local function evict(kind)
  local oldest
  for _, stream in pairs(streams) do
    if stream[kind] and stream.family and not stream.reason then
      stream.started = stream.started or time_text(members_of(stream).startedAt) or text_now
      if not oldest or stream.started < oldest.started
        or (stream.started == oldest.started and stream.id < oldest.id) then
        oldest = stream
      end
    end
  end
  if oldest then
    oldest.evicted = true
    give_up(oldest, 'replaced')
  end
end

-- A set's cardinality can only overstate: where it leaves room, and nothing is to be given up, nothing
-- more is read.
local player, would_deny = ARGV[18], ''
if full('family') or full('device') or ((player ~= '' or #ARGV > 26) and not reviving) then
  read_members('family')
  read_members('device')

  if not reviving then
    for i = 27, #ARGV do
      local stream = streams[ARGV[i]]
      if stream and stream.family and not stream.reason then
        give_up(stream, 'replaced')
      end
    end
    if player ~= '' then
      for _, stream in pairs(streams) do
        if stream.family and stream.device and not stream.reason
          and members_of(stream).playerId == player then
          give_up(stream, 'replaced')
        end
      end
    end
  end

  local chosen, counted = #ends, {family = active.family, device = active.device}
  if not reviving then
    for _, kind in ipairs({'device', 'family'}) do
      if tonumber(ARGV[9]) > 0 and full(kind) then
        displace(kind)
      end
    end
    if ARGV[10] == '1' and (full('device') or full('family')) and redis.call('EXISTS', KEYS[7]) == 0 then
      for _, kind in ipairs({'device', 'family'}) do
        if full(kind) then
          evict(kind)
        end
      end
    end
  end

  local limit = full('device') and 'device' or full('family') and 'family'
  if ARGV[13] == '1' then
    -- Limits are only counted: nobody ends on their account.
    would_deny = limit and limit .. '_limit' or ''
    active = counted
    for i = #ends, chosen + 1, -1 do
      ends[i].reason = nil
      ends[i] = nil
    end
  elseif limit then
    count_create()
    prune()
    if reviving then
      return {'session_ended', now, false}
    end
    local in_the_way = {}
    active = {family = 0, device = 0}
    for member, stream in pairs(streams) do
      active.family = active.family + (stream.family and 1 or 0)
      active.device = active.device + (stream.device and 1 or 0)
      if stream[limit] then
        in_the_way[#in_the_way + 1] = member
        in_the_way[#in_the_way + 1] = stream.value
      end
    end
    self.sessionId = nil
    event(KEYS[11], 'denied', self, limit .. '_limit')
    return {limit .. '_limit', now, active.family, active.device, limits.family, limits.device, in_the_way}
  end
end

-- Where else those that end are counted: only their own values know. Each key that will be written is touched
-- first: in a slot on its way to another node that is where a script fails.
for _, stream in ipairs(ends) do
  local members = members_of(stream)
  redis.call('EXISTS', prefix .. 'session_end:' .. stream.id)
  if stream.evicted and text_of(members, 'deviceId') then
    redis.call('EXISTS', prefix .. 'evicted:' .. members.deviceId)
  end
  stream.sets = {}
  for kind, set in pairs(sets) do
    local name = text_of(members, kind .. 'Id')
    if stream[kind] then
      table.insert(stream.sets, set)
    elseif name then
      set = prefix .. kind .. '_streams:' .. name
      expect_type(set, 'set')
      table.insert(stream.sets, set)
    end
  end
end

-- Nothing below can fail.
count_create()
prune()
for _, stream in ipairs(ends) do
  local members = members_of(stream)
  local replaced = stream.reason == 'replaced'
  redis.call('DEL', prefix .. 'session:' .. stream.id)
  for _, set in ipairs(stream.sets) do
    redis.call('SREM', set, stream.id)
  end
  redis.call('SET', prefix .. 'session_end:' .. stream.id, replaced and ARGV[16] or '{"reason":"displaced"}',
    'PX', two_ttls)
  if stream.evicted and tonumber(ARGV[11]) > 0 and text_of(members, 'deviceId') then
    redis.call('SET', prefix .. 'evicted:' .. members.deviceId, '1', 'PX', ARGV[11])
  end
  members.sessionId = stream.id
  event(KEYS[11], stream.reason, members, stream.reason, ARGV[17],
    seconds_since(members.startedAt, now))
end

local started = reviving and ARGV[25] or text_now
redis.call('SET', KEYS[1], ARGV[14] .. started .. ARGV[15] .. text_now .. '"}', 'PX', ARGV[4])
for kind, set in pairs(sets) do
  redis.call('SADD', set, id)
  if sizes[kind] == 0 or redis.call('PTTL', set) < 1.5 * ttl then -- as heartbeat.lua
    redis.call('PEXPIRE', set, two_ttls)
  end
end
redis.call('ZADD', KEYS[10], now + ttl, ARGV[23] .. started)
for _, stream in ipairs(ends) do
  drop_entry(KEYS[10], stream.id, stream.members)
end
see_user(prefix, ARGV[19], ttl)
if would_deny ~= '' then
  event(KEYS[11], 'would_deny', self, would_deny)
end
event(KEYS[11], reviving and 'revived' or 'started', self)
for _, stream in ipairs(ends) do
  publish_ended(prefix, stream.id)
end
local answer = {'ok', now, active.family + 1, active.device + 1, limits.family, limits.device, ttl, would_deny, false}
if #ends > 0 then
  answer[10] = 0
  for _, stream in ipairs(ends) do
    answer[10] = answer[10] + (stream.reason == 'replaced' and 1 or 0)
  end
  answer[11] = #ends - answer[10]
end
return answer
