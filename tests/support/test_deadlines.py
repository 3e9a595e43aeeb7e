from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gridlane.support.deadlines import MOST, PROMISES, clock, priority_of

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_case_answered_in_time_is_not_late():
    told = clock(2, AT, AT + 2 * HOUR, answered_at=AT + timedelta(minutes=30))
    assert (told.is_late, told.escalation) == (False, 0)
    assert told.solve_by == AT + 24 * HOUR


def test_a_late_answer_a_late_solution_and_twice_as_late_are_three_steps():
    assert clock(1, AT, AT + HOUR).escalation == 1
    assert clock(1, AT, AT + 5 * HOUR).escalation == 2
    assert clock(1, AT, AT + 9 * HOUR).escalation == MOST


def test_the_clock_stands_still_while_the_driver_is_asked():
    asked = AT + timedelta(minutes=10)
    told = clock(1, AT, AT + 48 * HOUR, answered_at=asked, waiting_since=asked)
    assert not told.is_late
    after = clock(1, AT, AT + 50 * HOUR, answered_at=asked, waited=48 * HOUR)
    assert not after.is_late


def test_a_solved_case_is_late_no_more():
    told = clock(1, AT, AT + 90 * HOUR, answered_at=AT, solved_at=AT + HOUR)
    assert (told.is_late, told.escalation) == (False, 0)


def test_who_stands_at_a_broken_plug_comes_before_who_asks_about_a_bill():
    assert priority_of("station", stands_at_the_plug=True) < priority_of("payment", stands_at_the_plug=False)
    assert priority_of("driver", stands_at_the_plug=True) == 4
    assert priority_of(None, stands_at_the_plug=False) == 4


@given(st.sampled_from(sorted(PROMISES)), st.integers(0, 10**6), st.integers(0, 10**6))
def test_waiting_longer_never_lowers_the_escalation(priority, seconds, more):
    first = clock(priority, AT, AT + timedelta(seconds=seconds))
    later = clock(priority, AT, AT + timedelta(seconds=seconds + more))
    assert later.escalation >= first.escalation
