"""The catalogue of faults: what is broken, in which set-up, and what is done to mend it, if anything must be."""
import asyncio
import dataclasses
import random

from liar import Liar
from record import now
from redis_setups import Cluster, Sentinel, Standalone, until

OUTAGE_S = 5.0          # longer than the silence after which a stream gives way
QUICK_OUTAGE_S = 2.5
LONG_OUTAGE_S = 9.0     # longer than a session's TTL
FAILOVER_S = 20.0       # from a master's death until all gateways are up, at most


@dataclasses.dataclass
class FaultSpec:
    name: str           # on the command line
    title: str          # in the table
    setup: object       # folder → Setup
    inject: object      # async (storm, quick)
    quick: bool = False
    on_outage: str = "fallback"    # redis.on_outage


def seconds(quick):
    return QUICK_OUTAGE_S if quick else OUTAGE_S


# ---- Standalone ----

async def redis_stopped(storm, quick, for_s=None):
    fault = storm.break_it("Redis stopped")
    storm.setup.node.pause()
    await asyncio.sleep(for_s or seconds(quick))
    storm.setup.node.go_on()
    await storm.heal(fault)


async def redis_stopped_long(storm, quick):
    await redis_stopped(storm, quick, LONG_OUTAGE_S)


async def redis_stopped_often(storm, _quick):
    """Four short stops, each before all is well again."""
    faults = []
    for _ in range(4):
        faults.append(storm.break_it("Redis stopped again"))
        storm.setup.node.pause()
        await asyncio.sleep(random.uniform(0.5, 1.2))
        storm.setup.node.go_on()
        faults[-1].mended = now()
        await asyncio.sleep(random.uniform(0.1, 0.6))
    await storm.heal(*faults)


async def redis_killed(storm, quick):
    fault = storm.break_it("Redis killed")
    storm.setup.node.kill()
    await asyncio.sleep(seconds(quick))
    await storm.setup.node.come_up()
    await storm.heal(fault)


async def redis_killed_at_once(storm, _quick):
    fault = storm.break_it("Redis killed, started at once")
    storm.setup.node.kill()
    await storm.setup.node.come_up()
    await storm.heal(fault)


def kill_with_its_data(storm):
    storm.setup.node.kill()
    storm.lose()
    storm.setup.node.forget()


async def redis_lost(storm, quick):
    fault = storm.break_it("Redis killed, its data gone")
    kill_with_its_data(storm)
    await asyncio.sleep(seconds(quick))
    await storm.setup.node.come_up()
    await storm.heal(fault)


async def redis_never_there(storm, quick):
    fault = storm.break_it("Redis not there")
    await asyncio.sleep(seconds(quick))
    await storm.setup.node.come_up()
    await storm.heal(fault)


async def gateway_killed(storm, quick):
    gateway = storm.gateways[0]
    fault = storm.break_it("a gateway killed", gateway)
    gateway.kill()
    await asyncio.sleep(1.0 if quick else 3.0)
    gateway.start()
    await storm.heal(fault)


async def gateway_killed_in_outage(storm, quick):
    """The gateway dies with what it let in; it starts again while Redis is still away."""
    outage = storm.break_it("Redis stopped")
    storm.setup.node.pause()
    await asyncio.sleep(seconds(quick) / 2)
    gateway = storm.gateways[0]
    death = storm.break_it("a gateway killed as well", gateway)
    gateway.kill()
    await asyncio.sleep(0.5)
    gateway.start()
    await asyncio.sleep(seconds(quick) / 2)
    storm.setup.node.go_on()
    await storm.heal(outage, death)


async def both_killed(storm, quick):
    gateway = storm.gateways[0]
    faults = [storm.break_it("a gateway and Redis killed, its data gone"),
              storm.break_it("a gateway killed", gateway)]
    gateway.kill()
    kill_with_its_data(storm)
    await asyncio.sleep(seconds(quick))
    gateway.start()
    await storm.setup.node.come_up()
    await storm.heal(*faults)


# ---- Masters ----

def break_master(storm, name, by):
    """A master is gone, and with it what it hadn't passed on yet; by: what makes it go."""
    fault = storm.break_it(name, bound=FAILOVER_S)
    storm.lose(storm.record.settings.replication)
    by()
    return fault


async def return_as_master(storm, old):
    """A master that was stopped, and replaced, comes back and thinks for a while that it still is one."""
    await asyncio.sleep(1.5)
    returned = storm.break_it("the old master is back")
    old.go_on()
    await asyncio.sleep(3)
    await storm.heal(returned)


# ---- Sentinel ----

async def new_master(storm, old):
    """Waits until the sentinels have made another node the master."""
    async def is_there():
        masters = await storm.setup.masters()
        return bool(masters) and masters[0] is not old
    await until(is_there, 30, "the sentinels name a new master")


async def master_killed(storm, _quick):
    master, = await storm.setup.masters()
    fault = break_master(storm, "the master killed", master.kill)
    await new_master(storm, master)
    await storm.heal(fault)


async def master_stopped(storm, _quick):
    master, = await storm.setup.masters()
    fault = break_master(storm, "the master stopped", master.pause)
    await new_master(storm, master)
    await storm.heal(fault)
    await return_as_master(storm, master)


async def sentinel_killed(storm, _quick):
    """The gateways' first sentinel is dead, and then the master dies: the others must do."""
    storm.setup.others[0].kill()
    await master_killed(storm, _quick)


