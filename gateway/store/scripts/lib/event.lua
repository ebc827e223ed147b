-- Put before scripts that change something: tells it to stream_events, and to channel stream_ended.

-- Seconds from a time, as text, to another, in ms; nil where the text is none.
local function seconds_since(text, ms)
  if not time_text(text) then
    return nil
  end
  local year, month = tonumber(string.sub(text, 1, 4)), tonumber(string.sub(text, 6, 7))
  local day = tonumber(string.sub(text, 9, 10))
  if month <= 2 then
    year = year - 1
  end
  local era = math.floor(year / 400)
  local yoe = year - era * 400
  local doy = math.floor((153 * (month > 2 and month - 3 or month + 9) + 2) / 5) + day - 1
  local days = era * 146097 + yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + doy - 719468
  local seconds = days * 86400 + tonumber(string.sub(text, 12, 13)) * 3600
    + tonumber(string.sub(text, 15, 16)) * 60 + tonumber(string.sub(text, 18, 19))
  return math.max(0, math.floor((ms - seconds * 1000 - tonumber(string.sub(text, 21, 23))) / 1000))
end

-- An argument that may be missing: nil where it is "".
local function given(text)
  return text ~= '' and text or nil
end

-- Writes an entry. about has the members of a session's value, and its sessionId; what is absent is left
-- out. The nils make room for all that may follow: a table that grows is moved each time.
local event_time
local function event(stream, kind, about, cause, by, duration)
  local entry = {'type', kind, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil}
  local last = 2
  for _, name in ipairs({'sessionId', 'userId', 'familyId', 'deviceId', 'mediaId'}) do
    local value = about[name]
    if type(value) == 'string' then
      entry[last + 1], entry[last + 2], last = name, value, last + 2
    end
  end
  event_time = event_time or rfc3339(now)
  entry[last + 1], entry[last + 2], last = 'time', event_time, last + 2
  if cause then
    entry[last + 1], entry[last + 2], last = 'cause', cause, last + 2
  end
  if by then
    entry[last + 1], entry[last + 2], last = 'by', by, last + 2
  end
  if duration then
    entry[last + 1], entry[last + 2], last = 'duration', string.format('%d', duration), last + 2
  end
  redis.call('XADD', stream, 'MAXLEN', '~', events_kept(stream), '*', unpack(entry, 1, last))
end

-- Tells that a session has ended or changed to whoever caches answers. The last thing that a script does. All
-- partitions of a cluster share one channel.
local function publish_ended(prefix, id)
  redis.pcall('PUBLISH', string.gsub(prefix, '{%a%a}:$', '') .. 'stream_ended', id)
end

