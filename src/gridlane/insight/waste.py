"""Energy and money that a site loses, and the three actions that would save most. Pure.

Four losses: *standby* (stations that wait draw power), *conversion* (what a station heats away), *idle* (a full vehicle
keeps the bay: charge that somebody else would have bought), *curtailed* (a limit kept power back that a vehicle would
have taken). The first two are bought for nothing, the last two are not sold.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from gridlane.insight.assuming import Assumptions

DIRECT_CURRENT = 43_000.0
"""W; an EVSE with more converts inside (a 43 kW socket is the largest of alternating current)."""
SLEEP_SAVES = 0.6
"""Share of standby that a station saves which dims its screen and sleeps its rectifiers at night."""
MOVES = 0.5
"""Share of idle vehicles that leave when standing costs."""

ActionKind = Literal["sleep", "idle_fee", "raise_limit"]


class SiteUse(msgspec.Struct, frozen=True, kw_only=True):
    """A site in a period: what its EVSEs did, in s and Wh. ``price`` is what a kWh sells for."""

    site_id: UUID | None
    name: str
    alternating: int
    direct: int
    energy_alternating: float
    energy_direct: float
    observed: float
    """EVSE-seconds"""
    occupied: float
    charging: float
    withheld: float
    price: Decimal
    assumed: Assumptions


class Waste(msgspec.Struct, frozen=True, kw_only=True):
    """Wh, and money per year at this pace is the reader's to say: all figures are of the period."""

    site_id: UUID | None
    name: str
    standby: float
    conversion: float
    idle: float
    curtailed: float
    idle_time: float
    lost: Decimal


class Action(msgspec.Struct, frozen=True, kw_only=True):
    kind: ActionKind
    site_id: UUID | None
    name: str
    energy: float
    saves: Decimal
    currency: str


def waste(site: SiteUse) -> Waste:
    standby, conversion = _standby(site), _conversion(site)
    idle, curtailed = _idle(site), site.withheld
    bought = _money(standby + conversion, site.assumed.electricity_price)
    unsold = _money(idle + curtailed, _margin(site))
    return Waste(
        site_id=site.site_id,
        name=site.name,
        standby=standby,
        conversion=conversion,
        idle=idle,
        curtailed=curtailed,
        idle_time=max(0.0, site.occupied - site.charging),
        lost=bought + unsold,
    )


def best_actions(sites: Iterable[SiteUse], most: int = 3) -> list[Action]:
    """What would save most money, first the largest."""
    every = [action for site in sites for action in _actions(site) if action.saves > 0]
    return sorted(every, key=lambda action: action.saves, reverse=True)[:most]


def _actions(site: SiteUse) -> Iterable[Action]:
    for kind, energy, price in (
        ("sleep", _standby(site) * SLEEP_SAVES, site.assumed.electricity_price),
        ("idle_fee", _idle(site) * MOVES, _margin(site)),
        ("raise_limit", site.withheld, _margin(site)),
    ):
        yield Action(
            kind=kind,  # type: ignore[arg-type]  # mypy reads the tuple's words as str
            site_id=site.site_id,
            name=site.name,
            energy=energy,
            saves=_money(energy, price),
            currency=site.assumed.currency,
        )


def _standby(site: SiteUse) -> float:
    evses = site.alternating + site.direct
    if not evses:
        return 0.0
    watts = site.alternating * site.assumed.standby_ac + site.direct * site.assumed.standby_dc
    waiting = max(0.0, site.observed - site.charging)
    return watts / evses * waiting / 3600


def _conversion(site: SiteUse) -> float:
    return site.energy_alternating * site.assumed.loss_ac + site.energy_direct * site.assumed.loss_dc


def _idle(site: SiteUse) -> float:
    """What would have been charged meanwhile: the usual power, as often as somebody would have come."""
    if site.charging <= 0 or site.observed <= 0:
        return 0.0
    seconds = max(0.0, site.occupied - site.charging)
    mean_power = (site.energy_alternating + site.energy_direct) / site.charging
    return seconds * mean_power * min(1.0, site.occupied / site.observed)


def _margin(site: SiteUse) -> Decimal:
    return max(Decimal(0), site.price - site.assumed.electricity_price)


def _money(watt_hours: float, price: Decimal) -> Decimal:
    return (Decimal(repr(watt_hours)) / 1000 * price).quantize(Decimal("0.01"))
