"""Value added tax by country, and whose number is a number: what a tariff form suggests and an invoice must say.

The rates are the standard rates on charging; a tariff may carry another where the law of a place has one. Sources: the
European Commission's table of VAT rates and the national laws of Norway, Switzerland, Iceland and the United Kingdom.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from gridlane.kernel.errors import Kind, Refusal

_ALWAYS = date(2021, 1, 1)

STANDARD_RATES: dict[str, tuple[tuple[date, str], ...]] = {
    # country: (since, per cent), the latest last
    "AT": ((_ALWAYS, "20"),),
    "BE": ((_ALWAYS, "21"),),
    "BG": ((_ALWAYS, "20"),),
    "CH": ((_ALWAYS, "7.7"), (date(2024, 1, 1), "8.1")),
    "CY": ((_ALWAYS, "19"),),
    "CZ": ((_ALWAYS, "21"),),
    "DE": ((_ALWAYS, "19"),),
    "DK": ((_ALWAYS, "25"),),
    "EE": ((_ALWAYS, "20"), (date(2024, 1, 1), "22"), (date(2025, 7, 1), "24")),
    "ES": ((_ALWAYS, "21"),),
    "FI": ((_ALWAYS, "24"), (date(2024, 9, 1), "25.5")),
    "FR": ((_ALWAYS, "20"),),
    "GB": ((_ALWAYS, "20"),),
    "GR": ((_ALWAYS, "24"),),
    "HR": ((_ALWAYS, "25"),),
    "HU": ((_ALWAYS, "27"),),
    "IE": ((_ALWAYS, "23"),),
    "IS": ((_ALWAYS, "24"),),
    "IT": ((_ALWAYS, "22"),),
    "LI": ((_ALWAYS, "7.7"), (date(2024, 1, 1), "8.1")),
    "LT": ((_ALWAYS, "21"),),
    "LU": ((_ALWAYS, "17"), (date(2023, 1, 1), "16"), (date(2024, 1, 1), "17")),
    "LV": ((_ALWAYS, "21"),),
    "MT": ((_ALWAYS, "18"),),
    "NL": ((_ALWAYS, "21"),),
    "NO": ((_ALWAYS, "25"),),
    "PL": ((_ALWAYS, "23"),),
    "PT": ((_ALWAYS, "23"),),
    "RO": ((_ALWAYS, "19"), (date(2025, 8, 1), "21")),
    "SE": ((_ALWAYS, "25"),),
    "SI": ((_ALWAYS, "22"),),
    "SK": ((_ALWAYS, "20"), (date(2025, 1, 1), "23")),
}


class VatRateUnknown(Refusal):
    code = "vat_rate_unknown"
    kind = Kind.UNSUPPORTED
    sentence = "No standard tax rate is known for {country} on {day}; set the rate in the tariff."


def standard_rate(country: str, day: date) -> Decimal:
    """The standard rate in per cent where the vehicle charges. Raises VatRateUnknown."""
    rates = [rate for since, rate in STANDARD_RATES.get(country.upper(), ()) if since <= day]
    if not rates:
        raise VatRateUnknown(country=country, day=day.isoformat())
    return Decimal(rates[-1])


class VatNumber(msgspec.Struct, frozen=True):
    """A number that is well-formed by its country's rules, check digits included. Nobody was asked whether it exists."""

    country: str
    number: str

    def __str__(self) -> str:
        return self.number


class VatNumberInvalid(Refusal):
    code = "vat_number_invalid"
    kind = Kind.INVALID
    sentence = "{number} is no tax number of {country}: {why}."


def vat_number(text: str) -> VatNumber:
    """The number in its compact form, from what a person typed (``DE 136,695 976``). Raises VatNumberInvalid."""
    from stdnum import get_cc_module
    from stdnum.exceptions import ValidationError

    letters = "".join(character for character in text.upper() if character.isalnum())
    prefix = letters[:2]
    country = "GR" if prefix == "EL" else "CH" if letters.startswith("CHE") else prefix
    rules = get_cc_module(country.lower(), "vat") if country.isalpha() and len(country) == 2 else None
    if rules is None:
        raise VatNumberInvalid(
            number=text, country=country or "?", why="it must begin with a country such as DE"
        )
    try:
        compact = str(rules.validate(letters))
    except ValidationError as error:
        raise VatNumberInvalid(number=text, country=country, why=str(error).rstrip(".").lower()) from None
    return VatNumber(country, compact if compact.startswith(prefix) else prefix + compact)


class Treatment(StrEnum):
    """How tax is dealt with, by the category codes of EN 16931 (UNTDID 5305)."""

    STANDARD = "S"
    ZERO = "Z"
    NOT_SUBJECT = "O"
    REVERSE_CHARGE = "AE"


def treatment(site_country: str, seller_countries: frozenset[str], buyer: VatNumber | None) -> Treatment:
    """Who owes the tax on a charge. Electricity is taxed where it is used (Directive 2006/112/EC, Art. 39).

    A seller without a registration there leaves the tax to a buyer who has one (Art. 195); else the seller owes it.
    """
    if buyer and site_country not in seller_countries and buyer.country == site_country:
        return Treatment.REVERSE_CHARGE
    return Treatment.STANDARD


def category(vat: Decimal | None) -> Treatment:
    """The category of a line by its rate: none is not subject to tax, 0 is zero-rated."""
    if vat is None:
        return Treatment.NOT_SUBJECT
    return Treatment.STANDARD if vat else Treatment.ZERO