async def sentinel_lies(storm, quick):
    """The first sentinel names a replica for the master, before and after a failover."""
    liar = storm.setup.liar
    liar.named = storm.setup.nodes[1].port
    await master_killed(storm, quick)
    storm.figures["asked the liar"] = liar.asked


class SentinelWithLiar(Sentinel):
    """A sentinel that lies is named to the gateways before the honest ones."""

    def __init__(self, folder):
        self.liar = Liar()
        super().__init__(folder, liars=[self.liar.port])
        self.liar.named = self.nodes[1].port

    async def start(self):
        await super().start()
        await self.liar.start()

    def stop(self):
        self.liar.stop()
        super().stop()


# ---- Cluster ----

async def promoted(storm):
    """Waits until a replica has taken the place of the master that is gone."""
    async def is_replaced():
        await storm.setup.read_slots()
        return all(node.alive for node in await storm.setup.masters())
    await until(is_replaced, 30, "its replica is promoted")


async def cluster_master_killed(storm, _quick):
    master = (await storm.setup.masters())[0]
    fault = break_master(storm, "a master killed", master.kill)
    await promoted(storm)
    await storm.heal(fault)


async def cluster_node_lost(storm, _quick):
    """Without a replica its families are served by the gateways until it is back with its data."""
    master = (await storm.setup.masters())[1]
    fault = break_master(storm, "a master without a replica killed", master.kill)
    await asyncio.sleep(OUTAGE_S)
    await master.come_up()
    await storm.heal(fault)


async def cluster_master_stopped(storm, _quick):
    master = (await storm.setup.masters())[2]
    fault = break_master(storm, "a master stopped", master.pause)
    await promoted(storm)
    await storm.heal(fault)
    await return_as_master(storm, master)


async def cluster_slots_moved(storm, _quick):
    """2,000 slots go from one master to another and 2,000 of a third's to the first, under load: no outage at all."""
    first, second, third = await storm.setup.masters()
    for source, target in ((first, second), (third, first)):
        await storm.setup.agree()
        moved = await storm.setup.cli(
            "--cluster", "reshard", "127.0.0.1:%d" % first.port, "--cluster-from", await storm.setup.node_id(source),
            "--cluster-to", await storm.setup.node_id(target), "--cluster-slots", "2000", "--cluster-yes")
        storm.figures["slots moved"] = storm.figures.get("slots moved", 0) + moved.count("\nMoving slot")
    await storm.setup.read_slots()


FAULTS = [
    FaultSpec("redis-stopped", "Redis stopped for 5 s (SIGSTOP)", Standalone, redis_stopped, quick=True),
    FaultSpec("redis-stopped-long", "Redis stopped for 9 s, longer than a session's TTL", Standalone,
              redis_stopped_long),
    FaultSpec("redis-stopped-often", "Redis stopped four times within 5 s", Standalone, redis_stopped_often),
    FaultSpec("redis-killed", "Redis killed (SIGKILL), started 5 s later with its data", Standalone, redis_killed,
              quick=True),
    FaultSpec("redis-killed-at-once", "Redis killed, started at once with its data", Standalone,
              redis_killed_at_once),
    FaultSpec("redis-lost", "Redis killed, started 5 s later without its data", Standalone, redis_lost, quick=True),
    FaultSpec("redis-never-there", "Gateways and viewers start 5 s before Redis",
              lambda folder: Standalone(folder, starts=False), redis_never_there),
    FaultSpec("redis-stopped-deny", "Redis stopped for 5 s, `on_outage` is `deny`", Standalone, redis_stopped,
              on_outage="deny"),
    FaultSpec("redis-killed-allow", "Redis killed, started 5 s later with its data, `on_outage` is `allow`", Standalone,
              redis_killed, on_outage="allow"),
    FaultSpec("gateway-killed", "A gateway killed, started 3 s later", Standalone, gateway_killed, quick=True),
    FaultSpec("gateway-killed-in-outage", "Redis stopped for 5 s; meanwhile a gateway killed and started",
              Standalone, gateway_killed_in_outage),
    FaultSpec("both-killed", "A gateway and Redis killed at once, started 5 s later without Redis' data",
              Standalone, both_killed),
    FaultSpec("sentinel-master-killed", "Sentinel: the master killed", Sentinel, master_killed),
    FaultSpec("sentinel-master-stopped", "Sentinel: the master stopped, failed over, and back as a replica",
              Sentinel, master_stopped),
    FaultSpec("sentinel-killed", "Sentinel: the first sentinel killed, then the master", Sentinel, sentinel_killed),
    FaultSpec("sentinel-lies", "Sentinel: the first sentinel names a replica, and the master is killed",
              SentinelWithLiar, sentinel_lies),
    FaultSpec("cluster-master-killed", "Cluster: a master killed, its replica promoted", Cluster,
              cluster_master_killed),
    FaultSpec("cluster-master-stopped", "Cluster: a master stopped, failed over, and back as a replica", Cluster,
              cluster_master_stopped),
    FaultSpec("cluster-node-lost", "Cluster: a master without a replica killed, started 5 s later",
              lambda folder: Cluster(folder, replicas=0), cluster_node_lost),
    FaultSpec("cluster-slots-moved", "Cluster: 4,000 slots moved", Cluster, cluster_slots_moved),
]
