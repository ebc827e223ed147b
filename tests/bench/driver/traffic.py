"""Requests, formatted beforehand into files that bench_load sends, and the sessions that they are about."""
import base64
import os
import random
import re

HOST = b"Host: gateway.example\r\n"
AGENT = b"User-Agent: Mozilla/5.0 (SMART-TV; Linux) AppleWebKit/537.36\r\nAccept: */*\r\n"


def write_requests(file, requests):
    with open(file, "wb") as out:
        for request in requests:
            out.write(request)
            out.write(b"\0")
    return file


class Session:
    """What a create's answer says."""
    __slots__ = ("id", "token", "user", "family", "device")

    FIELDS = re.compile(rb'"(sessionId|token|userId|familyId|deviceId)":"([^"]*)"')

    def __init__(self, body):
        found = dict((k, v) for k, v in self.FIELDS.findall(body))
        self.id, self.token = found[b"sessionId"], found[b"token"]
        self.user, self.family, self.device = found[b"userId"], found[b"familyId"], found[b"deviceId"]


def read_sessions(file):
    with open(file, "rb") as bodies:
        return [Session(line) for line in bodies]


def create(number, family=None, device=None, user=None):
    """A create as an app sends it. Each number is a user, a family and a device of its own unless said."""
    body = (b'{"userId":"user-%07d","familyId":"family-%07d","deviceId":"device-%07d","mediaId":"title-%05d",'
            b'"deviceName":"Living-room TV","mediaTitle":"Blue Planet","platform":"tizen"}'
            % (number if user is None else user, number if family is None else family,
               number if device is None else device, number % 20000))
    return (b"POST /v1/sessions HTTP/1.1\r\n" + HOST + AGENT + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % len(body) + body)


def creates(first, count):
    """Each into an empty family."""
    return (create(number) for number in range(first, first + count))


def family_members(count, first=0):
    """Families of 1 to 4 viewers, each on a device of its own: a population."""
    number = 0
    while number < count:
        size = (1, 2, 4, 3)[number % 4]
        for i in range(min(size, count - number)):
            yield create(first + number + i, family=first + number)
        number += size


def full_families(count):
    """Ten streams on five devices each."""
    for family in range(count):
        for i in range(10):
            yield create(90000000 + family * 10 + i, family=90000000 + family, device=90000000 + family * 5 + i // 2)


def creates_into(families, count):
    """Creates that full families must refuse, each by another user."""
    return (create(95000000 + i, family=90000000 + i % families) for i in range(count))


def heartbeat(session):
    return (b"POST /v1/sessions/%s/heartbeat HTTP/1.1\r\n" % session.id + HOST + AGENT +
            b"X-Stream-Token: %s\r\nContent-Length: 0\r\n\r\n" % session.token)


def peer_heartbeat(session):
    """The same for a peer, which knows no tokens: the names stand in the path."""
    return (b"POST /heartbeat/%s/%s/%s/%s HTTP/1.1\r\n" % (session.id, session.family, session.device, session.user) +
            HOST + AGENT + b"Content-Length: 0\r\n\r\n")


def webdis_heartbeat(sha, ttl_s):
    def request(session):
        return (b"GET /EVALSHA/%s/4/session:%s/session_end:%s/family_streams:%s/device_streams:%s//%d/%s/0 HTTP/1.1\r\n"
                % (sha.encode(), session.id, session.id, session.family, session.device, ttl_s * 1000, session.user) +
                HOST + AGENT + b"\r\n")
    return request


def authorize(session, token=None):
    """As nginx's auth_request sends it: the original address with the token in a header."""
    return (b"GET /v1/authorize HTTP/1.1\r\n" + HOST + AGENT +
            b"X-Original-URI: /vod/title/1080p/segment-00042.m4s?stream_token=%s\r\n\r\n" % (token or session.token))


def stop(session):
    return (b"DELETE /v1/sessions/%s HTTP/1.1\r\n" % session.id + HOST + b"X-Stream-Token: %s\r\n\r\n" % session.token)


def forged(session, rng):
    """A token with bits changed in what is sealed: its shape and its key's name are right."""
    raw = bytearray(base64.urlsafe_b64decode(session.token + b"=" * (-len(session.token) % 4)))
    raw[rng.randrange(40, len(raw))] ^= 1 << rng.randrange(8)
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=")


def mix(sessions, rng):
    """Every viewer's segment in an order of its own, and in one of 15 places a heartbeat: a segment every 4 s, a
    heartbeat a minute."""
    order = list(sessions)
    rng.shuffle(order)
    for i, session in enumerate(order):
        yield authorize(session)
        if i % 15 == 0:
            yield heartbeat(order[(i * 7919) % len(order)])


def rng():
    return random.Random(20261120)


def size_of(file):
    return os.path.getsize(file)
