"""One redis-server, or sentinel, on loopback: started, stopped by signals, started again with its data or without."""
import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess

from child import spawn
from record import now
from resp import ask_once

# Outside of Linux' range for outgoing connections, so that a port stays free while its server is dead; a
# cluster's node also takes the port 10,000 above.
FIRST_PORT, LAST_PORT = 20000, 22000
taken = set()


def free_port():
    for _ in range(1000):
        port = random.randrange(FIRST_PORT, LAST_PORT)
        if port in taken:
            continue
        try:
            for number in (port, port + 10000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        taken.add(port)
        return port
    raise OSError("no free port between %d and %d" % (FIRST_PORT, LAST_PORT))


class RedisNode:
    """options: redis-server's, without the dashes; config: a file of its own to start from (a sentinel's)."""

    def __init__(self, folder, name, options, config=None):
        self.name = name
        self.port = free_port()
        self.folder = os.path.join(folder, name)
        self.options = dict(options)
        self.config = config
        self.process = None
        self.paused = False

    def start(self):
        os.makedirs(self.folder, exist_ok=True)
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder,
                   "logfile": os.path.join(self.folder, "log"), "save": "", **self.options}
        command = ["redis-server"]
        if self.config is not None:
            path = os.path.join(self.folder, "sentinel.conf")
            if not os.path.exists(path):
                with open(path, "w", encoding="utf-8") as file:
                    file.write("".join("%s %s\n" % (name, value) for name, value in options.items() if name != "save"))
                    file.write(self.config)
            command += [path, "--sentinel"]
        else:
            for name, value in options.items():
                command += ["--" + name, *str(value).split(" ")] if value != "" else ["--" + name, ""]
        self.process = spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def come_up(self):
        """Starts it, and waits until it answers."""
        self.start()
        await self.wait()

    async def wait(self, patience=10.0):
        """Waits until it answers."""
        until = now() + patience
        while True:
            try:
                return await ask_once(self.port, "PING")
            except Exception as error:
                if now() > until or self.process.poll() is not None:
                    raise OSError("%s on port %d didn't start: %s" % (self.name, self.port, error)) from error
            await asyncio.sleep(0.02)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)
        self.paused = False

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None and not self.paused

    def forget(self):
        """Takes its data from one that was killed."""
        shutil.rmtree(self.folder)
