from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from gridlane.tariffs.busy import BusyLevel, BusyRule, BusyRuleInvalid, announced, with_level
from gridlane.tariffs.pricing import price

NOW = datetime(2026, 1, 12, 12, tzinfo=UTC)
FULL = BusyLevel(
    occupied=Decimal("0.9"),
    name="full",
    energy_factor=Decimal("1.2"),
    energy_fee=Decimal("0.05"),
    idle_factor=Decimal(2),
)
BUSY = BusyLevel(occupied=Decimal("0.7"), energy_fee=Decimal("0.05"))
RULE = BusyRule(levels=(BUSY, FULL))


@pytest.mark.parametrize(
    ("occupied", "level"), [(0, None), (6, None), (7, BUSY), (8, BUSY), (9, FULL), (10, FULL)]
)
def test_occupancy_decides_the_level(occupied, level):
    assert announced(RULE, occupied, 10, NOW).level == level


def test_what_was_announced_holds_until_its_end():
    first = announced(RULE, 0, 10, NOW)
    assert announced(RULE, 10, 10, NOW + timedelta(minutes=14), first) is first
    assert announced(RULE, 10, 10, NOW + timedelta(minutes=15), first).level == FULL


def test_it_takes_a_clear_drop_to_go_down():
    first = announced(RULE, 18, 20, NOW)
    later = NOW + RULE.hold
    assert announced(RULE, 17, 20, later, first).level == FULL
    assert announced(RULE, 16, 20, later, first).level == BUSY


def test_a_site_without_evses_is_not_busy():
    assert announced(RULE, 0, 0, NOW).level is None


def test_the_level_raises_energy_and_idle_prices_only(tariff, element, session):
    plain = tariff(element(FLAT=1, ENERGY=0.5, TIME=1, PARKING_TIME=3))
    stay = session("2026-01-12T12:00", ("charging", 60, 10), ("parking", 60))
    lines = price(stay, with_level(plain, FULL), "Europe/Berlin").lines
    assert [str(line.unit_price) for line in lines] == ["1", "0.65", "1", "6"]
    assert lines[1].reason == "full, 10 kWh x 0.65 EUR/kWh"


def test_no_level_leaves_the_tariff_alone(tariff, element):
    plain = tariff(element(ENERGY=0.5))
    assert with_level(plain, None) is plain


@pytest.mark.parametrize(
    "wrong",
    [
        {"levels": ()},
        {"levels": (FULL, BUSY)},
        {"levels": (BusyLevel(occupied=Decimal(0)),)},
        {"levels": (BUSY,), "hold": timedelta(0)},
        {"levels": (BUSY,), "slack": Decimal(1)},
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(BusyRuleInvalid):
        BusyRule(**wrong)
