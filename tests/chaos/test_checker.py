#!/usr/bin/env python3
"""The checker is able to fail: records that were doctored, each in one way, and what it makes of them."""
import sys
import unittest

sys.dont_write_bytecode = True    # the tree stays as it is

from checker import AGREE, ANSWERED, ENDED, HEALS, LIMITS, POLICY, REFUSED, Checker
from record import Audit, Call, Fault, Loss, Record, Sample, Settings, State

OUTAGE = (20.0, 25.0)      # of every record that has one; up again at 25.5
FULL = [(name, "e" + name) for name in "tuvw"]    # a family's streams that leave no room


def record(outage=False, loss=False, gateways=("g0", "g1"), policy="fallback"):
    """Gateways that are up since 1.0; with an outage, in the policy's state from 20.2 to 25.5; with a loss,
    Redis forgot all when the outage began."""
    made = Record(Settings(on_outage=policy))
    made.ready = 1.0
    for gateway in gateways:
        made.states.append(State(1.0, gateway, 1, "up"))
    if outage:
        made.faults.append(Fault(OUTAGE[0], "Redis stopped", mended=OUTAGE[1], up=25.5))
        for time, state in ((20.2, policy), (25.5, "up")):
            made.states += [State(time, gateway, 1, state) for gateway in gateways]
    if loss:
        made.losses.append(Loss(0.0, OUTAGE[0]))
    return made


def kill_gateway(made, start, mended, up):
    made.faults.append(Fault(start, "killed", "g0", 1, mended=mended, up=up))


def call(made, start, op, session="s", status=200, gateway="g0", took=0.01, family="f", device="d", **details):
    made.calls.append(Call(start, start + took, gateway, 1, op, family, device, session, status, **details))
    return made.calls[-1]


def create(made, start, session="s", status=201, **details):
    return call(made, start, "create", session, status, **details)


def watch(made, first, last, session="s", **details):
    """Asks every half second, and is allowed."""
    for i in range(int((last - first) * 2) + 1):
        call(made, first + i / 2, "authorize", session, **details)


class CheckerTest(unittest.TestCase):
    def expect(self, made, *promises):
        checker = Checker(made)
        self.assertEqual([promise for promise, _ in checker.check()], list(promises), checker.violations)
        return checker

    def expect_excused(self, made, rule):
        self.assertIn(rule, self.expect(made).excused)


class Answers(CheckerTest):
    def test_finds_nothing_wrong_where_nothing_is(self):
        made = record(outage=True)
        create(made, 2.0)
        watch(made, 2.5, 30.0)
        call(made, 30.5, "stop", status=204)
        call(made, 30.6, "authorize", status=403, reason="stopped", gateway="g1", ghost=True)
        made.samples.append(Sample(10.0, {"f": [("s", "d")]}))
        made.audits.append(Audit(27.0, "f", {"g0": "200 s", "g1": "200 s"}))
        self.expect(made)

    def test_finds_a_request_without_an_answer(self):
        made = record()
        create(made, 2.0, "", 0, took=5.0, lost="silent")
        self.expect(made, ANSWERED, ANSWERED)

    def test_finds_an_answer_that_came_late(self):
        made = record(outage=True)
        create(made, 2.0)
        call(made, 20.1, "heartbeat", took=1.1)
        self.expect(made, ANSWERED)

    def test_allows_for_the_time_that_the_suite_itself_lost(self):
        made = record()
        create(made, 2.0, took=1.3)
        made.lags.append((2.5, 0.4))
        self.expect(made)

    def test_finds_a_connection_that_broke_without_a_dead_gateway(self):
        made = record()
        create(made, 2.0)
        call(made, 3.0, "authorize", status=0, lost="reset")
        self.expect(made, ANSWERED)

    def test_tells_a_connection_that_broke_with_its_gateway_from_one_that_did_not(self):
        made = record()
        kill_gateway(made, 3.0, mended=4.0, up=4.5)
        create(made, 2.0)
        call(made, 3.0, "authorize", status=0, lost="reset")
        call(made, 3.1, "authorize", status=0, lost="refused", gateway="g1")
        self.expect(made, ANSWERED)

    def test_finds_a_status_that_should_not_be(self):
        made = record(outage=True)
        create(made, 2.0)
        call(made, 21.0, "authorize", status=503, reason="store_unavailable")
        self.expect(made, ANSWERED)


