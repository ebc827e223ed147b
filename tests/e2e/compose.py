#!/usr/bin/env python3
"""Runs the services of deploy/docker/compose.yaml in one Debian root, without a container engine.

usage: compose.py TREE    as root, in a root and a network of its own, where dockerfile.sh has put the gateway,
                          nginx, redis-server and python3-yaml

Each service has an address of the loopback for its name in /etc/hosts, its mounts and secrets at their places, its
command, its environment and its health check from the file, and starts once those are healthy that it waits for.
What an engine does beyond that isn't shown: images, networks that part services, capabilities, restarts.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import yaml

PATIENCE_S = 30
GATEWAY_USER = "10001"  # the image's USER
STREAMED = "what is streamed"

checks = {"passed": 0, "failed": 0}


def check(sentence, good):
    checks["passed" if good else "failed"] += 1
    print(f"{'ok' if good else 'not ok'} - {sentence}", flush=True)


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"Bail out! {what} hasn't come")
        time.sleep(0.1)


def ask(url, method="GET", body=None, **headers):
    """The status and the body of an answer; 0 where there is none."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {name.replace("_", "-"): text for name, text in headers.items()})
    request.method = method
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


class Service:
    """One service of the file."""

    def __init__(self, name, said, compose, folder, address):
        self.name, self.said, self.folder, self.address = name, said, folder, address
        self.process = None
        for secret in said.get("secrets", []):
            self.put(compose["secrets"][secret]["file"], f"/run/secrets/{secret}")
        for volume in said.get("volumes", []):
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                self.put(source, target)
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            **{key: str(value) for key, value in said.get("environment", {}).items()},
        }

    def put(self, source, target):
        source, target = self.folder / source, pathlib.Path(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)

    def start(self):
        if self.name.startswith("gateway"):
            command = self.gateway_command()
        elif self.name == "redis":
            shutil.chown(make_folder("/data"), "redis", "redis")
            command = ["setpriv", "--reuid=redis", "--regid=redis", "--init-groups", *self.said["command"]]
        else:
            command = self.nginx_command()
        log = open(f"/var/log/{self.name}.log", "wb")
        self.process = subprocess.Popen(
            command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )

    def gateway_command(self):
        """0.0.0.0 is a container's own address; here it is all of theirs."""
        state = make_folder(f"/var/lib/{self.name}")
        shutil.chown(state, int(GATEWAY_USER), int(GATEWAY_USER))
        self.environment |= {"STATE_DIRECTORY": state, "GATEWAY_PLAYER_LISTEN": f"{self.address}:8080"}
        admin = self.environment["GATEWAY_ADMIN_LISTEN"]
        self.environment["GATEWAY_ADMIN_LISTEN"] = admin.replace("0.0.0.0", self.address)
        user = [f"--reuid={GATEWAY_USER}", f"--regid={GATEWAY_USER}", "--clear-groups"]
        return ["setpriv", *user, "stream-gateway", "--config", "/etc/stream-gateway/gateway.json"]

    def nginx_command(self):
        """What the image's entrypoint does: runs what is in its folder."""
        subprocess.run(["sh", "-c", "rm -f /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*"], check=True, timeout=10)
        for script in sorted(pathlib.Path("/docker-entrypoint.d").iterdir()):
            subprocess.run([script], env=self.environment, check=True, timeout=10)
        return ["nginx", "-g", "daemon off;"]

    def is_healthy(self):
        if "healthcheck" not in self.said:
            return ask(f"http://{self.address}:8081/healthz")[0] == 200
        kind, *words = self.said["healthcheck"]["test"]
        if kind == "CMD-SHELL":
            words = ["sh", "-c", words[0].replace("$$", "$")]
        return subprocess.run(words, env=self.environment, capture_output=True, timeout=10).returncode == 0

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            return self.process.wait(PATIENCE_S)
        return None


def make_folder(path):
    os.makedirs(path, exist_ok=True)
    return path


