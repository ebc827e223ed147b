-- Some of the live sessions of a family, or on a device, in the order of their ids.
--
-- KEYS  1 family_streams:<familyId> or device_streams:<deviceId>
-- ARGV  1 key prefix  2 how many to look at, at most  3 the sessionId behind which to begin; "": at the first
-- Returns what page.lua does, of places that have no score.

local rest, ids = {}, {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if #id == 22 and id > ARGV[3] then
    rest[#rest + 1] = id
  end
end
table.sort(rest)
for i = 1, math.min(#rest, tonumber(ARGV[2])) do
  ids[i] = rest[i]
end
return {now, live_streams(ARGV[1], ids), '', #ids < #rest and ids[#ids] or ''}
