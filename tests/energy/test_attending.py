"""From observations to what is known of an EVSE."""

from dataclasses import replace as replaced
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from gridlane.energy import worst_case as w
from gridlane.energy.attending import attend
from gridlane.energy.circuit import Circuit, CircuitKind, Evse, Site
from gridlane.energy.memory import Purpose, Sent, unknown
from gridlane.energy.observing import Answered, Contact, Measured, Observed, Running
from gridlane.energy.profiles import Capability
from gridlane.energy.profiles import Place as Numbered
from gridlane.energy.settings import Settings
from gridlane.energy.trees import Place, Wired
from gridlane.kernel.clock import parse_instant

NOW = parse_instant("2026-03-02T12:00:00Z")
STATION, SESSION, OPERATION = UUID(int=1), UUID(int=2), UUID(int=3)
EVSE = Evse(id="e", circuit="c", rating=32.0, fallback=6.0)
PLACES = {"e": Numbered(evse=EVSE, number=1, capability=Capability())}


def later(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def wired():
    return Wired(
        site_id=UUID(int=9),
        organization_id=UUID(int=8),
        name="Site",
        site=Site(circuits=(Circuit(id="c", kind=CircuitKind.CONNECTION, current=63.0),), evses=(EVSE,)),
        places={"e": Place(evse_id=UUID(int=7), station_id=STATION, number=1, name="1")},
        settings=Settings(),
        trusted={},
        includes_charging=frozenset(),
        changed_at=NOW,
    )


@pytest.fixture
def known():
    """In contact, its fallback proven, a session running."""
    memory = unknown("e")
    standing = w.contact(w.fallback_read_back(memory.standing))
    return replace(
        memory,
        standing=standing,
        session_id=SESSION,
        transaction="t",
        fallback_taken=6.0,
        fallback_proven=6.0,
    )


def seen(at=NOW, **what):
    contacts = what.pop("contacts", {STATION: Contact(connected=True, booted_at=None)})
    return Observed(at=at, contacts=contacts, **what)


def running(session=SESSION):
    return Running(
        id=session, request_id=None, person_id=None, transaction="t", started_at=NOW, energy=0.0,
        charging_state="Charging", soc=None, phases=None,
    )  # fmt: skip


def once(wired, memory, observed):
    return attend(wired, {"e": memory}, PLACES, observed)["e"]


def asked(memory, purpose, **what):
    return replace(memory, sent={OPERATION: Sent(purpose=purpose, asked_at=NOW, **what)})


def answer(status="verified", data=None, sent=1, answered=2):
    return {OPERATION: Answered(status, later(sent), later(answered), later(60), {"data": data or {}})}


def schedule(limit, start=NOW):
    periods = [{"start": 0, "limit": limit}]
    return {"schedule": {"start": start.isoformat(), "duration": 60, "unit": "A", "periods": periods}}


def test_a_fallback_counts_only_when_it_was_taken_and_read_back(wired):
    memory = asked(unknown("e"), Purpose.FALLBACK, current=6.0)
    taken = once(wired, memory, seen(answered=answer()))
    assert taken.fallback_taken == 6.0
    assert not taken.standing.believed
    told = once(wired, asked(taken, Purpose.QUESTION), seen(answered=answer(data=schedule(6.0))))
    assert told.standing.believed


def test_a_low_limit_that_is_not_ours_proves_no_fallback(wired):
    memory = asked(unknown("e"), Purpose.QUESTION)
    assert not once(wired, memory, seen(answered=answer(data=schedule(0.0)))).standing.believed


def test_a_fallback_declared_anew_is_to_be_proven_anew(wired, known):
    assert not once(wired, replace(known, fallback_proven=10.0), seen()).standing.believed


def test_the_same_observation_seen_twice_changes_nothing_more(wired, known):
    observed = seen(
        running={"e": running()}, measured={"e": Measured(at=NOW, received_at=NOW, current=5.0, phases=3)}
    )
    first = once(wired, known, observed)
    assert once(wired, first, observed) == first


def test_what_was_told_to_a_transaction_counts_until_the_station_itself_says_that_it_is_over(wired, known):
    lent = replace(known, standing=w.promise(known.standing, w.Limit(1, 16.0, later(900), NOW)))
    closed_here = once(wired, lent, seen())
    assert w.could_draw(closed_here.standing, EVSE, NOW) == 16.0
    over = once(wired, lent, seen(over=frozenset({SESSION})))
    assert w.could_draw(over.standing, EVSE, NOW) == 6.0


def test_an_answer_that_never_came_leaves_the_limit_counted_and_a_refusal_does_not(wired, known):
    lent = replace(known, standing=w.promise(known.standing, w.Limit(1, 16.0, later(900), NOW)))
    lent = asked(lent, Purpose.LIMIT, number=1)
    here = {"e": running()}
    silent = once(wired, lent, seen(running=here, answered=answer("timed_out")))
    refused = once(wired, lent, seen(running=here, answered=answer("refused")))
    assert w.could_draw(silent.standing, EVSE, later(5)) == 16.0
    assert w.could_draw(refused.standing, EVSE, later(5)) == 6.0


def test_a_command_called_back_counts_until_nobody_can_be_sending_it_any_more(wired, known):
    lent = replace(known, standing=w.promise(known.standing, w.Limit(1, 16.0, later(900), NOW)))
    lent = asked(lent, Purpose.LIMIT, number=1)
    here = {"e": running()}
    soon = once(wired, lent, seen(later(70), running=here, answered=answer("cancelled")))
    sure = once(wired, lent, seen(later(200), running=here, answered=answer("cancelled")))
    assert w.could_draw(soon.standing, EVSE, later(70)) == 16.0
    assert w.could_draw(sure.standing, EVSE, later(200)) == 6.0


def test_a_limit_read_back_by_a_station_whose_clock_is_wrong_is_proof_all_the_same(wired, known):
    standing = w.accepted(w.promise(known.standing, w.Limit(1, 16.0, later(900), NOW)), 1, later(1))
    memory = asked(replace(known, standing=standing), Purpose.QUESTION)
    told = answer(data=schedule(16.0, start=later(3600)), sent=40, answered=41)
    after = once(wired, memory, seen(later(42), running={"e": running()}, answered=told))
    assert after.standing.latest.answer is w.Answer.PROVEN


def test_something_else_in_force_than_what_was_told_is_believed_no_longer(wired, known):
    standing = w.accepted(w.promise(known.standing, w.Limit(1, 8.0, later(900), NOW)), 1, later(1))
    memory = asked(replace(known, standing=standing), Purpose.QUESTION)
    told = answer(data=schedule(32.0), sent=40, answered=41)
    after = once(wired, memory, seen(later(42), running={"e": running()}, answered=told))
    assert w.could_draw(after.standing, EVSE, later(42)) == 32.0


def test_a_clock_that_is_behind_is_noticed_by_two_looks_and_readings_kept_offline_are_not_taken_for_one(
    wired, known
):
    def reading(at, received):
        return {
            "e": Measured(
                at=at, received_at=received, current=5.0, phases=3, ahead=(at - received).total_seconds()
            )
        }

    once_late = once(wired, known, seen(running={"e": running()}, measured=reading(later(-600), NOW)))
    assert once_late.clock_offset == timedelta(0)
    twice = once(wired, once_late, seen(running={"e": running()}, measured=reading(later(-590), later(10))))
    assert twice.clock_offset == timedelta(seconds=-600)


def test_the_phases_of_a_vehicle_are_believed_after_some_seconds_and_more_of_them_at_once(wired, known):
    def drawn(memory, at, phases):
        measured = {"e": Measured(at=at, received_at=at, current=6.0, phases=phases)}
        return once(wired, memory, seen(at, running={"e": running()}, measured=measured))

    first = drawn(known, later(0), 1)
    assert first.phases is None
    one = drawn(first, later(30), 1)
    assert one.phases == 1
    assert drawn(one, later(31), 3).phases == 3


def test_a_person_can_say_that_an_evse_obeys_again(wired, known):
    bad = replace(known, standing=replaced(known.standing, disobeyed_at=NOW))
    assert not once(wired, bad, seen()).standing.believed
    said = replaced(wired, trusted={"e": later(1)})
    assert once(said, bad, seen()).standing.believed
