"""How cost grows: with sessions, with connections, with workers. And what idle connections and an end on another
gateway cost."""
import http.client
import statistics
import subprocess
import time

from . import traffic
from .rows import TTL_S, World, WritesCheck, mix, stopping
from .servers import Failure, Floor, Gateway

IDLE_CONNECTIONS = 10000


def short(number):
    for size, letter in ((1000000, "M"), (1000, "k")):
        if number >= size and number % size == 0:
            return "%d%s" % (number // size, letter)
    return str(number)


def measure(bench, world, what, sessions, **load):
    """A row of one kind over all of these sessions, at random."""
    format_one = {"heartbeat": traffic.heartbeat, "authorize": traffic.authorize}[what]
    file = traffic.write_requests(bench.path(what), map(format_one, sessions))
    check = WritesCheck(world.redis, world, []) if what == "heartbeat" and world.redis else None
    try:
        bench.warm(world.gateway, file, order="random", **load)
        if check:
            check.note()
    except Failure as failure:
        return {"name": what, "void": str(failure)}
    return bench.median(what, lambda i: bench.once(world.gateway, file, world.redis, check, order="random", **load))


def by_sessions(bench, kind, sizes, report):
    with World(bench, kind, 0) as world:
        sessions, number = [], 0
        for size in sizes:
            sessions += world.populate(traffic.family_members(size - len(sessions), number), size - len(sessions))
            number = size
            held = world.redis.used_memory() - world.empty_redis if world.redis else world.gateway.memory() - world.empty
            for what in ("heartbeat", "authorize"):
                row = measure(bench, world, what, sessions)
                row["bytes_a_session"] = held / size
                row["name"] += ", %s sessions" % short(size)
                report("%s.sessions.%d.%s" % (kind, size, what), row)
            # Creates beside them, each into an empty family; they stay, and count for the next size.
            count = int(bench.seconds * 40000)

            def create(i):
                first = 20000000 + number * 10 + i * count
                file = traffic.write_requests(bench.path("creates"), traffic.creates(first, count))
                return bench.once(world.gateway, file, world.redis, order="once", expect=201, seconds=bench.seconds)
            if size in (sizes[0], sizes[-1]):
                report("%s.sessions.%d.create" % (kind, size), bench.median("create, %s sessions" % short(size), create))


def by_connections(bench, kind, counts, report):
    with World(bench, kind, 1000) as world:
        for count in counts:
            for what in ("heartbeat", "authorize"):
                row = measure(bench, world, what, world.sessions, connections=count)
                row["name"] += ", %s connections" % short(count)
                report("%s.connections.%d.%s" % (kind, count, what), row)


def by_workers(bench, kind, counts, sessions, mix_rate, report):
    for count in counts:
        with World(bench, kind, sessions, workers=count) as world:
            name = ", %d worker%s" % (count, "s" if count > 1 else "")
            for what in ("heartbeat", "authorize"):
                row = measure(bench, world, what, world.sessions[:1000])
                row["name"] += name
                report("%s.workers.%d.%s" % (kind, count, what), row)
            row = mix(bench, world, mix_rate)
            row["name"] += name
            report("%s.workers.%d.mix" % (kind, count), row)


def idle_connections(bench, report, count=IDLE_CONNECTIONS):
    """Memory of a gateway with so many kept-alive connections, each of which has asked once."""
    name = "%s idle connections" % short(count)
    with World(bench, "memory", 100) as world:
        file = traffic.write_requests(bench.path("asks"), map(traffic.authorize, world.sessions))
        load = subprocess.Popen(
            [bench.binary("bench_load"), "--connect", "127.0.0.1:%d" % world.gateway.port, "--requests", file,
             "--connections", str(count), "--count", str(count), "--seconds", "60", "--hold"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = load.stdout.readline()
        memory = world.gateway.memory()
        _, complaint = load.communicate()
        if load.returncode != 0:
            report("idle_connections", {"name": name, "void": complaint[:300] or line})
        else:
            report("idle_connections", {"name": name, "memory": memory, "bytes_each": (memory - world.empty) / count,
                                        "connections": count})


def at_half_speed(bench, world, rows, script, report):
    """p99 at half of the top throughput, beside a floor's at the very same rate: what authorize has beside it is
    libmicrohttpd's empty answer, a heartbeat the prototype, in which Redis' own time is."""
    cases = (("authorize", "authorize_hot", traffic.authorize, traffic.authorize, None),
             ("heartbeat", "heartbeat", traffic.heartbeat, traffic.peer_heartbeat, world.redis))
    for what, row, ours, theirs, redis in cases:
        top = rows.get("%s.%s" % (world.kind, row), {}).get("rate")
        if not top:
            continue
        sessions, rate = world.sessions[:1000], top / 2
        mine = traffic.write_requests(bench.path("half"), map(ours, sessions))
        others = traffic.write_requests(bench.path("half"), map(theirs, sessions))
        with stopping(Floor(bench.binary("bench_floor"), bench.path("floor"), redis, script, TTL_S)) as floor:
            bench.warm(floor, others)
            report("half.%s.floor" % what, bench.median("floor of %s at half speed" % what, lambda i: bench.once(
                floor, others, redis, order="random", rate=rate)))
        bench.warm(world.gateway, mine)
        report("half.%s" % what, bench.median("%s at half speed" % what, lambda i: bench.once(
            world.gateway, mine, redis, order="random", rate=rate)))


def end_elsewhere(bench, world, rounds, report):
    """How long it takes from a stop's answer on one gateway until another refuses the next segment, which it has
    allowed a moment before."""
    other = Gateway(bench.binary("stream-gateway"), bench.path("other"), world.redis, bench.settings, TTL_S)
    waits = []
    with stopping(other):
        sessions = world.populate(traffic.creates(30000000, rounds), rounds)
        here = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=10)
        there = http.client.HTTPConnection("127.0.0.1", other.port, timeout=10)

        def ask(session):
            there.request("GET", "/v1/authorize", headers={"X-Stream-Token": session.token.decode()})
            answer = there.getresponse()
            answer.read()
            return answer.status
        for session in sessions:
            if ask(session) != 200:
                raise Failure("a session that lives was refused")
            here.request("DELETE", "/v1/sessions/" + session.id.decode(), headers={"X-Stream-Token": session.token.decode()})
            answer = here.getresponse()
            answer.read()
            ended = time.monotonic()
            while ask(session) != 403:
                if time.monotonic() - ended > 5:
                    report("end_elsewhere", {"name": "end, elsewhere", "void": "still allowed after 5 s"})
                    return
            waits.append((time.monotonic() - ended) * 1000)
    waits.sort()
    report("end_elsewhere", {"name": "end on one gateway until another refuses", "median_ms": statistics.median(waits),
                             "p99_ms": waits[int(len(waits) * 0.99)], "max_ms": waits[-1], "rounds": len(waits)})
