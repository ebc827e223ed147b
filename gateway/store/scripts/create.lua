
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
  return {string.format('ok %.0f %d %d %d %d %d 0 0 ', now, family_active, device_active, family_limit, device_limit,
    redis.call('PTTL', KEYS[1])), known}
end

-- As event, but cheaper.
local function tell_denied(cause)
  redis.call('XADD', KEYS[11], 'MAXLEN', '~', events_kept(KEYS[11]), '*', unpack({
    'type', 'denied', 'userId', ARGV[6], 'familyId', ARGV[7], 'deviceId', ARGV[8], 'mediaId', ARGV[9],
    'time', text_now, 'cause', cause}))
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
        tell_denied('forbidden')
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
  tell_denied('rate_limited')
  return {'rate_limited', now, window_left}
end

local prefix, would_deny, prune, ends = string.sub(KEYS[1], 1, -31), '', nil, {}
if reached(family_limit, family_active) or reached(device_limit, device_active) or gives_up then
  local sets = {family = KEYS[3], device = KEYS[4]}
  local active, limits = {family = 0, device = 0}, {family = family_limit, device = device_limit}

  local function full(kind)
    return reached(limits[kind], active[kind])
  end

  -- Those of these sessionIds that live and their values, in two lists, and the others. Read in chunks, since a limit
  -- of 0 can grow a set to thousands.
  local stem = prefix .. 'session:'
  local function read_live(members)
    local ids, values, gone = {}, {}, {}
    for first = 1, #members, 500 do
      local keys = {unpack(members, first, math.min(first + 499, #members))}
      for i = 1, #keys do
        keys[i] = stem .. keys[i]
      end
      local found, living = redis.call('MGET', unpack(keys)), 0
      for i = 1, #keys do
        living = living + (found[i] and 1 or 0)
      end
      if living == #members then -- nothing to be sorted out, as nearly always
        return members, found, gone
      end
      for i = 1, #keys do
        if found[i] then
          ids[#ids + 1], values[#values + 1] = members[first + i - 1], found[i]
        else
          gone[#gone + 1] = members[first + i - 1]
        end
      end
    end
    return ids, values, gone
  end

  -- The live streams: first the family's, then those of others on the device. Each value is read once.
  local ids, values, family_gone = read_live(family_size > 0 and redis.call('SMEMBERS', KEYS[3]) or {})
  local family_count, on_device, device_gone = #ids, {}, {}
  active.family = family_count
  if device_size > 0 then
    local at, unread = {}, {}
    for i = 1, family_count do
      at[ids[i]] = i
    end
    for _, member in ipairs(redis.call('SMEMBERS', KEYS[4])) do
      if at[member] then
        on_device[at[member]] = true
        active.device = active.device + 1
      else
        unread[#unread + 1] = member
      end
    end
    local others, their_values
    others, their_values, device_gone = read_live(unread)
    for i = 1, #others do
      ids[family_count + i], values[family_count + i] = others[i], their_values[i]
      on_device[family_count + i] = true
    end
    active.device = active.device + #others
  end

  local function counts_in(kind, i)
    return kind == 'family' and i <= family_count or kind == 'device' and on_device[i]
  end

  function prune()
    for kind, members in pairs({family = family_gone, device = device_gone}) do
      for first = 1, #members, 500 do
        redis.call('SREM', sets[kind], unpack(members, first, math.min(first + 499, #members)))
      end
    end
  end

  -- What is known of a stream that may have to go: {id, value, family, device, last, started, reason}.
  local known_streams = {}
  local function stream_at(i)
    local stream = known_streams[i]
    if not stream then
      stream = {id = ids[i], value = values[i], family = counts_in('family', i), device = counts_in('device', i)}
      known_streams[i] = stream
    end
    return stream
  end

  local function stays(i)
    return not (known_streams[i] and known_streams[i].reason)
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
    local silent, sub = {}, string.sub
    local before = rfc3339(now - silence)
    for i = 1, #ids do
      local value = values[i]
      -- Ours, and not silent: seen first, since this is what nearly all are.
      if not (sub(value, -26, -3) >= before and sub(value, -44, -27) == ',"lastHeartbeat":"') and counts_in(kind, i)
        and stays(i) then
        local last = last_heartbeat(value, before)
        if last then
          silent[#silent + 1] = stream_at(i)
          silent[#silent].last = last
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
    for i = 1, family_count do
      if counts_in(kind, i) and stays(i) then
        local stream = stream_at(i)
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

  if not reviving then
    for named = 13, #ARGV do
      for i = 1, family_count do
        if ids[i] == ARGV[named] and stays(i) then
          give_up(stream_at(i), 'replaced')
        end
      end
    end
    if ARGV[12] and ARGV[12] ~= '' then
      for i = 1, family_count do
        if on_device[i] and stays(i) and members_of(stream_at(i)).playerId == ARGV[12] then
          give_up(stream_at(i), 'replaced')
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
    tell_denied(limit .. '_limit')
    local device_count = 0
    for _ in pairs(on_device) do
      device_count = device_count + 1
    end
    if limit == 'device' or #ids > family_count then
      local all_ids, all_values = ids, values
      ids, values = {}, {}
      for i = 1, #all_ids do
        if counts_in(limit, i) then
          ids[#ids + 1], values[#values + 1] = all_ids[i], all_values[i]
        end
      end
    end
    return {limit .. '_limit', now, family_count, device_count, family_limit, device_limit, ids, values}
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

local started = reviving and ARGV[12] or text_now
local by = #ends > 0 and (text_of(decode(ARGV[4] .. started .. ARGV[5] .. text_now .. '"}'), 'deviceName') or ARGV[8])

-- Nothing below can fail.
count_create()
if prune then
  prune()
end
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
  event(KEYS[11], 'would_deny', {sessionId = ARGV[3], userId = ARGV[6], familyId = ARGV[7], deviceId = ARGV[8],
    mediaId = ARGV[9]}, would_deny)
end
admit(family_size, device_size, started)
for _, stream in ipairs(ends) do
  publish_ended(prefix, stream.id)
end
return string.format('ok %.0f %d %d %d %d %d %d %d %s', now, family_active + 1, device_active + 1, family_limit,
  device_limit, ttl, replaced_count, #ends - replaced_count, would_deny)
