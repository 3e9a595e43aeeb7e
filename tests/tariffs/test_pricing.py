from datetime import UTC, datetime, timedelta

import pytest

from gridlane.kernel.money import Money
from gridlane.tariffs.pricing import price
from gridlane.tariffs.session import Activity, Period, PeriodInvalid
from gridlane.tariffs.tariff import Dimension

BERLIN = "Europe/Berlin"
MONDAY = "2026-01-12T08:30"  # 09:30 in Berlin


@pytest.fixture
def costs():
    """Net and gross as text, so that a figure reads as on a bill."""

    def run(periods, tariff, zone=BERLIN):
        result = price(periods, tariff, zone)
        return str(result.net.amount), str(result.gross.amount)

    return run


# --- the figures of the examples that the OCPI specification publishes --------------------------------------------


def test_energy_alone(costs, tariff, element, session):
    assert costs(session(MONDAY, ("charging", 60, 20)), tariff(element(ENERGY=0.25, vat=10))) == (
        "5.00",
        "5.50",
    )


@pytest.fixture
def start_and_energy(element):
    start, energy = element(FLAT=0.50, vat=20), element(ENERGY=0.25, vat=10)
    return {"price_components": start["price_components"] + energy["price_components"]}


def test_a_start_fee_with_another_tax_rate(costs, tariff, session, start_and_energy):
    assert costs(session(MONDAY, ("charging", 60, 20)), tariff(start_and_energy)) == ("5.50", "6.10")


@pytest.mark.parametrize(("kwh", "bill"), [(20, ("5.00", "5.50")), (1.9, ("0.50", "0.55"))])
def test_a_minimum_price(costs, tariff, element, session, kwh, bill):
    low = {"before_taxes": 0.50, "after_taxes": 0.55}
    assert (
        costs(session(MONDAY, ("charging", 60, kwh)), tariff(element(ENERGY=0.25, vat=10), min_price=low))
        == bill
    )


@pytest.mark.parametrize(("kwh", "bill"), [(50, ("10.00", "11.00")), (30, ("8.00", "8.85"))])
def test_a_maximum_price(costs, tariff, session, start_and_energy, kwh, bill):
    high = {"before_taxes": 10, "after_taxes": 11}
    assert costs(session(MONDAY, ("charging", 60, kwh)), tariff(start_and_energy, max_price=high)) == bill


def test_parking_is_rounded_up_to_its_step(costs, tariff, element, session, start_and_energy):
    parking = element(PARKING_TIME=2, vat=20, step_size=900)
    stay = session(MONDAY, ("charging", 60, 20), ("parking", 40))
    assert costs(stay, tariff(start_and_energy, parking)) == ("7.00", "7.90")


def test_time_by_the_minute(costs, tariff, element, session):
    assert costs(session(MONDAY, ("charging", 150, 9)), tariff(element(TIME=2, vat=10, step_size=60))) == (
        "5.00",
        "5.50",
    )


def test_time_then_dearer_parking(costs, tariff, element, session):
    prices = tariff(element(TIME=3, vat=10, step_size=60), element(PARKING_TIME=5, vat=20, step_size=300))
    assert costs(session(MONDAY, ("charging", 150, 9), ("parking", 42)), prices) == ("11.25", "12.75")


def test_a_tax_rate_with_a_fraction(costs, tariff, element, session):
    assert costs(
        session(MONDAY, ("charging", 150, 9)), tariff(element(TIME=1.9, vat=5.2, step_size=300))
    ) == (
        "4.75",
        "5.00",
    )


def test_the_first_hour_of_parking_and_the_first_kilowatt_hour_are_free(costs, tariff, element, session):
    prices = tariff(
        element(PARKING_TIME=0, max_duration=3_600),
        element(PARKING_TIME=2, step_size=60, min_duration=3_600, max_duration=14_400),
        element(PARKING_TIME=3, step_size=60, min_duration=14_400),
        element(ENERGY=0, max_kwh=1),
        element(ENERGY=0.20, min_kwh=1),
    )
    # the session is plugged in fast and parks from its first minute to its 165th
    stay = session(MONDAY, ("charging", 0, 20), ("parking", 165))
    assert costs(stay, prices)[0] == "7.30"


