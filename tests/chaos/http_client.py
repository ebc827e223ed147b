"""A small HTTP/1.1 client over a unix socket: one kept-alive connection, one request at a time."""
import asyncio


class Answer:
    """What came back. status 0: nothing did, and lost says how."""
    __slots__ = ("status", "headers", "body", "lost")

    def __init__(self, status=0, headers=None, body=b"", lost=""):
        self.status = status
        self.headers = headers or {}
        self.body = body
        self.lost = lost  # "refused" (nobody listens), "reset" (the connection broke), "silent" (no answer)


class _Connection(asyncio.Protocol):
    def __init__(self):
        self.transport = None
        self.buffer = b""
        self.waiting = None
        self.closed = False

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, exc):
        self.closed = True
        self._finish(Answer(lost="reset"))

    def data_received(self, data):
        self.buffer += data
        head_end = self.buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        lines = self.buffer[:head_end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(lines[0].split(" ")[1])
        size = 0 if status == 204 else int(headers.get("content-length", 0))
        if len(self.buffer) < head_end + 4 + size:
            return
        body = self.buffer[head_end + 4:head_end + 4 + size]
        self.buffer = self.buffer[head_end + 4 + size:]
        if headers.get("connection", "").lower() == "close":
            self.closed = True
            self.transport.close()
        self._finish(Answer(status, headers, body))

    def _finish(self, answer):
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(answer)


class HttpClient:
    """Asks whoever listens at the path of the moment; connects when it must."""

    def __init__(self):
        self.connection = None
        self.path = None

    async def ask(self, path, method, target, headers=(), body=None, patience=5.0):
        """One request and its answer. path: of the unix socket; patience in seconds."""
        if self.path != path or self.connection is None or self.connection.closed:
            self.close()
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(patience):
                    _, self.connection = await loop.create_unix_connection(_Connection, path)
            except TimeoutError:
                return Answer(lost="silent")
            except OSError:
                return Answer(lost="refused")
            self.path = path
        connection = self.connection
        connection.waiting = asyncio.get_running_loop().create_future()
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: gateway"]
        lines += ["%s: %s" % header for header in headers]
        payload = b""
        if body is not None:
            payload = body.encode()
            lines += ["Content-Type: application/json", "Content-Length: %d" % len(payload)]
        connection.transport.write(("\r\n".join(lines) + "\r\n\r\n").encode() + payload)
        try:
            async with asyncio.timeout(patience):
                return await connection.waiting
        except TimeoutError:
            self.close()
            return Answer(lost="silent")

    def close(self):
        if self.connection is not None and self.connection.transport is not None:
            self.connection.transport.abort()
        self.connection = None
