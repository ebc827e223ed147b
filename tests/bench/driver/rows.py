"""What is measured: the floors, the peers, and the gateway on both stores."""
import contextlib
import os
import re
import subprocess

from . import traffic
from .servers import Failure, Floor, Gateway, Nginx, Redis, Webdis, http_once

TTL_S = 3600  # long enough for nothing to expire while it is measured
SCRIPT_PARTS = ("lib/time.lua", "lib/text_now.lua", "lib/online.lua", "heartbeat.lua")


def heartbeat_script(source):
    """The gateway's own, as it is embedded in it."""
    folder = os.path.join(source, "../../gateway/store/scripts")
    text = b""
    for part in SCRIPT_PARTS:
        with open(os.path.join(folder, part), "rb") as file:
            text += file.read()
    return text


class World:
    """Redis, a gateway on it, and sessions; or a gateway on its embedded store."""

    def __init__(self, bench, kind, sessions, workers=1, settings=None, prefix=()):
        self.bench, self.kind, self.redis = bench, kind, None
        self.workers, self.settings, self.prefix = workers, dict(bench.settings, **(settings or {})), prefix
        self.servers = []
        try:
            if kind == "redis":
                self.redis = Redis(bench.path("redis"))
                self.servers.append(self.redis)
            self.empty_redis = self.redis.used_memory() if self.redis else 0
            self.gateway = None
            self.start_gateway()
            self.empty = self.gateway.memory()
            self.sessions = self.populate(traffic.family_members(sessions), sessions)
        except BaseException:
            self.close()
            raise

    def start_gateway(self):
        """A gateway, in the place of the one before."""
        if self.gateway:
            self.gateway.stop()
            self.servers.remove(self.gateway)
        self.gateway = Gateway(self.bench.binary("stream-gateway"), self.bench.path("gateway"), self.redis, self.settings,
                               TTL_S, self.prefix, self.workers)
        self.servers.append(self.gateway)

    def populate(self, requests, count):
        """Creates sessions by these requests, all of which must succeed; returns them in the order of their answers."""
        if count == 0:
            return []
        file = traffic.write_requests(self.bench.path("creates"), requests)
        bodies = self.bench.path("bodies")
        self.bench.load(self.gateway.port, file, order="once", expect=201, count=count, bodies=bodies, connections=32)
        sessions = traffic.read_sessions(bodies)
        os.unlink(file)
        os.unlink(bodies)
        return sessions

    def last_heartbeat(self, session):
        """As the store has it."""
        if self.redis:
            return (self.redis.command("GET", b"session:" + session.id) or "")[-26:-2]
        answer = http_once(self.gateway.port, b"GET /v1/sessions/%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                           b"X-Stream-Token: %s\r\n\r\n" % (session.id, session.token))
        found = re.search(rb'"lastHeartbeat":"([^"]*)"', answer)
        return found.group(1).decode() if found else ""

    def close(self):
        for server in reversed(self.servers):
            server.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class WritesCheck:
    """That every heartbeat was written: counts Redis' SETRANGEs, or looks at a sample of sessions."""

    def __init__(self, redis, world, sample):
        self.redis, self.world, self.sample = redis, world, sample
        self.note()

    def note(self):
        self.before = self.redis.calls("setrange") if self.redis else [self.world.last_heartbeat(s) for s in self.sample]

    def __call__(self, requests):
        if self.redis:
            written = self.redis.calls("setrange") - self.before
            if written < requests:
                raise Failure("void: %d heartbeats were answered, %d reached Redis" % (requests, written))
        elif any(self.world.last_heartbeat(s) <= b for s, b in zip(self.sample, self.before)):
            raise Failure("void: a heartbeat that was answered did not reach the store")
        self.note()


# ---- floors and peers ----

def floors(bench, redis_world, peers, report):
    """Everything that the gateway is compared with, over the same sessions."""
    redis, sessions = redis_world.redis, redis_world.sessions[:1000]
    script = heartbeat_script(bench.source)
    sha = redis.command("SCRIPT", "LOAD", script)
    template = os.path.join(bench.source, "peers/nginx.conf")
    beats = traffic.write_requests(bench.path("beats"), map(traffic.peer_heartbeat, sessions))
    web = traffic.write_requests(bench.path("web"), map(traffic.webdis_heartbeat(sha, TTL_S), sessions))

    def row(key, name, start, file, expect=200, ask_redis=False):
        try:
            with stopping(start()) as server:
                check = WritesCheck(redis, redis_world, sessions) if ask_redis else None
                bench.warm(server, file, expect=expect)
                if check:
                    check.note()
                report(key, bench.median(name, lambda i: bench.once(
                    server, file, redis if ask_redis else None, check, order="random", expect=expect)))
        except (Failure, OSError) as failure:
            report(key, {"name": name, "void": str(failure)})

    row("floor.prototype", "libmicrohttpd + one pipelined EVALSHA",
        lambda: Floor(bench.binary("bench_floor"), bench.path("prototype"), redis, script, TTL_S), beats, ask_redis=True)
    if peers:
        row("peer.nginx_lua", "nginx + Lua", lambda: Nginx(bench.path("nginx-lua"), template, peers, redis, sha, TTL_S),
            beats, ask_redis=True)
        row("peer.webdis", "webdis", lambda: Webdis(bench.path("webdis"), peers, redis), web, ask_redis=True)
    redis_benchmark(bench, sha, script, report)


@contextlib.contextmanager
def stopping(server):
    try:
        yield server
    finally:
        server.stop()


FILL = """
local value = '{"userId":"user-0000001","mediaId":"title-00001","deviceId":"device-0000001",'
  .. '"familyId":"family-0000001","startedAt":"2026-11-20T23:40:00.123Z","lastHeartbeat":"2026-11-20T23:40:00.123Z"}'
for i = 0, 999 do
  local name = string.format('%012d', i)
  redis.call('SET', 'session:' .. name, value, 'PX', 3600000)
  redis.call('SADD', 'family_streams:' .. name, name)
  redis.call('SADD', 'device_streams:' .. name, name)
end
"""


def redis_benchmark(bench, sha, script, report):
    """What Redis alone takes: the script, EXISTS and GET, 64 commands a write."""
    any_of = "%s:__rand_int__"
    commands = {
        "floor.redis_script": ("Redis, the heartbeat's script", [
            "EVALSHA", sha, "4", any_of % "session", any_of % "session_end", any_of % "family_streams",
            any_of % "device_streams", "", str(TTL_S * 1000), "__rand_int__", "0"]),
        "floor.redis_exists": ("Redis, EXISTS", ["EXISTS", any_of % "session"]),
        "floor.redis_get": ("Redis, GET", ["GET", any_of % "session"]),
    }
    with stopping(Redis(bench.path("redis-alone"))) as redis:
        redis.command("EVAL", FILL, "0")
        redis.command("SCRIPT", "LOAD", script)
        for key, (name, words) in commands.items():
            count = int(bench.seconds * (150000 if words[0] == "EVALSHA" else 800000))

            def run(_):
                before, calls = redis.cpu(), redis.calls(words[0].lower())
                done = subprocess.run(["redis-benchmark", "-p", str(redis.port), "-c", "8", "-P", "64", "-n", str(count),
                                       "-r", "1000", "-q", "--csv", *words], stdout=subprocess.PIPE, text=True)
                cpu, served = redis.cpu() - before, redis.calls(words[0].lower()) - calls
                figures = re.findall(r'"([\d.]+)"', done.stdout)
                if done.returncode != 0 or served < count or not figures:
                    raise Failure("void: redis-benchmark said %r, Redis served %d of %d" % (done.stdout, served, count))
                return {"requests": served, "rate": float(figures[0]), "cpu_us": cpu * 1e6 / served, "redis_us": None,
                        "p50_us": None, "p99_us": None, "memory": redis.memory()}
            report(key, bench.median(name, run))


# ---- the gateway ----

def mix(bench, world, rate):
    """A row: as many viewers as make this rate with a segment every 4 s and a heartbeat a minute; and of how many
    segments the cache of answers knew."""
    viewers = min(len(world.sessions), int(rate * 4 * 15 / 16))
    rate = viewers / 4 * 16 / 15
    requests = list(traffic.mix(world.sessions[:viewers], traffic.rng()))

    def run(_):
        file = traffic.write_requests(bench.path("mix"), requests)
        got = bench.once(world.gateway, file, world.redis, seconds=2 * bench.seconds, rate=rate)
        os.unlink(file)
        # The next run goes on where this one ended: nobody is asked about again before 4 s are over.
        done = got["requests"] % len(requests)
        requests[:] = requests[done:] + requests[:done]
        return got
    before = world.gateway.authorizes()
    row = bench.median("mix, %s viewers" % format(viewers, ","), run)
    asked = {cache: count - before.get(cache, 0) for cache, count in world.gateway.authorizes().items()}
    row["asked_rate"] = rate
    if world.redis:
        row["name"] += ", %.0f %% from the cache" % (100 * asked.get("hit", 0) / max(1, sum(asked.values())))
    return row


class GatewayRows:
    """The gateway's rows on one store."""

    def __init__(self, bench, world, report):
        self.bench, self.world, self.report_to = bench, world, report
        self.rng = traffic.rng()
        self.created = 1000000  # number of the next create

    def report(self, what, name, run):
        row = self.bench.median(name, run)
        self.report_to("%s.%s" % (self.world.kind, what), row)
        return row

    def file(self, name, requests):
        return traffic.write_requests(self.bench.path(name), requests)

    def steady(self, what, name, file, check=None, **load):
        """A row whose requests may be sent again and again."""
        gateway = self.world.gateway
        try:
            self.bench.warm(gateway, file, **load)
        except Failure as failure:
            self.report_to("%s.%s" % (self.world.kind, what), {"name": name, "void": str(failure)})
            return
        if check:
            check.note()
        self.report(what, name, lambda i: self.bench.once(gateway, file, self.world.redis, check, **load))

    def fresh(self, what, name, make, count, expect):
        """A row whose requests count once: each run has its own, and a pause of the clock in between."""
        def run(i):
            file = make(count)
            try:
                return self.bench.once(self.world.gateway, file, self.world.redis, order="once", expect=expect,
                                       seconds=self.bench.seconds)
            finally:
                os.unlink(file)
        self.report(what, name, run)

    def heartbeat(self):
        sessions = self.world.sessions[:1000]
        self.steady("heartbeat", "heartbeat", self.file("beats", map(traffic.heartbeat, sessions)),
                    # In turn, so that the first, which are looked at, are always reached.
                    WritesCheck(self.world.redis, self.world, sessions[:20]))

    def authorize(self):
        """Allowed and refused, in turns with the floors, which are sent the same requests."""
        bench, gateway, sessions = self.bench, self.world.gateway, self.world.sessions[:1000]
        doomed = self.world.populate(traffic.creates(self._numbers(1000), 1000), 1000)
        stops = self.file("stops", map(traffic.stop, doomed))
        bench.load(gateway.port, stops, order="once", expect=204, count=len(doomed))
        hot = self.file("hot", map(traffic.authorize, sessions))
        ended = self.file("ended", map(traffic.authorize, doomed))
        forged = self.file("forged", (traffic.authorize(s, traffic.forged(s, self.rng)) for s in sessions for _ in range(20)))
        with stopping(Floor(bench.binary("bench_floor"), bench.path("floor"))) as bare, \
                stopping(Nginx(bench.path("nginx"), os.path.join(bench.source, "peers/nginx.conf"))) as nginx:
            jobs = (("authorize_hot", "authorize, seen before", gateway, hot, 200),
                    ("authorize_floor", "libmicrohttpd, empty 200", bare, hot, 200),
                    ("authorize_nginx", "nginx, return 204", nginx, hot, 204),
                    ("authorize_ended", "authorize, ended (403)", gateway, ended, 403),
                    ("authorize_forged", "authorize, forged (401)", gateway, forged, 401))
            for _, _, server, file, expect in jobs:
                bench.warm(server, file, order="random", expect=expect)

            def run(server, file, expect):
                redis = self.world.redis if server is gateway else None
                return lambda i: bench.once(server, file, redis, order="random", expect=expect)
            rows = bench.medians([(name, run(server, file, expect)) for _, name, server, file, expect in jobs])
        for (what, *_), row in zip(jobs, rows):
            self.report_to("%s.%s" % (self.world.kind, what), row)

    def authorize_first(self):
        """Tokens that this gateway has never seen: on Redis it is started anew, and asked about a population that
        it didn't create; on the embedded store they were created, and never asked about."""
        count = int(self.bench.seconds * 50000)

        def make(count):
            sessions = self.world.populate(traffic.family_members(count, self._numbers(count)), count)
            if self.world.redis:
                self.world.start_gateway()
                hot = self.file("hot", map(traffic.authorize, self.world.sessions[:1000]))
                self.bench.warm(self.world.gateway, hot)
            return self.file("first", map(traffic.authorize, sessions))
        self.fresh("authorize_first", "authorize, first sight", make, count, 200)

    def authorize_mix(self, rate):
        self.report_to("%s.authorize_mix" % self.world.kind, mix(self.bench, self.world, rate))

    def create(self):
        self.fresh("create", "create", lambda count: self.file("creates", traffic.creates(self._numbers(count), count)),
                   int(self.bench.seconds * 40000), 201)

    def refusal(self):
        families = 100
        self.world.populate(traffic.full_families(families), families * 10)
        file = self.file("refused", traffic.creates_into(families, 100000))
        self.steady("refusal", "create, family full (409)", file, order="turn", expect=409)

    def heartbeat_logged(self):
        """What the log's default level costs: a line a heartbeat, into a file."""
        sessions = self.world.sessions[:1000]
        file = self.file("beats", map(traffic.heartbeat, sessions))
        with self.setting("GATEWAY_LOG_LEVEL", "info"):
            self.steady("heartbeat_logged", "heartbeat, logged", file)

    @contextlib.contextmanager
    def setting(self, name, value):
        """The gateway with another setting, for a while."""
        before = dict(self.world.settings)
        self.world.settings[name] = value
        self.world.start_gateway()
        yield
        self.world.settings = before
        self.world.start_gateway()

    def _numbers(self, count):
        first = self.created
        self.created += count
        return first


def gateway_rows(bench, world, report, mix_rate):
    rows = GatewayRows(bench, world, report)
    rows.heartbeat()
    rows.authorize()
    rows.authorize_mix(mix_rate)
    rows.create()
    rows.refusal()
    if world.redis:
        rows.heartbeat_logged()
    rows.authorize_first()
