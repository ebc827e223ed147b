#!/usr/bin/env python3
"""Counts the gateway's instructions a request, by function: valgrind's callgrind over the release build.

usage: profile.py FOLDER [--requests N] [--only authorize,heartbeat,create] [--store redis,memory] [--top N]

FOLDER is that of the built programs (tests/bench/run.sh leaves them in build/bench). Instructions are steady from run to run and from machine to
machine, which times are not; what the kernel does isn't in them. For where time goes, kernel included:
perf record -e cpu-clock --call-graph dwarf -p PID, while bench_load runs.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, SOURCE)

from driver import rows, servers, traffic  # noqa: E402
from driver.measure import Bench  # noqa: E402

CONNECTIONS = 16
LINE = re.compile(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+(.*)$")


def requests_of(world, what, count):
    """A file of requests, and what they are to be answered."""
    if what == "create":
        return traffic.write_requests(world.bench.path(what), traffic.creates(5000000, 2 * count)), 201
    format_one = traffic.authorize if what == "authorize" else traffic.heartbeat
    return traffic.write_requests(world.bench.path(what), map(format_one, world.sessions)), 200


def functions(out, inclusive):
    """(instructions, function) of a callgrind file, most first."""
    text = subprocess.run(["callgrind_annotate", "--threshold=99.9", "--inclusive=" + ("yes" if inclusive else "no"), out],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    found, total = [], 0
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        count, name = int(match.group(1).replace(",", "")), match.group(2)
        if name == "PROGRAM TOTALS":
            total = count
            continue
        name = re.sub(r"^\S*?([^/:]+\.(?:c|S|h)):", r"\1:", re.sub(r" \[.*/(.*)\]$", r" [\1]", name))
        found.append((count, re.sub(r"^\?\?\?:", "", name)))
    return total, found


def profile(bench, kind, what, count, top):
    out = bench.path("callgrind")
    prefix = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=" + out, "-q")
    settings = {"GATEWAY_REDIS_TIMEOUT_MS": "20000", "GATEWAY_AUTHORIZE_TIMEOUT_MS": "20000"}
    with rows.World(bench, kind, 200, settings=settings, prefix=prefix) as world:
        pid = str(world.gateway.process.pid)
        file, expect = requests_of(world, what, count)
        load = dict(order="once" if what == "create" else "random", expect=expect, connections=CONNECTIONS)
        # Creates count once: the second half of the file is for what is counted.
        bench.load(world.gateway.port, file, count=count // 4, **load)
        if what == "create":
            file = traffic.write_requests(bench.path(what), traffic.creates(7000000, count))
        subprocess.run(["callgrind_control", "-i", "on", pid], stdout=subprocess.DEVNULL, check=True)
        bench.load(world.gateway.port, file, count=count, **load)
        subprocess.run(["callgrind_control", "-i", "off", pid], stdout=subprocess.DEVNULL, check=True)
    total, own = functions(out, False)
    _, with_callees = functions(out, True)
    print("\n%s, %s: %s instructions a request" % (what, kind, format(total // count, ",")))
    print("  %9s  %s" % ("alone", "function"))
    for instructions, name in own[:top]:
        print("  %9d  %s" % (instructions // count, name))
    print("  %9s  %s" % ("with what it calls", "function"))
    for instructions, name in with_callees[:3 * top]:
        print("  %9d  %s" % (instructions // count, name))
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--only", default="authorize,heartbeat,create")
    parser.add_argument("--store", default="redis,memory")
    parser.add_argument("--top", type=int, default=25)
    options = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="stream-gateway-profile.")
    bench = Bench(os.path.abspath(options.folder), scratch, SOURCE, 600, 1, CONNECTIONS, {})
    try:
        for kind in options.store.split(","):
            for what in options.only.split(","):
                profile(bench, kind, what, options.requests, options.top)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except servers.Failure as failure:
        sys.exit("profile: %s" % failure)
