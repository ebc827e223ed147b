-- HAProxy asks stream-gateway whether a request for media may pass.
--
--   http-request lua.stream_authorize http://127.0.0.1:8080 if is_media
--
-- Sets txn.stream_status to the gateway's status (503 or 504 where there was no answer), txn.stream_reason to
-- its X-Stream-Reason and, on a 200, txn.stream_session and the identity headers for the origin.

local TIMEOUT_MS = 500 -- of each of HAProxy's four tries; the gateway answers within its authorize.timeout_ms, 150

-- Of the client's headers only those that the gateway looks at: no other can make it refuse.
local passed_on = { "authorization", "cookie", "x-stream-token", "x-request-id" }

local identity = {
    "x-stream-session", "x-stream-user", "x-stream-family", "x-stream-device", "x-stream-media",
}

local function authorize(txn, gateway)
    local theirs = txn.http:req_get_headers()
    local ours = { ["x-original-uri"] = { txn.sf:pathq() }, ["x-forwarded-for"] = { txn.sf:src() } }
    for _, name in ipairs(passed_on) do
        if theirs[name] then ours[name] = { theirs[name][0] } end
    end

    local answer = core.httpclient():get {
        url = gateway .. "/v1/authorize", headers = ours, timeout = TIMEOUT_MS,
    }
    local headers = answer.headers or {}
    local function said(name) return headers[name] and headers[name][0] end

    local status = answer.status or 0
    if status == 200 then
        for _, name in ipairs(identity) do
            -- The gateway always says all of them: whoever doesn't is somebody else.
            if not said(name) then status = 0 break end
            txn.http:req_set_header(name, said(name))
        end
        txn:set_var("txn.stream_session", said("x-stream-session"))
    end
    txn:set_var("txn.stream_reason", said("x-stream-reason") or "")
    txn:set_var("txn.stream_status", status)
end

core.register_action("stream_authorize", { "http-req" }, authorize, 1)