class Refusals(CheckerTest):
    def test_finds_a_create_refused_with_room(self):
        made = record()
        create(made, 2.0, "", 409, reason="family_limit", active=3)
        create(made, 2.0, "", 409, reason="family_limit", active=4)
        create(made, 2.0, "", 409, reason="device_limit", active=1)
        self.expect(made, REFUSED, REFUSED)

    def test_finds_a_good_token_that_is_called_bad(self):
        made = record(outage=True)
        create(made, 2.0)
        call(made, 21.0, "authorize", status=401, reason="invalid_token")
        self.expect(made, REFUSED)

    def test_finds_a_stop_that_nobody_asked_for(self):
        made = record()
        create(made, 2.0)
        call(made, 3.0, "authorize", status=403, reason="stopped")
        self.expect(made, REFUSED)

    def test_accepts_a_stop_by_the_family(self):
        made = record()
        create(made, 2.0)
        call(made, 3.0, "stop_by_family", status=204, gateway="g1")
        call(made, 3.1, "authorize", status=403, reason="stopped")
        self.expect(made)

    def test_finds_a_replacement_that_nobody_asked_for(self):
        made = record()
        create(made, 2.0, player="p")
        create(made, 3.0, "t", player="q")
        create(made, 3.0, "u", player="p", device="e")
        create(made, 3.0, "", 409, replace=("s",), reason="device_limit", active=2)
        call(made, 3.5, "heartbeat", status=410, reason="replaced")
        self.expect(made, REFUSED)

    def test_accepts_a_replacement_by_choice_by_reload_or_by_eviction(self):
        for details in ({"replace": ("s",)}, {"player": "p"}, {"evicts": True}):
            made = record()
            create(made, 2.0, player="p")
            create(made, 3.0, "t", **details)
            call(made, 3.5, "heartbeat", status=410, reason="replaced")
            self.expect(made)

    def test_finds_a_viewer_displaced_who_was_not_silent(self):
        made = record(outage=True)
        create(made, 2.0)
        watch(made, 2.5, 25.5)
        call(made, 26.0, "authorize", status=403, reason="displaced")
        self.expect(made, REFUSED)

    def test_accepts_that_the_silent_are_displaced(self):
        made = record()
        create(made, 2.0)
        call(made, 6.5, "authorize", status=403, reason="displaced")
        self.expect(made)

    def test_finds_a_viewer_expired_though_redis_lost_nothing(self):
        made = record(outage=True)
        create(made, 2.0)
        watch(made, 2.5, 25.0)
        call(made, 25.6, "authorize", status=403, reason="expired")
        self.expect(made, REFUSED)

    def lost(self, live):
        """Redis lost its data at 20.0; the viewer was last let in before, and is refused at 22.0."""
        made = record(outage=True, loss=True)
        create(made, 18.0)
        watch(made, 18.5, 19.5)
        made.samples.append(Sample(22.0, {"f": live}))
        call(made, 22.0, "authorize", status=403, reason="expired")
        return made

    def test_finds_a_viewer_expired_with_room_after_a_loss(self):
        self.expect(self.lost([("t", "e")]), REFUSED)

    def test_accepts_a_viewer_expired_without_room_after_a_loss(self):
        self.expect_excused(self.lost(FULL), "no room after a loss of data")
        self.expect_excused(self.lost([("t", "d"), ("u", "d")]), "no room after a loss of data")

    def test_accepts_a_viewer_expired_where_others_may_have_had_the_room_between_two_looks(self):
        made = self.lost([("t", "e"), ("u", "e")])
        made.samples.append(Sample(22.1, {"f": [("v", "g"), ("w", "g")]}))
        self.expect_excused(made, "no room after a loss of data")

    def thrown_out(self):
        """It was let in while Redis was away, and is refused after that."""
        made = record(outage=True, loss=True)
        create(made, 18.0)
        watch(made, 18.5, 25.0)
        made.samples.append(Sample(27.0, {"f": FULL}))
        call(made, 27.0, "authorize", status=403, reason="expired")
        return made

    def test_finds_a_viewer_thrown_out_who_was_let_in_meanwhile(self):
        self.expect(self.thrown_out(), REFUSED)

    def test_accepts_it_where_all_who_let_it_in_were_killed(self):
        made = self.thrown_out()
        kill_gateway(made, 25.2, mended=25.3, up=25.5)
        self.expect_excused(made, "kept alive by a gateway that was killed before it could tell")


