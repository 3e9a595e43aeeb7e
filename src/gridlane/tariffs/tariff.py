"""The tariff model of OCPI 2.3.0, entire, as frozen values; 2.2.1 is translated at the edge (``exchange``).

Names and meaning of the fields are OCPI's (modules Tariffs and CDRs). What OCPI cannot say and operators need is
marked *ours*: an element's name, the grace before an idle fee, a spot formula. A tariff that is used for a session is
frozen: every price in it is a number, or a schedule of numbers.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

import msgspec

from gridlane.kernel.errors import Kind, Refusal


class Dimension(StrEnum):
    """What a price component counts: kWh, one fee, hours not charging, hours charging (or reserved)."""

    ENERGY = "ENERGY"
    FLAT = "FLAT"
    PARKING_TIME = "PARKING_TIME"
    TIME = "TIME"


class TariffType(StrEnum):
    AD_HOC_PAYMENT = "AD_HOC_PAYMENT"
    PROFILE_CHEAP = "PROFILE_CHEAP"
    PROFILE_FAST = "PROFILE_FAST"
    PROFILE_GREEN = "PROFILE_GREEN"
    REGULAR = "REGULAR"


class TaxIncluded(StrEnum):
    """Whether the prices of the tariff are shown with their taxes; N/A means that no tax is due at all."""

    YES = "YES"
    NO = "NO"
    NOT_APPLICABLE = "N/A"


class ReservationRestriction(StrEnum):
    RESERVATION = "RESERVATION"
    RESERVATION_EXPIRES = "RESERVATION_EXPIRES"


class DayOfWeek(StrEnum):
    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


DAYS = tuple(DayOfWeek)
"""Monday first, so the index is ``date.weekday()``."""


class DisplayText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    language: str
    text: str


class EnergySource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    source: str
    percentage: Decimal


class EnvironmentalImpact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    category: str
    amount: Decimal


class EnergyMix(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    is_green_energy: bool
    energy_sources: tuple[EnergySource, ...] = ()
    environ_impact: tuple[EnvironmentalImpact, ...] = ()
    supplier_name: str | None = None
    energy_product_name: str | None = None


class PriceLimit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bound on the price of a whole session, in the tariff's currency. Both amounts bind where both are set."""

    before_taxes: Decimal
    after_taxes: Decimal | None = None


class SpotFormula(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """*Ours.* Price per kWh = spot x ``factor`` + ``fee``, not under ``floor`` and not over ``cap``.

    ``feed`` names the day-ahead series (spot in currency per kWh). Where the feed has no price for an interval when
    the tariff is frozen, ``fallback`` is the price per kWh, so a late feed never stops a charge.
    """

    feed: str
    fallback: Decimal
    factor: Decimal = Decimal(1)
    fee: Decimal = Decimal(0)
    floor: Decimal | None = None
    cap: Decimal | None = None


class PricedFrom(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """From this instant (UTC) on, this price per unit; until the next one of its schedule."""

    since: datetime
    price: Decimal


class PriceComponent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, cache_hash=True):
    """A price per kWh, per hour or per session, in the tariff's currency; ``vat`` in per cent, None where none is due.

    ``step_size`` counts Wh or seconds. ``schedule`` (*ours*) are the resolved prices of a spot formula; before its
    first instant, and where there is none, ``price`` holds.
    """

    type: Dimension
    price: Decimal
    step_size: int = 1
    vat: Decimal | None = None
    spot: SpotFormula | None = None
    schedule: tuple[PricedFrom, ...] = ()


class Restrictions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, cache_hash=True):
    """When an element is active. All set fields must hold; dates and times are local to the site.

    Minima are inclusive and maxima exclusive. Energy in kWh since the session's start, current in A (sum of the
    phases) and power in kW at the instant, durations in s since the session's start.
    """

    start_time: str | None = None
    end_time: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_current: Decimal | None = None
    max_current: Decimal | None = None
    min_power: Decimal | None = None
    max_power: Decimal | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    day_of_week: tuple[DayOfWeek, ...] = ()
    reservation: ReservationRestriction | None = None


class TariffElement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, cache_hash=True):
    """Components that hold while the restrictions match. ``name`` (*ours*) is the word a bill uses: "peak"."""

    price_components: tuple[PriceComponent, ...]
    restrictions: Restrictions = Restrictions()
    name: str | None = None


