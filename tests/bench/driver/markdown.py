"""The figures as Markdown, for a README."""

GROUPS = (
    ("Floors and peers", ("floor.", "peer.")),
    ("On Redis", ("redis.heartbeat", "redis.authorize", "redis.create", "redis.refusal")),
    ("On the embedded store", ("memory.heartbeat", "memory.authorize", "memory.create", "memory.refusal")),
    ("At half of the top throughput", ("half.",)),
)
GROWTH = (("sessions", "sessions"), ("connections", "connections"), ("workers", "workers"))


def cell(row, field, form, scale=1):
    value = row.get(field)
    return "" if value is None else form % (value * scale)


def table(rows):
    lines = []
    for title, prefixes in GROUPS:
        found = [row for key, row in rows.items() if key.startswith(prefixes)]
        if not found:
            continue
        lines += ["", "| %s | requests/s | own CPU, µs | Redis' CPU, µs | p50, ms | p99, ms | memory, MB |" % title,
                  "|---|---|---|---|---|---|---|"]
        for row in found:
            if "void" in row:
                lines.append("| %s | void | | | | | |" % row["name"])
                continue
            lines.append("| %s | %s | %s | %s | %s | %s | %s |" % (
                row["name"], format(int(row["rate"]), ","), cell(row, "cpu_us", "**%.1f**"), cell(row, "redis_us", "%.1f"),
                cell(row, "p50_us", "%.2f", 1e-3), cell(row, "p99_us", "%.2f", 1e-3), cell(row, "memory", "%.0f", 1e-6)))
    return lines


def growth(rows):
    """Own CPU (and Redis') by how many there are."""
    lines = []
    for dimension, name in GROWTH:
        counts = sorted({int(key.split(".")[2]) for key in rows if key.split(".")[1:2] == [dimension]})
        if not counts:
            continue
        lines += ["", "| own CPU (+ Redis'), µs, by %s | %s |" % (name, " | ".join(format(n, ",") for n in counts)),
                  "|---" * (len(counts) + 1) + "|"]
        for kind, store in (("redis", "Redis"), ("memory", "embedded")):
            for what in ("heartbeat", "authorize", "mix", "create"):
                cells = []
                for count in counts:
                    row = rows.get("%s.%s.%d.%s" % (kind, dimension, count, what), {})
                    redis = row.get("redis_us")
                    cells.append("%s%s" % (cell(row, "cpu_us", "%.1f"), " + %.1f" % redis if redis is not None else ""))
                if any(cells):
                    lines.append("| %s, %s | %s |" % (what, store, " | ".join(cells)))
    return lines


def budgets(lines):
    out = ["", "| beside the budgets | measured | budget | |", "|---|---|---|---|"]
    for line in lines:
        met = {None: "", True: "met", False: "**missed**"}[line["met"]]
        out.append("| %s | %s | %s | %s |" % (line["what"], line["got"], line["budget"], met))
    return out


def markdown(rows, budget_lines):
    text = table(rows) + growth(rows) + (budgets(budget_lines) if budget_lines else [])
    return "\n".join(text).strip() + "\n"
