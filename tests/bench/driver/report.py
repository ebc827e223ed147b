"""What is printed: rows as they come, then the ratios beside the budgets of PERFORMANCE.md."""
import os
import platform
import sys

COLUMNS = ("", "requests/s", "own CPU", "Redis CPU", "p50", "p99", "memory", "runs' spread")


def number(value, form="%.1f", none="–"):
    return none if value is None else form % value


def cells(key, row):
    if "void" in row:
        return [key, row["name"], "void", row["void"].splitlines()[0][:90]]
    spread = row.get("cpu_us_spread")
    return [key, row["name"], number(row.get("rate"), "%d"), number(row.get("cpu_us"), "%.2f µs"),
            number(row.get("redis_us"), "%.2f µs"), number(row.get("p50_us"), "%d µs"), number(row.get("p99_us"), "%d µs"),
            number(row.get("memory") and row["memory"] / 1e6, "%.1f MB"),
            "%.2f–%.2f" % tuple(spread) if spread else "–"]


class Report:
    """Collects rows; prints each when it is there."""

    def __init__(self, out=sys.stdout):
        self.rows = {}
        self.out = out
        self.headed = False

    def __call__(self, key, row):
        self.rows[key] = row
        if not self.headed:
            print("%-34s %-38s %9s %10s %10s %9s %9s %9s  %s" % ((("key",) + ("what",) + COLUMNS[1:])), file=self.out)
            self.headed = True
        c = cells(key, row)
        if "void" in row:
            print("%-34s %-38s %s: %s" % tuple(c), file=self.out)
        elif "rate" in row:
            print("%-34s %-38s %9s %10s %10s %9s %9s %9s  %s" % tuple(c), file=self.out)
        else:
            facts = ", ".join("%s %s" % (k, "%.1f" % v if isinstance(v, float) else v)
                              for k, v in row.items() if k != "name")
            print("%-34s %-38s %s" % (key, row["name"], facts), file=self.out)
        self.out.flush()

    def get(self, key, field="cpu_us"):
        return self.rows.get(key, {}).get(field)

    def voids(self):
        return [key for key, row in self.rows.items() if "void" in row]


class Budgets:
    """The budgets, each with what was measured."""

    def __init__(self, report):
        self.report = report
        self.lines = []

    def ratio(self, what, key, other, most=None, least=None, field="cpu_us"):
        """Neither most nor least: shown only."""
        mine, theirs = self.report.get(key, field), self.report.get(other, field)
        if not mine or not theirs:
            return
        got = mine / theirs
        if most is None and least is None:
            self.lines.append({"what": what, "got": "%.2f ×" % got, "budget": "shown", "met": None})
            return
        self.line(what, "%.2f ×" % got, "%.2f ×" % (most if most is not None else least),
                  got <= most if most is not None else got >= least, most is not None)

    def absolute(self, what, got, limit, unit):
        if got is not None:
            self.line(what, "%.1f %s" % (got, unit), "%g %s" % (limit, unit), got <= limit, True)

    def line(self, what, got, limit, met, at_most):
        self.lines.append({"what": what, "got": got, "budget": ("≤ " if at_most else "≥ ") + limit, "met": bool(met)})


