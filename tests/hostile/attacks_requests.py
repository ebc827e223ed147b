"""Attacks with well-framed requests: floods, forged tokens, bodies and names that are not as they should be."""
import collections
import json
import os
import re

from attacks_connections import summed
from wire import Wrong, ask, connect, request, talk

CREATES = 3000
FORGED = 20000
AT_ONCE = 500     # requests in one write

PIECE = "MDAwMDAwMDAwMDAwMDAwMDAwMDAw"
SHAPED = "ATAw" + PIECE * 8    # as a token looks, and none


def _flood(gateway, requests, allowed):
    counts = collections.Counter()
    for begin in range(0, len(requests), AT_ONCE):
        part = requests[begin:begin + AT_ONCE]
        result = talk(gateway.address, [b"".join(part)], answers=len(part))
        if len(result.answers) != len(part):
            raise Wrong("%d answers to %d requests" % (len(result.answers), len(part)))
        for answer in result.answers:
            if answer.status not in allowed:
                raise Wrong("answered %d" % answer.status)
            if answer.status == 429 and "retry-after" not in answer.headers:
                raise Wrong("a 429 without Retry-After")
            counts[str(answer.status)] += 1
    return "; ".join("%s× %s" % (format(count, ","), status) for status, count in sorted(counts.items()))


def creates(gateway, _):
    body = json.dumps({"userId": "flood", "familyId": "flood", "deviceId": "flood", "mediaId": "film"})
    got = _flood(gateway, [request("POST", "/v1/sessions", body=body)] * CREATES, (201, 409, 429))
    return "%s creates of one user at once" % format(CREATES, ","), got


