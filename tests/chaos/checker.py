"""Reads the record of a run and tells which of the gateway's promises it shows broken.

The promises are those of DESIGN.md section 6 and of the README's "When Redis is away". Whatever is excused is
excused by a rule that stands there, is named where it is applied, and is counted in `excused`.

A gateway is in trouble from a fault until a second after the last gateway is up again (its own fault alone,
where a gateway was killed). Out of trouble the rules are strict.
"""
import collections

from timeline import Timeline

ANSWERS = {
    "create": (201, 409), "authorize": (200, 401, 403), "heartbeat": (200, 401, 410), "zap": (200, 401, 410),
    "stop": (204,), "stop_by_family": (204,), "terminate": (200,), "revoke": (200,),
}
WATCHES = ("authorize", "heartbeat", "zap")
ENDS = {"stop": 204, "stop_by_family": 204, "terminate": 200, "revoke": 200}   # what they are answered
CACHE_S = 1.0      # for which an answer of before an outage may be repeated in it
SLACK_S = 0.5      # between a sign of life as its player sees it, and as Redis does
KNOWN_S = 0.05     # within which an end is known on all gateways, however busy the machine
REFUSAL_S = 10.0   # for which a gateway remembers that a revival found no room


# What is promised; each violation is of one of them.
ANSWERED, REFUSED, ENDED, LIMITS, AGREE, HEALS, POLICY = PROMISES = (
    "every request is answered in time", "no viewer with a good token is refused",
    "nobody who has ended, or is kept out, is let in", "limits hold but by adoption",
    "the gateways agree a second after the last is up", "all heals without a hand",
    "while Redis is away deny lets nobody in, and allow everybody")


def is_about(revoke, call):
    """Whether a revoke is about the family or the device of a call."""
    return revoke.family == call.family and revoke.device in ("", call.device)


def is_end(call):
    return call.op in ENDS and call.status == ENDS[call.op]


def is_for_good(end):
    return end.op in ("terminate", "revoke") or end.reason == "terminated"