@pytest.mark.parametrize(
    ("reservation", "minutes", "activity", "bill"),
    [
        ([("RESERVATION", {"TIME": 5}, 60)], 15, "reserved", ("6.75", "7.60")),
        ([("RESERVATION", {"FLAT": 2, "TIME": 5}, 300)], 13, "reserved", ("8.75", "10.00")),
        (
            [("RESERVATION_EXPIRES", {"FLAT": 4}, 600), ("RESERVATION", {"TIME": 2}, 600)],
            22,
            "reserved",
            ("6.50", "7.30"),
        ),
        (
            [("RESERVATION_EXPIRES", {"FLAT": 4}, 600), ("RESERVATION", {"TIME": 2}, 600)],
            60,
            "reserved_in_vain",
            ("6.00", "7.20"),
        ),
        (
            [("RESERVATION_EXPIRES", {"TIME": 6}, 600), ("RESERVATION", {"TIME": 3}, 600)],
            22,
            "reserved",
            ("7.00", "7.90"),
        ),
        (
            [("RESERVATION_EXPIRES", {"TIME": 6}, 600), ("RESERVATION", {"TIME": 3}, 600)],
            90,
            "reserved_in_vain",
            ("9.00", "10.80"),
        ),
    ],
)
def test_reservations_used_and_not(
    costs, tariff, element, session, start_and_energy, reservation, minutes, activity, bill
):
    elements = [element(**parts, vat=20, step_size=step, reservation=use) for use, parts, step in reservation]
    stay = session(MONDAY, (activity, minutes), *([("charging", 60, 20)] if activity == "reserved" else []))
    assert costs(stay, tariff(*elements, start_and_energy)) == bill


def test_only_the_last_step_counts_and_for_the_whole_energy(costs, tariff, element, session):
    prices = tariff(
        element(ENERGY=0.27, start_time="17:00", step_size=500), element(ENERGY=0.20, step_size=500)
    )
    stay = session("2026-01-12T15:17", ("charging", 43, 4.3), ("charging", 11, 1.1))
    lines = price(stay, prices, BERLIN).lines
    assert [(line.measured, line.billed) for line in lines] == [
        (1_100_000, 1_200_000),
        (4_300_000, 4_300_000),
    ]