class Ends(CheckerTest):
    def let_in(self, stopped_at, asked_at, gateway="g1", outage=False, loss=False, took=0.01):
        made = record(outage, loss)
        create(made, stopped_at - 1)
        call(made, stopped_at, "stop", status=204)
        call(made, asked_at, "authorize", gateway=gateway, took=took, ghost=True)
        return made

    def test_finds_one_let_in_by_the_gateway_that_was_told(self):
        self.expect(self.let_in(3.0, 3.1, "g0"), ENDED)

    def test_finds_one_let_in_by_another_gateway(self):
        self.expect(self.let_in(3.0, 3.1), ENDED)

    def test_finds_one_let_in_during_an_outage_by_the_gateway_that_was_told(self):
        self.expect(self.let_in(21.0, 23.0, "g0", outage=True), ENDED)
        self.expect(self.let_in(19.0, 23.0, "g0", outage=True), ENDED)

    def test_accepts_another_gateway_during_the_outage(self):
        self.expect_excused(self.let_in(21.0, 23.0, outage=True), "another gateway was told, while Redis was away")

    def test_finds_one_let_in_by_another_gateway_after_the_outage(self):
        self.expect(self.let_in(21.0, 27.0, outage=True), ENDED)

    def test_accepts_that_an_end_is_lost_with_redis_data(self):
        for gateway in ("g0", "g1"):
            self.expect_excused(self.let_in(19.0, 27.0, gateway, outage=True, loss=True),
                                "Redis lost the end with its data")

    def test_accepts_that_a_gateway_knew_of_an_end_that_redis_lost(self):
        made = record(outage=True, loss=True)
        create(made, 18.0)
        watch(made, 18.5, 19.0)
        call(made, 21.0, "authorize", status=403, reason="replaced")
        create(made, 19.0, "t", replace=("s",))
        call(made, 27.0, "authorize", ghost=True)
        self.expect_excused(made, "Redis lost the end with its data")

    def test_finds_one_let_in_whose_end_came_after_the_loss(self):
        made = record(outage=True, loss=True)
        create(made, 18.0)
        watch(made, 18.5, 21.0)
        call(made, 21.5, "stop", status=204)
        call(made, 27.0, "authorize", ghost=True)
        self.expect(made, ENDED)

    def test_does_not_take_a_failover_for_a_loss_of_all(self):
        made = self.let_in(18.0, 27.0, outage=True)
        made.losses.append(Loss(19.0, 20.0))
        self.expect(made, ENDED)

    def test_accepts_that_an_end_dies_with_the_gateway_that_was_told(self):
        made = self.let_in(21.0, 27.0, outage=True)
        kill_gateway(made, 22.0, mended=23.0, up=25.5)
        self.expect_excused(made, "the gateway that was told of the end was killed before it could tell")

    def test_accepts_that_the_policy_answers_where_redis_is_too_slow(self):
        self.expect_excused(self.let_in(3.0, 3.1, took=0.16), "Redis was too slow, so that the policy answered")
        self.expect(self.let_in(3.0, 3.1, "g0", took=0.16), ENDED)

    def test_finds_one_let_in_after_it_was_refused_as_displaced(self):
        made = record()
        create(made, 2.0)
        call(made, 8.0, "authorize", status=403, reason="displaced")
        call(made, 8.5, "authorize", gateway="g1")
        self.expect(made, ENDED)

    def test_knows_that_a_reason_is_kept_for_two_ttls_alone(self):
        self.expect(self.let_in(3.0, 14.5))


