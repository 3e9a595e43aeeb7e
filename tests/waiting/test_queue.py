from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from gridlane.waiting import queue
from gridlane.waiting.needs import Needs
from gridlane.waiting.queue import Place, Plug, QueueRules, Status, settled

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
RULES = QueueRules()
MINUTE = timedelta(minutes=1)


def person(number):
    return UUID(int=number)


def place(number, joined=0, **more):
    return Place(id=UUID(int=100 + number), person_id=person(number), rank=NOW + joined * MINUTE, **more)


def plug(number, **more):
    return Plug(id=UUID(int=1000 + number), **{"free": True, **more})


def by_person(places):
    return {one.person_id.int: one for one in places}


def test_the_first_to_come_gets_the_first_plug():
    found = by_person(settled([place(2, 5), place(1, 0)], [plug(1)], RULES, NOW))
    assert found[1].status is Status.HELD
    assert found[1].held_until == NOW + RULES.hold
    assert found[2].status is Status.WAITING


def test_a_plug_that_does_not_fit_goes_to_the_next_whom_it_fits():
    first = place(1, needs=Needs(connectors=frozenset({"CHADEMO"})))
    found = by_person(settled([first, place(2, 1)], [plug(1, connectors=frozenset({"CCS"}))], RULES, NOW))
    assert (found[1].status, found[2].status) == (Status.WAITING, Status.HELD)


def test_whoever_can_use_either_plug_takes_the_one_that_others_do_not_need():
    plugs = [plug(1, connectors=frozenset({"CCS"}), max_power=9), plug(2, connectors=frozenset({"T2"}))]
    picky = place(2, 1, needs=Needs(connectors=frozenset({"CCS"})))
    found = by_person(settled([place(1), picky], plugs, RULES, NOW))
    assert [found[1].plug, found[2].plug] == [plugs[1].id, plugs[0].id]


def test_a_hold_that_runs_out_sends_its_holder_behind_those_who_wait_and_then_away():
    places = settled([place(1), place(2, 1)], [plug(1)], RULES, NOW)
    places = settled(places, [plug(1)], RULES, NOW + RULES.hold)
    found = by_person(places)
    assert (found[1].status, found[2].status) == (Status.WAITING, Status.HELD)
    late = NOW + 2 * RULES.hold
    places = settled(places, [plug(1)], RULES, late)
    assert by_person(places)[1].status is Status.HELD
    assert by_person(settled(places, [plug(1)], RULES, late + RULES.hold))[1].status is Status.MISSED


def test_whoever_snoozes_is_passed_over_and_keeps_the_place():
    asleep = queue.snoozed(place(1), RULES, NOW)
    busy = plug(1, free=False)
    places = settled([asleep, place(2, 1), place(3, 2)], [plug(1)], RULES, NOW)
    assert by_person(places)[2].status is Status.HELD
    places = settled(places, [busy], RULES, NOW + RULES.snooze)
    assert [one.person_id.int for one in places] == [1, 3, 2]  # 2 let the hold run out meanwhile


def test_nobody_snoozes_for_ever():
    rested = replace(place(1), snoozes=RULES.snoozes)
    assert queue.snoozed(rested, RULES, NOW) is None


def test_a_blocked_bay_costs_nobody_the_place():
    (held,) = settled([place(1)], [plug(1)], RULES, NOW)
    places = settled([queue.blocked(held), place(2, 1)], [plug(1, usable=False), plug(2)], RULES, NOW)
    assert by_person(places)[1].plug == plug(2).id


def test_a_plug_that_breaks_or_is_taken_by_another_is_no_missed_hold():
    (held,) = settled([place(1)], [plug(1)], RULES, NOW)
    for gone in (plug(1, usable=False), plug(1, free=False, in_session=True)):
        (again,) = settled([held], [gone], RULES, NOW + RULES.hold)
        assert (again.status, again.misses) == (Status.WAITING, 0)


def test_whoever_has_plugged_in_and_charges_is_served():
    (held,) = settled([place(1)], [plug(1)], RULES, NOW)
    taken = plug(1, free=False, in_session=True, charging=person(1))
    assert settled([held], [taken], RULES, NOW)[0].status is Status.CHARGING


def test_a_plug_in_use_is_kept_for_the_first_in_line():
    (one,) = queue.kept([place(2, 1), place(1)], [plug(1, free=False)], NOW)
    assert (one.person_id, one.until) == (person(1), NOW + queue.STAND_BY)
    assert queue.kept([], [plug(1, free=False)], NOW) == []


