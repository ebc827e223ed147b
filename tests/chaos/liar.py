"""A sentinel that lies: it answers as one does, and names whatever node it was told to for the master."""
import asyncio

from redis_node import free_port
from resp import encode


class Liar:
    def __init__(self):
        self.port = free_port()
        self.named = 0        # the port that it says is the master's
        self.asked = 0        # how often it has lied
        self.server = None

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def stop(self):
        if self.server is not None:
            self.server.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                line = await reader.readline()
                if not line.startswith(b"*"):
                    break
                words = []
                for _ in range(int(line[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2].decode().upper())
                writer.write(self._answer(words))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, words):
        if words[:2] == ["SENTINEL", "GET-MASTER-ADDR-BY-NAME"]:
            self.asked += 1
            return encode(["127.0.0.1", self.named])
        if words[0] in ("SUBSCRIBE", "PSUBSCRIBE"):
            return b"".join(b"*3\r\n" + encode([words[0].lower(), word.lower()])[4:] + b":%d\r\n" % (i + 1)
                            for i, word in enumerate(words[1:]))
        if words[:2] in (["SENTINEL", "SENTINELS"], ["SENTINEL", "REPLICAS"]):
            return b"*0\r\n"
        return b"+PONG\r\n" if words[0] == "PING" else b"+OK\r\n"
