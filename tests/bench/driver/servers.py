"""Servers that the benchmark starts for itself: Redis, the gateway, the floors and the peers.

Each runs on free ports of the loopback, keeps its files in a folder of the benchmark's, and is stopped by its
pid. What it costs is read from the kernel's own accounting: utime and stime of the process and its children.
"""
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
TOKEN_KEY = "00112233445566778899aabbccddeeff" * 2  # all gateways of a run open each other's tokens


class Failure(Exception):
    """Something can't be measured; says why."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_until(condition, what, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failure("%s: not within %d s" % (what, seconds))
        time.sleep(0.01)


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Server:
    """A process, by its pid."""

    def __init__(self, name, arguments, folder, environment=None, stdout=None):
        self.name = name
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.log = os.path.join(folder, "log")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("GATEWAY_", "REDIS_", "STATE_"))}
        clean.update(environment or {})
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(arguments, env=clean, stdin=subprocess.DEVNULL,
                                            stdout=stdout or log, stderr=log)

    def pids(self):
        """Its own, and those of its children (nginx has workers)."""
        pid = self.process.pid
        try:
            with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
                return [pid] + [int(child) for child in file.read().split()]
        except OSError:
            return [pid]

    def cpu(self):
        """Seconds of CPU used so far, user and system."""
        ticks = 0
        for pid in self.pids():
            with open("/proc/%d/stat" % pid) as file:
                fields = file.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICK

    def memory(self):
        """Bytes resident."""
        pages = 0
        for pid in self.pids():
            with open("/proc/%d/statm" % pid) as file:
                pages += int(file.read().split()[1])
        return pages * PAGE

    def check(self):
        if self.process.poll() is not None:
            with open(self.log, errors="replace") as log:
                tail = log.read()[-2000:]
            raise Failure("%s ended with %s: %s" % (self.name, self.process.returncode, tail))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Redis(Server):
    """A redis-server that keeps nothing on disk."""

    def __init__(self, folder):
        self.port = free_port()
        os.makedirs(folder, exist_ok=True)
        super().__init__("redis-server", ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                                          "--appendonly", "no", "--dir", folder, "--maxclients", "4000"], folder)
        wait_until(lambda: accepts(self.port), "redis-server")

    def command(self, *words):
        """A command's reply as text (nested arrays as lists), over a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as link:
            parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
            link.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
            with link.makefile("rb") as stream:
                return self._reply(stream)

    def _reply(self, stream):
        line = stream.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"-":
            raise Failure("redis: %s" % rest.decode())
        if kind == b"$":
            if rest == b"-1":
                return None
            return stream.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return [self._reply(stream) for _ in range(int(rest))]
        return rest.decode()

    def calls(self, command):
        """How often a command was called, by anybody or a script, since the start."""
        found = re.search(r"cmdstat_%s:calls=(\d+)" % command, self.command("INFO", "commandstats"))
        return int(found.group(1)) if found else 0

    def used_memory(self):
        return int(re.search(r"used_memory:(\d+)", self.command("INFO", "memory")).group(1))