def test_only_the_last_step_counts_and_for_the_whole_time(tariff, element, session):
    prices = tariff(element(TIME=7, start_time="17:00", step_size=600), element(TIME=5, step_size=600))
    lines = price(session("2026-01-12T15:54", ("charging", 28, 3)), prices, BERLIN).lines
    assert [line.billed // 60 for line in lines] == [24, 6]


@pytest.mark.parametrize(
    ("charging", "parking", "step", "billed"), [(21, 7, 300, [21, 10]), (21, 16, 600, [21, 20])]
)
def test_charging_followed_by_parking_is_not_rounded(
    tariff, element, session, charging, parking, step, billed
):
    prices = tariff(element(TIME=1, PARKING_TIME=2, step_size=step))
    lines = price(session(MONDAY, ("charging", charging, 3), ("parking", parking)), prices, BERLIN).lines
    assert [line.billed // 60 for line in lines] == billed


def test_prices_by_power(costs, tariff, element, session):
    prices = tariff(
        element(ENERGY=0.20, max_power=16), element(ENERGY=0.35, max_power=32), element(ENERGY=0.50)
    )
    stay = session(MONDAY, ("charging", 10, 1), ("charging", 50, 40), ("charging", 7.5, 0.5))
    assert costs(stay, prices)[0] == "20.30"


def test_the_first_half_hour_is_free(costs, tariff, element, session):
    prices = tariff(
        element(ENERGY=0.40, min_duration=3_600), element(ENERGY=0.25, min_duration=1_800), element(ENERGY=0)
    )
    assert costs(session(MONDAY, ("charging", 30, 5), ("charging", 10, 1.2)), prices)[0] == "0.30"


# --- what OCPI leaves open --------------------------------------------------------------------------------------


def test_a_line_says_why_it_costs_what_it_costs(tariff, element, session):
    prices = tariff(
        element(ENERGY=0.59, name="peak", start_time="18:00", end_time="20:00"),
        element(ENERGY=0.49, FLAT=0.35),
        element(PARKING_TIME=6, step_size=300),
        idle_grace=600,
    )
    stay = session("2026-01-12T16:00", ("charging", 120, 14.84), ("parking", 22))
    reasons = [line.reason for line in price(stay, prices, BERLIN).lines]
    assert reasons == [
        "fee per session 0.35 EUR",
        "18:00-20:00 peak, 7.42 kWh x 0.59 EUR/kWh",
        "7.42 kWh x 0.49 EUR/kWh",
        "12 min billed as 15 min parked without charging x 6 EUR/h",
    ]


def test_each_new_stretch_of_parking_has_its_own_grace(tariff, element, session):
    prices = tariff(element(PARKING_TIME=60), idle_grace=300)
    stay = session(MONDAY, ("parking", 3), ("parking", 4), ("charging", 5, 1), ("parking", 6))
    (line,) = price(stay, prices, BERLIN).lines
    assert line.measured == (2 + 1) * 60


def test_a_vehicle_that_the_site_holds_back_pays_for_no_time(tariff, element, session):
    prices = tariff(element(TIME=3, PARKING_TIME=6))
    lines = price(session(MONDAY, ("charging", 10, 1), ("held", 30)), prices, BERLIN).lines
    assert [(line.dimension, line.measured) for line in lines] == [(Dimension.TIME, 600)]


def test_prices_with_taxes_inside_are_billed_as_shown(tariff, element, session):
    result = price(
        session(MONDAY, ("charging", 60, 10)),
        tariff(element(ENERGY=0.59, vat=19), tax_included="YES"),
        BERLIN,
    )
    assert (str(result.gross), str(result.tax), str(result.net)) == ("5.90 EUR", "0.94 EUR", "4.96 EUR")


def test_a_minimum_price_holds_for_a_session_without_any_priced_use(tariff, element, session):
    prices = tariff(element(ENERGY=0.59, vat=19), min_price={"before_taxes": 2})
    result = price(session(MONDAY, ("parking", 5)), prices, BERLIN)
    assert (result.net, result.tax) == (Money.of("2", "EUR"), Money.of("0.38", "EUR"))
    assert result.lines[0].reason == "minimum price of a session 2 EUR"


def test_no_session_costs_nothing(tariff, element):
    result = price([], tariff(element(FLAT=1), min_price={"before_taxes": 2}), BERLIN)
    assert not result.gross
    assert result.lines == ()


def test_the_night_of_the_clock_change_has_its_real_hours(tariff, element, session):
    """25 October 2026, Berlin: 02:00 to 03:00 happens twice, and the night price holds both times."""
    prices = tariff(element(TIME=1, start_time="02:00", end_time="03:00"), element(TIME=2))
    stay = session("2026-10-24T23:00", ("charging", 240, 4))
    assert {line.element: line.measured // 60 for line in price(stay, prices, BERLIN).lines} == {
        0: 120,
        1: 120,
    }


def test_the_night_that_lacks_an_hour_skips_its_price(tariff, element, session):
    prices = tariff(element(TIME=1, start_time="02:00", end_time="03:00"), element(TIME=2))
    stay = session("2026-03-29T00:00", ("charging", 180, 4))
    assert [line.element for line in price(stay, prices, BERLIN).lines] == [1]


def test_a_currency_without_cents_is_rounded_to_whole_units(tariff, element, session):
    result = price(
        session(MONDAY, ("charging", 60, 1.25)), tariff(element(ENERGY=50), currency="JPY"), "Asia/Tokyo"
    )
    assert result.gross == Money.of(63, "JPY")


def test_half_a_cent_is_rounded_up(costs, tariff, element, session):
    assert costs(session(MONDAY, ("charging", 60, 0.1)), tariff(element(ENERGY=0.05)))[0] == "0.01"


def test_the_same_session_costs_the_same_when_its_periods_are_cut_further(tariff, element, session):
    prices = tariff(element(ENERGY=0.59, start_time="10:00"), element(ENERGY=0.31, TIME=1.2))
    whole = price(session(MONDAY, ("charging", 60, 12)), prices, BERLIN)
    cut = price(session(MONDAY, ("charging", 15, 3), ("charging", 45, 9)), prices, BERLIN)
    assert whole == cut


AT = datetime(2026, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("periods", "problem"),
    [
        ([Period(AT, AT - timedelta(seconds=1), Activity.CHARGING)], "begin after"),
        (
            [Period(AT, AT + timedelta(hours=1), Activity.CHARGING), Period(AT, AT, Activity.CHARGING)],
            "begin after",
        ),
        ([Period(AT, AT, Activity.CHARGING, -1.0)], "its energy is -1.0 Wh"),
        ([Period(AT, AT, Activity.CHARGING, float("nan"))], "its energy is nan Wh"),
        ([Period(AT.replace(tzinfo=None), AT, Activity.CHARGING)], "no time zone"),
    ],
)
def test_a_session_that_cannot_have_been_is_refused(tariff, element, periods, problem):
    with pytest.raises(PeriodInvalid, match=problem):
        price(periods, tariff(element(ENERGY=1)), BERLIN)
