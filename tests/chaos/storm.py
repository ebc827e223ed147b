"""One run: a Redis, gateways, viewers, a fault, and what is looked at while it lasts and when it is over."""
import asyncio
import os
import re
import tempfile

from gateways import Gateways
from http_client import HttpClient
from record import Audit, Fault, Loss, Record, Settings, now
from sampler import Sampler
from timeline import SETTLING_S
from viewers import Crowd

LAG_PERIOD_S = 0.01
LAG_MIN_S = 0.02
STEADY_S = 0.3        # for which all gateways must be up to count as up again
AUDITED_ENDS = 60


class Storm:
    """What a fault has to do with: the set-up, the gateways, and the record of what it did."""

    def __init__(self, binary, folder, setup, settings, gateways=3, viewers=240):
        self.folder = folder
        self.setup = setup
        self.record = Record(settings)
        self.gateways = Gateways(gateways, binary, folder, self.record.settings, setup.environment(), self.record)
        prefix = (lambda session: "{%s}:" % session[:2]) if setup.kind == "cluster" else (lambda session: "")
        self.crowd = Crowd(viewers, self.gateways, self.record, prefix)
        self.sampler = Sampler(setup, self.crowd.families, self.record)
        self.figures = {}       # what a fault found out beside

    # ---- For faults ----

    def break_it(self, name, gateway=None, bound=10.0):
        """Notes that something is broken now."""
        fault = Fault(now(), name, gateway.name if gateway else "", gateway.life if gateway else 0, bound=bound)
        self.record.faults.append(fault)
        return fault

    def lose(self, seconds=None):
        """Notes that Redis forgets what it was told within so many seconds, or ever."""
        self.record.losses.append(Loss(0.0 if seconds is None else now() - seconds, now()))

    async def heal(self, *faults):
        """From now on it can heal by itself: waits until all gateways are up, and notes since when they are."""
        mended = now()
        for fault in faults:
            fault.mended = fault.mended or mended
        until = mended + max(fault.bound for fault in faults) + 5
        while now() < until:
            changed = self.record.states[-1].time
            if self.gateways.are("up") and now() > max(changed, mended) + STEADY_S:
                for fault in faults:
                    fault.up = max(changed, fault.mended)
                return
            await asyncio.sleep(0.02)

    # ---- The run ----

    async def run(self, fault, warm_up, after):
        """Plays a fault; returns what went wrong beside what the checker will find."""
        tasks, wrong = [], []
        try:
            await self.setup.start()
            self.gateways.start()
            first = "up" if getattr(self.setup, "starts", True) else "fallback"
            if not await self.gateways.wait(first, 20):
                raise OSError("the gateways aren't %s: %s" % (first, [g.state for g in self.gateways.all]))
            self.record.ready = now()
            tasks = [asyncio.create_task(self._measure_lag()), asyncio.create_task(self.sampler.run())]
            self.crowd.start()
            if first == "up":
                await asyncio.sleep(warm_up)
            await fault(self)
            up = max((fault.up for fault in self.record.faults), default=now())
            await asyncio.sleep(max(0.0, up + SETTLING_S - now()))
            await self._audit()
            await asyncio.sleep(after)
            await self._audit()
            await self.crowd.stop()
        finally:
            for task in tasks + self.crowd.tasks:
                task.cancel()
            await asyncio.gather(*tasks, *self.crowd.tasks, return_exceptions=True)
            self.sampler.close()
            wrong = await self.gateways.stop()
            self.setup.stop()
        return wrong

    async def _measure_lag(self):
        while True:
            begun = now()
            await asyncio.sleep(LAG_PERIOD_S)
            lag = now() - begun - LAG_PERIOD_S
            if lag > LAG_MIN_S:
                self.record.lags.append((now(), lag))

    # ---- Do the gateways agree? ----

    async def _audit(self):
        """Asks every gateway the same while nobody else asks anything; lists must also be what Redis holds."""
        await self.crowd.hold()
        try:
            settings = self.record.settings
            for family in list(self.crowd.families):
                await self._compare(family, self._list)
            ended = [session for session in self.crowd.ended
                     if session.terminated or now() < session.ended_at + 2 * settings.ttl - 3]
            live = [session for session in self.crowd.watched.values()
                    if now() < session.last_ok + settings.ttl - settings.heartbeat_interval - 1]
            for session in live + ended[-AUDITED_ENDS:]:
                await self._compare(session, self._authorize)
        finally:
            self.crowd.go_on()

    async def _compare(self, subject, ask):
        """Asks again where they differ: a stream that crashed may have expired between two of them."""
        for _ in range(3):
            answers = {gateway.name: await ask(gateway, subject) for gateway in self.gateways.all}
            if ask == self._list:
                answers["redis"] = told_as_list(await self.sampler.members(subject))
            if len(set(answers.values())) == 1:
                break
        self.record.audits.append(Audit(now(), getattr(subject, "id", subject), answers))

    async def _list(self, gateway, family):
        client = HttpClient()
        answer = await client.ask(gateway.path, "GET", "/v1/families/%s/sessions" % family)
        client.close()
        sessions = [found.decode() for found in re.findall(rb'"sessionId":\s*"([^"]*)"', answer.body)]
        return told_as_list(sessions) if answer.status == 200 else str(answer.status)

    async def _authorize(self, gateway, session):
        client = HttpClient()
        answer = await client.ask(gateway.path, "GET", "/v1/authorize", [("X-Stream-Token", session.token)])
        client.close()
        return "%d %s" % (answer.status, answer.headers.get("x-stream-reason", ""))


def told_as_list(sessions):
    return "200 " + " ".join(sorted(sessions))


async def play(binary, spec, quick, folder):
    """Runs one fault of the catalogue in this folder; returns its Storm and what went wrong."""
    setup = spec.setup(folder)
    storm = Storm(binary, folder, setup, Settings(on_outage=spec.on_outage), viewers=150 if quick else 240)
    wrong = await storm.run(lambda storm: spec.inject(storm, quick), 1.5 if quick else 3, 1.5 if quick else 4)
    return storm, wrong


def new_folder():
    """In memory where that can be: Redis waits for the disk at each write, and a busy one would be an outage."""
    memory = "/dev/shm"
    return tempfile.TemporaryDirectory(prefix="chaos-", dir=memory if os.access(memory, os.W_OK | os.X_OK) else None)
