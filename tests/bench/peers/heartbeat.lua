-- A heartbeat in nginx: POST /heartbeat/<sessionId>/<familyId>/<deviceId>/<userId> is one EVALSHA of the gateway's
-- own script, over a connection from nginx's pool of kept-alive ones.
--
-- Debian has no lua-resty-redis; this is the same way over the same cosockets, for the one command: built as one
-- string, read line by line. ngx.var.sha, .redis_port and .ttl_ms are nginx.conf's.

local session, family, device, user = string.match(ngx.var.uri, '^/heartbeat/([^/]+)/([^/]+)/([^/]+)/([^/]+)$')
if not session then
  return ngx.exit(404)
end

local words = {
  'EVALSHA', ngx.var.sha, '4', 'session:' .. session, 'session_end:' .. session, 'family_streams:' .. family,
  'device_streams:' .. device, '', ngx.var.ttl_ms, user, '0'
}
local command = {'*', #words, '\r\n'}
for _, word in ipairs(words) do
  local n = #command
  command[n + 1] = '$'
  command[n + 2] = #word
  command[n + 3] = '\r\n'
  command[n + 4] = word
  command[n + 5] = '\r\n'
end

local redis = ngx.socket.tcp()
redis:settimeout(500)
local ok, why = redis:connect('127.0.0.1', tonumber(ngx.var.redis_port))
if not ok then
  ngx.log(ngx.ERR, 'connect: ', why)
  return ngx.exit(503)
end
ok, why = redis:send(command)

-- The time, of a session that lives for a whole TTL; {0, …} of one that is gone.
local answer = ok and redis:receive()
local now = answer and string.match(answer, '^:(%d+)$')
if not now then
  local alive = answer == '*3' and redis:receive()
  ngx.log(ngx.ERR, 'redis: ', answer, ' ', alive, ' ', why)
  redis:close()
  return ngx.exit(alive == ':0' and 410 or 503)
end
redis:setkeepalive(60000, 128)

local body = string.format('{"sessionId":"%s","now":%s,"ttl":%d,"heartbeatInterval":60}', session,
  now, ngx.var.ttl_ms / 1000)
ngx.header.content_type = 'application/json'
ngx.header.content_length = #body
ngx.print(body)
