"""The gateway that is attacked: a process of its own folder, at free ports, whose memory and log are looked at."""
import json
import os
import re
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "chaos"))
from child import spawn
from wire import PATIENCE_S, Wrong, ask, connect, request

SANITIZER = re.compile(r"(Address|Leak|Undefined|Thread).*Sanitizer|runtime error:")
LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) ")
LOOK_EVERY_S = 0.02


class Gateway:
    """Running from the start to stop()."""

    def __init__(self, binary, **settings):
        self.folder = tempfile.TemporaryDirectory(prefix="hostile.")
        self.log_path = os.path.join(self.folder.name, "log")
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("GATEWAY_", "REDIS_"))}
        environment.update({"GATEWAY_PLAYER_LISTEN": "127.0.0.1:0", "GATEWAY_ADMIN_LISTEN": "127.0.0.1:0",
                            "GATEWAY_STATE_DIR": os.path.join(self.folder.name, "state"), "GATEWAY_STORE": "memory",
                            "GATEWAY_WORKERS": "2", "GATEWAY_AUTH_MODE": "open", **settings})
        with open(self.log_path, "wb") as log:
            self.process = spawn([binary], env=environment, stdout=log, stderr=log)
        self.address = None
        self._wait_for_it()

    def _wait_for_it(self):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            match = re.search(r"setting=player\.listen address=127\.0\.0\.1:(\d+)\n", self.log())
            if match and " serving " in self.log():
                self.address = ("127.0.0.1", int(match.group(1)))
                return
            if self.process.poll() is not None:
                break
            time.sleep(LOOK_EVERY_S)
        raise RuntimeError("the gateway doesn't serve: " + self.log()[-500:])

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()

    def log_size(self):
        return os.path.getsize(self.log_path)

    def resident(self):
        """Bytes of memory in use."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024

    def create(self, family, user=None, **members):
        """A session: (sessionId, token)."""
        body = {"userId": user or "user of " + family, "familyId": family, "deviceId": "device of " + family,
                "mediaId": "film", **members}
        with connect(self.address) as connection:
            answer = ask(connection, request("POST", "/v1/sessions", body=json.dumps(body)))
        if answer.status != 201:
            raise Wrong("a create was answered %d: %s" % (answer.status, answer.body[:200]))
        document = json.loads(answer.body)
        return document["sessionId"], document["token"]

    def stop(self):
        """Ends it as an operator would; returns what was wrong with that, or with its log."""
        wrong = []
        if self.process.poll() is not None:
            wrong.append("the gateway ended by itself, status %d" % self.process.returncode)
        self.process.terminate()
        if self.process.wait(30) != 0 and not wrong:
            wrong.append("the gateway ended with status %d" % self.process.returncode)
        text = self.log()
        wrong += [line for line in text.splitlines() if SANITIZER.search(line)]
        if not wrong:
            wrong += ["a line in the log that isn't the gateway's: %r" % line[:200] for line in text.split("\n")
                      if line and not LINE.match(line)][:5]
            wrong += ["a control character in the log: %r" % line[:200] for line in text.split("\n")
                      if re.search(r"[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u202a-\u202e\u2066-\u2069]", line)][:5]
        self.folder.cleanup()
        return wrong


class MemoryWatch:
    """The most memory that the gateway uses while this is entered."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.most = self.before = gateway.resident()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self.over.wait(LOOK_EVERY_S):
            try:
                self.most = max(self.most, self.gateway.resident())
            except (OSError, AttributeError):
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    @property
    def grown(self):
        return self.most - self.before
