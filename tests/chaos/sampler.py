"""Looks into Redis every 100 ms: which sessions of each family live, and what the stream of events tells."""
import asyncio

from record import Sample, now
from redis_setups import AWAY
from resp import RespClient, ask_once

PERIOD_S = 0.1

# Atomic for one family. A member whose session is gone counts nowhere.
LOOK = """
local found = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local value = redis.call('GET', ARGV[1] .. 'session:' .. id)
  if value then
    found[#found + 1] = id
    found[#found + 1] = string.match(value, '"deviceId":"([^"]*)"') or ''
  end
end
return found
"""


class Sampler:
    """families: name → key prefix ("" without a cluster), filled while sessions become known."""

    def __init__(self, setup, families, record):
        self.setup = setup
        self.families = families
        self.record = record
        self.links = {}        # port → RespClient
        self.read_to = {}      # stream → id of the last event

    async def run(self):
        while True:
            try:
                await self.look()
            except AWAY:
                pass                     # nobody tells where the masters are, for the moment
            await asyncio.sleep(PERIOD_S)

    async def look(self):
        by_node = {}
        keys = {prefix + "family_streams:" + family: (family, prefix) for family, prefix in self.families.items()}
        for key, node in (await self.setup.locate(keys)).items():
            by_node.setdefault(node, []).append(keys[key])
        found = {}
        for node, families in by_node.items():
            try:
                await self._look_at(node, families, found)
            except AWAY:
                self._drop_link(node)    # Redis is away, or changes hands: that is what is tried here
        if found:
            self.record.samples.append(Sample(now(), found))

    async def members(self, family):
        """The sessionIds in a family's set that live, now."""
        prefix = self.families[family]
        key = prefix + "family_streams:" + family
        node = (await self.setup.locate([key]))[key]
        answer = await ask_once(node.port, "EVAL", LOOK, 1, key, prefix)
        return answer[::2]

    async def _look_at(self, node, families, found):
        link = await self._link(node)
        commands = [["EVAL", LOOK, 1, prefix + "family_streams:" + family, prefix] for family, prefix in families]
        answers = await link.ask_all(commands)
        for (family, _), answer in zip(families, answers):
            if isinstance(answer, list):
                found[family] = list(zip(answer[::2], answer[1::2]))
            elif str(answer).startswith("MOVED"):
                await self.setup.read_slots()
        await self._read_events(link, {prefix for _, prefix in families})

    async def _read_events(self, link, prefixes):
        for prefix in prefixes:
            stream = prefix + "stream_events"
            begin = "(" + self.read_to.get(stream, "0-0")
            answer, = await link.ask_all([["XRANGE", stream, begin, "+", "COUNT", 1000]])
            if not isinstance(answer, list):
                continue
            for number, fields in answer:
                entry = dict(zip(fields[::2], fields[1::2]))
                self.read_to[stream] = number
                self.record.events[entry["type"]] = self.record.events.get(entry["type"], 0) + 1
                if entry["type"] == "adopted":
                    self.record.adopted.setdefault(entry["sessionId"], now())

    async def _link(self, node):
        if node.port not in self.links:
            self.links[node.port] = await RespClient.connect(node.port)
        return self.links[node.port]

    def _drop_link(self, node):
        if node.port in self.links:
            self.links.pop(node.port).close()

    def close(self):
        for link in self.links.values():
            link.close()