class Tariff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, cache_hash=True):
    """One version of a tariff. For each dimension the first element that matches and holds it sets the price.

    ``idle_grace`` (*ours*) are the seconds of each unbroken stretch of parking that no PARKING_TIME is charged for.
    """

    country_code: str
    party_id: str
    id: str
    currency: str
    elements: tuple[TariffElement, ...]
    last_updated: datetime
    tax_included: TaxIncluded = TaxIncluded.NO
    type: TariffType | None = None
    tariff_alt_text: tuple[DisplayText, ...] = ()
    tariff_alt_url: str | None = None
    min_price: PriceLimit | None = None
    max_price: PriceLimit | None = None
    preauthorize_amount: Decimal | None = None
    start_date_time: datetime | None = None
    end_date_time: datetime | None = None
    energy_mix: EnergyMix | None = None
    idle_grace: int = 0

    def is_valid_at(self, at: datetime) -> bool:
        """Whether a session that starts at this instant may use the tariff (start inclusive, end exclusive)."""
        begun = self.start_date_time is None or at >= self.start_date_time
        return begun and (self.end_date_time is None or at < self.end_date_time)

    @property
    def is_frozen(self) -> bool:
        """Whether every price is known: a spot formula has its schedule."""
        return all(c.spot is None or c.schedule for e in self.elements for c in e.price_components)


class TariffInvalid(Refusal):
    """``problems`` maps the path of each wrong field to its sentence."""

    code = "tariff_invalid"
    kind = Kind.INVALID
    sentence = "The tariff is not valid: {problems}."


Problem = tuple[str, str]
"""The path of a field (``elements[0].restrictions.end_time``) and one sentence that says what to do."""


def checked(tariff: Tariff) -> Tariff:
    """The tariff itself, or TariffInvalid with every problem it has."""
    problems = dict(problems_of(tariff))
    if problems:
        raise TariffInvalid(problems=problems)
    return tariff


def problems_of(tariff: Tariff) -> list[Problem]:
    """Everything that makes the tariff unusable, in the order of its fields."""
    return [*_own_problems(tariff), *_limit_problems(tariff), *_element_problems(tariff)]


_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_FRACTION_DIGITS = 6  # prices finer than a millionth of the currency are a slip, and bounds keep sums exact


def _own_problems(tariff: Tariff) -> Iterator[Problem]:
    if not re.fullmatch(r"[A-Za-z]{2}", tariff.country_code):
        yield "country_code", "give the two letters of ISO 3166, such as DE"
    if not re.fullmatch(r"[A-Za-z0-9]{3}", tariff.party_id):
        yield "party_id", "give three letters or digits"
    if not 1 <= len(tariff.id) <= 36:
        yield "id", "give 1 to 36 characters"
    if not re.fullmatch(r"[A-Z]{3}", tariff.currency):
        yield "currency", "give the three capital letters of ISO 4217, such as EUR"
    if not tariff.elements:
        yield "elements", "give at least one; for free charging one FLAT component with price 0"
    if tariff.idle_grace < 0:
        yield "idle_grace", "give 0 or more seconds"
    if tariff.last_updated.tzinfo is None:
        yield "last_updated", "give a time zone; OCPI's instants are UTC"
    yield from _validity_problems(tariff.start_date_time, tariff.end_date_time)


def _validity_problems(start: datetime | None, end: datetime | None) -> Iterator[Problem]:
    naive = [
        name for name, at in (("start_date_time", start), ("end_date_time", end)) if at and at.tzinfo is None
    ]
    for name in naive:
        yield name, "give a time zone; OCPI's instants are UTC"
    if start and end and not naive and end <= start:
        yield "end_date_time", "give an instant after start_date_time"


def _limit_problems(tariff: Tariff) -> Iterator[Problem]:
    low, high = tariff.min_price, tariff.max_price
    for name, limit in (("min_price", low), ("max_price", high)):
        if limit and (limit.before_taxes < 0 or (limit.after_taxes or 0) < 0):
            yield name, "give amounts of 0 or more"
        if limit and limit.after_taxes is not None and limit.after_taxes < limit.before_taxes:
            yield f"{name}.after_taxes", "give at least before_taxes"
    if low and high and low.before_taxes > high.before_taxes:
        yield "max_price.before_taxes", "give at least min_price"
    if low and high and (low.after_taxes or 0) > (high.after_taxes or low.after_taxes or 0):
        yield "max_price.after_taxes", "give at least min_price"


