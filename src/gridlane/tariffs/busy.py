"""Prices that depend on how busy a site is, announced before the start and then fixed for the whole session.

A rule has levels of occupancy. What is announced holds for a while, so that a price seen on the way to the plug is
the price of the session; and it takes a clear drop in occupancy to go down a level, so prices do not flap.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from gridlane.kernel.errors import Kind, Refusal
from gridlane.tariffs.tariff import Dimension, PriceComponent, Tariff


class BusyLevel(msgspec.Struct, frozen=True, kw_only=True):
    """From this share of occupied EVSEs on (0 to 1): energy x ``energy_factor`` + ``energy_fee`` (per kWh), idle time x
    ``idle_factor``. ``name`` is the word on the bill.
    """

    occupied: Decimal
    name: str = "busy"
    energy_factor: Decimal = Decimal(1)
    energy_fee: Decimal = Decimal(0)
    idle_factor: Decimal = Decimal(1)


class BusyRule(msgspec.Struct, frozen=True, kw_only=True):
    """Levels in ascending order of occupancy; below the first, the tariff holds as it is."""

    levels: tuple[BusyLevel, ...]
    hold: timedelta = timedelta(minutes=15)
    slack: Decimal = Decimal("0.1")

    def __post_init__(self) -> None:
        shares = [level.occupied for level in self.levels]
        if not shares or shares != sorted(set(shares)) or not 0 < shares[0] <= shares[-1] <= 1:
            raise BusyRuleInvalid(problem="give levels in ascending order of occupancy, over 0 and at most 1")
        if self.hold <= timedelta(0) or not 0 <= self.slack < 1:
            raise BusyRuleInvalid(problem="give a hold over 0 and a slack from 0 to under 1")


class BusyRuleInvalid(Refusal):
    code = "busy_rule_invalid"
    kind = Kind.INVALID
    sentence = "The busy prices are not valid: {problem}."


class Announcement(msgspec.Struct, frozen=True):
    """What drivers are told: the level that holds for sessions begun before ``until`` (None: the plain tariff)."""

    level: BusyLevel | None
    since: datetime
    until: datetime


def announced(
    rule: BusyRule, occupied: int, evses: int, now: datetime, before: Announcement | None = None
) -> Announcement:
    """The announcement for this instant. The one before stays until its end; then occupancy decides anew."""
    if before and now < before.until:
        return before
    share = Decimal(occupied) / evses if evses else Decimal(0)
    level = _level(rule.levels, share)
    if (
        before
        and before.level
        and _is_lower(level, before.level)
        and share > before.level.occupied - rule.slack
    ):
        level = before.level
    return Announcement(level, now, now + rule.hold)


def with_level(tariff: Tariff, level: BusyLevel | None) -> Tariff:
    """The tariff at this level: what is frozen into a session that begins while it is announced."""
    if level is None:
        return tariff
    elements = tuple(
        msgspec.structs.replace(
            element,
            name=f"{element.name} {level.name}" if element.name else level.name,
            price_components=tuple(_raised(component, level) for component in element.price_components),
        )
        if element.restrictions.reservation is None
        else element
        for element in tariff.elements
    )
    return msgspec.structs.replace(tariff, elements=elements)


def _level(levels: Sequence[BusyLevel], share: Decimal) -> BusyLevel | None:
    return next((level for level in reversed(levels) if share >= level.occupied), None)


def _is_lower(level: BusyLevel | None, than: BusyLevel) -> bool:
    return level is None or level.occupied < than.occupied


def _raised(component: PriceComponent, level: BusyLevel) -> PriceComponent:
    if component.type is Dimension.PARKING_TIME:
        return msgspec.structs.replace(component, price=_cut(component.price * level.idle_factor))
    if component.type is not Dimension.ENERGY:
        return component

    def energy(price: Decimal) -> Decimal:
        return _cut(price * level.energy_factor + level.energy_fee)

    return msgspec.structs.replace(
        component,
        price=energy(component.price),
        schedule=tuple(msgspec.structs.replace(e, price=energy(e.price)) for e in component.schedule),
    )


def _cut(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP).normalize() + 0
