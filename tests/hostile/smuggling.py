#!/usr/bin/env python3
"""Sends requests that can be read in two ways to the gateway, directly or through a proxy, and looks whether anybody
is given another's answer, or the gateway sees a request that the proxy doesn't.

usage: smuggling.py NAME GATEWAY_PORT PORT LOG [RESULTS]    NAME: of the proxy that listens at PORT
       smuggling.py --directly BINARY [RESULTS]             to a gateway that it starts
       smuggling.py --table RESULTS README

LOG is the gateway's, at level debug. RESULTS is a folder for what each run found, of which --table makes the README's
table between its <!-- smuggling --> marks. Exit code 0: nobody was misled; 1: somebody was.
"""
import collections
import json
import os
import re
import sys
import time

sys.dont_write_bytecode = True    # the tree stays as it is

import table
from gateway import Gateway
from smuggling_cases import REFUSED, TWO, Names, cases
from wire import PATIENCE_S, Wrong, ask, connect, request, talk

VICTIMS = 3
DIRECTLY = "directly"
QUIET_S = 0.5    # after which nothing more is thought to come


class Target:
    """Where requests go, and the gateway's log of what arrived."""

    def __init__(self, gateway_port, port, log_path):
        self.address = ("127.0.0.1", port)
        self.host = "127.0.0.1:%d" % port
        self.log_path = log_path
        self.families = 0
        self.gateway = ("127.0.0.1", gateway_port)

    def create(self):
        self.families += 1
        name = "smuggling %d %d" % (self.address[1], self.families)
        body = json.dumps({"userId": name, "familyId": name, "deviceId": name, "mediaId": "film"})
        with connect(self.gateway) as connection:
            answer = ask(connection, request("POST", "/v1/sessions", body=body))
        document = json.loads(answer.body)
        return document["sessionId"], document["token"]

    def log_end(self):
        return os.path.getsize(self.log_path)

    def arrived(self, since):
        """The gateway's lines about requests since then."""
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            file.seek(since)
            return [line for line in file.read().splitlines() if " request " in line]

    def await_idle(self, since):
        """Waits until a request of our own, sent after all others, is in the log."""
        mark = "mark-%d" % time.monotonic_ns()
        with connect(self.gateway) as connection:
            ask(connection, request("GET", "/healthz", [("X-Request-Id", mark)]))
        until = time.monotonic() + PATIENCE_S
        while not any("id=" + mark in line for line in self.arrived(since)) and time.monotonic() < until:
            time.sleep(0.01)


def _of(answers, session):
    return sum(b'"sessionId":"%s"' % session.encode() in answer.body for answer in answers)


def _look_at_victims(target, session, token):
    """Others ask, over connections of their own, for what is theirs."""
    for _ in range(VICTIMS):
        with connect(target.address) as connection:
            text = request("GET", "/v1/sessions/" + session, [("X-Stream-Token", token)]).replace(b"Host: gateway", b"Host: " + target.host.encode())
            answer = ask(connection, text)
        if answer.status != 200 or _of([answer], session) != 1:
            raise Wrong("the next client was given another's answer: %d %r" % (answer.status, answer.body[:100]))


def attempt(target, name, sessions):
    """Sends one; returns what came back and how many inner requests were seen by the gateway."""
    names = Names(target.host, sessions[0], sessions[1])
    text, expected = next((text, expected) for case, text, expected in cases(names) if case == name)
    since = target.log_end()

    def inner_seen():
        return sum("session=%s " % sessions[1][0] in line for line in target.arrived(since))

    def settled(answers):
        return len(answers) > 0 and inner_seen() <= _of(answers, sessions[1][0])

    try:
        result = talk(target.address, [text.encode("latin-1")], quiet=QUIET_S, settled=settled)
    except OSError as error:
        raise Wrong("no connection: %s" % error) from None
    _look_at_victims(target, *sessions[2])
    target.await_idle(since)
    lines = target.arrived(since)
    inner = inner_seen()
    if inner != _of(result.answers, sessions[1][0]):
        raise Wrong("the gateway saw %d inner requests, whose sender got %d answers to them"
                    % (inner, _of(result.answers, sessions[1][0])))
    return result, inner, expected, lines


