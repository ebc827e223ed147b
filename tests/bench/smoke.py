#!/usr/bin/env python3
"""The benchmark's smoke test: that its programs still do what they are for, on the gateway that was just built. No
speed is asserted.

usage: smoke.py bench|viewers FOLDER   (the folder of the built programs)
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, SOURCE)

import bench  # noqa: E402
from driver import servers  # noqa: E402

# A session's life in seconds instead of minutes, so that all of it is seen.
FAST = {"GATEWAY_SESSION_TTL": "6", "GATEWAY_SESSION_HEARTBEAT_INTERVAL": "2", "GATEWAY_LIMITS_DISPLACE_AFTER": "5",
        "GATEWAY_SESSION_HEARTBEAT_MIN_INTERVAL": "1", "GATEWAY_RATE_LIMIT_CREATE": "0",
        # a machine that is busy with other tests is no outage
        "GATEWAY_REDIS_TIMEOUT_MS": "20000", "GATEWAY_AUTHORIZE_TIMEOUT_MS": "20000"}
VIEWERS = ["--viewers", "300", "--seconds", "8", "--ramp", "1", "--segment", "0.2", "--session", "2", "--pause", "0.3",
           "--ttl", "6", "--displace-after", "5", "--progress", "0"]


def need(program):
    if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is not None:
        return
    if os.environ.get("GATEWAY_NO_SKIP") == "1":
        sys.exit("no %s; run deploy/install-deps.sh --tests" % program)
    print("skipped: no %s" % program)
    sys.exit(77)


def watch(folder, gateways, *more):
    """Viewers on these gateways; their exit status."""
    connect = [word for gateway in gateways for word in ("--connect", "127.0.0.1:%d" % gateway.port)]
    return subprocess.run([os.path.join(folder, "bench_viewers"), *connect, *VIEWERS, *more]).returncode


def viewers(folder):
    scratch = tempfile.mkdtemp(prefix="stream-gateway-viewers.")
    binary, statuses, running = os.path.join(folder, "stream-gateway"), [], []

    def gateway(name, redis, settings=FAST):
        running.append(servers.Gateway(binary, os.path.join(scratch, name), redis, settings, 6, workers=2))
        return running[-1]
    try:
        running.append(servers.Redis(os.path.join(scratch, "redis")))
        redis = running[0]
        print("the embedded store", flush=True)
        statuses.append(watch(folder, [gateway("memory", None)]))
        print("two gateways on one Redis", flush=True)
        statuses.append(watch(folder, [gateway("first", redis), gateway("second", redis)]))
        # That it would find something: a gateway that lets twelve of a family watch at once.
        print("a gateway with other limits than the viewers were told", flush=True)
        loose = gateway("loose", None, dict(FAST, GATEWAY_LIMITS_FAMILY="12", GATEWAY_LIMITS_DEVICE="3"))
        statuses.append(0 if watch(folder, [loose], "--seconds", "3") == 1 else 1)
        for server in running:
            server.stop()
            if server is not redis and server.process.returncode != 0:
                with open(server.log) as log:
                    print(log.read())
                statuses.append(1)
    finally:
        for server in running:
            server.stop()
        shutil.rmtree(scratch, ignore_errors=True)
    return 1 if any(statuses) else 0


def main(what, folder):
    need("redis-server")
    need("nginx")
    need("redis-benchmark")
    if what == "viewers":
        return viewers(folder)
    return bench.main(["--binaries", folder, "--smoke"])


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except servers.Failure as failure:
        sys.exit("not ok - %s" % failure)
