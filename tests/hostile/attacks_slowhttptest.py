"""Debian's slowhttptest in its modes for slow headers, slow bodies and slow reading."""
import json
import os
import re
import shutil
import subprocess

from wire import PATIENCE_S, Wrong

SECONDS = 8
CONNECTIONS = 500

MODES = (("slow headers", ["-H", "-i", "1", "-x", "24"], "/v1/authorize"),
         ("slow bodies", ["-B", "-i", "1", "-x", "10", "-s", "8192", "-f", "application/json"], "/v1/heartbeats"),
         ("slow reading", ["-X", "-w", "10", "-y", "20", "-n", "1", "-z", "32", "-k", "3"], "/healthz"))


def available():
    return shutil.which("slowhttptest") is not None


def slowhttptest(gateway, _):
    for name, options, target in MODES:
        command = ["slowhttptest", "-c", str(CONNECTIONS), "-r", "250", "-l", str(SECONDS), "-p", "3", "-v", "1",
                   "-u", "http://%s:%d%s" % (*gateway.address, target), *options]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=SECONDS + PATIENCE_S, cwd=gateway.folder.name, check=False)
        text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode("utf-8", "replace"))
        probes = re.findall(r"service available:\s+(YES|NO)", text)
        ends = re.findall(r"Exit status:\s*([^\n\r]+)", text)
        if not probes or not ends:
            raise Wrong("slowhttptest said nothing: %s" % text[-300:])
        if "NO" in probes:
            raise Wrong("slowhttptest -%s found the gateway unavailable" % options[0])
        yield ("slowhttptest, %s: %d connections for %d s" % (name, CONNECTIONS, SECONDS),
               "available whenever it looked; its end: %s" % ends[-1].strip().lower())
