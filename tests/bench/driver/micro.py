"""The micro-benchmarks: bench_micro's lines as rows."""
import json
import subprocess

from .servers import Failure


def run(bench, report):
    milliseconds = max(20, int(bench.seconds * 100))
    results = []
    for _ in range(bench.runs):
        done = subprocess.run([bench.binary("bench_micro"), str(milliseconds)], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Failure("bench_micro failed")
        results.append([json.loads(line) for line in done.stdout.splitlines()])
    for lines in zip(*results):
        nanoseconds = sorted(line["ns"] for line in lines)
        report("micro." + lines[0]["key"], {"name": lines[0]["name"], "ns": nanoseconds[len(nanoseconds) // 2]})
