"""A picture of the figures, as SVG: what a heartbeat and an authorize cost beside others', and how that grows."""
from xml.sax.saxutils import escape

WIDTH, BAR, GAP, LEFT = 760, 20, 8, 270
OWN, REDIS, PEER, INK, FAINT = "#2563a8", "#c0504d", "#8a8f98", "#222", "#ddd"


class Svg:
    def __init__(self):
        self.parts, self.y = [], 10

    def text(self, x, y, text, anchor="start", size=12, weight="normal", colour=INK):
        self.parts.append('<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" font-weight="%s" fill="%s">%s</text>'
                          % (x, y, anchor, size, weight, colour, escape(text)))

    def box(self, x, y, width, height, colour):
        self.parts.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (x, y, width, height, colour))

    def line(self, points, colour, width=2):
        self.parts.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="%s"/>'
                          % (" ".join("%.1f,%.1f" % p for p in points), colour, width))

    def whole(self):
        return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif">'
                '<rect width="100%%" height="100%%" fill="white"/>%s</svg>\n' % (WIDTH, self.y + 10, "\n".join(self.parts)))


def bars(svg, title, entries):
    """entries: (name, own µs, Redis' µs or None, whether it is ours)."""
    entries = [e for e in entries if e[1] is not None]
    if not entries:
        return
    scale = (WIDTH - LEFT - 110) / max(own + (redis or 0) for _, own, redis, _ in entries)
    svg.y += 20
    svg.text(10, svg.y, title, size=14, weight="bold")
    svg.y += 10
    for name, own, redis, ours in entries:
        svg.text(LEFT - 8, svg.y + 14, name, "end")
        svg.box(LEFT, svg.y, own * scale, BAR, OWN if ours else PEER)
        if redis:
            svg.box(LEFT + own * scale, svg.y, redis * scale, BAR, REDIS)
        label = "%.1f" % own + (" + %.1f" % redis if redis else "")
        svg.text(LEFT + (own + (redis or 0)) * scale + 6, svg.y + 14, label)
        svg.y += BAR + GAP


def lines(svg, title, axis, series):
    """series: (name, colour, [(x, µs)]); x on equal steps, as it is in powers of ten."""
    series = [s for s in series if len(s[2]) > 1]
    if not series:
        return
    svg.y += 24
    svg.text(10, svg.y, title, size=14, weight="bold")
    top, height, right = svg.y + 14, 150, WIDTH - 170
    most = max(y for _, _, points in series for _, y in points) * 1.1
    steps = sorted({x for _, _, points in series for x, _ in points})
    at = {x: 60 + i * (right - 60) / max(1, len(steps) - 1) for i, x in enumerate(steps)}
    for i in range(5):
        y = top + height * i / 4
        svg.line([(50, y), (right + 10, y)], FAINT, 1)
        svg.text(44, y + 4, "%.0f" % (most * (4 - i) / 4), "end", 10)
    for x in steps:
        svg.text(at[x], top + height + 16, format(x, ","), "middle", 11)
    svg.text((50 + right) / 2, top + height + 32, axis, "middle", 11)
    below = 0.0
    for name, colour, points in sorted(series, key=lambda one: -one[2][-1][1]):
        svg.line([(at[x], top + height * (1 - y / most)) for x, y in points], colour)
        below = max(below + 13, top + height * (1 - points[-1][1] / most) + 4)  # names don't stand on each other
        svg.text(right + 14, below, name, size=11, colour=colour)
    svg.y = top + height + 36


def plot(rows):
    def cpu(key):
        return rows.get(key, {}).get("cpu_us")

    def redis(key):
        return rows.get(key, {}).get("redis_us")

    def entry(name, key, ours=False):
        return name, cpu(key), redis(key), ours
    svg = Svg()
    bars(svg, "A heartbeat, µs of CPU: the server's own + Redis'", [
        entry("stream-gateway, Redis", "redis.heartbeat", True), entry("stream-gateway, embedded", "memory.heartbeat", True),
        entry("bare prototype", "floor.prototype"), entry("webdis", "peer.webdis"), entry("nginx + Lua", "peer.nginx_lua")])
    bars(svg, "An authorize, µs of CPU", [
        entry("stream-gateway, Redis, seen before", "redis.authorize_hot", True),
        entry("stream-gateway, embedded, seen before", "memory.authorize_hot", True),
        entry("stream-gateway, Redis, first sight", "redis.authorize_first", True),
        entry("bare libmicrohttpd, empty 200", "redis.authorize_floor"), entry("nginx, return 204", "redis.authorize_nginx")])
    colours = {"redis": (OWN, "#7aa6d6"), "memory": ("#2e8b57", "#8fcaa8")}

    def grown(dimension):
        found = []
        for kind in ("redis", "memory"):
            for i, what in enumerate(("heartbeat", "authorize")):
                prefix = "%s.%s." % (kind, dimension)
                points = sorted((int(key[len(prefix):].split(".")[0]), row["cpu_us"]) for key, row in rows.items()
                                if key.startswith(prefix) and key.endswith("." + what) and "cpu_us" in row)
                found.append(("%s, %s" % (what, "Redis" if kind == "redis" else "embedded"), colours[kind][i], points))
        return found
    lines(svg, "How it grows with sessions, µs of the gateway's CPU a request", "sessions", grown("sessions"))
    lines(svg, "… and with connections", "connections", grown("connections"))
    return svg.whole()