class Operators(CheckerTest):
    """What an operator ends stays so, for as long as Redis keeps its data."""

    def ended(self, op="terminate", asked_at=3.2, ended_at=3.0, gateway="g1", outage=False, loss=False, **details):
        made = record(outage, loss)
        create(made, 2.0)
        call(made, ended_at, op, "s" if op == "terminate" else "", **details)
        call(made, asked_at, "authorize", gateway=gateway, ghost=True)
        return made

    def test_finds_one_let_in_whom_an_operator_ended(self):
        for gateway in ("g0", "g1"):
            self.expect(self.ended(gateway=gateway), ENDED)
            self.expect(self.ended("revoke", gateway=gateway), ENDED)
            self.expect(self.ended("revoke", gateway=gateway, device=""), ENDED)

    def test_knows_that_an_operators_word_is_kept_for_longer_than_two_ttls(self):
        self.expect(self.ended(asked_at=19.0), ENDED)

    def test_finds_one_let_in_after_the_outage_in_which_it_was_ended(self):
        self.expect(self.ended(ended_at=21.0, asked_at=27.0, outage=True), ENDED)

    def test_accepts_that_its_end_is_lost_with_redis_data(self):
        self.expect_excused(self.ended(asked_at=27.0, outage=True, loss=True), "Redis lost the end with its data")

    def test_accepts_another_gateway_a_moment_later(self):
        self.expect_excused(self.ended(asked_at=3.02), "another gateway was told, and this one a moment later")
        self.expect(self.ended(asked_at=3.02, gateway="g0"), ENDED)

    def test_does_not_take_a_revoke_of_others_for_an_end(self):
        self.expect(self.ended("revoke", device="e"))
        self.expect(self.ended("revoke", family="g"))

    def test_finds_an_end_that_no_operator_made(self):
        made = record()
        create(made, 2.0)
        call(made, 3.0, "revoke", "", device="e")
        call(made, 3.2, "authorize", status=403, reason="terminated")
        self.expect(made, REFUSED)

    def test_accepts_the_end_that_one_made(self):
        for op in ("terminate", "revoke"):
            made = record()
            create(made, 2.0)
            call(made, 3.0, op, "s" if op == "terminate" else "")
            call(made, 3.2, "authorize", status=403, reason="terminated")
            self.expect(made)

    def late(self, **details):
        """A revoke that Redis, stopped, got to when it went on."""
        made = record(outage=True)
        call(made, 20.1, "revoke", "", 503, reason="store_unavailable", **details)
        create(made, 21.0)
        call(made, 25.6, "authorize", status=403, reason="terminated")
        return made

    def test_accepts_that_redis_carries_out_late_what_failed(self):
        self.expect(self.late())
        self.expect(self.late(device="e"), REFUSED)

    def blocked(self, create_at, status=201, block=2.0, **details):
        made = record(outage=True)
        call(made, 3.0, "revoke", "", block=block)
        create(made, create_at, "t" if status == 201 else "", status, reason="" if status == 201 else "forbidden",
               **details)
        return made

    def test_finds_one_let_in_who_is_kept_out(self):
        self.expect(self.blocked(4.0), ENDED)
        self.expect(self.blocked(4.0, gateway="g1"), ENDED)

    def test_accepts_those_who_are_not_kept_out(self):
        self.expect(self.blocked(4.0, device="e"))
        self.expect(self.blocked(6.0))
        self.expect(self.blocked(4.0, block=0.0))

    def test_finds_one_kept_out_who_is_not_blocked(self):
        self.expect(self.blocked(4.0, 403))
        self.expect(self.blocked(4.0, 403, device="e"), ANSWERED)
        self.expect(self.blocked(6.0, 403), ANSWERED)

    def test_finds_a_revoke_that_fails_with_nothing_broken(self):
        made = record(outage=True)
        call(made, 3.0, "revoke", "", 503)
        call(made, 21.0, "revoke", "", 503)
        self.expect(made, ANSWERED)


class Policies(CheckerTest):
    def answered(self, policy, status, op="authorize", at=23.0, reason=""):
        made = record(outage=True, policy=policy)
        create(made, 19.0)
        call(made, at, op, "s" if op != "create" else "", status, reason=reason)
        return made

    def test_finds_one_let_in_under_deny(self):
        self.expect(self.answered("deny", 200), POLICY)
        self.expect(self.answered("deny", 201, "create"), POLICY)
        self.expect(self.answered("deny", 503))

    def test_accepts_an_answer_from_before_the_outage(self):
        self.expect(self.answered("deny", 200, at=20.5))

    def test_finds_one_refused_under_allow(self):
        self.expect(self.answered("allow", 503), ANSWERED, POLICY)
        self.expect(self.answered("allow", 403, reason="expired"), POLICY)
        self.expect(self.answered("allow", 409, "create"), REFUSED, POLICY)

    def test_finds_a_503_under_deny_with_nothing_broken(self):
        self.expect(self.answered("deny", 503, at=15.0), ANSWERED)

    def test_accepts_the_ended_under_allow_and_not_after_it(self):
        for at, promises in ((23.0, ()), (27.0, (ENDED,))):
            made = record(outage=True, policy="allow")
            create(made, 18.0)
            call(made, 19.0, "stop", status=204)
            call(made, at, "authorize", ghost=True)
            self.expect(made, *promises)

    def uncounted(self, live):
        made = record(outage=True, policy="allow")
        create(made, 21.0)
        watch(made, 21.5, 25.0)
        made.samples.append(Sample(27.0, {"f": live}))
        call(made, 27.0, "authorize", status=403, reason="expired")
        return made

    def test_accepts_that_one_let_in_uncounted_finds_no_room_later(self):
        self.expect_excused(self.uncounted(FULL), "no room for one that was let in uncounted")
        self.expect(self.uncounted([]), REFUSED)

    def test_finds_a_set_over_the_limit_by_those_let_in_uncounted(self):
        made = record(outage=True, policy="allow")
        made.adopted = {"s%d" % i: 26.0 for i in range(5)}
        made.samples.append(Sample(27.0, {"f": [("s%d" % i, "d%d" % i) for i in range(5)]}))
        self.expect(made, LIMITS)


