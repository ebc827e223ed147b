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

-- How many events are kept: of a cluster's 256 partitions, each keeps its part.
local function event_bound(stream)
  return string.find(stream, '{%a%a}:stream_events$') and 400 or 100000
end

-- Writes an entry. about has the members of a session's value, and its sessionId; what is absent is left
-- out.
local function event(stream, kind, about, cause, by, duration)
  local entry = {'type', kind}
  local function add(name, value)
    if value then
      entry[#entry + 1] = name
      entry[#entry + 1] = value
    end
  end
  add('sessionId', about.sessionId)
  add('userId', text_of(about, 'userId'))
  add('familyId', text_of(about, 'familyId'))
  add('deviceId', text_of(about, 'deviceId'))
  add('mediaId', text_of(about, 'mediaId'))
  add('time', rfc3339(now))
  add('cause', cause)
  add('by', by)
  add('duration', duration and string.format('%d', duration))
  redis.call('XADD', stream, 'MAXLEN', '~', event_bound(stream), '*', unpack(entry))
end

-- Tells that a session has ended or changed to whoever caches answers. The last thing that a script does. All
-- partitions of a cluster share one channel.
local function publish_ended(prefix, id)
  redis.pcall('PUBLISH', string.gsub(prefix, '{%a%a}:$', '') .. 'stream_ended', id)
end

