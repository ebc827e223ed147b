"""What a record says about a moment: how a gateway was, whether Redis still knew something, how full a family was."""
import bisect
import collections

SETTLING_S = 1.0   # within which all gateways agree once the last one is up
POLL_SLACK_S = 0.06   # by which a state may have changed before the poller saw it


class Timeline:
    """Answers the checker's questions."""

    def __init__(self, record):
        self.record = record
        self.states = collections.defaultdict(list)
        for state in record.states:
            self.states[state.gateway].append(state)
        self.sample_times = [sample.time for sample in record.samples]

    def _windows(self, gateway):
        for fault in self.record.faults:
            if fault.gateway in ("", gateway):
                yield fault, fault.start, (fault.up + SETTLING_S) if fault.up else float("inf")

    def in_trouble(self, gateway, start, end):
        """Whether a fault touched this gateway at some time between."""
        return any(first <= end and start <= last for _, first, last in self._windows(gateway))

    def was_killed(self, gateway, start, end):
        """Whether this gateway was dead, or died, at some time between."""
        return any(fault.gateway == gateway and fault.start - POLL_SLACK_S <= end and
                   start <= (fault.up or float("inf")) for fault in self.record.faults)

    def is_in_state(self, call, word, since=0.0):
        """Whether the gateway surely was in this state all through a call, and for so many seconds before."""
        begun = None
        for state in self.states[call.gateway]:
            if state.time > call.start - POLL_SLACK_S - since:
                # The first change after the call's start must be well behind its end.
                return begun == word and state.time > call.end + POLL_SLACK_S
            begun = state.state
        return begun == word

    def told_gateway_lives(self, call):
        """Whether the gateway of this call, made in an outage, lived until it was up."""
        return self.when_told(call) is not None

    def when_told(self, call):
        """When Redis knew what this call's gateway was told by it; None: the gateway was killed before."""
        told = call.end
        for fault, first, last in self._windows(call.gateway):
            if fault.gateway == "" and first <= call.end <= last:
                told = max(told, fault.up or float("inf"))
        for fault in self.record.faults:
            if fault.gateway == call.gateway and fault.life == call.life and call.end < fault.start < told:
                return None
        return told

    def done_by(self, call):
        """Until when Redis, stopped with the call before it, may have carried it out all the same."""
        late = [fault.up or float("inf") for fault, first, last in self._windows(call.gateway)
                if fault.gateway == "" and first <= call.end <= last]
        return max([call.end] + late) if call.status != 200 else call.end

    def was_lost(self, first, last, by):
        """Whether Redis, told of something between first and last, may have lost it before by."""
        return any(loss.since <= last and first <= loss.until < by for loss in self.record.losses)

    def lives_away(self, time):
        """How many lives of gateways had met an outage by this time, and let others in for Redis to adopt."""
        lives = set()
        if self.record.settings.on_outage != "fallback":
            return 0
        for gateway, states in self.states.items():
            for state in states:
                if state.time <= time + POLL_SLACK_S and state.state in ("fallback", "returning"):
                    lives.add((gateway, state.life))
        for fault in self.record.faults:     # one that died with Redis may have let in what others met later
            if fault.gateway and fault.start <= time:
                lives.add((fault.gateway, fault.life))
        return len(lives)

    def had_room(self, call):
        """Whether this call's family had room for one more stream at any time around it, as the looks at it show.
        Between two looks all may have been there whom either shows."""
        settings = self.record.settings
        first = bisect.bisect_left(self.sample_times, call.start - 0.5)
        last = bisect.bisect_right(self.sample_times, call.end + 0.3)
        before = set()
        for sample in self.record.samples[first:last]:
            streams = {tuple(stream) for stream in sample.families.get(call.family, [])}
            device = sum(device == call.device for _, device in streams | before)
            if len(streams | before) >= settings.family_limit or device >= settings.device_limit:
                return False
            before = streams
        return first < last