class Gateway(Server):
    """The gateway, on Redis, or (redis None) on its embedded store."""

    def __init__(self, binary, folder, redis, settings, ttl_s, prefix=(), workers=1):
        self.port, self.admin_port = free_port(), free_port()
        environment = {
            "GATEWAY_PLAYER_LISTEN": "127.0.0.1:%d" % self.port, "GATEWAY_ADMIN_LISTEN": "127.0.0.1:%d" % self.admin_port,
            "GATEWAY_METRICS_PUBLIC": "true",
            "GATEWAY_STATE_DIR": os.path.join(folder, "state"), "GATEWAY_TOKENS_KEYS": TOKEN_KEY,
            "GATEWAY_AUTH_MODE": "open", "GATEWAY_WORKERS": str(workers), "GATEWAY_STORE": "redis" if redis else "memory",
            # Each heartbeat is to write; nothing is to expire while it is measured.
            "GATEWAY_SESSION_HEARTBEAT_MIN_INTERVAL": "0", "GATEWAY_SESSION_TTL": str(ttl_s),
            "GATEWAY_SESSION_HEARTBEAT_INTERVAL": str(ttl_s // 3),
            "GATEWAY_LOG_LEVEL": "warn",  # the peers log nothing either; a row of its own shows what a log costs
        }
        if redis:
            environment["GATEWAY_REDIS_URL"] = "redis://127.0.0.1:%d/0" % redis.port
        environment.update(settings)
        super().__init__("stream-gateway", [*prefix, binary], folder, environment)
        wait_until(self._serves, "stream-gateway", 60)

    def authorizes(self):
        """How many authorizes there were so far, by what the cache of answers had to say."""
        text = http_once(self.admin_port, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").decode()
        counts = {}
        for cache, count in re.findall(r'^stream_gateway_authorize_total\{[^}]*cache="(\w+)"[^}]*\} (\d+)$', text, re.M):
            counts[cache] = counts.get(cache, 0) + int(count)
        return counts

    def _serves(self):
        self.check()
        try:
            return b" 200 " in http_once(self.port, b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")[:20]
        except OSError:
            return False


class Floor(Server):
    """libmicrohttpd and nothing else; with a script, and one EVALSHA of it."""

    def __init__(self, binary, folder, redis=None, script=None, ttl_s=0):
        arguments = [binary]
        if redis:
            file = os.path.join(folder, "script.lua")
            os.makedirs(folder, exist_ok=True)
            with open(file, "wb") as out:
                out.write(script)
            arguments += ["--redis", str(redis.port), "--script", file, "--ttl-ms", str(ttl_s * 1000)]
        super().__init__("bench_floor", arguments, folder, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().strip()
        if not line:
            self.process.wait()
            self.check()
        self.port = int(line)


class Nginx(Server):
    """nginx that answers 204, and where it has Lua, heartbeats."""

    def __init__(self, folder, template, peers=None, redis=None, sha=None, ttl_s=0, workers=1):
        self.port = free_port()
        os.makedirs(folder, exist_ok=True)
        fill = {"workers": str(workers), "folder": folder, "port": str(self.port), "load_modules": "", "lua_paths": "",
                "heartbeat": ""}
        environment = {}
        if peers:
            root = os.path.join(peers, "root")
            fill["load_modules"] = "".join("load_module %s/usr/lib/nginx/modules/%s.so;\n" % (root, module)
                                           for module in ("ndk_http_module", "ngx_http_lua_module"))
            fill["lua_paths"] = 'lua_package_path "%s/usr/share/lua/5.1/?.lua;;";' % root
            fill["heartbeat"] = ("location /heartbeat/ { set $redis_port %d; set $sha %s; set $ttl_ms %d; "
                                 "content_by_lua_file %s; }" % (redis.port, sha, ttl_s * 1000, os.path.join(
                                     os.path.dirname(template), "heartbeat.lua")))
            environment["LD_LIBRARY_PATH"] = library_path(root)
        with open(template) as file:
            text = re.sub(r"@(\w+)@", lambda m: fill[m.group(1)], file.read())
        if os.geteuid() == 0:
            text = "user root;\n" + text  # its workers read the peers' files, wherever those are
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w") as file:
            file.write(text)
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if nginx is None:
            raise Failure("nginx is not installed")
        super().__init__("nginx", [nginx, "-c", config, "-p", folder], folder, environment)
        wait_until(lambda: self.check() or accepts(self.port), "nginx")


class Webdis(Server):
    """webdis, which hands a command in the path on to Redis."""

    def __init__(self, folder, peers, redis):
        root = os.path.join(peers, "root")
        self.port = free_port()
        os.makedirs(folder, exist_ok=True)
        config = os.path.join(folder, "webdis.json")
        with open(config, "w") as file:
            file.write('{"redis_host":"127.0.0.1","redis_port":%d,"http_host":"127.0.0.1","http_port":%d,"threads":1,'
                       '"pool_size":1,"daemonize":false,"database":0,"verbosity":0,"logfile":"%s/webdis.log"}'
                       % (redis.port, self.port, folder))
        super().__init__("webdis", [os.path.join(root, "usr/bin/webdis"), config], folder,
                         {"LD_LIBRARY_PATH": library_path(root)})
        wait_until(lambda: self.check() or accepts(self.port), "webdis")


def library_path(root):
    lib = os.path.join(root, "usr/lib")
    return ":".join([os.path.join(lib, d) for d in os.listdir(lib) if d.endswith("-linux-gnu")] + [lib])


def http_once(port, request):
    """All that comes back for one request; it must ask for the connection's end."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
        link.sendall(request)
        parts = []
        while True:
            part = link.recv(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)


def raise_descriptor_limit():
    """10,000 connections need as many descriptors, on both sides."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < 12000:
        print("only %d descriptors: 10,000 connections will fail" % hard, file=sys.stderr)