class Checker:
    """check() fills violations, [(promise, sentence)], and excused, rule → how often it was needed."""

    def __init__(self, record):
        self.record = record
        self.settings = record.settings
        self.timeline = Timeline(record)
        self.violations = []
        self.excused = collections.Counter()
        self.ends_asked = 0       # requests by the token of one that has ended
        self.good_asked = 0       # requests by the token of one that has not
        self.by_session = collections.defaultdict(list)
        self.creates = collections.defaultdict(list)
        self.origin = {}
        for call in sorted(record.calls, key=lambda call: call.start):
            if call.op == "create":
                self.creates[call.family].append(call)
                if call.session:
                    self.origin[call.session] = call
            elif call.session:
                self.by_session[call.session].append(call)
        self.revokes = [call for call in record.calls if call.op == "revoke"]
        self._spread_revokes()

    def _spread_revokes(self):
        """A revoke is about each session of its family or device that may have been there."""
        for session, origin in self.origin.items():
            touching = [call for call in self.revokes
                        if is_about(call, origin) and origin.start < self.timeline.done_by(call)]
            if touching:
                self.by_session[session] = sorted(self.by_session[session] + touching, key=lambda call: call.start)

    def check(self):
        self._check_answers()
        self._check_policy()
        self._check_blocks()
        for session, calls in self.by_session.items():
            if session in self.origin:
                self._check_refusals(session, calls)
                self._check_ends(self.origin[session], calls)
        self._check_sets()
        self._check_players_view()
        self._check_agreement()
        self._check_healing()
        return self.violations

    def _tell(self, promise, what, *arguments):
        self.violations.append((promise, what % arguments))

    # ---- No request unanswered ----

    def _check_answers(self):
        patience = self.settings.redis_timeout + self.settings.margin
        for call in self.record.calls:
            took = call.end - call.start
            if call.status == 0:
                if call.lost == "silent" or not self.timeline.was_killed(call.gateway, call.start, call.end):
                    self._tell(ANSWERED, "%s got no answer (%s): %s", call.op, call.lost, self._where(call))
            elif call.status not in ANSWERS[call.op] and not (
                    call.status == 503 and self._may_be_unavailable(call) or
                    call.status == 403 and call.reason == "forbidden" and self._may_be_blocked(call)):
                self._tell(ANSWERED, "%s was answered %d %s: %s", call.op, call.status, call.reason, self._where(call))
            if took > patience and took - self.record.lag_between(call.start, call.end) > patience:
                self._tell(ANSWERED, "%s took %d ms: %s", call.op, took * 1000, self._where(call))
            if call.op == "create" and call.status == 409:
                limit = {"family_limit": self.settings.family_limit,
                         "device_limit": self.settings.device_limit}.get(call.reason)
                if limit is None or call.active < limit:
                    self._tell(REFUSED, "create was refused by %s with %d active: %s", call.reason, call.active,
                               self._where(call))

    def _may_be_unavailable(self, call):
        """Whether nobody but Redis, which was away, could answer."""
        policy = self.settings.on_outage
        return self.timeline.in_trouble(call.gateway, call.start, call.end) and (
            call.op == "revoke" or policy == "deny" or policy == "allow" and call.op in ENDS)

    def _may_be_blocked(self, call):
        return any(is_about(revoke, call) and revoke.start < call.end and
                   call.start < self.timeline.done_by(revoke) + revoke.block + SLACK_S
                   for revoke in self.revokes if revoke.block)

    # ---- What redis.on_outage says ----

    def _check_policy(self):
        for call in self.record.calls:
            if call.status == 0:
                continue
            if self.timeline.is_in_state(call, "deny", CACHE_S) and call.status != 503:
                self._tell(POLICY, "%s was answered %d under deny: %s", call.op, call.status, self._where(call))
            elif call.op in WATCHES + ("create",) and self.timeline.is_in_state(call, "allow", CACHE_S) and \
                    call.status not in (200, 201):
                self._tell(POLICY, "%s was answered %d %s under allow: %s", call.op, call.status, call.reason,
                           self._where(call))

    # ---- Whom an operator keeps out ----

    def _check_blocks(self):
        for revoke in self.revokes:
            if not revoke.block or revoke.status != 200:
                continue
            for call in self.creates[revoke.family]:
                if call.status == 201 and is_about(revoke, call) and revoke.end < call.start and \
                        call.end < revoke.start + revoke.block - SLACK_S and not self._is_block_unknown(revoke, call):
                    self._tell(ENDED, "%s was let in, %.3f s after it was blocked for %d s: %s", call.session,
                               call.start - revoke.end, revoke.block, self._where(call))

    def _is_block_unknown(self, revoke, call):
        return (self.timeline.in_trouble(call.gateway, call.start, call.end) or
                self.timeline.was_lost(revoke.start, revoke.end, call.end))

    # ---- No viewer with a good token is refused ----

    def _check_refusals(self, session, calls):
        alive = [self.origin[session]]       # where it showed that it lives
        refused_at, over = None, False
        for call in calls:
            over = over or is_end(call)
            if call.refused and not (over and call.status != 401):
                why = self._why_refused(session, call, calls, alive, refused_at)
                if why:
                    self._tell(REFUSED, "%s was refused, %d %s, %s: %s", session, call.status, call.reason, why,
                               self._where(call))
                if call.reason == "expired":
                    refused_at = call.end
                else:
                    over = True              # others may say so too, in their words
            if call.allowed:
                alive.append(call)
            self.good_asked += not over and call.op in WATCHES

    def _why_refused(self, session, call, calls, alive, refused_at):
        """Why that was wrong; "" where it was right."""
        # What the policy allowed Redis never heard of.
        silence = call.start - ([other for other in alive if not self._is_uncounted(other)] or alive)[-1].start
        seen = silence + self.settings.heartbeat_interval + SLACK_S   # at most, as Redis sees it
        if call.reason == "stopped":
            if any(other.op in ("stop", "stop_by_family") and other.start < call.end for other in calls):
                return ""                    # it overtook this one
            return "but nobody stopped it"
        if call.reason == "replaced":
            if any(self._may_replace(create, session) and create.start < call.end
                   for create in self.creates[call.family]):
                return ""
            return "but nobody took its place"
        if call.reason == "terminated":
            if any(other.op in ("terminate", "revoke") and other.start < call.end for other in calls):
                return ""
            return "but no operator ended it"
        if call.reason == "forbidden":
            return "" if self._may_be_blocked(call) else "but nobody blocked it"
        if call.reason == "displaced":
            return "" if seen > self.settings.displace_after else "after %.1f s of silence alone" % silence
        if call.reason == "expired":
            if seen > self.settings.ttl or (refused_at is not None and call.start < refused_at + REFUSAL_S):
                return ""
            return self._why_expired(call, alive)
        return "for no reason that there was"

    def _why_expired(self, call, alive):
        """Where Redis lost its data the sessions come back by their tokens, as far as there is room."""
        if any(self._is_uncounted(other) for other in alive):
            if self.timeline.had_room(call):
                return "with room for one that was let in uncounted"
            self.excused["no room for one that was let in uncounted"] += 1
            return ""
        losses = [loss for loss in self.record.losses if loss.until < call.end]
        if not losses:
            return "and Redis had lost nothing"
        for other in alive:
            if self.timeline.is_in_state(other, "fallback") and losses[-1].until - 1 < other.end:
                if self.timeline.told_gateway_lives(other):
                    return "though it was let in while Redis was away, by %s" % other.gateway
                self.excused["kept alive by a gateway that was killed before it could tell"] += 1
        if not self.timeline.had_room(call):
            self.excused["no room after a loss of data"] += 1
            return ""
        return "with room after a loss of data"

    def _is_uncounted(self, call):
        return self.settings.on_outage == "allow" and self.timeline.in_trouble(call.gateway, call.start, call.end)

    def _may_replace(self, create, session):
        """Whether this create may have ended this session, as far as its answer tells."""
        if create.status == 409 and create.end - create.start < self.settings.redis_timeout * 0.9:
            return False      # later ones may have been carried out by Redis all the same
        origin = self.origin[session]
        return (session in create.replace or create.evicts or
                (create.player and create.player == origin.player and create.device == origin.device
                 and create is not origin))

    # ---- Nobody who has ended is let in again ----

    def _check_ends(self, origin, calls):
        ends, alive, begun = [], origin.start, None
        for call in calls:
            if call.op in WATCHES:
                self._check_end_holds(call, [end for end in ends if end.end < call.start], begun)
            if (is_end(call) and origin.end < call.start) or \
                    (call.refused and call.reason in ("stopped", "replaced", "displaced", "terminated")):
                ends.append(call)
                begun = alive if begun is None else begun
            if call.allowed:
                alive = call.start

    def _check_end_holds(self, call, ends, begun):
        """begun: the earliest that it may have ended at."""
        # Redis keeps the reason for two TTLs; a token that comes later may bring its session back, but for an
        # operator's word.
        ends = [end for end in ends if is_for_good(end) or call.end < end.end + 2 * self.settings.ttl - 1]
        self.ends_asked += bool(ends)
        if not call.allowed:
            return
        for end in ends:
            rule = self._excuse(call, end, begun)
            if rule is None:
                self._tell(ENDED, "%s was let in by %s although %s had ended it (%s, %d %s) %.3f s before: %s",
                           call.session, call.gateway, end.gateway, end.op, end.status, end.reason,
                           call.start - end.end, self._where(call))
                return
            self.excused[rule] += 1

    def _excuse(self, call, end, begun):
        """The rule by which this one may be let in after this end; None: there is none."""
        timeline = self.timeline
        if self._is_uncounted(call):
            return "the policy allows everybody, while Redis is away"
        if (call.gateway, call.life) == (end.gateway, end.life):
            if not timeline.is_in_state(call, "fallback") and timeline.was_lost(begun, end.end, call.end):
                return "Redis lost the end with its data"
            return None                      # it was told itself
        told = timeline.when_told(end)
        if told is None:
            return "the gateway that was told of the end was killed before it could tell"
        if call.start <= told or timeline.in_trouble(call.gateway, call.start, call.end):
            return "another gateway was told, while Redis was away"
        if call.start <= told + KNOWN_S:
            return "another gateway was told, and this one a moment later"
        if timeline.was_lost(begun, told, call.end):
            return "Redis lost the end with its data"
        limit = self.settings.authorize_timeout if call.op == "authorize" else self.settings.redis_timeout
        if call.end - call.start > limit * 0.95:
            return "Redis was too slow, so that the policy answered"
        return None

    # ---- Limits ----

    def _check_sets(self):
        """In Redis' sets nobody is over the limit but by adoption, and no more than the gateways could let in."""
        for sample in self.record.samples:
            bound = self.settings.family_limit * max(1, self.timeline.lives_away(sample.time))
            for family, streams in sample.families.items():
                admitted = [device for session, device in streams if session not in self.record.adopted]
                if len(admitted) > self.settings.family_limit:
                    self._tell(LIMITS, "%s has %d streams at %.3f, not counting those adopted", family,
                               len(admitted), sample.time)
                if len(streams) > bound:
                    self._tell(LIMITS, "%s has %d streams at %.3f, adopted ones included; %d could be", family,
                               len(streams), sample.time, bound)
                for device, count in collections.Counter(admitted).items():
                    if count > self.settings.device_limit:
                        self._tell(LIMITS, "%s has %d streams at %.3f, not counting those adopted", device,
                                   count, sample.time)

    def most_at_once(self, until=float("inf")):
        """family → the most streams that its players saw going on at one time, before until."""
        edges = collections.defaultdict(list)
        gap = self.settings.displace_after - self.settings.heartbeat_interval - SLACK_S
        for session, origin in self.origin.items():
            calls = self.by_session[session]
            over = min([call.start for call in calls if is_end(call)] +
                       [create.start for create in self.creates[origin.family]
                        if create.start > origin.start and self._may_replace(create, session)] + [until])
            last = first = origin.end
            for call in calls:
                if not call.allowed or call.ghost or call.end >= over:
                    continue
                if call.end - last > gap:    # it may have been asleep, and given up its place
                    edges[origin.family] += [(first, 1), (last, -1)]
                    first = call.start
                last = call.end
            if first < over:
                edges[origin.family] += [(first, 1), (last, -1)]
        most = {}
        for family, steps in edges.items():
            now = highest = 0
            for _, step in sorted(steps):
                now += step
                highest = max(highest, now)
            most[family] = highest
        return most

    def _check_players_view(self):
        """The same from outside: what the answers themselves let go on at one time."""
        outages = [fault.start for fault in self.record.faults if not fault.gateway]
        for family, most in self.most_at_once(min(outages, default=float("inf"))).items():
            if most > self.settings.family_limit:
                self._tell(LIMITS, "%s watched %d streams at once, and Redis had not been away", family, most)
        if self.settings.on_outage == "allow":
            return
        bound = self.settings.family_limit * max(1, self.timeline.lives_away(float("inf")))
        for family, most in self.most_at_once().items():
            if most > bound:
                self._tell(LIMITS, "%s watched %d streams at once; %d could be", family, most, bound)

    # ---- Agreement and healing ----

    def _check_agreement(self):
        for audit in self.record.audits:
            answers = {str(answer) for answer in audit.answers.values()}
            if len(answers) == 2 and "403 expired" in answers and all(answer.startswith("403 ") for answer in answers):
                self.excused["refused by all, by one in words that it remembers"] += 1
            elif len(answers) > 1:
                self._tell(AGREE, "the gateways don't agree on %s: %s", audit.subject, audit.answers)

    def _check_healing(self):
        for fault in self.record.faults:
            if fault.up == 0:
                self._tell(HEALS, "%s: the gateways were not all up again", fault.name)
            elif fault.up - fault.mended > fault.bound:
                self._tell(HEALS, "%s: up again after %.1f s, and not within %.0f", fault.name,
                           fault.up - fault.mended, fault.bound)
        for state in self.record.states:
            if state.state != "up" and state.time > self.record.ready and not any(
                    fault.start <= state.time <= (fault.up or float("inf")) for fault in self.record.faults):
                self._tell(HEALS, "%s was %s at %.3f, with nothing broken", state.gateway, state.state, state.time)

    def _where(self, call):
        faults = [fault for fault in self.record.faults if fault.start <= call.end]
        since = " (%.3f s after: %s)" % (call.start - faults[-1].start, faults[-1].name) if faults else ""
        return "%s's life %d at %.3f for %d ms, %s, session %s%s" % (
            call.gateway, call.life, call.start, (call.end - call.start) * 1000, call.family, call.session, since)