def _element_problems(tariff: Tariff) -> Iterator[Problem]:
    for index, element in enumerate(tariff.elements):
        path = f"elements[{index}]"
        if not element.price_components:
            yield f"{path}.price_components", "give at least one"
        yield from _repeated_dimensions(path, element)
        for position, component in enumerate(element.price_components):
            yield from _component_problems(f"{path}.price_components[{position}]", component)
        for field, sentence in _restriction_problems(element.restrictions):
            yield f"{path}.restrictions.{field}", sentence
        if element.restrictions.reservation:
            yield from _reservation_problems(path, element)


def _repeated_dimensions(path: str, element: TariffElement) -> Iterator[Problem]:
    seen: set[Dimension] = set()
    for position, component in enumerate(element.price_components):
        if component.type in seen:
            yield (
                f"{path}.price_components[{position}].type",
                f"only one {component.type} component can be active",
            )
        seen.add(component.type)


def _component_problems(path: str, component: PriceComponent) -> Iterator[Problem]:
    if component.step_size < 0:
        yield f"{path}.step_size", "give 1 or more Wh or seconds"
    if component.vat is not None and not 0 <= component.vat < 100:
        yield f"{path}.vat", "give a percentage from 0 to under 100, or leave it out"
    if _too_fine(component.price):
        yield f"{path}.price", f"give at most {_FRACTION_DIGITS} digits after the point"
    if component.spot and component.type is not Dimension.ENERGY:
        yield f"{path}.spot", "only ENERGY can follow the spot price"
    if component.spot:
        yield from _spot_problems(f"{path}.spot", component.spot)
    instants = [entry.since for entry in component.schedule]
    if any(later <= earlier for earlier, later in pairwise(instants)):
        yield f"{path}.schedule", "give instants in ascending order, each once"


def _spot_problems(path: str, spot: SpotFormula) -> Iterator[Problem]:
    if not spot.feed:
        yield f"{path}.feed", "name the series of day-ahead prices"
    if spot.floor is not None and spot.cap is not None and spot.floor > spot.cap:
        yield f"{path}.cap", "give at least the floor"


def _restriction_problems(limits: Restrictions) -> Iterator[Problem]:
    for field in ("start_time", "end_time"):
        text = getattr(limits, field)
        if text is not None and not _TIME.fullmatch(text):
            yield field, "give a local time of day as HH:MM, 00:00 to 23:59"
    for field in ("start_date", "end_date"):
        text = getattr(limits, field)
        if text is not None and not _is_date(text):
            yield field, "give a local date as YYYY-MM-DD"
    yield from _empty_ranges(limits)


_RANGES = ("kwh", "current", "power", "duration")


def _empty_ranges(limits: Restrictions) -> Iterator[Problem]:
    if limits.start_date and limits.end_date and limits.end_date <= limits.start_date:
        yield "end_date", "give a date after start_date: the end is exclusive"
    for name in _RANGES:
        low, high = getattr(limits, f"min_{name}"), getattr(limits, f"max_{name}")
        if (low is not None and low < 0) or (high is not None and high < 0):
            yield f"min_{name}", "give 0 or more"
        if low is not None and high is not None and high <= low:
            yield f"max_{name}", f"give more than min_{name}: the maximum is exclusive"


def _reservation_problems(path: str, element: TariffElement) -> Iterator[Problem]:
    for position, component in enumerate(element.price_components):
        if component.type not in (Dimension.FLAT, Dimension.TIME):
            yield (
                f"{path}.price_components[{position}].type",
                "a reservation can only have FLAT and TIME",
            )


def _too_fine(price: Decimal) -> bool:
    exponent = price.normalize().as_tuple().exponent
    return not isinstance(exponent, int) or exponent < -_FRACTION_DIGITS


def _is_date(text: str) -> bool:
    try:
        return len(text) == len("2026-01-31") and bool(date.fromisoformat(text))
    except ValueError:
        return False
