from datetime import timedelta

import pytest

from gridlane.energy.pacing import Allowance, Pace, Reason, after_writing, worth_renewing, worth_writing
from gridlane.energy.safe_steps import Step
from gridlane.energy.worst_case import Limit
from gridlane.kernel.clock import parse_instant

NOW = parse_instant("2026-03-02T12:00:00Z")
PACE = Pace()
FULL = Allowance(6.0, NOW)


def stands(current, lasts=1800):
    return Limit(1, current, NOW + timedelta(seconds=lasts), NOW)


def verdict(current, raises, latest, *, needed=False, allowance=FULL):
    return worth_writing(Step("e", current, raises), latest, needed, allowance, NOW, PACE)


def test_what_a_circuit_needs_is_written_whatever_it_costs():
    empty = Allowance(-3.0, NOW, NOW)
    assert verdict(9.9, False, stands(10.0), needed=True, allowance=empty) is Reason.CIRCUIT


def test_a_raise_is_never_needed_by_a_circuit():
    assert verdict(10.5, True, stands(10.0), needed=True) is None


def test_a_newcomer_does_not_wait():
    assert verdict(16.0, True, None, allowance=Allowance(0.0, NOW, NOW)) is Reason.NEWCOMER


def test_small_changes_are_not_worth_a_write():
    assert verdict(10.9, True, stands(10.0)) is None
    assert verdict(11.0, True, stands(10.0)) is Reason.PLAN


def test_a_pause_is_always_worth_it_however_small():
    assert verdict(0.0, False, stands(0.9)) is Reason.PLAN


def test_two_writes_keep_apart():
    just = Allowance(6.0, NOW, NOW - timedelta(seconds=59))
    assert verdict(20.0, True, stands(10.0), allowance=just) is None


def test_who_has_written_much_waits():
    assert verdict(20.0, True, stands(10.0), allowance=Allowance(0.5, NOW)) is None


def test_a_limit_is_renewed_before_it_lapses_and_not_long_before():
    assert worth_renewing(stands(10.0, lasts=300), NOW, PACE)
    assert not worth_renewing(stands(10.0, lasts=1800), NOW, PACE)
    assert not worth_renewing(stands(10.0, lasts=-1), NOW, PACE)
    assert not worth_renewing(None, NOW, PACE)


def test_in_the_mean_no_more_is_written_than_allowed():
    allowance, writes = FULL, 0
    latest = stands(10.0, lasts=10**6)
    for minute in range(24 * 60):
        now = NOW + timedelta(minutes=minute)
        step = Step("e", 10.0 + 5 * (minute % 2), raises=True)
        if worth_writing(step, latest, False, allowance, now, PACE):
            allowance, writes = after_writing(allowance, now, PACE), writes + 1
    assert writes / 24 == pytest.approx(PACE.per_hour, rel=0.1)
