from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from gridlane.waiting import reservation
from gridlane.waiting.queue import Plug
from gridlane.waiting.reservation import Reservation, ReservationRules, Status, moved_on

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
RULES = ReservationRules(fee=Decimal(2), no_show_fee=Decimal(5))
MINUTE = timedelta(minutes=1)
ANNA, BEN, PLUG = UUID(int=1), UUID(int=2), UUID(int=3)
BOOKED = Reservation(
    id=UUID(int=9), person_id=ANNA, plug=PLUG, begins_at=NOON, ends_at=NOON + timedelta(hours=1)
)
FREE = Plug(id=PLUG, free=True)


def test_nothing_happens_before_the_plug_is_kept():
    assert moved_on(BOOKED, None, RULES, NOON - timedelta(hours=1)) == BOOKED


def test_whoever_charges_has_used_it_and_owes_the_fee():
    used = moved_on(BOOKED, Plug(id=PLUG, charging=ANNA, in_session=True), RULES, NOON - 5 * MINUTE)
    assert (used.status, used.owed) == (Status.USED, 2)


def test_whoever_does_not_come_owes_both_fees_after_the_grace():
    assert moved_on(BOOKED, FREE, RULES, NOON + 14 * MINUTE).status is Status.BOOKED
    gone = moved_on(BOOKED, FREE, RULES, NOON + 15 * MINUTE)
    assert (gone.status, gone.owed) == (Status.NO_SHOW, 7)


@pytest.mark.parametrize(
    "plug", [None, Plug(id=PLUG, usable=False), Plug(id=PLUG, in_session=True, charging=BEN)]
)
def test_nobody_pays_for_a_plug_that_was_not_to_be_had(plug):
    failed = moved_on(BOOKED, plug, RULES, NOON + 15 * MINUTE)
    assert (failed.status, failed.owed) == (Status.FAILED, 0)


def test_cancelling_is_free_until_an_hour_before():
    early = reservation.cancelled(BOOKED, RULES, NOON - 61 * MINUTE)
    late = reservation.cancelled(BOOKED, RULES, NOON - 59 * MINUTE)
    assert [early.owed, late.owed] == [0, 2]


def test_another_plug_is_wanted_when_it_breaks_or_is_still_in_use_at_the_beginning():
    broken, busy = Plug(id=PLUG, usable=False), Plug(id=PLUG, in_session=True, charging=BEN)
    assert reservation.wants_another_plug(BOOKED, broken, RULES, NOON - 5 * MINUTE)
    assert not reservation.wants_another_plug(BOOKED, busy, RULES, NOON - 5 * MINUTE)
    assert reservation.wants_another_plug(BOOKED, busy, RULES, NOON)
    assert not reservation.wants_another_plug(BOOKED, FREE, RULES, NOON)


def test_what_the_site_does_not_allow_is_refused():
    for begins_at, length, refusal in (
        (NOON - timedelta(hours=1), timedelta(hours=1), reservation.ReservationPast),
        (NOON + timedelta(days=8), timedelta(hours=1), reservation.ReservationTooFar),
        (NOON, timedelta(hours=3), reservation.ReservationTooLong),
    ):
        with pytest.raises(refusal):
            reservation.check(begins_at, length, RULES, NOON)
