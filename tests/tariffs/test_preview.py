from datetime import UTC, datetime, timedelta
from decimal import Decimal

from gridlane.kernel.quantities import WattHours, Watts
from gridlane.tariffs.preview import MadeUpSession, drawn, priced
from gridlane.tariffs.tariff import Dimension

SUNDAY_NIGHT = datetime(2026, 1, 11, 23, tzinfo=UTC)  # midnight in Berlin


def test_a_made_up_session_is_priced_like_a_real_one(tariff, element):
    made_up = MadeUpSession(
        start=SUNDAY_NIGHT, energy=WattHours(22_000.0), power=Watts(11_000.0), parked=timedelta(minutes=30)
    )
    result = priced(made_up, tariff(element(ENERGY=0.5, PARKING_TIME=4)), "Europe/Berlin")
    assert [str(line.amount) for line in result.lines] == ["11.00 EUR", "2.00 EUR"]


def test_a_week_is_drawn_with_one_point_per_change(tariff, element):
    peak = element(
        ENERGY=0.59, vat=19, start_time="18:00", end_time="20:00", day_of_week=["MONDAY", "FRIDAY"]
    )
    week = drawn(tariff(peak, element(ENERGY=0.49, vat=19)), "Europe/Berlin", SUNDAY_NIGHT)
    points = [(point.since - SUNDAY_NIGHT, point.before_taxes) for point in week[Dimension.ENERGY]]
    hours = timedelta(hours=1)
    assert points == [
        (0 * hours, Decimal("0.49")),
        (18 * hours, Decimal("0.59")),
        (20 * hours, Decimal("0.49")),
        (114 * hours, Decimal("0.59")),
        (116 * hours, Decimal("0.49")),
    ]
    assert week[Dimension.ENERGY][0].after_taxes == Decimal("0.5831")
    assert week[Dimension.TIME][0].before_taxes is None


def test_a_price_by_power_is_drawn_for_the_asked_power(tariff, element):
    prices = tariff(element(ENERGY=0.79, min_power=50), element(ENERGY=0.49), tax_included="YES")
    fast = drawn(prices, "Europe/Berlin", SUNDAY_NIGHT, power=Watts(150_000.0))
    assert fast[Dimension.ENERGY][0].after_taxes == Decimal("0.79")
