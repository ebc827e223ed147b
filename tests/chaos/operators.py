"""An operator: ends streams, all on a device or of a family, and keeps new ones out for a while, by any gateway's
admin listener and whatever is broken."""
import asyncio
import random

from http_client import HttpClient

PAUSE_S = (0.15, 0.4)
BLOCK_S = 2               # always as long: a block that follows another one never makes it shorter
MESSAGE = "message=Please%20call%20us&reason=chaos"


class Operator:
    def __init__(self, crowd):
        self.crowd = crowd
        self.client = HttpClient()

    async def work(self):
        while True:
            await asyncio.sleep(random.uniform(*PAUSE_S))
            gateway = self.crowd.gateways.choose()
            if gateway is None or not self.crowd.watched:
                continue
            session = random.choice(list(self.crowd.watched.values()))
            kind = random.random()
            if kind < 0.7:
                await self.terminate(gateway, session)
            elif kind < 0.95:
                await self.revoke(gateway, session, session.device, 0 if kind < 0.85 else BLOCK_S)
            else:
                await self.revoke(gateway, session, "", BLOCK_S)

    async def terminate(self, gateway, session):
        """The operator knows the sessionId alone."""
        call, _ = await self.crowd.ask(self.client, gateway, "terminate", "DELETE",
                                       "/admin/v1/sessions/%s?%s" % (session.id, MESSAGE), session, admin=True)
        if call.status == 200:
            self.crowd.note_terminated(session)

    async def revoke(self, gateway, session, device, block):
        """Ends all on a device; device "": all of its family."""
        watched = list(self.crowd.watched.values())
        subject = "devices/" + device if device else "families/" + session.family
        call, _ = await self.crowd.ask(
            self.client, gateway, "revoke", "DELETE",
            "/admin/v1/%s/sessions?%s%s" % (subject, MESSAGE, "&block=%d" % block if block else ""),
            (session.family, device), admin=True, block=block)
        if call.status == 200:
            for other in watched:
                if other.family == session.family and device in ("", other.device):
                    self.crowd.note_terminated(other)
