"""What happened in one run: every request with its answer, the gateways' states, the faults, the sets.

All times are seconds of the monotonic clock of this one process. The checker reads nothing else.
"""
import dataclasses
import json
import time

now = time.monotonic


@dataclasses.dataclass(slots=True)
class Settings:
    """What the gateways were told, and what the checker allows for a busy machine."""
    family_limit: int = 4
    device_limit: int = 2
    ttl: float = 6.0                # s
    heartbeat_interval: float = 2.0
    displace_after: float = 4.0
    redis_timeout: float = 0.3
    authorize_timeout: float = 0.15
    margin: float = 0.7             # beyond redis_timeout, until a request counts as unanswered
    on_outage: str = "fallback"     # fallback, deny, allow
    replication: float = 1.0        # what was written so soon before a master's death may be lost with it


@dataclasses.dataclass(slots=True)
class Call:
    """One request. end is when its answer was there, or when it was given up."""
    start: float
    end: float
    gateway: str
    life: int                # of the gateway: how often it had been started
    op: str                  # create, authorize, heartbeat, zap, stop, stop_by_family; an operator's terminate, revoke
    family: str
    device: str              # revoke: "" where it is of the whole family
    session: str = ""        # "" where a create was refused
    status: int = 0          # 0: no answer
    reason: str = ""         # the code, or why the session has ended
    lost: str = ""           # see http_client.Answer
    replace: tuple = ()      # create: whom it gives up
    player: str = ""         # create: the player instance
    evicts: bool = False     # create: it asked for evict_oldest
    active: int = 0          # create refused at a limit: streams counted
    ghost: bool = False      # asked by the token of one that is known to have ended
    block: float = 0.0       # revoke: s for which new ones are kept out

    @property
    def allowed(self):
        return self.op in ("authorize", "heartbeat", "zap") and self.status == 200

    @property
    def refused(self):
        return self.op in ("authorize", "heartbeat", "zap") and self.status in (401, 403, 410)


@dataclasses.dataclass(slots=True)
class State:
    """From time on a gateway's /readyz showed this. state "down": nobody answered there."""
    time: float
    gateway: str
    life: int
    state: str


@dataclasses.dataclass(slots=True)
class Fault:
    """Something was broken; gateway "" where it was Redis."""
    start: float
    name: str
    gateway: str = ""
    life: int = 0            # of the gateway: the one that ended
    mended: float = 0.0      # when it was, by hand or by Redis itself; 0: not yet
    up: float = 0.0          # when the last gateway was up after that; 0: never
    bound: float = 10.0      # s from mended to up


@dataclasses.dataclass(slots=True)
class Loss:
    """What Redis was told between since and until, it knows no more after until."""
    since: float
    until: float


@dataclasses.dataclass(slots=True)
class Sample:
    """The members of the families' sets that live, each with its device; one atomic look for each family."""
    time: float
    families: dict           # family → [(sessionId, deviceId)]


@dataclasses.dataclass(slots=True)
class Audit:
    """While nobody watched, every gateway was asked the same; subject is a session or a family."""
    time: float
    subject: str
    answers: dict            # gateway → what it said


class Record:
    """Collects; the lists are in the order of time."""

    def __init__(self, settings):
        self.settings = settings
        self.calls = []
        self.states = []
        self.faults = []
        self.losses = []
        self.samples = []
        self.audits = []
        self.lags = []       # (time, s) when this process itself was late
        self.adopted = {}    # sessionId → when it was seen to have been adopted
        self.events = {}     # type of stream_events → how many were seen
        self.ready = 0.0     # when the viewers began

    def lag_between(self, start, end):
        """Seconds for which this process may have kept an answer waiting."""
        return sum(lag for time_, lag in self.lags if start <= time_ and time_ - lag <= end)

    def write(self, path):
        """Writes all of it as lines of JSON, for somebody who wants to know why the checker failed."""
        with open(path, "w", encoding="utf-8") as file:
            for kind in ("states", "faults", "losses", "calls", "samples", "audits"):
                for item in getattr(self, kind):
                    print(json.dumps({"kind": kind, **dataclasses.asdict(item)}), file=file)
            print(json.dumps({"kind": "adopted", "at": self.adopted}), file=file)