class Limits(CheckerTest):
    def sample(self, made, count, device="d%d"):
        made.samples.append(Sample(27.0, {"f": [("s%d" % i, device % i) for i in range(count)]}))

    def test_finds_a_set_over_the_limit(self):
        made = record()
        self.sample(made, 5)
        self.expect(made, LIMITS, LIMITS)

    def test_accepts_the_adopted_beyond_the_limit(self):
        made = record(outage=True)
        self.sample(made, 8)
        made.adopted = {"s%d" % i: 26.0 for i in range(4)}
        self.expect(made)

    def test_finds_more_adopted_than_the_gateways_could_let_in(self):
        made = record(outage=True)
        self.sample(made, 9)
        made.adopted = {"s%d" % i: 26.0 for i in range(5)}
        self.expect(made, LIMITS)

    def test_finds_a_device_over_the_limit(self):
        made = record()
        made.samples.append(Sample(10.0, {"f": [(name, "d") for name in "abc"]}))
        self.expect(made, LIMITS)

    def watchers(self, made, count, gap=0.0):
        for i in range(count):
            create(made, 2.0 + i * gap, "s%d" % i, device="d%d" % i)
            watch(made, 2.5 + i * gap, 5.0 + i * gap, "s%d" % i, device="d%d" % i)

    def test_finds_more_viewers_at_once_than_the_limit(self):
        made = record()
        self.watchers(made, 5)
        self.expect(made, LIMITS, LIMITS)

    def test_does_not_count_those_who_watch_one_after_the_other(self):
        made = record()
        self.watchers(made, 9, gap=3.5)
        self.expect(made)

    def test_finds_more_viewers_at_once_than_two_gateways_could_let_in(self):
        made = record(outage=True)
        for i in range(9):
            create(made, 21.0, "s%d" % i, device="d%d" % i, gateway="g%d" % (i % 2))
            watch(made, 21.5, 24.0, "s%d" % i, device="d%d" % i, gateway="g%d" % (i % 2))
        self.expect(made, LIMITS)
        made.calls = [made_call for made_call in made.calls if made_call.session != "s8"]
        self.expect(made)


class Healing(CheckerTest):
    def test_finds_gateways_that_do_not_agree(self):
        made = record()
        made.audits.append(Audit(5.0, "s", {"g0": "200 ", "g1": "403 stopped"}))
        self.expect(made, AGREE)

    def test_accepts_that_a_gateway_remembers_that_there_was_no_room(self):
        made = record()
        made.audits.append(Audit(5.0, "s", {"g0": "403 expired", "g1": "403 terminated"}))
        self.expect_excused(made, "refused by all, by one in words that it remembers")
        made.audits.append(Audit(5.0, "s", {"g0": "403 expired", "g1": "200 "}))
        made.audits.append(Audit(5.0, "s", {"g0": "403 stopped", "g1": "403 terminated"}))
        self.expect(made, AGREE, AGREE)

    def test_finds_a_fault_that_does_not_heal(self):
        made = record()
        made.faults.append(Fault(20.0, "Redis stopped", mended=25.0))
        self.expect(made, HEALS)

    def test_finds_a_fault_that_heals_too_late(self):
        made = record(outage=True)
        made.faults[0].up = 36.0
        self.expect(made, HEALS)

    def test_finds_an_outage_with_nothing_broken(self):
        made = record(outage=True)
        made.states.append(State(28.0, "g1", 1, "fallback"))
        self.expect(made, HEALS)


if __name__ == "__main__":
    unittest.main()
