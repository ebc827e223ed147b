-- Put before scripts that read entries of session_expiry, or (behind value.lua) take them out before they are due:
-- <sessionId> <familyId> <deviceId> <userId> <startedAt>, of which the gateway percent-encodes the names.

-- A name as it stands in an entry; text_percent_encode of common/text.c is the same.
local function encoded(name)
  return (string.gsub(name, '[^!-$&-~]', function(char)
    return string.format('%%%02X', string.byte(char))
  end))
end

-- The name that stands in an entry.
local function decoded(text)
  return (string.gsub(text, '%%(%x%x)', function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

-- The entry of a session, from its value's members; nil where they don't tell it. One that another writer gave
-- other names has another entry, which the sweep takes out when it is due.
local function entry_of(id, members)
  local family, device = text_of(members, 'familyId'), text_of(members, 'deviceId')
  local user, started = text_of(members, 'userId'), text_of(members, 'startedAt')
  if family and device and user and started then
    return id .. ' ' .. encoded(family) .. ' ' .. encoded(device) .. ' ' .. encoded(user) .. ' ' .. started
  end
end

-- Takes the entry of a session out that has ended. Where it can't, the sweep does, which costs Redis more.
local function drop_entry(key, id, members)
  local entry = entry_of(id, members)
  if entry then
    redis.pcall('ZREM', key, entry)
  end
end

