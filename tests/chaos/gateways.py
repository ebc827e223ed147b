"""The gateway processes of a run: they share a token key and one Redis, and a poller watches their /readyz."""
import asyncio
import json
import os
import random
import re
import subprocess

from child import spawn
from http_client import HttpClient
from record import State, now

POLL_S = 0.025
ADMIN_TOKEN = "chaos-" + os.urandom(16).hex()
SANITIZER = re.compile(r"(Address|Leak|Undefined|Thread).*Sanitizer|runtime error:")


class Gateway:
    """One gateway, over all its lives; always at the same unix socket."""

    def __init__(self, name, binary, folder, environment):
        self.name = name
        self.binary = binary
        self.life = 0
        self.state = "down"
        self.ready = False       # what a balancer would think; who denies is asked all the same
        self.path = os.path.join(folder, name + ".sock")
        self.admin_path = os.path.join(folder, name + "-admin.sock")
        self.log_path = os.path.join(folder, name + ".log")
        self.environment = dict(environment)
        self.environment.update({
            "GATEWAY_PLAYER_LISTEN": "unix:" + self.path,
            "GATEWAY_ADMIN_LISTEN": "unix:" + self.admin_path,
            "GATEWAY_STATE_DIR": os.path.join(folder, name)})
        self.process = None

    def start(self):
        self.life += 1
        with open(self.log_path, "ab") as log:
            self.process = spawn([self.binary], env=self.environment, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.ready = False

    def stop(self):
        """Ends it as an operator would; returns what was wrong with that, or with its log."""
        wrong = []
        if self.process.poll() is not None:
            wrong.append("%s ended by itself, status %d" % (self.name, self.process.returncode))
        self.process.terminate()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if status != 0 and not wrong:
            wrong.append("%s: status %d after SIGTERM" % (self.name, status))
        wrong += ["%s: %s" % (self.name, line) for line in self.log() if SANITIZER.search(line)]
        return wrong

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()


class Gateways:
    """All of them, and who is ready."""

    def __init__(self, count, binary, folder, settings, redis_environment, record):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("GATEWAY_", "REDIS_"))}
        environment.update({
            "GATEWAY_TOKENS_KEYS": os.urandom(32).hex(),
            "GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN,
            "GATEWAY_REDIS_ON_OUTAGE": settings.on_outage,
            "GATEWAY_WORKERS": "2",
            "GATEWAY_SESSION_TTL": str(int(settings.ttl)),
            "GATEWAY_SESSION_HEARTBEAT_INTERVAL": str(int(settings.heartbeat_interval)),
            "GATEWAY_LIMITS_FAMILY": str(settings.family_limit),
            "GATEWAY_LIMITS_DEVICE": str(settings.device_limit),
            "GATEWAY_LIMITS_DISPLACE_AFTER": str(int(settings.displace_after)),
            "GATEWAY_LIMITS_EVICT_COOLDOWN": "2",
            "GATEWAY_RATE_LIMIT_CREATE": "0",
            "GATEWAY_REDIS_TIMEOUT_MS": str(int(settings.redis_timeout * 1000)),
            "GATEWAY_AUTHORIZE_TIMEOUT_MS": str(int(settings.authorize_timeout * 1000)),
            "GATEWAY_LOG_LEVEL": "info"})
        environment.update(redis_environment)
        self.record = record
        self.ready_at = (200, 503) if settings.on_outage == "deny" else (200,)
        self.all = [Gateway("g%d" % i, binary, folder, environment) for i in range(count)]
        self.pollers = []

    def __getitem__(self, index):
        return self.all[index]

    def start(self):
        for gateway in self.all:
            gateway.start()
            self.pollers.append(asyncio.create_task(self._poll(gateway)))

    async def stop(self):
        """Stops pollers and gateways; returns what was wrong."""
        for poller in self.pollers:
            poller.cancel()
        await asyncio.gather(*self.pollers, return_exceptions=True)
        loop = asyncio.get_running_loop()
        wrong = await asyncio.gather(*[loop.run_in_executor(None, gateway.stop) for gateway in self.all])
        return [line for lines in wrong for line in lines]

    def choose(self, but=None):
        """A gateway that is ready, not this one if there is another; None where none is."""
        ready = [gateway for gateway in self.all if gateway.ready and gateway is not but]
        if not ready and but is not None and but.ready:
            return but
        return random.choice(ready) if ready else None

    def are(self, state):
        return all(gateway.state == state for gateway in self.all)

    async def wait(self, state, patience):
        """Waits until all show this state; returns whether they do, in as many seconds."""
        until = now() + patience
        while not self.are(state) and now() < until:
            await asyncio.sleep(POLL_S / 2)
        return self.are(state)

    async def _poll(self, gateway):
        client = HttpClient()
        try:
            while True:
                life = gateway.life
                answer = await client.ask(gateway.path, "GET", "/readyz", patience=2.0)
                state = "down"
                if answer.status in (200, 503):
                    state = json.loads(answer.body)["store"]["state"]
                gateway.ready = answer.status in self.ready_at and life == gateway.life
                if state != gateway.state and life == gateway.life:
                    gateway.state = state
                    self.record.states.append(State(now(), gateway.name, life, state))
                await asyncio.sleep(POLL_S)
        finally:
            client.close()
