from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.kernel.errors import CurrenciesMixed
from gridlane.kernel.money import Money
from gridlane.kernel.quantities import WattHours, kilowatt_hours

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=6)


@given(amounts, amounts)
def test_adding_then_taking_away_gives_the_same_amount(first, second):
    assert Money(first, "EUR") + Money(second, "EUR") - Money(second, "EUR") == Money(first, "EUR")


@pytest.mark.parametrize(("currency", "rounded"), [("EUR", "2.35"), ("JPY", "2"), ("BHD", "2.345")])
def test_rounding_is_half_up_to_the_currencys_smallest_unit(currency, rounded):
    assert Money.of("2.345", currency).rounded().amount == Decimal(rounded)


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "BHD"]))
def test_minor_units_go_there_and_back(minor, currency):
    assert Money.from_minor(minor, currency).minor() == minor


def test_two_currencies_never_mix():
    with pytest.raises(CurrenciesMixed, match="EUR and USD"):
        Money.of(1, "EUR") + Money.of(1, "USD")


def test_kilowatt_hours_are_what_the_meter_printed():
    assert kilowatt_hours(WattHours(7420.1)) == Decimal("7.4201")
