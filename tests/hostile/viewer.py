"""A viewer who watches while others attack: segments over a kept connection and over new ones, and heartbeats."""
import threading
import time

from wire import PATIENCE_S, Wrong, ask, connect, request

PAUSE_S = 0.005
NEW_CONNECTION_EVERY = 5    # requests
HEARTBEAT_EVERY = 10
LEAST_ASKED = 20


class Viewer:
    """Watches from start to stop(). A refusal is whatever isn't a 200, a lost connection included."""

    def __init__(self, address, session, token):
        self.address = address
        self.session = session
        self.token = token
        self.asked = 0
        self.refusals = []
        self.longest_s = 0.0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        kept = None
        count = 0
        while not self.over.wait(PAUSE_S):
            count += 1
            begin = time.monotonic()
            try:
                if count % NEW_CONNECTION_EVERY == 0:
                    with connect(self.address) as connection:
                        status = self._ask(connection, count)
                else:
                    kept = kept or connect(self.address)
                    status = self._ask(kept, count)
                if status != 200:
                    self.refusals.append("answered %d" % status)
            except (OSError, Wrong) as error:
                self.refusals.append("%s: %s" % (type(error).__name__, error))
                kept = None
            self.asked += 1
            self.longest_s = max(self.longest_s, time.monotonic() - begin)
        if kept:
            kept.close()

    def _ask(self, connection, count):
        token = ("X-Stream-Token", self.token)
        if count % HEARTBEAT_EVERY == 0:
            return ask(connection, request("POST", "/v1/sessions/%s/heartbeat" % self.session, [token])).status
        return ask(connection, request("GET", "/v1/authorize", [token])).status

    def stop(self):
        """Ends it, once it has asked often enough to tell anything."""
        until = time.monotonic() + PATIENCE_S
        while self.asked < LEAST_ASKED and time.monotonic() < until:
            time.sleep(PAUSE_S)
        self.over.set()
        self.thread.join()
