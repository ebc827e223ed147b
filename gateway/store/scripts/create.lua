
-- The second part of admission (DESIGN.md section 3), behind create_room.lua, which says what KEYS and ARGV are and
-- what is returned: whatever isn't simply let in.

event_time = text_now

-- All texts in one call, if there are any. To MGET what is no text is none: what else stands there is told of by its
-- name.
local texts = {}
if there > 0 then
  texts = redis.call('MGET', KEYS[1], KEYS[2], KEYS[5], KEYS[6], KEYS[8], KEYS[9])
  for i = 1, 6 do
    there = there - (texts[i] and 1 or 0)
  end
  for _, i in ipairs(there > 0 and {1, 2, 5, 6, 8, 9} or {}) do
    expect_type(KEYS[i], 'string')
  end
end
local known, tombstone, override, creates_text, family_mark, device_mark = unpack(texts, 1, 6)
local family_active, device_active = family_size, device_size

if override then -- it counts before all else
  override = decode(override)
  family_limit = limit_of(override, 'family') or family_limit
  device_limit = limit_of(override, 'device') or device_limit
end

-- It lives already: a repeat, after an answer that was lost.
if known then
  return {string.format('ok %d %d %d %d %d %d 0 0 ', now, family_active, device_active, family_limit, device_limit,
    redis.call('PTTL', KEYS[1])), known}
end

-- An event of this session; one that was refused has no sessionId.
local function tell(kind, cause)
  event(KEYS[11], kind, {sessionId = kind ~= 'denied' and ARGV[3] or nil, userId = ARGV[6], familyId = ARGV[7],
    deviceId = ARGV[8], mediaId = ARGV[9]}, cause)
end

if reviving then
  if tombstone then
    return {'session_ended', now, tombstone}
  end
  -- Its own ghost takes no place from it.
  family_active = family_active - redis.call('SISMEMBER', KEYS[3], ARGV[3])
  device_active = device_active - redis.call('SISMEMBER', KEYS[4], ARGV[3])
end
if family_mark or device_mark then
  for _, mark in ipairs({family_mark or '{}', device_mark or '{}'}) do
    local revoked = decode(mark)
    if (time_text(revoked.blockedUntil) or '') > text_now then
      if not reviving then
        tell('denied', 'forbidden')
      end
      return {'forbidden', now, text_of(revoked, 'message') or ''}
    end
    if reviving and (time_text(revoked.revokedAt) or '') >= ARGV[11] then
      return {'revoked', now, text_of(revoked, 'message') or ''}
    end
  end
end

-- The user's creates in this window of a minute. This one is counted where its outcome is known: nothing is
-- written before.
local creates, window_left = 0, 0
rate = reviving and 0 or rate
if rate > 0 and creates_text then
  window_left = redis.call('PTTL', KEYS[6])
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
  tell('denied', 'rate_limited')
  return {'rate_limited', now, window_left}
end

local prefix, would_deny, prune, ends = string.sub(KEYS[1], 1, -31), '', nil, {}
if reached(family_limit, family_active) or reached(device_limit, device_active) or gives_up then
  local sets, sizes = {family = KEYS[3], device = KEYS[4]}, {family = family_size, device = device_size}
  local active = {family = family_active, device = device_active}
  local limits = {family = family_limit, device = device_limit}

  local function full(kind)
    return reached(limits[kind], active[kind])
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

  function prune()
    for kind, members in pairs(gone) do
      for first = 1, #members, 500 do
        redis.call('SREM', sets[kind], unpack(members, first, math.min(first + 499, #members)))
      end
    end
  end

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
    local before = rfc3339(now - silence)
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

  read_members('family')
  read_members('device')

  if not reviving then
    for i = 13, #ARGV do
      local stream = streams[ARGV[i]]
      if stream and stream.family and not stream.reason then
        give_up(stream, 'replaced')
      end
    end
    if ARGV[12] and ARGV[12] ~= '' then
      for _, stream in pairs(streams) do
        if stream.family and stream.device and not stream.reason
          and members_of(stream).playerId == ARGV[12] then
          give_up(stream, 'replaced')
        end
      end
    end
  end

  local chosen, counted = #ends, {family = active.family, device = active.device}
  if not reviving then
    for _, kind in ipairs({'device', 'family'}) do
      if silence > 0 and full(kind) then
        displace(kind)
      end
    end
    if may_evict == 1 and (full('device') or full('family')) and redis.call('EXISTS', KEYS[7]) == 0 then
      for _, kind in ipairs({'device', 'family'}) do
        if full(kind) then
          evict(kind)
        end
      end
    end
  end

  local limit = full('device') and 'device' or full('family') and 'family'
  if only_counted == 1 then
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
    tell('denied', limit .. '_limit')
    return {limit .. '_limit', now, active.family, active.device, family_limit, device_limit, in_the_way}
  end
  family_active, device_active = active.family, active.device

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
end

-- Nothing below can fail.
count_create()
if prune then
  prune()
end
local started = reviving and ARGV[12] or text_now
local by = #ends > 0 and (text_of(decode(ARGV[4] .. started .. ARGV[5] .. text_now .. '"}'), 'deviceName') or ARGV[8])
local replaced_count = 0
for _, stream in ipairs(ends) do
  local members = stream.members
  local replaced = stream.reason == 'replaced'
  redis.call('DEL', prefix .. 'session:' .. stream.id)
  for _, set in ipairs(stream.sets) do
    redis.call('SREM', set, stream.id)
  end
  redis.call('SET', prefix .. 'session_end:' .. stream.id, replaced and ARGV[11] or '{"reason":"displaced"}',
    'PX', string.format('%d', 2 * ttl))
  if stream.evicted and cooldown > 0 and text_of(members, 'deviceId') then
    redis.call('SET', prefix .. 'evicted:' .. members.deviceId, '1', 'PX', string.format('%d', cooldown))
  end
  members.sessionId = stream.id
  event(KEYS[11], stream.reason, members, stream.reason, by, seconds_since(members.startedAt, now))
  drop_entry(KEYS[10], stream.id, members)
  replaced_count = replaced_count + (replaced and 1 or 0)
end
if would_deny ~= '' then
  tell('would_deny', would_deny)
end
admit(family_size, device_size, started)
for _, stream in ipairs(ends) do
  publish_ended(prefix, stream.id)
end
return string.format('ok %d %d %d %d %d %d %d %d %s', now, family_active + 1, device_active + 1, family_limit,
  device_limit, ttl, replaced_count, #ends - replaced_count, would_deny)
