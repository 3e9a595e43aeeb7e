from datetime import date
from decimal import Decimal

import pytest

from gridlane.billing.vat import (
    STANDARD_RATES,
    Treatment,
    VatNumberInvalid,
    VatRateUnknown,
    standard_rate,
    treatment,
    vat_number,
)


@pytest.mark.parametrize(
    ("country", "day", "rate"),
    [
        ("DE", date(2026, 1, 1), "19"),
        ("de", date(2026, 1, 1), "19"),
        ("FI", date(2024, 8, 31), "24"),
        ("FI", date(2024, 9, 1), "25.5"),
        ("SK", date(2026, 1, 1), "23"),
        ("LU", date(2023, 6, 1), "16"),
        ("CH", date(2026, 1, 1), "8.1"),
    ],
)
def test_the_rate_is_that_of_the_day(country, day, rate):
    assert standard_rate(country, day) == Decimal(rate)


def test_every_countrys_rates_ascend_in_time():
    for rates in STANDARD_RATES.values():
        assert [since for since, _ in rates] == sorted({since for since, _ in rates})


@pytest.mark.parametrize(("country", "day"), [("US", date(2026, 1, 1)), ("DE", date(2020, 7, 1))])
def test_an_unknown_rate_is_refused_not_guessed(country, day):
    with pytest.raises(VatRateUnknown):
        standard_rate(country, day)


@pytest.mark.parametrize(
    ("typed", "number", "country"),
    [
        ("DE 136,695 976", "DE136695976", "DE"),
        ("nl4495445B01", "NL004495445B01", "NL"),
        ("EL 094259216", "EL094259216", "GR"),
        ("GB 980 7806 84", "GB980780684", "GB"),
        ("CHE-107.787.577 IVA", "CHE107787577IVA", "CH"),
        ("NO 995 525 828 MVA", "NO995525828MVA", "NO"),
    ],
)
def test_a_number_is_taken_as_people_write_it(typed, number, country):
    assert vat_number(typed).number == number
    assert vat_number(typed).country == country


@pytest.mark.parametrize("typed", ["DE136695977", "DE1", "12345", "", "XX123", "Ü"])
def test_a_number_that_cannot_be_one_is_refused(typed):
    with pytest.raises(VatNumberInvalid):
        vat_number(typed)


def test_a_foreign_seller_leaves_the_tax_to_a_registered_buyer():
    buyer = vat_number("DE136695976")
    assert treatment("DE", frozenset({"NL"}), buyer) is Treatment.REVERSE_CHARGE
    assert treatment("DE", frozenset({"NL", "DE"}), buyer) is Treatment.STANDARD
    assert treatment("DE", frozenset({"NL"}), None) is Treatment.STANDARD
    assert treatment("FR", frozenset({"NL"}), buyer) is Treatment.STANDARD
