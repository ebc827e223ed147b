"""Simulated viewers: each sticks to a gateway, creates a session, asks for segments and sends heartbeats, zaps, and
stops, falls asleep or crashes; it does with an answer what the README tells players to do.

Closed loop: a viewer asks again only once it was answered. It moves to another gateway when its own is gone, as
behind a balancer. Besides the viewers of a run there are relatives, who stop streams of their family from afar, an
operator, and ghosts, who go on asking with the tokens of streams that have ended.
"""
import asyncio
import collections
import json
import random

from gateways import ADMIN_TOKEN
from http_client import HttpClient
from operators import Operator
from record import Call, now

FAMILY_SIZES = (16, 12, 8, 5, 3, 2)
VIEWERS_A_DEVICE = 3
SEGMENT_S = (0.2, 0.5)            # between two segments
RETRY_S = (0.8, 1.6)              # after a refused create
GHOST_TASKS = 4


class Session:
    """One that was admitted, as its player knows it."""
    __slots__ = ("id", "token", "family", "device", "last_ok", "ended_at", "terminated")

    def __init__(self, document):
        self.id = document["sessionId"]
        self.token = document["token"]
        self.family = document["familyId"]
        self.device = document["deviceId"]
        self.last_ok = now()
        self.ended_at = 0.0       # when it was known to have ended
        self.terminated = False   # by an operator: for good


