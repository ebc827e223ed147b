"""Attacks with connections: slow ones, idle ones, endless ones, many."""
import collections
import json
import resource
import select
import socket
import time

from wire import PATIENCE_S, Wrong, ask, connect, request, take_answer, talk

SLOW = 200        # connections of a slow attack
IDLE = 10000      # at most; see idle_count
SPARE_FILES = 4096    # of gateway and suite, beside connections
PIPELINED = 1000
BEAT_S = 0.2


def summed(outcomes):
    """Outcomes that come many times, as text."""
    counts = collections.Counter(outcomes)
    return "; ".join("%s× %s" % (format(count, ","), outcome) for outcome, count in counts.most_common())


def _trickle(gateway, head, beat, limit_s):
    """Opens SLOW connections that send a head and then a beat now and then; returns what each got."""
    connections = {}
    begin = time.monotonic()
    for _ in range(SLOW):
        connection = connect(gateway.address)
        connection.sendall(head)
        connection.setblocking(False)
        connections[connection.fileno()] = [connection, b""]
    outcomes, next_beat = [], begin
    while connections:
        now = time.monotonic()
        if now - begin > limit_s + PATIENCE_S:
            raise Wrong("%d slow connections are still open after %.0f s" % (len(connections), now - begin))
        if now >= next_beat:
            next_beat = now + BEAT_S
            for connection, _ in connections.values():
                try:
                    connection.send(beat)
                except OSError:
                    pass    # it is closed: reading tells
        for number in select.select(list(connections), [], [], BEAT_S / 4)[0]:
            connection, received = connections[number]
            try:
                data = connection.recv(65536)
            except OSError:
                data = b""
            if data:
                connections[number][1] = received + data
                continue
            answer, _ = take_answer(received, closed=True)
            outcomes.append("%d, closed" % answer.status if answer else "closed")
            del connections[number]
            connection.close()
    return outcomes, time.monotonic() - begin


def slow_headers(gateway, limits):
    outcomes, seconds = _trickle(gateway, b"GET /v1/authorize HTTP/1.1\r\nHost: gateway\r\nX-Slow: ", b"x", limits.request_s)
    return ("%d connections that send a byte of a header every %.1f s" % (SLOW, BEAT_S),
            "%s after %.0f s at most" % (summed(outcomes), seconds))


def slow_bodies(gateway, limits):
    head = (b"POST /v1/sessions HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10000\r\n\r\n{")
    outcomes, seconds = _trickle(gateway, head, b" ", limits.request_s)
    return ("%d connections that send a byte of a body every %.1f s" % (SLOW, BEAT_S),
            "%s after %.0f s at most" % (summed(outcomes), seconds))


def slow_readers(gateway, limits):
    """Asks for large answers, one after the other, and reads none. They are more than the kernel takes in the gateway's
    place, and cheap to make: what is tried is who waits for whom."""
    count, asked = 10, 600
    batch = request("POST", "/v1/heartbeats", body=json.dumps({"tokens": [""] * 1000}))
    connections = []
    begin = time.monotonic()
    for _ in range(count):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE_S)
        connection.connect(gateway.address)
        connection.setblocking(False)
        connections.append([connection, asked * len(batch)])
    waiting = {entry[0].fileno(): entry for entry in connections}
    while waiting:
        if time.monotonic() - begin > limits.request_s + PATIENCE_S:
            raise Wrong("%d connections whose answers nobody reads are still open" % len(waiting))
        poller = select.poll()
        for number, (_, left) in waiting.items():
            poller.register(number, select.POLLOUT if left else 0)
        for number, events in poller.poll(100):
            entry = waiting[number]
            if events & (select.POLLERR | select.POLLHUP):
                del waiting[number]
                continue
            offset = (asked * len(batch) - entry[1]) % len(batch)
            try:
                entry[1] -= entry[0].send(batch[offset:])
            except BlockingIOError:
                pass
            except OSError:
                del waiting[number]
    seconds = time.monotonic() - begin
    for connection, _ in connections:
        connection.close()
    return ("%d connections that ask for %d large answers and read none" % (count, asked),
            "all closed after %.0f s at most" % seconds)