def budgets(report):
    b, get = Budgets(report), report.get
    b.ratio("heartbeat through Redis / prototype, CPU", "redis.heartbeat", "floor.prototype", most=1.35)
    b.ratio("heartbeat through Redis / nginx + Lua, CPU", "redis.heartbeat", "peer.nginx_lua", most=0.5)
    b.ratio("heartbeat through Redis / webdis, CPU", "redis.heartbeat", "peer.webdis")
    for kind in ("redis", "memory"):
        of = " (%s)" % kind
        b.ratio("authorize hot / bare libmicrohttpd, CPU" + of, kind + ".authorize_hot", kind + ".authorize_floor", most=1.3)
        b.ratio("authorize hot / nginx return 204, requests/s" + of, kind + ".authorize_hot", kind + ".authorize_nginx",
                least=0.85, field="rate")
        b.ratio("authorize ended / hot, CPU" + of, kind + ".authorize_ended", kind + ".authorize_hot", most=1.0)
        b.ratio("authorize forged / hot, CPU" + of, kind + ".authorize_forged", kind + ".authorize_hot", most=1.0)
        b.ratio("authorize first sight / heartbeat, CPU" + of, kind + ".authorize_first", kind + ".heartbeat", most=1.2)
        b.ratio("authorize mix / hot, CPU" + of, kind + ".authorize_mix", kind + ".authorize_hot")
        b.ratio("create / heartbeat, CPU" + of, kind + ".create", kind + ".heartbeat", most=2.5)
    b.absolute("Redis' CPU, heartbeat", get("redis.heartbeat", "redis_us"), 7, "µs")
    b.absolute("Redis' CPU, create", get("redis.create", "redis_us"), 28, "µs")
    b.absolute("Redis' CPU, refusal by a full family", get("redis.refusal", "redis_us"), 50, "µs")
    growth_budgets(b, report)
    for what in ("authorize", "heartbeat"):
        b.ratio("p99 of %s / its floor's, at half speed" % what, "half." + what, "half.%s.floor" % what, most=3,
                field="p99_us")
    b.absolute("idle connections, memory in all", (get("idle_connections", "memory") or 0) / 1e6 or None, 150, "MB")
    b.absolute("an end on one gateway until another refuses, p99", get("end_elsewhere", "p99_ms"), 50, "ms")
    return b.lines


def growth_budgets(b, report):
    for kind in ("redis", "memory"):
        sizes = sorted({int(key.split(".")[2]) for key in report.rows if key.startswith(kind + ".sessions.")})
        if len(sizes) > 1:
            small, large = ("%s.sessions.%d" % (kind, size) for size in (sizes[0], sizes[-1]))
            for what in ("heartbeat", "authorize", "create"):
                b.ratio("%s, %s: %d sessions / %d, CPU" % (kind, what, sizes[-1], sizes[0]), "%s.%s" % (large, what),
                        "%s.%s" % (small, what), most=1.15)
                if kind == "redis" and what != "authorize":
                    b.ratio("Redis' CPU, %s: %d sessions / %d" % (what, sizes[-1], sizes[0]), "%s.%s" % (large, what),
                            "%s.%s" % (small, what), most=1.6, field="redis_us")
        if sizes and sizes[-1] >= 100000:  # with fewer, buffers and allocators' pages count for more than sessions
            large = "%s.sessions.%d" % (kind, sizes[-1])
            limit = 1050 if kind == "redis" else 700
            b.absolute("%s: bytes a session" % kind, report.get(large + ".heartbeat", "bytes_a_session"), limit, "bytes")
            if kind == "memory" and sizes[-1] == 1000000:
                b.absolute("memory: 1,000,000 sessions resident", report.get(large + ".heartbeat", "memory") / 1e6, 800, "MB")
        counts = sorted({int(key.split(".")[2]) for key in report.rows if key.startswith(kind + ".workers.")})
        for count in counts[1:]:
            for what in ("heartbeat", "authorize"):
                b.ratio("%s, %s: %d workers / 1, CPU a request" % (kind, what, count),
                        "%s.workers.%d.%s" % (kind, count, what), "%s.workers.1.%s" % (kind, what), most=1.1)


def print_budgets(lines, out=sys.stdout):
    if not lines:
        return
    print("\n%-62s %12s %12s" % ("beside the budgets", "measured", "budget"), file=out)
    for line in lines:
        met = {None: "", True: "met", False: "MISSED"}[line["met"]]
        print("%-62s %12s %12s  %s" % (line["what"], line["got"], line["budget"], met), file=out)


def machine():
    """What was measured on."""
    model = ""
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0]}
