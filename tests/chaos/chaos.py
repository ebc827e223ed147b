#!/usr/bin/env python3
"""Breaks Redis and gateways under simulated viewers, and checks that the promises of DESIGN.md section 6 hold.

usage: chaos.py BINARY [--fault NAME]… [--quick | --full] [--json FILE] [--update README] [--keep DIR]

--quick plays the faults of a standalone Redis that every test run plays, shortened; --full all of them; without
either GATEWAY_LONG=1 says which. A --fault is played as in --full. --update writes the table into the README
between its marks, --json the figures. --keep keeps, of each fault, what was recorded and the logs. Exit code 0: no
promise was broken; 1: one was; 2: the suite could not do its work; 77: there is no redis-server.
"""
import argparse
import asyncio
import json
import os
import resource
import shutil
import sys

sys.dont_write_bytecode = True    # the tree stays as it is

import figures
from checker import HEALS, Checker
from faults import FAULTS
from storm import new_folder, play

PATIENCE_S = 180.0    # for one fault
SHOWN = 12            # violations of one fault


def read_arguments():
    usage = __doc__.split("usage: ")[1].split("\n\n")[0]
    parser = argparse.ArgumentParser(usage=usage, epilog="faults: " + ", ".join(spec.name for spec in FAULTS))
    parser.add_argument("binary", metavar="BINARY")
    parser.add_argument("--fault", action="append", metavar="NAME", choices=[spec.name for spec in FAULTS])
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true")
    extent.add_argument("--full", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--update", metavar="README")
    parser.add_argument("--keep", metavar="DIR")
    arguments = parser.parse_args()
    if not arguments.full and os.environ.get("GATEWAY_LONG") != "1":
        arguments.quick = arguments.quick or not arguments.fault
    if arguments.update and (arguments.quick or arguments.fault):
        parser.error("--update: the README shows all faults, as --full plays them")
    return arguments


async def play_in_time(arguments, spec, folder):
    async with asyncio.timeout(PATIENCE_S):
        return await play(arguments.binary, spec, arguments.quick, folder)


def play_one(arguments, spec):
    """Plays a fault and prints what came out; returns its report."""
    with new_folder() as folder:
        try:
            storm, wrong = asyncio.run(play_in_time(arguments, spec, folder))
        finally:
            if arguments.keep:
                keep(folder, os.path.join(arguments.keep, spec.name))
        checker = Checker(storm.record)
        checker.check()
        checker.violations += [(HEALS, line) for line in wrong]
        violations = checker.violations
        report = figures.measure(spec, storm, checker)
        if arguments.keep:
            storm.record.write(os.path.join(arguments.keep, spec.name, "record.jsonl"))
    print("%s %s: %s" % ("not ok -" if violations else "ok -", spec.name, describe(report)), flush=True)
    for promise, violation in violations[:SHOWN]:
        print("    %s: %s" % (promise, violation))
    if len(violations) > SHOWN:
        print("    and %d more" % (len(violations) - SHOWN))
    for rule, count in report["excused"].items():
        print("    excused %d times: %s" % (count, rule))
    sys.stdout.flush()
    return report


def describe(report):
    return ("%(requests)d requests by %(viewers)d viewers, the slowest answer %(longest answer ms)d ms, up again after "
            "%(up again after s).2f s, %(adopted)d adopted, %(most in its set)d streams of a family at most, "
            "%(asked after their end)d asked after their end, %(violations)d violations") % report


def keep(folder, target):
    """Copies logs alone: sockets can't be, and Redis' data tells nothing that the record doesn't."""
    os.makedirs(target, exist_ok=True)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        for source, goal in ((path, name), (os.path.join(path, "log"), name + ".log")):
            if source.endswith(("log",)) and os.path.isfile(source):
                shutil.copy(source, os.path.join(target, goal))


def main():
    arguments = read_arguments()
    arguments.binary = os.path.abspath(arguments.binary)
    if not os.access(arguments.binary, os.X_OK):
        print("chaos.py: %s can't be run" % arguments.binary, file=sys.stderr)
        sys.exit(2)
    if shutil.which("redis-server") is None:
        print("there is no redis-server")
        sys.exit(1 if os.environ.get("GATEWAY_NO_SKIP") == "1" else 77)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4096), hard), hard))
    chosen = [spec for spec in FAULTS
              if (spec.name in arguments.fault if arguments.fault else spec.quick or not arguments.quick)]
    reports = [play_one(arguments, spec) for spec in chosen]
    text = figures.table(reports)
    if not arguments.quick:
        print("\n" + text)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(reports, file, indent=1)
            file.write("\n")
    if arguments.update and not figures.update(arguments.update, text):
        print("chaos.py: %s has no <!-- chaos --> … <!-- /chaos -->" % arguments.update, file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if any(report["violations"] for report in reports) else 0)


if __name__ == "__main__":
    main()