def test_a_free_plug_that_nobody_waits_for_is_open_to_all():
    assert queue.kept([place(1, needs=Needs(min_power=99))], [plug(1)], NOW) == []


class Queueing(RuleBasedStateMachine):
    """Anything may happen in any order; what is promised always holds."""

    @initialize(plugs=st.integers(1, 4))
    def open(self, plugs):
        self.now = NOW
        self.plugs = [plug(number, max_power=float(number % 2)) for number in range(plugs)]
        self.places: list[Place] = []
        self.joined: set[UUID] = set()
        self.before: list[Place] = []

    @rule(picky=st.booleans())
    def join(self, picky):
        number = len(self.joined)
        needs = Needs(min_power=1.0 if picky else 0.0)
        self.places.append(replace(place(number), rank=self.now, needs=needs))
        self.joined.add(person(number))
        self._settle()

    @rule(number=st.integers(0, 9), what=st.sampled_from(["leave", "snooze", "wake", "blocked"]))
    def act(self, number, what):
        active = [one for one in self.places if one.is_active]
        if not active:
            return
        one = active[number % len(active)]
        acts = {
            "leave": queue.left,
            "snooze": lambda it: queue.snoozed(it, RULES, self.now) or it,
            "wake": queue.awake,
            "blocked": queue.blocked if one.status is Status.HELD else lambda it: it,
        }
        self.places[self.places.index(one)] = acts[what](one)
        self._settle()

    @rule(number=st.integers(0, 9), state=st.sampled_from(["free", "stranger", "broken", "holder"]))
    def plug_changes(self, number, state):
        at = number % len(self.plugs)
        one = replace(self.plugs[at], free=False, usable=True, in_session=False, charging=None)
        holder = next((each for each in self.places if each.plug == one.id), None)
        if state == "free":
            one = replace(one, free=True)
        elif state == "broken":
            one = replace(one, usable=False)
        elif state == "holder" and holder is not None:
            one = replace(one, in_session=True, charging=holder.person_id)
        elif holder is None:
            one = replace(one, in_session=True)
        self.plugs[at] = one
        self._settle()

    @rule(minutes=st.integers(0, 30))
    def time_passes(self, minutes):
        self.now += minutes * MINUTE
        self._settle()

    def _settle(self):
        self.before = self.places
        self.places = settled(self.places, self.plugs, RULES, self.now)

    @invariant()
    def nobody_is_lost(self):
        if hasattr(self, "joined"):
            assert {one.person_id for one in self.places} == self.joined

    @invariant()
    def no_plug_is_held_twice(self):
        held = [one.plug for one in getattr(self, "places", []) if one.status is Status.HELD]
        assert len(held) == len(set(held))
        assert None not in held

    @invariant()
    def nobody_waits_while_a_plug_that_fits_is_free(self):
        places = getattr(self, "places", [])
        held = {one.plug for one in places}
        free = [one for one in getattr(self, "plugs", []) if one.free and one.usable and one.id not in held]
        for one in places:
            if one.status is Status.WAITING:
                assert not any(each.fits(one.needs) for each in free)

    @invariant()
    def nobody_is_overtaken(self):
        """Whoever got a plug in the last step has no earlier place, that waits for such a plug, before them."""
        before = {one.id: one for one in getattr(self, "before", [])}
        plugs = {one.id: one for one in getattr(self, "plugs", [])}
        for one in getattr(self, "places", []):
            was = before.get(one.id)
            if one.status is Status.HELD and (was is None or was.plug != one.plug):
                for other in self.places:
                    overtaken = other.status is Status.WAITING and other.rank < one.rank
                    assert not (overtaken and plugs[one.plug].fits(other.needs))

    @invariant()
    def asking_again_changes_nothing(self):
        if hasattr(self, "places"):
            assert settled(self.places, self.plugs, RULES, self.now) == self.places

    @invariant()
    def a_plug_is_kept_for_one_person_at_most(self):
        kept = queue.kept(getattr(self, "places", []), getattr(self, "plugs", []), getattr(self, "now", NOW))
        assert len(kept) == len({one.plug for one in kept})


TestQueueing = Queueing.TestCase
TestQueueing.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_how_many_are_ahead_counts_those_who_are_to_be_served_before(count):
    places = [place(number, number) for number in range(count + 1)]
    assert queue.ahead_of(places[-1], places) == count
