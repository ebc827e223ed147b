"""Redis as it is run: standalone, under sentinels, as a cluster. Each knows its masters and what a gateway is told."""
import asyncio
import subprocess

from record import now
from redis_node import RedisNode
from resp import RespError, ask_once, hash_slot

MASTER_NAME = "streams"
AWAY = (OSError, EOFError, RespError)   # what asking a node may raise while things change


async def until(condition, patience, what):
    """Waits for an async condition."""
    deadline = now() + patience
    while True:
        try:
            if await condition():
                return
        except AWAY:
            pass
        if now() > deadline:
            raise OSError("in %d s it didn't come that %s" % (patience, what))
        await asyncio.sleep(0.05)


class Setup:
    """What all have. nodes: the servers that hold data; others: sentinels.

    masters() tells who serves writes now, locate(keys) which of them has which key, as far as that is known.
    """

    def __init__(self):
        self.nodes = []
        self.others = []

    def stop(self):
        for node in self.nodes + self.others:
            node.kill()


class Standalone(Setup):
    kind = "standalone"

    def __init__(self, folder, starts=True):
        super().__init__()
        self.starts = starts
        # Every write is on disk before it is answered: what was told survives a kill.
        self.node = RedisNode(folder, "redis", {"appendonly": "yes", "appendfsync": "always"})
        self.nodes = [self.node]

    def environment(self):
        return {"GATEWAY_REDIS_URL": "redis://127.0.0.1:%d" % self.node.port}

    async def start(self):
        if self.starts:
            await self.node.come_up()

    async def masters(self):
        return [self.node]

    async def locate(self, keys):
        return {key: self.node for key in keys if self.node.alive}