def start_all(services):
    """Each once those that it waits for are healthy."""
    waiting = dict(services)
    while waiting:
        ready = [name for name, service in waiting.items() if not waiting.keys() & service.said.get("depends_on", {}).keys()]
        if not ready:
            sys.exit(f"Bail out! these wait for each other: {sorted(waiting)}")
        for name in ready:
            waiting[name].start()
        for name in ready:
            wait_for(f"{name}'s health", waiting[name].is_healthy)
            check(f"{name} is healthy, by its own check", True)
            del waiting[name]


def try_it(services, key):
    """As a viewer would: by nginx, and whichever gateway it asks."""
    gateways = [service for service in services.values() if service.name.startswith("gateway")]
    viewer = {"userId": "ada", "familyId": "lovelace", "deviceId": "tv", "mediaId": "film"}
    status, text = ask("http://127.0.0.1/v1/sessions", "POST", viewer, Authorization=f"Bearer {key}")
    check("a create through nginx is a 201", status == 201)
    session = json.loads(text)
    token = session["token"]
    film = f"http://127.0.0.1/vod/film.ts?stream_token={token}"
    check("a segment with the token is sent", ask(film) == (200, STREAMED))
    check("one without is a 401", ask("http://127.0.0.1/vod/film.ts")[0] == 401)
    check("a create without the backend's key is a 401", ask("http://127.0.0.1/v1/sessions", "POST", viewer)[0] == 401)
    allowed = [ask(f"http://{g.address}:8080/v1/authorize", X_Stream_Token=token)[0] for g in gateways]
    check("each gateway knows the other's token", allowed == [200, 200])
    states = [json.loads(ask(f"http://{g.address}:8081/readyz")[1])["store"] for g in gateways]
    check("both are on Redis", states == [{"kind": "redis", "state": "up"}] * 2)
    check("a gateway stops cleanly", gateways[0].stop() == 0)
    check("segments are sent without it", [ask(film)[0] for _ in range(20)] == [200] * 20)
    ended = ask(f"http://127.0.0.1/v1/sessions/{session['sessionId']}", "DELETE", X_Stream_Token=token)
    check("a stop through nginx is a 204", ended[0] == 204)
    check("the next segment is a 403", ask(film)[0] == 403)
    logs = "".join(path.read_text(errors="replace") for path in pathlib.Path("/var/log").glob("*.log"))
    check("no token is in a log", logs != "" and token not in logs and not re.search(r"stream_token=A", logs))


def main():
    tree = pathlib.Path(sys.argv[1])
    folder = tree / "deploy/docker"
    os.environ.pop("http_proxy", None)
    subprocess.run(["bash", folder / "secrets.sh"], check=True, timeout=60, stdout=subprocess.DEVNULL)
    (folder / "media").mkdir()
    (folder / "media/film.ts").write_text(STREAMED)
    compose = yaml.safe_load((folder / "compose.yaml").read_text())
    addresses = {name: f"127.0.0.{n}" for n, name in enumerate(compose["services"], 11)}
    addresses["redis"] = "127.0.0.1"
    with open("/etc/hosts", "a", encoding="ascii") as hosts:
        hosts.writelines(f"{address} {name}\n" for name, address in addresses.items())
    services = {
        name: Service(name, said, compose, folder, addresses[name]) for name, said in compose["services"].items()
    }
    key = (folder / "secrets/api-keys").read_text().strip().partition(":")[2]
    try:
        start_all(services)
        try_it(services, key)
    finally:
        for service in services.values():
            service.stop()
        if checks["failed"] or sys.exc_info()[0] is not None:
            for name in services:
                print(f"# ---- {name} ----\n{pathlib.Path(f'/var/log/{name}.log').read_text()[-2000:]}")
    print(f"{sum(checks.values())} checks: {checks['passed']} passed, {checks['failed']} failed")
    sys.exit(bool(checks["failed"]))


if __name__ == "__main__":
    main()
