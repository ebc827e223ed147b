"""Bytes as they are, over sockets: for what no well-behaved client would send."""
import re
import select
import socket
import time

LATE_S = 5.0         # for an answer that is due
PATIENCE_S = 30.0    # for anything that the gateway is to do

HEAD = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


class Wrong(Exception):
    """The gateway did what it must not."""


class Answer:
    """One answer. headers have lower-case names; of repeated ones the last counts."""
    __slots__ = ("status", "headers", "body")

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body


def connect(address, timeout=PATIENCE_S):
    """address: (host, port)."""
    connection = socket.create_connection(address, timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _unchunk(data):
    """A chunked body: (body, bytes that it took); None where it isn't whole yet."""
    body, at = b"", 0
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(data[at:end].split(b";")[0], 16)
        at = end + 2
        if size == 0:
            end = data.find(b"\r\n", at)
            return (body, end + 2) if end >= 0 else None
        if len(data) < at + size + 2:
            return None
        body += data[at:at + size]
        at += size + 2


def take_answer(data, closed=False):
    """The first answer in data, and what follows it; (None, data) where it isn't whole yet."""
    match = HEAD.match(data)
    if not match:
        return None, data
    headers = {}
    for line in match.group(2).decode("latin-1").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    status, rest = int(match.group(1)), data[match.end():]
    if status in (204, 304) or 100 <= status < 200:
        return Answer(status, headers, b""), rest
    if headers.get("transfer-encoding", "").lower() == "chunked":
        whole = _unchunk(rest)
        return (Answer(status, headers, whole[0]), rest[whole[1]:]) if whole else (None, data)
    if "content-length" in headers:
        size = int(headers["content-length"])
        return (Answer(status, headers, rest[:size]), rest[size:]) if len(rest) >= size else (None, data)
    return (Answer(status, headers, rest), b"") if closed else (None, data)


def ask(connection, data):
    """Sends a request and reads its answer. Raises Wrong where none comes."""
    connection.sendall(data)
    received = b""
    while True:
        answer, _ = take_answer(received)
        if answer:
            return answer
        piece = connection.recv(65536)
        if not piece:
            answer, _ = take_answer(received, closed=True)
            if answer:
                return answer
            raise Wrong("closed instead of an answer")
        received += piece


class Talk:
    """What a connection answered, and how it ended."""

    def __init__(self):
        self.answers = []
        self.closed = False      # by the gateway
        self.sent = 0            # bytes
        self.seconds = 0.0       # from the first byte to the end
        self.rest = b""          # what is no answer

    @property
    def statuses(self):
        return [answer.status for answer in self.answers]

    def __str__(self):
        words = [str(status) for status in self.statuses[:3]]
        if len(self.statuses) > 3:
            words.append("… (%d)" % len(self.statuses))
        return ", ".join(words + (["closed"] if self.closed else []))


def talk(address, pieces, patience=PATIENCE_S, quiet=1.0, answers=None, most=None, settled=None):
    """Sends pieces (an iterable of bytes) for as long as they are taken, and reads meanwhile. Ends when the gateway
    closes; or, once all is sent, when there are so many answers, or when nothing came for `quiet` seconds and, where it is
    given, settled(answers) says that nothing more is due (after LATE_S it isn't asked any more). Raises
    Wrong when patience is over, or more than `most` bytes were taken."""
    result, received = Talk(), b""
    pieces, pending, begin = iter(pieces), b"", time.monotonic()
    with connect(address) as connection:
        connection.setblocking(False)
        last, more = begin, True
        while not result.closed:
            now = time.monotonic()
            if now - begin > patience:
                raise Wrong("neither answered nor closed after %.1f s" % patience)
            if more and not pending:
                pending = next(pieces, b"")
                more = bool(pending)
            if not pending and answers and len(result.answers) >= answers:
                break
            if not pending and now - last > quiet and (
                    settled is None or settled(result.answers) or now - last > LATE_S):
                break
            readable, writable, _ = select.select([connection], [connection] if pending else [], [], 0.05)
            try:
                if writable:
                    taken = connection.send(pending)
                    pending, last = pending[taken:], now
                    result.sent += taken
                    if most and result.sent > most:
                        raise Wrong("took more than %d bytes" % most)
                if readable:
                    data = connection.recv(1 << 20)
                    last = now
                    received += data
                    result.closed = not data
            except (BrokenPipeError, ConnectionResetError):
                result.closed = True
            while received:
                answer, received = take_answer(received, result.closed)
                if answer is None:
                    break
                result.answers.append(answer)
    result.rest = received
    result.seconds = time.monotonic() - begin
    return result


def request(method, target, headers=(), body=None, content_type="application/json"):
    """A well-formed request as bytes."""
    lines = ["%s %s HTTP/1.1" % (method, target), "Host: gateway"] + ["%s: %s" % header for header in headers]
    payload = b""
    if body is not None:
        payload = body if isinstance(body, bytes) else body.encode()
        lines += ["Content-Type: " + content_type, "Content-Length: %d" % len(payload)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + payload
