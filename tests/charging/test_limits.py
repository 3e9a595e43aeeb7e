from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.charging.limits import FORESEEN, Limits, Standing, foreseen, reached

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def standing(**changes):
    usual = {
        "started_at": NOW - 30 * MINUTE, "received_at": NOW - 30 * MINUTE, "energy": 5000.0, "register_at": NOW,
        "power": 11_000.0, "soc": 60.0, "cost": Decimal("2.50"),
    }  # fmt: skip
    return Standing(**usual | changes)


@pytest.mark.parametrize(
    ("limits", "which"),
    [
        (Limits(), None),
        (Limits(energy=5000.0), "energy"),
        (Limits(energy=5001.0), None),
        (Limits(cost=Decimal("2.50")), "cost"),
        (Limits(cost=Decimal("2.51")), None),
        (Limits(time=1800), "time"),
        (Limits(time=1801), None),
        (Limits(soc=60), "soc"),
        (Limits(soc=61), None),
        (Limits(soc=80, cost=Decimal(1)), "cost"),
    ],
)
def test_a_charge_ends_at_the_first_limit_it_comes_to(limits, which):
    assert reached(limits, standing(), NOW) == which


def test_between_two_meter_values_the_energy_is_foreseen_but_not_for_long():
    told = standing(register_at=NOW - MINUTE)
    assert foreseen(told, NOW) == pytest.approx(5000 + 11_000 / 60)
    silent = standing(register_at=NOW - timedelta(hours=3))
    assert foreseen(silent, NOW) == pytest.approx(5000 + 11_000 * FORESEEN / timedelta(hours=1))


def test_a_station_that_does_not_tell_the_battery_or_has_no_price_meets_no_such_limit():
    limits = Limits(soc=10, cost=Decimal(1))
    assert reached(limits, standing(soc=None, cost=None), NOW) is None


def test_a_wrong_clock_of_the_station_ends_nothing_early():
    wrong = standing(started_at=datetime(2001, 1, 1, tzinfo=UTC), received_at=NOW - MINUTE)
    assert reached(Limits(time=600), wrong, NOW) is None


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.integers(0, 10_000))
def test_the_foreseen_energy_never_falls_with_time(energy, power, seconds):
    told = standing(energy=energy, power=power, register_at=NOW)
    sooner, later = (
        foreseen(told, NOW + timedelta(seconds=seconds)),
        foreseen(told, NOW + 2 * timedelta(seconds=seconds)),
    )
    assert energy <= sooner <= later