def judge_directly(result, inner, expected):
    """What the gateway itself must make of it."""
    if expected == TWO and (inner != 1 or len(result.answers) != 2):
        raise Wrong("must be two requests, got %s" % result)
    if expected != TWO and (inner > 0 or len(result.answers) > 1):
        raise Wrong("must be one request, got %s" % result)
    if expected == REFUSED and (not result.closed or any(status < 400 for status in result.statuses)):
        raise Wrong("must be refused, got %s" % result)


def judge_by_proxy(target, lines):
    """What only the proxy may ask must not have been asked by way of an odd path."""
    if any(re.search(r"route=/v1/authorize", line) for line in lines):
        raise Wrong("authorize was asked from outside")
    if any("status=5" in line for line in lines):
        raise Wrong("the gateway failed: " + str(lines))


def run(name, gateway_port, port, log_path, results):
    target = Target(gateway_port, port, log_path)
    sessions = [target.create() for _ in range(3)]
    found, wrongs = {}, 0
    for case, _, _ in cases(Names(target.host, *sessions[:2])):
        try:
            result, inner, expected, lines = attempt(target, case, sessions)
            if name == DIRECTLY:
                judge_directly(result, inner, expected)
            else:
                judge_by_proxy(target, lines)
            found[case] = str(result) or "nothing"
            print("ok - %s, %s: %s" % (name, case, found[case]))
        except Wrong as wrong:
            wrongs += 1
            found[case] = "**%s**" % wrong
            print("not ok - %s, %s: %s" % (name, case, wrong))
        sys.stdout.flush()
    if results:
        with open(os.path.join(results, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
    print("%s: %d requests that can be read in two ways, %d misled somebody" % (name, len(found), wrongs))
    return 1 if wrongs or not found else 0


def shown(text):
    """A case or an outcome as it can stand in a table."""
    return "".join(c if " " <= c <= "~" else repr(c)[1:-1] for c in text).replace("`", "'")


def make_table(results, readme):
    columns = collections.OrderedDict()
    for name in (DIRECTLY, "nginx", "Caddy", "HAProxy"):
        with open(os.path.join(results, name + ".json"), encoding="utf-8") as file:
            columns[name] = json.load(file)
    lines = [["`%s`" % shown(case)] + [column.get(case, "") for column in columns.values()] for case in columns[DIRECTLY]]
    if not table.update(readme, "smuggling", table.rows(["request"] + list(columns), lines)):
        print("smuggling.py: %s has no <!-- smuggling --> … <!-- /smuggling -->" % readme, file=sys.stderr)
        return 2
    return 0


def run_directly(binary, results):
    gateway = Gateway(os.path.abspath(binary), GATEWAY_LOG_LEVEL="debug")
    port = gateway.address[1]
    status = run(DIRECTLY, port, port, gateway.log_path, results)
    wrong = gateway.stop()
    for line in wrong:
        print("not ok - " + line)
    return 1 if wrong else status


def main():
    if len(sys.argv) in (3, 4) and sys.argv[1] == "--directly":
        sys.exit(run_directly(sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else None))
    if len(sys.argv) == 4 and sys.argv[1] == "--table":
        sys.exit(make_table(sys.argv[2], sys.argv[3]))
    if len(sys.argv) not in (5, 6) or sys.argv[1].startswith("--"):
        print("usage: " + __doc__.split("usage: ")[1].split("\n\n")[0], file=sys.stderr)
        sys.exit(2)
    sys.exit(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5] if len(sys.argv) == 6 else None))


if __name__ == "__main__":
    main()