def idle_count():
    """As many as this machine lets a process open."""
    return min(IDLE, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE_FILES)


def idle_connections(gateway, limits):
    idle = idle_count()
    connections = []
    begin = time.monotonic()
    try:
        for _ in range(idle):
            connections.append(connect(gateway.address))
        for connection in connections[::2]:
            if ask(connection, request("GET", "/healthz")).status != 200:
                raise Wrong("one of many connections isn't served")
        opened = time.monotonic() - begin
        poller = select.poll()
        for connection in connections:
            poller.register(connection, select.POLLIN)
        closed = set()
        while len(closed) < idle:
            if time.monotonic() - begin > opened + limits.idle_s + limits.request_s + PATIENCE_S:
                raise Wrong("%d idle connections are still open" % (idle - len(closed)))
            for number, _ in poller.poll(200):
                poller.unregister(number)
                closed.add(number)
    finally:
        for connection in connections:
            connection.close()
    return ("%s connections that idle, half of them after a request" % format(idle, ","),
            "all taken, all closed within %.0f s" % (time.monotonic() - begin - opened))


def pipelined(gateway, _):
    requests = b"".join(request("GET", "/healthz", [("X-Request-Id", "p%d" % i)]) for i in range(PIPELINED))
    result = talk(gateway.address, [requests], answers=PIPELINED)
    ids = [answer.headers.get("x-request-id") for answer in result.answers]
    if result.statuses != [200] * PIPELINED or ids != ["p%d" % i for i in range(PIPELINED)]:
        raise Wrong("%d answers, in another order or with another status" % len(ids))
    return ("%s requests in one write" % format(PIPELINED, ","), "as many 200, in their order")


# ---- heads and bodies without end ----

MOST_TAKEN = 16 << 20    # bytes, the kernel's buffers included


def _endless(begin, piece, times=1 << 20):
    yield begin
    for _ in range(times):
        yield piece


def _must_refuse(result, statuses):
    if not result.closed or len(result.answers) > 1 or any(status not in statuses for status in result.statuses):
        raise Wrong("got %s" % result)
    return result


def endless(gateway, limits):
    chunked = (b"POST /v1/sessions HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n")
    cases = (("request line", _endless(b"GET /", b"a" * 4096), (414, 431, 400)),
             ("header line", _endless(b"GET / HTTP/1.1\r\nHost: gateway\r\nX-A: ", b"a" * 4096), (431, 400)),
             ("list of headers", _endless(b"GET / HTTP/1.1\r\nHost: gateway\r\n", b"X-A: b\r\n" * 500), (431, 400)),
             ("chunked body", _endless(chunked, b"1000\r\n" + b" " * 4096 + b"\r\n"), (413,)),
             ("chunked body of 1-byte chunks", _endless(chunked, b"1\r\n \r\n" * 500), (413,)),
             ("chunk extension", _endless(chunked + b"1;", b"a" * 4096), (400, 413, 431)),
             ("trailer", _endless(chunked + b"1\r\n \r\n0\r\n", b"X-A: b\r\n" * 500), (400, 413, 431)),
             ("run of empty lines", _endless(b"\r\n", b"\r\n" * 2000), (400,)))
    for name, pieces, statuses in cases:
        try:
            result = _must_refuse(talk(gateway.address, pieces, patience=limits.request_s + PATIENCE_S, most=MOST_TAKEN), statuses)
        except Wrong as wrong:
            raise Wrong("endless %s: %s" % (name, wrong)) from None
        yield ("a %s without end" % name, str(result))


def large_heads(gateway, _):
    cases = (("a header of 1 MB", b"X-A: " + b"a" * (1 << 20) + b"\r\n"),
             ("10,000 headers", b"".join(b"X-%d: b\r\n" % i for i in range(10000))),
             ("a cookie of 100 KB", b"Cookie: " + b"a=b; " * 20000 + b"\r\n"))
    for name, header in cases:
        data = b"GET /v1/authorize HTTP/1.1\r\nHost: gateway\r\n" + header + b"\r\n"
        yield name, str(_must_refuse(talk(gateway.address, [data]), (431, 400)))