class Sentinel(Setup):
    """A master with two replicas, watched by three sentinels."""
    kind = "sentinel"
    needs = "redis_sentinels"

    def __init__(self, folder, liars=()):
        super().__init__()
        self.liars = list(liars)  # ports that are told to the gateways before the honest sentinels'
        options = {"appendonly": "yes", "min-replicas-to-write": 1, "min-replicas-max-lag": 3,
                   "repl-diskless-sync-delay": 0, "repl-ping-replica-period": 1}
        master = RedisNode(folder, "redis0", options)
        self.nodes = [master]
        for i in (1, 2):
            self.nodes.append(RedisNode(folder, "redis%d" % i,
                                        {**options, "replicaof": "127.0.0.1 %d" % master.port}))
        config = ("sentinel monitor {0} 127.0.0.1 {1} 2\nsentinel down-after-milliseconds {0} 1000\n"
                  "sentinel failover-timeout {0} 5000\nsentinel parallel-syncs {0} 2\n"
                  ).format(MASTER_NAME, master.port)
        self.others = [RedisNode(folder, "sentinel%d" % i, {}, config) for i in range(3)]

    def environment(self):
        ports = self.liars + [node.port for node in self.others]
        return {"GATEWAY_REDIS_SENTINELS": ",".join("127.0.0.1:%d" % port for port in ports),
                "GATEWAY_REDIS_SENTINEL_MASTER": MASTER_NAME}

    async def start(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            await node.wait()
        await until(self._is_replicated, 15, "both replicas follow the master")
        for node in self.others:
            node.start()
        for node in self.others:
            await node.wait()
        await until(self._is_watched, 15, "the sentinels know each other and the replicas")

    async def _is_replicated(self):
        text = await ask_once(self.nodes[0].port, "INFO", "replication")
        return text.count("state=online") == len(self.nodes) - 1

    async def _is_watched(self):
        for node in self.others:
            answer = await ask_once(node.port, "SENTINEL", "MASTER", MASTER_NAME)
            fields = dict(zip(answer[::2], answer[1::2]))
            if fields["num-slaves"] != "2" or fields["num-other-sentinels"] != "2":
                return False
        return True

    async def masters(self):
        """The one that the most of the sentinels name and that says so itself."""
        for node in self.others:
            if not node.alive:
                continue
            _, port = await ask_once(node.port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)
            for candidate in self.nodes:
                if candidate.port == int(port) and candidate.alive:
                    role = await ask_once(candidate.port, "ROLE")
                    if role[0] == "master":
                        return [candidate]
        return []

    async def locate(self, keys):
        master, = await self.masters() or [None]
        return {key: master for key in keys if master is not None}


class Cluster(Setup):
    """Three masters with a replica each, or with none."""
    kind = "cluster"
    needs = "redis_cluster"

    def __init__(self, folder, replicas=1):
        super().__init__()
        self.replicas = replicas
        options = {"appendonly": "yes", "cluster-enabled": "yes", "cluster-node-timeout": 1000,
                   "cluster-require-full-coverage": "no", "cluster-migration-barrier": 5,
                   "repl-diskless-sync-delay": 0, "repl-ping-replica-period": 1,
                   "cluster-replica-validity-factor": 0}
        self.nodes = [RedisNode(folder, "redis%d" % i, options) for i in range(3 + 3 * replicas)]
        self.slots = []           # (first, last, node) as they were when asked last

    def environment(self):
        return {"GATEWAY_REDIS_URL": "redis://127.0.0.1:%d" % self.nodes[0].port,
                "GATEWAY_REDIS_CLUSTER": "true"}

    async def start(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            await node.wait()
        addresses = ["127.0.0.1:%d" % node.port for node in self.nodes]
        await self.cli("--cluster", "create", *addresses, "--cluster-replicas", str(self.replicas), "--cluster-yes")
        await until(self._is_whole, 20, "the cluster is whole")

    async def cli(self, *arguments, patience=60.0):
        """redis-cli's word on a cluster; returns what it printed."""
        process = await asyncio.create_subprocess_exec("redis-cli", *arguments, stdin=subprocess.DEVNULL,
                                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            async with asyncio.timeout(patience):
                text, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            raise OSError("redis-cli %s: %s" % (" ".join(arguments), text.decode()))
        return text.decode()

    async def agree(self):
        """Waits until all nodes tell the same about the slots, as redis-cli wants it before it moves any."""
        async def do_agree():
            text = await self.cli("--cluster", "check", "127.0.0.1:%d" % self.nodes[0].port)
            return "[OK] All nodes agree" in text
        await until(do_agree, 20, "the nodes agree about the slots")

    async def _is_whole(self):
        for node in self.nodes:
            info = await ask_once(node.port, "CLUSTER", "INFO")
            if "cluster_state:ok" not in info or "cluster_known_nodes:%d" % len(self.nodes) not in info:
                return False
        await self.read_slots()
        for master in await self.masters():
            if (await ask_once(master.port, "INFO", "replication")).count("state=online") != self.replicas:
                return False
        return sum(last - first + 1 for first, last, _ in self.slots) == 16384

    async def read_slots(self):
        """Asks every node that answers; the newest configuration wins where they differ."""
        by_port = {node.port: node for node in self.nodes}
        best = []
        for node in self.nodes:
            if not node.alive:
                continue
            try:
                epoch = int((await ask_once(node.port, "CLUSTER", "INFO"))
                            .split("cluster_current_epoch:")[1].split("\r")[0])
                ranges = await ask_once(node.port, "CLUSTER", "SLOTS")
            except AWAY:
                continue
            if not best or epoch > best[0]:
                best = (epoch, [(first, last, by_port[address[1]]) for first, last, address, *_ in ranges])
        if best:
            self.slots = best[1]

    async def masters(self):
        if not self.slots:
            await self.read_slots()
        return sorted({node for _, _, node in self.slots}, key=lambda node: node.name)

    async def locate(self, keys):
        found = {}
        for key in keys:
            slot = hash_slot(key)
            for first, last, node in self.slots:
                if first <= slot <= last and node.alive:
                    found[key] = node
        if len(found) < len(keys):
            await self.read_slots()      # for the next time
        return found

    async def node_id(self, node):
        return await ask_once(node.port, "CLUSTER", "MYID")
