#!/usr/bin/env python3
"""Measures stream-gateway side by side with its peers and its floors; prints one table, and the ratios beside the
budgets. tests/bench/run.sh builds what it needs and calls it; README.md says how it measures.
"""
import argparse
import json
import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, SOURCE)

from driver import growth, markdown, micro, plot, rows, servers  # noqa: E402
from driver.measure import Bench  # noqa: E402
from driver.report import Report, budgets, machine, print_budgets  # noqa: E402

PARTS = ("micro", "floors", "redis", "memory", "half", "idle", "elsewhere", "sessions", "connections", "workers")

# seconds of a run, runs, sessions of the rows, then how far it grows
SIZES = {
    "smoke": (0.1, 1, 300, (100, 300), (1, 20), (1, 2), 100, 1000, 20),
    "quick": (0.3, 3, 20000, (1000, 20000), (1, 1000), (1, 2), 10000, 4000, 100),
    "full": (3, 5, 100000, (1000, 10000, 100000, 1000000), (1, 10, 100, 1000, 10000), (1, 2, 4), 10000, 20000, 500),
}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", required=True, help="the folder of stream-gateway, bench_load, bench_floor, bench_micro")
    parser.add_argument("--peers", help="the folder that peers/fetch.sh filled; without, nginx + Lua and webdis are left out")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="size", action="store_const", const="quick", help="short runs: under two minutes")
    size.add_argument("--smoke", dest="size", action="store_const", const="smoke",
                      help="a few hundred requests of each kind; fails where a row is void")
    parser.add_argument("--only", help="of %s, comma-separated" % ", ".join(PARTS))
    parser.add_argument("--seconds", type=float, help="of a run")
    parser.add_argument("--runs", type=int, help="of each measurement; the median counts")
    parser.add_argument("--sessions", type=int, help="of the population behind the rows")
    parser.add_argument("--growth", metavar="N,N,…", help="the numbers of sessions that cost is measured at")
    parser.add_argument("--connections", metavar="N,N,…", help="the numbers of connections")
    parser.add_argument("--workers", metavar="N,N,…", help="the numbers of workers")
    parser.add_argument("--setting", action="append", default=[], metavar="GATEWAY_NAME=VALUE", help="of every gateway")
    parser.add_argument("--json", metavar="FILE", help="writes all figures there")
    parser.add_argument("--markdown", metavar="FILE", help="writes them there as a README shows them")
    parser.add_argument("--svg", metavar="FILE", help="writes a picture of them there")
    parser.set_defaults(size="full")
    options = parser.parse_args(arguments)
    seconds, runs, sessions, grows, connections, workers, idle, mix_rate, rounds = SIZES[options.size]

    def numbers(text, default):
        return tuple(int(n) for n in text.split(",")) if text else default
    options.binaries = os.path.abspath(options.binaries)
    options.peers = options.peers and os.path.abspath(options.peers)
    options.seconds = options.seconds or seconds
    options.runs = options.runs or runs
    options.sessions = options.sessions or sessions
    options.growth = numbers(options.growth, grows)
    options.connections = numbers(options.connections, connections)
    options.workers = numbers(options.workers, workers)
    options.idle, options.mix_rate, options.rounds = idle, mix_rate, rounds
    options.only = options.only.split(",") if options.only else PARTS
    for part in options.only:
        if part not in PARTS:
            parser.error("--only: %s is none of %s" % (part, ", ".join(PARTS)))
    options.setting = dict(s.partition("=")[::2] for s in options.setting)
    if options.size == "smoke":  # a machine that is busy with other tests is no reason for a 503
        options.setting = {"GATEWAY_REDIS_TIMEOUT_MS": "20000", "GATEWAY_AUTHORIZE_TIMEOUT_MS": "20000", **options.setting}
    return options


def run(options, bench, report):
    wanted = set(options.only)
    if "micro" in wanted:
        micro.run(bench, report)
    if wanted & {"floors", "redis", "half", "elsewhere"}:
        with rows.World(bench, "redis", options.sessions) as world:
            if "floors" in wanted:
                rows.floors(bench, world, options.peers, report)
            if "redis" in wanted:
                rows.gateway_rows(bench, world, report, options.mix_rate)
            if "half" in wanted:
                growth.at_half_speed(bench, world, report.rows, rows.heartbeat_script(SOURCE), report)
            if "elsewhere" in wanted:
                growth.end_elsewhere(bench, world, options.rounds, report)
    if "memory" in wanted:
        with rows.World(bench, "memory", options.sessions) as world:
            rows.gateway_rows(bench, world, report, options.mix_rate)
    if "idle" in wanted:
        growth.idle_connections(bench, report, options.idle)
    for kind in ("redis", "memory"):
        if "connections" in wanted:
            growth.by_connections(bench, kind, options.connections, report)
        if "workers" in wanted:
            growth.by_workers(bench, kind, options.workers, options.sessions, options.mix_rate, report)
        if "sessions" in wanted:
            growth.by_sessions(bench, kind, options.growth, report)


def main(arguments):
    options = parse(arguments)
    servers.raise_descriptor_limit()
    report, started = Report(), time.time()
    folder = tempfile.mkdtemp(prefix="stream-gateway-bench.")
    bench = Bench(options.binaries, folder, SOURCE, options.seconds, options.runs, 20 if options.size == "smoke" else 64,
                  options.setting)
    about = dict(machine(), seconds=options.seconds, runs=options.runs, size=options.size, settings=options.setting)
    print("%(cpu)s, %(cores)d cores, kernel %(kernel)s, load %(load).1f; %(runs)d runs of %(seconds)g s" % about, flush=True)
    try:
        run(options, bench, report)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    lines = budgets(report) if options.size != "smoke" else []  # its runs are too short to say anything
    print_budgets(lines)
    print("\n%d rows, %d void, in %d s" % (len(report.rows), len(report.voids()), time.time() - started))
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": about, "rows": report.rows, "budgets": lines}, file, indent=1, ensure_ascii=False)
            file.write("\n")
    if options.markdown:
        with open(options.markdown, "w") as file:
            file.write(markdown.markdown(report.rows, lines))
    if options.svg:
        with open(options.svg, "w") as file:
            file.write(plot.plot(report.rows))
    return 1 if report.voids() or not report.rows else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except servers.Failure as failure:
        sys.exit("bench: %s" % failure)
