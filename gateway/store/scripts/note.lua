-- Writes an event that an operator makes happen.
--
-- KEYS  1 stream_events
-- ARGV  1 type  2 sessionId  3 userId  4 familyId  5 deviceId  6 mediaId  7 cause  8 by; each "" where unknown

event(KEYS[1], ARGV[1], {sessionId = given(ARGV[2]), userId = given(ARGV[3]), familyId = given(ARGV[4]),
  deviceId = given(ARGV[5]), mediaId = given(ARGV[6])}, given(ARGV[7]), given(ARGV[8]))
