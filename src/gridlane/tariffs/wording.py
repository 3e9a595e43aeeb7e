"""The words of a bill: when a price holds, and why a line costs what it costs. English and German.

The words are for people; nothing is computed from them. Numbers keep a point in both languages, because a reason is
stored once, at rating; screens and invoices that format numbers take them from the line's fields.
"""

from decimal import Decimal

import msgspec

from gridlane.tariffs.tariff import (
    DAYS,
    Dimension,
    PriceLimit,
    ReservationRestriction,
    Restrictions,
    TariffElement,
)


class Words(msgspec.Struct, frozen=True, kw_only=True):
    days: tuple[str, ...]
    since: str
    until: str
    reserved: str
    expired: str
    billed_as: str
    parked: str
    fee: str
    minimum: str
    maximum: str


WORDS = {
    "en": Words(
        days=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        since="from",
        until="under",
        reserved="reserved",
        expired="reserved, not used",
        billed_as="billed as",
        parked="parked without charging",
        fee="fee per session",
        minimum="minimum price of a session",
        maximum="maximum price of a session",
    ),
    "de": Words(
        days=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
        since="ab",
        until="unter",
        reserved="reserviert",
        expired="reserviert, nicht genutzt",
        billed_as="berechnet als",
        parked="ohne Laden geparkt",
        fee="Gebühr je Ladevorgang",
        minimum="Mindestpreis eines Ladevorgangs",
        maximum="Höchstpreis eines Ladevorgangs",
    ),
}


def conditions(element: TariffElement, language: str = "en") -> str:
    """When the element holds, with its name: ``Mon-Fri 18:00-20:00 peak``. Empty where it always holds, unnamed."""
    words, limits = WORDS[language], element.restrictions
    parts = (
        _days(limits, words),
        _range(limits.start_date, limits.end_date, "", words),
        _range(limits.start_time, limits.end_time, "", words),
        _range(limits.min_kwh, limits.max_kwh, " kWh", words),
        _range(limits.min_power, limits.max_power, " kW", words),
        _range(limits.min_current, limits.max_current, " A", words),
        _range(_minutes(limits.min_duration), _minutes(limits.max_duration), " min", words),
        _reservation(limits, words),
        element.name,
    )
    return " ".join(part for part in parts if part)


def frame(element: TariffElement, dimension: Dimension, price: str, language: str = "en") -> tuple[str, str]:
    """What a line says before and after its quantity: ``("Mon-Fri 18:00-20:00 peak, ", " x 0.59 EUR/kWh")``."""
    words, when = WORDS[language], conditions(element, language)
    before = f"{when}, " if when else ""
    if dimension is Dimension.FLAT:
        return f"{before}{words.fee} {price}", ""
    if dimension is Dimension.ENERGY:
        return before, f" x {price}/kWh"
    return before, f" {words.parked} x {price}/h" if dimension is Dimension.PARKING_TIME else f" x {price}/h"


def quantities(dimension: Dimension, measured: int, billed: int, language: str = "en") -> str:
    """How much a line is for: ``42 min billed as 45 min``; nothing for a fee."""
    if dimension is Dimension.FLAT:
        return ""
    if billed == measured:
        return amount_of(dimension, billed)
    return f"{amount_of(dimension, measured)} {WORDS[language].billed_as} {amount_of(dimension, billed)}"


def bound(limit: PriceLimit | None, is_minimum: bool, currency: str, language: str = "en") -> str:
    """The line that a minimum or maximum price makes: ``minimum price of a session 0.50 EUR``."""
    words = WORDS[language]
    amount = "" if limit is None else f" {limit.before_taxes} {currency}"
    return f"{words.minimum if is_minimum else words.maximum}{amount}"


def amount_of(dimension: Dimension, quantity: int) -> str:
    """A counted quantity (mWh or seconds) in the words of a bill: ``7.42 kWh``, ``1 h 5 min``."""
    if dimension is Dimension.ENERGY:
        return f"{_plain(quantity, 6)} kWh"
    minutes, seconds = divmod(quantity, 60)
    hours, minutes = divmod(minutes, 60)
    if not hours and not seconds:
        return f"{minutes} min"
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join([f"{number} {unit}" for number, unit in parts if number])


def _plain(quantity: int, digits: int) -> str:
    """``quantity / 10**digits`` without needless zeros: 7420000 and 6 give 7.42."""
    whole, fraction = divmod(quantity, 10**digits)
    return f"{whole}.{fraction:0{digits}d}".rstrip("0").rstrip(".")


def _range(low: object, high: object, unit: str, words: Words) -> str:
    if low is not None and high is not None:
        return f"{low}-{high}{unit}"
    if low is not None:
        return f"{words.since} {low}{unit}"
    return "" if high is None else f"{words.until} {high}{unit}"


def _days(limits: Restrictions, words: Words) -> str:
    """``Mon-Fri`` for days in a row, ``Mon, Wed`` otherwise."""
    chosen = [index for index, day in enumerate(DAYS) if day in limits.day_of_week]
    if len(chosen) > 2 and chosen[-1] - chosen[0] == len(chosen) - 1:
        return f"{words.days[chosen[0]]}-{words.days[chosen[-1]]}"
    return ", ".join(words.days[index] for index in chosen)


def _reservation(limits: Restrictions, words: Words) -> str:
    if limits.reservation is None:
        return ""
    return words.reserved if limits.reservation is ReservationRestriction.RESERVATION else words.expired


def _minutes(seconds: int | None) -> Decimal | None:
    return None if seconds is None else (Decimal(seconds) / 60).normalize()
