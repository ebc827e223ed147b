-- Put before scripts that look into a session's value. What stands there may be anybody's.

-- A time that another writer may have written: the text, or nil where it isn't one.
local function time_text(text)
  if type(text) == 'string' and string.find(text, '^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$') then
    return text
  end
end

-- The members of a session's value; an empty table where it can't be read.
local function decode(value)
  local ok, members = pcall(cjson.decode, value)
  return ok and type(members) == 'table' and members or {}
end

-- A member that is a text, else nil.
local function text_of(members, name)
  local value = members[name]
  return type(value) == 'string' and value or nil
end

-- A limit that an override sets, else nil.
local function limit_of(override, kind)
  local limit = override[kind]
  if type(limit) == 'number' and limit >= 0 and limit < 2 ^ 31 and limit == math.floor(limit) then
    return limit
  end
end

-- Whether a value ends as ours do: ,"lastHeartbeat":"2026-11-20T23:40:00.123Z"}
local function ends_as_ours(value)
  return string.sub(value, -44, -27) == ',"lastHeartbeat":"' and string.sub(value, -2) == '"}'
end

-- The time of the last sign of life, as text; nil where it can't be read, or isn't before the time given, if
-- one is: that is seen without a look at the text's shape.
local function last_heartbeat(value, before)
  if ends_as_ours(value) then
    local text = string.sub(value, -26, -3)
    if before and text >= before then
      return nil
    elseif time_text(text) then
      return text
    end
  end
  local text = time_text(decode(value).lastHeartbeat)
  return text and not (before and text >= before) and text or nil
end

