"""A small Redis client: what the chaos suite needs to look at a Redis from outside.

Commands of one call leave together and their answers come in order. An error that Redis answers is a value
of type RespError, so that one bad command doesn't hide the answers to the others.
"""
import asyncio


class RespError(Exception):
    """What Redis answered behind the minus sign."""


class RespClient:
    """One connection. Raises OSError (TimeoutError is one) or EOFError; it is useless then, and must be closed."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port, timeout=1.0, host="127.0.0.1"):
        async with asyncio.timeout(timeout):
            return cls(*await asyncio.open_connection(host, port))

    async def ask_all(self, commands, timeout=1.0):
        """Sends commands (lists of text); returns as many answers."""
        self.writer.write(b"".join(encode(command) for command in commands))
        async with asyncio.timeout(timeout):
            return await self._read_all(len(commands))

    async def ask(self, *command, timeout=1.0):
        """Sends one command; raises where its answer is an error."""
        answer, = await self.ask_all([command], timeout)
        if isinstance(answer, RespError):
            raise answer
        return answer

    async def _read_all(self, count):
        return [await self._read() for _ in range(count)]

    async def _read(self):
        line = await self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return RespError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            return (await self.reader.readexactly(int(rest) + 2))[:-2].decode()
        if kind == b"*":
            return None if rest == b"-1" else await self._read_all(int(rest))
        raise ValueError("not RESP: %r" % line)

    def close(self):
        self.writer.transport.abort()


def encode(command):
    parts = [str(part).encode() for part in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


async def ask_once(port, *command, timeout=1.0):
    """One command over a connection of its own."""
    client = await RespClient.connect(port, timeout)
    try:
        return await client.ask(*command, timeout=timeout)
    finally:
        client.close()


def hash_slot(key):
    """The cluster's slot of a key: CRC-16 (XMODEM) of what stands in its first pair of braces, if any."""
    first = key.find("{")
    last = key.find("}", first + 1)
    if first >= 0 and last > first + 1:
        key = key[first + 1:last]
    crc = 0
    for byte in key.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc % 16384
