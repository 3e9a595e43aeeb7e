from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.tariffs.pricing import price
from gridlane.tariffs.spot import (
    SpotCurrencyDiffers,
    SpotPrice,
    SpotPricesInvalid,
    SpotSeries,
    frozen,
    is_late,
    price_of,
    read_csv,
)
from gridlane.tariffs.tariff import SpotFormula

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def series(*prices, since=NOON, currency="EUR"):
    intervals = [
        SpotPrice(since + n * HOUR, since + (n + 1) * HOUR, Decimal(p)) for n, p in enumerate(prices)
    ]
    return SpotSeries("NL", currency, tuple(intervals))


@pytest.fixture
def spot_tariff(tariff, element):
    def build(**formula):
        energy = element(ENERGY=0)
        energy["price_components"][0]["spot"] = {"feed": "NL", "fallback": 0.45} | formula
        return tariff(energy)

    return build


def test_factor_fee_floor_and_cap_make_the_price():
    formula = SpotFormula(
        feed="NL",
        fallback=Decimal("0.4"),
        factor=Decimal("1.1"),
        fee=Decimal("0.12"),
        floor=Decimal("0.1"),
        cap=Decimal("0.6"),
    )
    assert [price_of(Decimal(spot), formula) for spot in ("0.12345", "-0.3", "0.9")] == [
        Decimal("0.2558"),
        Decimal("0.1"),
        Decimal("0.6"),
    ]


@given(st.decimals(-1, 5, places=5), st.decimals(0, 3, places=3), st.decimals(-1, 1, places=3))
def test_the_price_never_leaves_its_bounds(spot, factor, fee):
    bounds = {"floor": Decimal("0.05"), "cap": Decimal("0.79")}
    formula = SpotFormula(feed="NL", fallback=Decimal(0), factor=factor, fee=fee, **bounds)
    assert bounds["floor"] <= price_of(spot, formula) <= bounds["cap"]


def test_a_session_pays_each_hour_its_price_on_one_line(spot_tariff, session):
    known = frozen(spot_tariff(fee=0.10), {"NL": series("0.10", "0.20")}, NOON)
    (line,) = price(session("2026-01-12T12:30", ("charging", 60, 10)), known, "Europe/Amsterdam").lines
    assert str(line.amount) == "2.50 EUR"
    assert line.reason == "10 kWh x 0.25 EUR/kWh"


def test_hours_that_the_feed_does_not_know_cost_the_fallback(spot_tariff, session):
    known = frozen(spot_tariff(), {"NL": series("0.10")}, NOON)
    (line,) = price(session("2026-01-12T12:30", ("charging", 60, 10)), known, "Europe/Amsterdam").lines
    assert str(line.amount) == "2.75 EUR"


def test_a_missing_feed_never_stops_a_charge(spot_tariff, session):
    known = frozen(spot_tariff(), {}, NOON)
    assert known.is_frozen
    (line,) = price(session("2026-01-12T12:30", ("charging", 60, 10)), known, "Europe/Amsterdam").lines
    assert str(line.amount) == "4.50 EUR"


def test_a_hole_in_the_feed_costs_the_fallback(spot_tariff):
    holed = SpotSeries("NL", "EUR", series("0.1", "0.2", "0.3").prices[::2])
    schedule = frozen(spot_tariff(), {"NL": holed}, NOON).elements[0].price_components[0].schedule
    assert [(entry.since.hour, entry.price) for entry in schedule] == [
        (12, Decimal("0.1")),
        (13, Decimal("0.45")),
        (14, Decimal("0.3")),
        (15, Decimal("0.45")),
    ]


def test_a_negative_price_pays_the_driver(spot_tariff, session):
    known = frozen(spot_tariff(), {"NL": series("-0.105")}, NOON)
    result = price(session("2026-01-12T12:00", ("charging", 30, 10)), known, "Europe/Amsterdam")
    assert str(result.gross) == "-1.05 EUR"


def test_a_tariff_without_a_formula_is_frozen_as_it_is(tariff, element):
    plain = tariff(element(ENERGY=0.5))
    assert frozen(plain, {}, NOON) is plain


def test_currencies_do_not_mix(spot_tariff):
    with pytest.raises(SpotCurrencyDiffers):
        frozen(spot_tariff(), {"NL": series("0.1", currency="GBP")}, NOON)


def test_a_feed_that_ends_soon_is_late():
    assert is_late(series("0.1"), NOON)
    assert not is_late(series(*["0.1"] * 8), NOON)
    assert is_late(SpotSeries("NL", "EUR", ()), NOON)


def test_a_published_file_is_read_in_any_order():
    read = read_csv(
        "utc,eur_per_mwh\n2022-01-01T01:00Z,134.0\n2022-01-01T00:00Z,124.7\n2022-01-01T03:00Z,-5\n",
        "NL",
        "EUR",
    )
    assert [str(spot.price) for spot in read.prices] == ["0.1247", "0.134", "-0.005"]
    assert read.at(datetime(2022, 1, 1, 2, 30, tzinfo=UTC)) is None
    assert read.at(datetime(2022, 1, 1, 3, 59, tzinfo=UTC)) == read.prices[2]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2022-01-01T00:00,1", "no.*time zone|not a date-time"),
        ("2022-01-01T00:00Z,abc", "give an instant"),
        ("2022-01-01T00:00Z", "give an instant"),
        ("2022-01-01T00:00Z,NaN", "no price"),
        ("2022-01-01T00:00Z,2\n2022-01-01T00:00Z,3", "two prices"),
    ],
)
def test_a_wrong_line_is_named(line, problem):
    with pytest.raises(SpotPricesInvalid, match=problem):
        read_csv(f"utc,price\n{line}\n", "NL", "EUR")
