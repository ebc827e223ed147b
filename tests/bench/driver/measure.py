"""One measurement: load on a server, and what it cost whom."""
import json
import os
import statistics
import subprocess

from .servers import Failure, TICK


class Bench:
    """What all measurements share: where programs and files are, how long and how often."""

    def __init__(self, binaries, folder, source, seconds, runs, connections, settings):
        self.binaries = binaries        # folder of stream-gateway, bench_load, bench_floor, bench_micro
        self.folder = folder            # scratch
        self.source = source            # tests/bench
        self.seconds = seconds          # of a run
        self.runs = runs                # of each measurement; the median counts
        self.connections = connections  # unless a measurement says otherwise
        self.settings = settings        # GATEWAY_…, of every gateway
        self.number = 0                 # of the last folder or file

    def path(self, name):
        """A fresh name in the scratch folder."""
        self.number += 1
        return os.path.join(self.folder, "%03d-%s" % (self.number, name))

    def binary(self, name):
        return os.path.join(self.binaries, name)

    def load(self, ports, file, order="turn", expect=200, connections=None, seconds=None, count=None, rate=None,
             bodies=None):
        """Runs bench_load; its numbers. An answer that isn't what was expected voids all."""
        arguments = [self.binary("bench_load"), "--requests", file, "--order", order, "--expect", str(expect),
                     "--connections", str(connections or self.connections),
                     "--seconds", str(seconds or (self.seconds if count is None else 600))]
        for port in ports if isinstance(ports, list) else [ports]:
            arguments += ["--connect", "127.0.0.1:%d" % port]
        for option, value in (("--count", count), ("--rate", rate), ("--bodies", bodies)):
            if value is not None:
                arguments += [option, str(value)]
        done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Failure("void: %s%s" % (done.stderr[:600], done.stdout))
        return json.loads(done.stdout)

    def once(self, server, file, redis=None, check=None, **load):
        """One run. check(requests) raises Failure where they did not do what they were to do."""
        own, theirs = server.cpu(), redis.cpu() if redis else 0
        got = self.load(server.port, file, **load)
        own = server.cpu() - own
        theirs = redis.cpu() - theirs if redis else 0
        requests = got["requests"]
        if requests == 0:
            raise Failure("void: no request was answered")
        if check:
            check(requests)
        return {"requests": requests, "rate": got["rate"], "cpu_us": own * 1e6 / requests,
                "redis_us": theirs * 1e6 / requests if redis else None, "p50_us": got["p50_us"],
                "p99_us": got["p99_us"], "memory": server.memory(), "reconnects": got["reconnects"],
                "cpu_step_us": 1e6 / TICK / requests}

    def median(self, name, run):
        """Several runs; run(i) makes the i-th. Each figure is the median of its own."""
        return self.medians([(name, run)])[0]

    def medians(self, jobs):
        """Rows of several jobs (name, run) that take turns: what is compared with each other is measured within a
        second or two, since a machine that others use, too, is faster at one time than at another."""
        results = [[] for _ in jobs]
        voids = {}
        for i in range(self.runs):
            for n, (_, run) in enumerate(jobs):
                try:
                    if n not in voids:
                        results[n].append(run(i))
                except Failure as failure:
                    voids[n] = str(failure)
        return [{"name": name, "void": voids[n]} if n in voids else self._middle(name, results[n])
                for n, (name, _) in enumerate(jobs)]

    @staticmethod
    def _middle(name, results):
        row = {"name": name, "runs": len(results)}
        for key in results[0]:
            values = [result[key] for result in results if result[key] is not None]
            row[key] = statistics.median(values) if values else None
        row["cpu_us_spread"] = [min(r["cpu_us"] for r in results), max(r["cpu_us"] for r in results)]
        return row

    def warm(self, server, file, **load):
        self.load(server.port, file, **{**load, "seconds": 0.5, "rate": None, "count": None})
