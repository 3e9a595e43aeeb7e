from dataclasses import replace
from datetime import timedelta
from string import Formatter

import pytest

from gridlane.energy.allocation import Share
from gridlane.energy.capacity import Conditions, headroom
from gridlane.energy.circuit import Circuit, CircuitKind, Evse, Site
from gridlane.energy.explain import WORDS, Because, Reason, in_words, reason_for
from gridlane.energy.plan import Mode, Need, Plan
from gridlane.energy.worst_case import (
    Limit,
    Standing,
    accepted,
    contact,
    fallback_read_back,
    lost_contact,
    promise,
)
from gridlane.kernel.clock import parse_instant

NOW = parse_instant("2026-03-02T12:00:00Z")
SITE = Site(
    circuits=(Circuit(id="f1", name="garage feeder", kind=CircuitKind.FEEDER, current=63.0),),
    evses=tuple(Evse(id=f"e{n}", circuit="f1", rating=32.0) for n in range(3)),
)
EVSE = SITE.evses[0]


def standing(current=8.0):
    limit = Limit(1, current, NOW + timedelta(minutes=30), NOW)
    return accepted(promise(contact(fallback_read_back(Standing(evse="e0"))), limit), 1, NOW)


def plan(powers=(5520.0, 5520.0), **more):
    needs = {
        f"e{n}": Need(evse=f"e{n}", energy=10_000.0, departs=NOW + timedelta(hours=5 - n), most=32.0, **more)
        for n in range(3)
    }
    edges = tuple(NOW + timedelta(hours=hour) for hour in range(len(powers) + 1))
    return Plan(NOW, edges, dict.fromkeys(needs, powers), {}, (0.2,) * len(powers), 0.0, 0.0, needs)


def said(share, its_standing, its_plan=None, language="en"):
    room = headroom(SITE, Conditions(), NOW)
    reason = reason_for(SITE, EVSE, share, its_standing, room, its_plan or plan(), NOW)
    return in_words(reason, language, "Europe/Berlin")


def test_a_full_circuit_is_named_with_who_shares_it():
    expected = "8 A: garage feeder is full (63 A), 3 vehicles share it, you leave last"
    assert said(Share(8.0, "f1"), standing()) == expected


def test_the_same_in_german():
    expected = "8,5 A: garage feeder ist ausgelastet (63 A), 3 Fahrzeuge teilen sich den Strom, Sie fahren als Letzte"
    assert said(Share(8.5, "f1"), standing(8.5), language="de") == expected


def test_who_is_not_admitted_takes_turns():
    assert "take turns" in said(Share(0.0, "f1"), standing(0.0))


def test_who_waits_for_cheaper_hours_is_told_when_it_goes_on():
    waiting = plan((0.0, 5520.0), mode=Mode.CHEAPEST)
    assert said(Share(0.0, None), standing(0.0), waiting) == "0 A: waits for cheaper hours, goes on at 14:00"


def test_who_waits_for_the_sun_is_told_so():
    assert (
        said(Share(0.0, None), standing(0.0), plan((0.0, 5520.0), mode=Mode.SOLAR))
        == "0 A: waits for the sun"
    )


def test_a_raise_that_waits_for_others_says_so():
    assert said(Share(20.0, None), standing()) == "8 A: 20 A as soon as other stations have confirmed theirs"


def test_a_vehicle_that_takes_less_is_its_own_limit():
    assert (
        said(Share(16.0, None), replace(standing(16.0), drew=11.2))
        == "16 A: the vehicle takes 11.2 A and no more"
    )


def test_a_station_out_of_contact_keeps_its_safe_limit():
    assert "out of contact" in said(Share(8.0, None), lost_contact(standing()))


def test_a_station_that_disobeyed_is_counted_at_its_rating():
    assert "32 A are kept free" in said(Share(8.0, None), replace(standing(), disobeyed_at=NOW))


def test_who_feeds_back_is_told_so():
    assert said(Share(-10.0, None), standing()).startswith("-10 A: feeds back")


def test_who_has_all_is_told_so():
    assert said(Share(8.0, None), standing()) == "8 A: all that was asked for"


@pytest.mark.parametrize("because", list(Because))
def test_every_reason_has_the_same_gaps_in_every_language(because):
    def gaps(language):
        return {name for _, name, _, _ in Formatter().parse(WORDS[language][because]) if name}

    assert gaps("en") == gaps("de")


def test_an_unknown_language_is_answered_in_english():
    assert in_words(Reason(Because.HAS_WISH, 6.0), "eo") == "6 A: all that was asked for"