def forged(gateway, limits):
    """Good tokens that no thread has seen must be let in meanwhile, though they come from the same address."""
    for name, make, allowed in (
            ("authorizes", lambda: request("GET", "/v1/authorize", [("X-Stream-Token", SHAPED)]), (401,)),
            ("heartbeats", lambda: request("POST", "/v1/sessions/%s/heartbeat" % SHAPED), (401, 429))):
        before = gateway.log_size()
        got = _flood(gateway, [make()] * FORGED, allowed)
        for count in range(10):
            _, token = gateway.create("newcomer %s %d" % (name, count))
            with connect(gateway.address) as connection:
                status = ask(connection, request("GET", "/v1/authorize", [("X-Stream-Token", token)])).status
            if status != 200:
                raise Wrong("a good token of the same address was answered %d" % status)
        grown = gateway.log_size() - before
        if grown > limits.log_bytes:
            raise Wrong("the log grew by %d bytes" % grown)
        yield ("%s forged tokens, %s" % (format(FORGED, ","), name),
               "%s; new good tokens from the same address 200; %d KB of log" % (got, grown // 1024))


# ---- bodies ----

def _raw(member):
    """A create of a family of its own, with a member written by hand."""
    return b'{"userId":"u","familyId":"%s","deviceId":"%s","mediaId":"m",%s}' % (os.urandom(4).hex().encode(),
                                                                                os.urandom(4).hex().encode(), member)


def bodies(gateway, _):
    cases = (
        ("JSON 8,000 levels deep", "/v1/sessions", [b"[" * 8000 + b"]" * 8000], (400,)),
        ("JSON 100,000 levels deep", "/v1/heartbeats", [b"[" * 100000 + b"]" * 100000, b'{"tokens":' * 100000], (400,)),
        ("a body of 3 MB", "/v1/heartbeats", [b" " * (3 << 20)], (413,)),
        ("duplicate members", "/v1/sessions", [_raw(b'"userId":"v"'), _raw(b'"\\u0075serId":"v"')], (400,)),
        ("numbers out of range", "/v1/sessions",
         [_raw(b'"metadata":{"a":%s}' % number) for number in (
             b"1e400", b"-1e400", b"99999999999999999999", b"-99999999999999999999", b"NaN", b"Infinity", b"01", b"+1", b"0x1")],
         (400,)),
        ("invalid and over-long UTF-8, surrogates", "/v1/sessions",
         [_raw(b'"deviceName":"%s"' % text) for text in (
             b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
             b"\xff", b"\xc3", b"\\ud800", b"\\udc00x")], (400,)),
        ("NUL and control characters in names", "/v1/sessions",
         [_raw(b'"deviceName":"%s"' % text) for text in (
             b"a\\u0000b", b"a\x00b", b"\\u001b[31mred", b"a\\r\\nSet-Cookie: a=b", b"a\\nb", b"\\u202e", b"\\u2028", b"\\u0085",
             b"\x7f", b"a\tb")], (400,)),
        ("lists too long", "/v1/heartbeats", [json.dumps({"tokens": ["x"] * 1001}).encode()], (400,)),
        ("no JSON, or not an object", "/v1/sessions", [b"", b"null", b"[]", b'"a"', b"{", b"{}x", b"\xef\xbb\xbf{}"], (400,)),
    )
    for name, target, payloads, allowed in cases:
        outcomes = []
        for payload in payloads:
            result = talk(gateway.address, [request("POST", target, body=payload)], answers=1)
            if len(result.answers) != 1 or result.statuses[0] not in allowed:
                raise Wrong("%s: %r was answered %s" % (name, payload[-60:], result))
            outcomes.append(str(result.statuses[0]))
        yield name, summed(outcomes)


# ---- what may go to logs, cookies and headers ----

NAMES = ('quote " and \\ backslash', "percent %0d%0aX-Injected: 1", "a=b; Path=/; Domain=evil", "<script>alert(1)</script>",
         "key=value level=error", "é, 日本語 and 😀", "{{7*7}} ${jndi:x} $(id) `id`", "' OR 1=1 --", "*", "x\u200by")

KNOWN_HEADERS = {"connection", "content-length", "content-type", "date", "location", "set-cookie", "x-request-id",
                 "x-stream-session", "x-stream-user", "x-stream-family", "x-stream-device", "x-stream-media", "cache-control",
                 "x-content-type-options", "retry-after", "x-stream-reason", "www-authenticate", "vary"}


def _look_at_headers(answer, what):
    for name, value in answer.headers.items():
        if name not in KNOWN_HEADERS and not name.startswith(("access-control-", "strict-", "referrer-", "content-security")):
            raise Wrong("%s: a header %s: %s" % (what, name, value))
        if name.startswith("x-stream-") and not re.fullmatch(r"[!-~]*", value):
            raise Wrong("%s: %s: %r isn't escaped" % (what, name, value))


def injection(gateway, _):
    """Names that are allowed come back escaped; what a request says of itself comes back checked or not at all."""
    for name in NAMES:
        _, token = gateway.create(name, user=name, mediaId=name)
        with connect(gateway.address) as connection:
            answer = ask(connection, request("GET", "/v1/authorize", [("X-Stream-Token", token)]))
        if answer.status != 200:
            raise Wrong("%r was refused with %d" % (name, answer.status))
        _look_at_headers(answer, repr(name))
    yield "%d names with quotes, %%0d%%0a, semicolons, markup, commands" % len(NAMES), "201; escaped in headers and logs"

    ids = ("a\x1b[31m", "x" * 1000, "a b", "a;b", '"', "é", "../..", "%0d%0a", "<a>")
    for text in ids:
        result = talk(gateway.address, [("GET /healthz HTTP/1.1\r\nHost: gateway\r\nX-Request-Id: %s\r\n\r\n" % text).encode()],
                      answers=1)
        for answer in result.answers:
            if answer.headers.get("x-request-id") == text:
                raise Wrong("X-Request-Id %r came back" % text)
            if answer.status == 200:
                _look_at_headers(answer, repr(text))
    yield "%d request ids with escapes, blanks, quotes" % len(ids), "200 with an id of our own, or 400"

    targets = ("/v1/sessions/%0d%0aX-Injected:%201", "/v1/sessions/%1b%5b31m", "/v1/authorize?stream_token=%0d%0a",
               "/v1/authorize/%0d%0aX-Injected:%201", "/v1/families/%22%0a/sessions", "/%00", "/v1/sessions/%ff%fe", "/v1/%zz")
    outcomes = []
    for target in targets:
        result = talk(gateway.address, [request("GET", target, [("X-Original-URI", target), ("Cookie", "stream_token=" + target)])],
                      answers=1)
        if len(result.answers) != 1 or result.statuses[0] >= 500:
            raise Wrong("%s: %s" % (target, result))
        if result.statuses[0] != 400:
            _look_at_headers(result.answers[0], target)
        outcomes.append(str(result.statuses[0]))
    yield "%d addresses with encoded CR, LF, NUL, ESC" % len(targets), summed(outcomes) + "; nothing in headers or logs"
