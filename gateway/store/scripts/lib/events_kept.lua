
-- Put before scripts that tell stream_events something: about how many entries it keeps. Of a cluster's 256
-- partitions, each keeps its part of 100,000.
local function events_kept(stream)
  return string.find(stream, '^{%a%a}:', -18) and '400' or '100000'
end