class Crowd:
    """All viewers, and what they share."""

    def __init__(self, count, gateways, record, prefix_of):
        self.gateways = gateways
        self.record = record
        self.settings = record.settings
        self.prefix_of = prefix_of
        self.families = {}        # name → key prefix
        self.watched = {}         # sessionId → Session, by who watches
        self.ended = collections.deque(maxlen=400)
        self.open = asyncio.Event()
        self.open.set()
        self.asking = 0           # requests under way
        self.tasks = []
        self.viewers = []
        family, left = -1, 0
        for _ in range(count):
            if left == 0:
                family += 1
                size = left = FAMILY_SIZES[family % len(FAMILY_SIZES)]
            self.viewers.append(Viewer(self, len(self.viewers), family, (size - left) // VIEWERS_A_DEVICE))
            left -= 1

    def start(self):
        self.tasks = [asyncio.create_task(viewer.live()) for viewer in self.viewers]
        self.tasks.append(asyncio.create_task(self._relative()))
        self.tasks.append(asyncio.create_task(Operator(self).work()))
        self.tasks += [asyncio.create_task(self._ghost()) for _ in range(GHOST_TASKS)]

    async def hold(self):
        """Nobody asks anything any more, until go_on."""
        self.open.clear()
        while self.asking > 0:
            await asyncio.sleep(0.005)

    def go_on(self):
        self.open.set()

    async def stop(self):
        """Ends all; raises what a viewer raised, which would be a fault of this suite."""
        for task in self.tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    def note_ended(self, session):
        if session.ended_at == 0.0:
            session.ended_at = now()
            self.ended.append(session)

    def note_terminated(self, session):
        session.terminated = True
        self.note_ended(session)

    def is_watched(self, session):
        return self.watched.get(session.id) is session

    async def ask(self, client, gateway, op, method, target, about, token=None, body=None, admin=False, **details):
        """One request, recorded. about: the Session, or (family, device); admin: it goes to the admin listener.
        Returns (Call, the JSON in the answer)."""
        await self.open.wait()
        family, device = (about.family, about.device) if isinstance(about, Session) else about
        headers = [("X-Stream-Token", token)] if token else []
        if admin:
            headers = [("Authorization", "Bearer " + ADMIN_TOKEN)]
        self.asking += 1
        start, life = now(), gateway.life
        try:
            answer = await client.ask(gateway.admin_path if admin else gateway.path, method, target, headers,
                                      None if body is None else json.dumps(body))
        finally:
            self.asking -= 1
        call = Call(start, now(), gateway.name, life, op, family, device, status=answer.status, lost=answer.lost,
                    session=about.id if isinstance(about, Session) else "", **details)
        document = json.loads(answer.body) if answer.body else {}
        call.reason = (answer.headers.get("x-stream-reason") or document.get("reason") or document.get("code", ""))
        call.active = document.get("active", 0)
        self.record.calls.append(call)
        return call, document

    async def _relative(self):
        """Now and then somebody stops a stream of the family, by whichever gateway."""
        client = HttpClient()
        while True:
            await asyncio.sleep(random.uniform(0.1, 0.3))
            gateway = self.gateways.choose()
            if gateway is None or not self.watched:
                continue
            session = random.choice(list(self.watched.values()))
            call, _ = await self.ask(client, gateway, "stop_by_family", "DELETE",
                                     "/v1/families/%s/sessions/%s" % (session.family, session.id), session)
            if call.status == 204:
                self.note_ended(session)

    async def _ghost(self):
        client = HttpClient()
        while True:
            await asyncio.sleep(random.uniform(0.05, 0.15))
            gateway = self.gateways.choose()
            if gateway is None or not self.ended:
                continue
            session = random.choice(self.ended)
            # Redis keeps the reason for two TTLs; what comes later may be a revival. An operator's word stands.
            if not session.terminated and now() > session.ended_at + 2 * self.settings.ttl - 2:
                self.ended.remove(session)
                continue
            await self.ask(client, gateway, "authorize", "GET", "/v1/authorize", session, session.token, ghost=True)


class Viewer:
    """One person with a device, and what they do all evening."""

    def __init__(self, crowd, number, family, device):
        self.crowd = crowd
        self.client = HttpClient()
        self.family = "family%d" % family
        self.device = "%s-device%d" % (self.family, device)
        self.user = "user%d" % number
        self.player = "player%d" % number if number % 2 else ""
        self.evicts = family % 5 == 1
        self.gateway = None

    async def live(self):
        await asyncio.sleep(random.uniform(0, 1.0))
        while True:
            session = await self.create()
            if session is None:
                await asyncio.sleep(random.uniform(*RETRY_S))
                continue
            await self.watch(session)
            self.crowd.watched.pop(session.id, None)
            await asyncio.sleep(random.uniform(0.2, 1.5))

    async def ask(self, *arguments, **details):
        """Asks the gateway that this viewer sticks to; one that is gone is left."""
        while self.gateway is None or not self.gateway.ready:
            self.gateway = self.crowd.gateways.choose()
            if self.gateway is None:
                await asyncio.sleep(0.05)
        gateway = self.gateway
        call, document = await self.crowd.ask(self.client, gateway, *arguments, **details)
        if call.status == 0:
            self.gateway = self.crowd.gateways.choose(but=gateway)
        return call, document

    async def create(self, replace=()):
        body = {"userId": self.user, "familyId": self.family, "deviceId": self.device, "mediaId": "m1"}
        evicts = self.evicts and random.random() < 0.1
        if self.player:
            body["playerId"] = self.player
        if evicts:
            body["onLimit"] = "evict_oldest"
        if replace:
            body["replace"] = list(replace)
        call, document = await self.ask("create", "POST", "/v1/sessions", (self.family, self.device), body=body,
                                        replace=tuple(replace), player=self.player, evicts=evicts)
        if call.status == 409 and not replace and random.random() < 0.05:
            ours = [stream["sessionId"] for stream in document["sessions"] if "sessionId" in stream]
            return await self.create((random.choice(ours),)) if ours else None
        if call.status != 201:
            return None
        session = Session(document)
        call.session = session.id
        self.crowd.watched[session.id] = session
        self.crowd.families.setdefault(self.family, self.crowd.prefix_of(session.id))
        return session

    async def watch(self, session):
        """Asks for segments until it is over, by this viewer's will or another's."""
        until = now() + random.uniform(1.5, 8)
        heartbeat_at = now() + self.crowd.settings.heartbeat_interval
        while now() < until:
            await asyncio.sleep(random.uniform(*SEGMENT_S))
            if random.random() < 0.005:      # a phone in a pocket: it comes back by its token
                await asyncio.sleep(random.uniform(3, 9))
            if now() >= heartbeat_at:
                heartbeat_at = now() + self.crowd.settings.heartbeat_interval
                zaps = random.random() < 0.2
                call, document = await self.ask(
                    "zap" if zaps else "heartbeat", "POST", "/v1/sessions/%s/heartbeat" % session.id, session,
                    session.token, body={"mediaId": "m%d" % random.randrange(9)} if zaps else None)
                session.token = document.get("token", session.token)
            else:
                call, _ = await self.ask("authorize", "GET", "/v1/authorize", session, session.token)
            if call.allowed:
                session.last_ok = call.end
            elif call.refused:
                if call.reason not in ("expired", "invalid_token"):
                    self.crowd.note_ended(session)
                return
        if random.random() < 0.15:           # a crash: nobody says goodbye
            return
        call, _ = await self.ask("stop", "DELETE", "/v1/sessions/%s" % session.id, session, session.token)
        if call.status == 204:
            self.crowd.note_ended(session)
