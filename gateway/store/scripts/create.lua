-- Admission, one atomic step (DESIGN.md section 3): reads, decides, then writes.
--
-- KEYS  1 session:<id>  2 family_streams:<familyId>  3 device_streams:<deviceId>
-- ARGV  1 key prefix  2 sessionId  3 ttl in ms  4 family limit (0: none)  5 device limit (0: none)
--       6, 7 the value's parts around startedAt  8 tombstone (JSON) of those replaced
--       9… sessionIds to give up for this one
-- Returns {"ok", now, family active, device active, time left}
--      or {"ok", now, family active, device active, time left, value} where the sessionId lives already
--      or {"family_limit" or "device_limit", now, family active, device active, {sessionId, value, …}}
--      with every stream in the way.
--
-- gateway/core/admission.c is the same decision for the embedded store.

local prefix, id, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local limits = {family = tonumber(ARGV[4]), device = tonumber(ARGV[5])}
local sets = {family = KEYS[2], device = KEYS[3]}
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

expect_type(sets.family, 'set')
expect_type(sets.device, 'set')

local active = {family = redis.call('SCARD', sets.family), device = redis.call('SCARD', sets.device)}

-- A repeat, after an answer that was lost.
local known = redis.call('GET', KEYS[1])
if known then
  return {'ok', now, active.family, active.device, redis.call('PTTL', KEYS[1]), known}
end

local function full(kind)
  return limits[kind] > 0 and active[kind] >= limits[kind]
end

-- The live streams by sessionId, {value, family, device}, and the members whose session is gone. Read in
-- chunks, since a limit of 0 can grow a set to thousands.
local streams, gone = {}, {family = {}, device = {}}

local function read_members(kind)
  local members = redis.call('SMEMBERS', sets[kind])
  for first = 1, #members, 500 do
    local keys = {}
    for i = first, math.min(first + 499, #members) do
      keys[#keys + 1] = prefix .. 'session:' .. members[i]
    end
    local values = redis.call('MGET', unpack(keys))
    for i, value in ipairs(values) do
      local member = members[first + i - 1]
      if value then
        streams[member] = streams[member] or {value = value}
        streams[member][kind] = true
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

-- A set's cardinality can only overstate: where it leaves room, nothing more is read.
local ends = {}
if full('family') or full('device') or #ARGV > 8 then
  read_members('family')
  read_members('device')

  for i = 9, #ARGV do
    local stream = streams[ARGV[i]]
    if stream and stream.family and not stream.ends then
      stream.ends = true
      active.family = active.family - 1
      if stream.device then
        active.device = active.device - 1
      end
      table.insert(ends, ARGV[i])
    end
  end

  local limit = full('device') and 'device' or full('family') and 'family'
  if limit then
    prune()
    local in_the_way = {}
    active = {family = 0, device = 0}
    for member, stream in pairs(streams) do
      active.family = active.family + (stream.family and 1 or 0)
      active.device = active.device + (stream.device and 1 or 0)
      if stream[limit] then
        table.insert(in_the_way, member)
        table.insert(in_the_way, stream.value)
      end
    end
    return {limit .. '_limit', now, active.family, active.device, in_the_way}
  end
end

-- Where else a stream that ends is counted: its device's set, if that is another one. Only its own value
-- knows.
local other_sets = {}
for _, member in ipairs(ends) do
  if not streams[member].device then
    local ok, value = pcall(cjson.decode, streams[member].value)
    if ok and type(value) == 'table' and type(value.deviceId) == 'string' then
      local set = prefix .. 'device_streams:' .. value.deviceId
      expect_type(set, 'set')
      other_sets[member] = set
    end
  end
end

-- Nothing below can fail.
prune()
for _, member in ipairs(ends) do
  redis.call('DEL', prefix .. 'session:' .. member)
  redis.call('SREM', sets.family, member)
  redis.call('SREM', other_sets[member] or sets.device, member)
  redis.call('SET', prefix .. 'session_end:' .. member, ARGV[8], 'PX', 2 * ttl)
end

local text = rfc3339(now)
redis.call('SET', KEYS[1], ARGV[6] .. text .. ARGV[7] .. text .. '"}', 'PX', ttl)
for _, set in pairs(sets) do
  redis.call('SADD', set, id)
  if redis.call('PTTL', set) < 2 * ttl then
    redis.call('PEXPIRE', set, 2 * ttl)
  end
end
return {'ok', now, active.family + 1, active.device + 1, ttl}
