#!/usr/bin/env python3
"""Runs the README's tour against a gateway and compares what comes out.

usage: readme.py GATEWAY README [--update]

A tour block is a ```console fence behind <!-- tour -->: lines that begin with "$ " are commands, run by one
bash for all blocks; the others are what they print. What differs from run to run (ids, tokens, times) is
masked on both sides. --update writes what came out into the README, tokens shortened.
"""
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

BLOCK = re.compile(r"(<!-- tour -->\n```console\n)(.*?)(```\n)", re.S)
SHOWN = {"player.listen": "127.0.0.1:8080", "admin.listen": "127.0.0.1:8081"}

MASKS = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), "TIME"),
    (re.compile(r"(?m)^Date: .*$"), "Date: DATE"),
    (re.compile(r"(?m)^X-Request-Id: .*$"), "X-Request-Id: ID"),
    (re.compile(r'"token": "[^"]*"'), '"token": "TOKEN"'),
    (re.compile(r"(?<![\w-])[A-Za-z0-9_-]{22}(?![\w-])"), "SESSION"),
    (re.compile(r'"idleSeconds": \d+'), '"idleSeconds": N'),
    (re.compile(r'"uptime": \d+'), '"uptime": N'),
]


def mask(text):
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    return text


def shorten(text):
    return re.sub(r'("token": "[A-Za-z0-9_-]{12})[^"]*"', r'\1…"', text)


def start(gateway, folder):
    """Starts a gateway on free ports, at home in folder; returns the process and its addresses by setting."""
    environment = {k: v for k, v in os.environ.items()
                   if not k.startswith(("GATEWAY_", "REDIS_", "STATE_DIRECTORY"))}
    environment.update(GATEWAY_PLAYER_LISTEN="127.0.0.1:0", GATEWAY_ADMIN_LISTEN="127.0.0.1:0", HOME=folder)
    process = subprocess.Popen([gateway], env=environment, stderr=subprocess.PIPE, text=True)
    addresses = {}
    for line in process.stderr:
        found = re.search(r"setting=(\S+) address=(\S+)", line)
        if found:
            addresses[found.group(1)] = found.group(2)
        if " serving " in line:
            break
    if addresses.keys() != SHOWN.keys():
        sys.exit("not ok - the gateway started")
    urllib.request.urlopen("http://%s/readyz" % addresses["player.listen"], timeout=10).read()
    return process, addresses


def run(shell, command):
    """Runs one command in the shell that all share; returns what it printed."""
    marker = "-- end of command --"
    shell.stdin.write(command + "\nprintf '\\n%s\\n' '" + marker + "'\n")
    shell.stdin.flush()
    lines = []
    for line in shell.stdout:
        if line.rstrip("\n") == marker:
            break
        lines.append(line)
    return "".join(lines).replace("\r", "").strip("\n")


def play(block, shell, addresses):
    """Runs a block's commands; returns the block as it should read."""
    out = []
    for line in block.splitlines():
        if line.startswith("$ "):
            out.append(line)
            command = line[2:]
            for setting, shown in SHOWN.items():
                command = command.replace(shown, addresses[setting])
            printed = run(shell, command)
            if printed:
                out.append(printed)
    return "\n".join(out) + "\n"


def main():
    gateway, readme = os.path.abspath(sys.argv[1]), sys.argv[2]
    update = "--update" in sys.argv[3:]
    text = open(readme, encoding="utf-8").read()
    wrong = blocks = 0
    with tempfile.TemporaryDirectory() as folder:
        process, addresses = start(gateway, folder)
        shell = subprocess.Popen(["bash"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, env=dict(os.environ, HOME=folder))
        try:
            def check(match):
                nonlocal wrong, blocks
                blocks += 1
                seen = play(match.group(2), shell, addresses)
                if mask(match.group(2)) == mask(seen):
                    print("ok %d - the README shows what its commands print" % blocks)
                    return match.group(0)
                if not update:
                    wrong += 1
                    print("not ok %d - the README shows:\n%s\nbut this came out:\n%s"
                          % (blocks, match.group(2), seen))
                return match.group(1) + shorten(seen) + match.group(3)

            updated = BLOCK.sub(check, text)
        finally:
            shell.stdin.close()
            shell.wait()
            process.terminate()
            status = process.wait()
            report = process.stderr.read()
    if update:
        open(readme, "w", encoding="utf-8").write(updated)
    if re.search(r"Sanitizer|runtime error:", report) or status != 0:
        print("not ok - the gateway ended well\n" + report)
        wrong += 1
    if blocks == 0:
        print("not ok - the README has a tour")
        wrong += 1
    sys.exit(1 if wrong else 0)


main()
