#!/usr/bin/env python3
"""Attacks the gateway while a viewer watches: each attack must get bounded answers or closed connections, memory must
stay bounded, and the viewer must be served throughout without a refusal.

usage: hostile.py BINARY [--attack NAME]… [--sanitized] [--update README]

--sanitized leaves out the bound on memory, which a sanitizer needs more of. --update puts the table between the
README's <!-- attacks --> marks. Exit code 0: nothing succeeded; 1: something did; 2: the suite could not do its work;
77: there is no slowhttptest.
"""
import argparse
import inspect
import os
import resource
import sys
import time

sys.dont_write_bytecode = True    # the tree stays as it is

import attacks_connections
import attacks_requests
import attacks_slowhttptest
import table
from gateway import Gateway, MemoryWatch
from viewer import LEAST_ASKED, Viewer
from wire import Wrong, ask, connect, request


class Limits:
    """What the gateway is set to, and what it must keep to."""
    request_s = 2.0            # http.request_timeout_ms
    idle_s = 3.0               # http.idle_timeout
    grown_bytes = 512 << 20    # memory, in any one attack: 10,000 connections of 48 KB (http.header_limit and half as much)
    log_bytes = 512 << 10      # in the flood of forged tokens


SETTINGS = {"GATEWAY_HTTP_REQUEST_TIMEOUT_MS": str(int(Limits.request_s * 1000)),
            "GATEWAY_HTTP_IDLE_TIMEOUT": str(int(Limits.idle_s)), "GATEWAY_COOKIE_ENABLED": "true",
            "GATEWAY_AUTHORIZE_TOKEN_PATH": "/s/{token}/"}

ATTACKS = (attacks_connections.slow_headers, attacks_connections.slow_bodies, attacks_connections.slow_readers,
           attacks_connections.idle_connections, attacks_connections.pipelined, attacks_connections.endless,
           attacks_connections.large_heads, attacks_requests.creates, attacks_requests.forged, attacks_requests.bodies,
           attacks_requests.injection, attacks_slowhttptest.slowhttptest)


def steps(attack, gateway):
    """An attack is one step, or several that it yields; each is (what was tried, what it got)."""
    if inspect.isgeneratorfunction(attack):
        yield from attack(gateway, Limits)
    else:
        yield attack(gateway, Limits)


def play(attack, gateway, sanitized, lines):
    """Plays an attack with a viewer of its own; returns what was wrong."""
    wrong = []
    viewer = Viewer(gateway.address, *gateway.create("viewers of " + attack.__name__))
    begin = time.monotonic()
    found = []
    with MemoryWatch(gateway) as memory:
        try:
            for step in steps(attack, gateway):
                found.append(step)
        except (Wrong, OSError) as error:
            wrong.append("%s: %s" % (type(error).__name__, error))
    viewer.stop()
    if viewer.refusals:
        wrong.append("the viewer was refused %d times of %d: %s" % (len(viewer.refusals), viewer.asked, viewer.refusals[0]))
    if viewer.asked < LEAST_ASKED:
        wrong.append("the viewer could ask no more than %d times" % viewer.asked)
    if memory.grown > Limits.grown_bytes and not sanitized:
        wrong.append("the gateway grew by %d MB" % (memory.grown >> 20))
    try:
        with connect(gateway.address) as connection:
            if ask(connection, request("GET", "/healthz")).status != 200:
                wrong.append("afterwards it isn't healthy")
    except (Wrong, OSError) as error:
        wrong.append("afterwards: %s" % error)
    for index, (tried, got) in enumerate(found):
        lines.append((tried, got) + (("%d MB" % (memory.grown >> 20), "%d of %s, %d ms" % (
            len(viewer.refusals), format(viewer.asked, ","), viewer.longest_s * 1000)) if index == 0 else ("″", "″")))
    print("%s %s (%.1f s, +%d MB; viewer %d requests, %d refused, %d ms at most)" % (
        "not ok -" if wrong else "ok -", attack.__name__, time.monotonic() - begin, memory.grown >> 20, viewer.asked,
        len(viewer.refusals), viewer.longest_s * 1000))
    for tried, got in found:
        print("    %s: %s" % (tried, got))
    for line in wrong:
        print("    WRONG: " + line)
    sys.stdout.flush()
    return wrong


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0],
                                     epilog="attacks: " + ", ".join(attack.__name__ for attack in ATTACKS))
    parser.add_argument("binary", metavar="BINARY")
    parser.add_argument("--attack", action="append", metavar="NAME", choices=[attack.__name__ for attack in ATTACKS])
    parser.add_argument("--sanitized", action="store_true")
    parser.add_argument("--update", metavar="README")
    arguments = parser.parse_args()
    if arguments.update and arguments.attack:
        parser.error("--update: the README shows all attacks")
    if not attacks_slowhttptest.available():
        print("there is no slowhttptest")
        sys.exit(1 if os.environ.get("GATEWAY_NO_SKIP") == "1" else 77)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if attacks_connections.idle_count() < 1000:
        print("hostile.py: %d files may be open, many connections need more" % hard, file=sys.stderr)
        sys.exit(2)
    gateway = Gateway(os.path.abspath(arguments.binary), **SETTINGS)
    lines, wrong = [], []
    for attack in ATTACKS:
        if not arguments.attack or attack.__name__ in arguments.attack:
            wrong += play(attack, gateway, arguments.sanitized, lines)
    ended = gateway.stop()
    for line in ended:
        print("not ok - " + line)
    text = table.rows(("attack", "what it got", "memory grew by", "viewer meanwhile: refused, slowest answer"), lines)
    print("\n" + text)
    if arguments.update and not table.update(arguments.update, "attacks", text):
        print("hostile.py: %s has no <!-- attacks --> … <!-- /attacks -->" % arguments.update, file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if wrong or ended else 0)


if __name__ == "__main__":
    main()
