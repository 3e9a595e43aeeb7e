"""The plan of a site: who should charge how much in which hour, by what drivers, operator, prices and sun want.

Its result are targets for the allocator, which alone keeps the limits; a plan can be late or wrong and nothing breaks.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

import numpy as np

from gridlane.energy.allocation import Ask
from gridlane.energy.capacity import Headroom
from gridlane.energy.circuit import Site
from gridlane.energy.network import Network, network_of
from gridlane.energy.program import Battery, Discharge, Floats, Program, Solution, solve
from gridlane.kernel.quantities import Amperes, WattHours, Watts

FINE, MIDDLE, COARSE = timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30)
FINE_UNTIL, MIDDLE_UNTIL = timedelta(hours=1), timedelta(hours=4)
CO2_WEIGHT = 1.0  # money per kg, where the driver asks for the greenest hours


class Mode(StrEnum):
    """What a driver can ask for."""

    NOW = "now"
    READY_BY = "ready_by"
    CHEAPEST = "cheapest"
    GREENEST = "greenest"
    SOLAR = "solar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is ahead, as functions of an instant: prices per kWh, kg CO2 per kWh, kW of other load and of sun.

    Functions, because each source has its own steps (quarter-hours, hours, five minutes); the plan asks at the middle
    of its own.
    """

    price: Callable[[datetime], float]
    export_price: Callable[[datetime], float] | None = None
    co2: Callable[[datetime], float] | None = None
    other_load: Callable[[datetime], float] | None = None
    sun: Callable[[datetime], float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """What the operator weighs: prices per kWh not served, per kW of the month's peak, per kg CO2."""

    unmet_price: float = 1.0
    peak_price: float = 0.0
    peak_so_far: Watts = Watts(0.0)
    co2_price: float = 0.0
    export_most: Watts = Watts(0.0)
    battery: Battery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A vehicle that may feed back: kWh in its battery now and at most, and how hard."""

    level: float
    size: float
    most: Watts


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One plugged-in vehicle: ``energy`` still wanted, ``departs`` stated or forecast, ``most`` it can take.

    ``presence``, where departures are learned, gives the chance to be there still at an instant. ``tier`` is the
    allocator's: lower goes first.
    """

    evse: str
    energy: WattHours
    departs: datetime
    most: Amperes
    mode: Mode = Mode.READY_BY
    vehicle_phases: int | None = None
    presence: Callable[[datetime], float] | None = None
    feedback: Feedback | None = None
    tier: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """``power[evse]`` in W for each step; ``edges`` are the instants between steps. Shadow prices in money per kWh."""

    made_at: datetime
    edges: tuple[datetime, ...]
    power: Mapping[str, tuple[float, ...]]
    unmet: Mapping[str, WattHours]
    price: tuple[float, ...]
    peak: Watts
    cost: float
    needs: Mapping[str, Need] = field(default_factory=dict)

    def target(self, evse: str, at: datetime) -> float | None:
        """The W that the plan wants at an instant; None where it says nothing."""
        if evse not in self.power or not self.edges[0] <= at < self.edges[-1]:
            return None
        step = next(index for index, edge in enumerate(self.edges[1:]) if at < edge)
        return self.power[evse][step]


@dataclass(frozen=True, slots=True)
class _Appetite:
    """How a mode shapes the program: what a kWh costs beside the price, how much earliness is worth, what is unmet."""

    ignores_price: bool = False
    weighs_co2: bool = False
    early: float = 1e-4
    only_surplus: bool = False


MODES: dict[Mode, _Appetite] = {
    Mode.NOW: _Appetite(ignores_price=True, early=0.05),
    Mode.READY_BY: _Appetite(early=2e-3),
    Mode.CHEAPEST: _Appetite(early=1e-5),
    Mode.GREENEST: _Appetite(ignores_price=True, weighs_co2=True, early=1e-5),
    Mode.SOLAR: _Appetite(only_surplus=True, early=1e-5),
}


def make_plan(
    site: Site,
    needs: Sequence[Need],
    outlook: Outlook,
    wants: Wants,
    now: datetime,
    headroom: Callable[[datetime], Mapping[str, Headroom]] | None = None,
) -> Plan:
    """The best plan from ``now`` to the last departure. ``headroom`` gives the circuits' room at an instant of the
    horizon (None: their ratings less reserves, always).

    Raises PlanNotSolved.
    """
    edges = steps_of_plan(now, max((each.departs for each in needs), default=now + MIDDLE))
    middles = [a + (b - a) / 2 for a, b in pairwise(edges)]
    hours = np.array([(b - a).total_seconds() / 3600 for a, b in pairwise(edges)])
    rooms = None if headroom is None else _rooms(site, headroom, middles)
    limited = None if rooms is None else np.asarray(np.isfinite(rooms).any(axis=1))
    network = network_of(site, _phases(site, needs), limited)
    program = _program(site, network, needs, outlook, wants, edges, middles, hours)
    if rooms is not None:
        program.limits.capacity = rooms[network.limited]
    return _read(solve(program), needs, edges, now, program.price)


def asks(plan: Plan, site: Site, now: datetime) -> list[Ask]:
    """What the allocator is asked for now. Targets below the minimum become the minimum or nothing, whichever is nearer;
    who wants it now, or has no plan, may take what is left beyond.
    """
    by_id = {each.id: each for each in site.evses}
    made = []
    for evse, need in plan.needs.items():
        target = plan.target(evse, now)
        ampere = site.draw(by_id[evse], need.vehicle_phases).watts_per_ampere
        least = by_id[evse].minimum
        if target is None or need.mode is Mode.NOW:
            made.append(_ask(need, need.most, None, least))
            continue
        current = target / ampere
        if 0 < current < least:
            current = least if current >= least / 2 else 0.0
        made.append(_ask(need, Amperes(max(current, 0.0)), Amperes(current), least))
    return made


def steps_of_plan(now: datetime, until: datetime) -> list[datetime]:
    """Edges: five minutes for an hour, a quarter of an hour up to four, then half hours on whole half hours."""
    edges, at = [now], now
    while at < until or len(edges) == 1:
        ahead = at - now
        step = FINE if ahead < FINE_UNTIL else MIDDLE if ahead < MIDDLE_UNTIL else COARSE
        into = timedelta(seconds=at.timestamp() % step.total_seconds())
        at = at + step - into
        edges.append(at)
    return edges


def _ask(need: Need, wish: Amperes, target: Amperes | None, least: Amperes) -> Ask:
    return Ask(
        evse=need.evse, wish=Amperes(min(wish, need.most)), target=target, least=least, tier=need.tier,
        vehicle_phases=need.vehicle_phases,
    )  # fmt: skip


def _phases(site: Site, needs: Sequence[Need]) -> list[int | None]:
    known = {each.evse: each.vehicle_phases for each in needs}
    return [known.get(each.id) for each in site.evses]


def _program(
    site: Site,
    network: Network,
    needs: Sequence[Need],
    outlook: Outlook,
    wants: Wants,
    edges: Sequence[datetime],
    middles: Sequence[datetime],
    hours: Floats,
) -> Program:
    number = {name: index for index, name in enumerate(network.names)}
    evse = np.array([number[each.evse] for each in needs], dtype=np.int64)
    price = np.array([outlook.price(at) for at in middles])
    co2 = np.array([outlook.co2(at) if outlook.co2 else 0.0 for at in middles])
    price = price + wants.co2_price * co2
    export = np.array([outlook.export_price(at) if outlook.export_price else 0.0 for at in middles])
    other = [
        (outlook.other_load(at) if outlook.other_load else 0.0) - (outlook.sun(at) if outlook.sun else 0.0)
        for at in middles
    ]
    appetite = [MODES[each.mode] for each in needs]
    surplus_price = float(export.max(initial=0.0)) + 0.01
    return Program(
        hours=hours,
        price=price,
        first=np.zeros(len(needs), dtype=np.int64),
        last=np.array([_last_step(edges, each.departs) for each in needs], dtype=np.int64),
        most=np.array([each.most for each in needs]) * network.kilowatts_per_ampere[evse],
        energy=np.array([each.energy / 1000 for each in needs]),
        unmet_price=np.array([surplus_price if each.only_surplus else wants.unmet_price for each in appetite]),
        limits=network.limits(evse, hours.size),
        early=np.array([each.early for each in appetite]),
        presence=_presence(needs, middles),
        extra_price=_extra(appetite, price, co2),
        peak_price=wants.peak_price,
        peak_so_far=wants.peak_so_far / 1000,
        other_power=np.array(other) if outlook.other_load or outlook.sun else None,
        export_price=export,
        export_most=wants.export_most / 1000,
        battery=wants.battery,
        discharge=_discharge(needs),
    )  # fmt: skip


def _last_step(edges: Sequence[datetime], departs: datetime) -> int:
    """The number of whole steps before the departure; at least the first, for who should be gone already."""
    return max(1, bisect_right(edges, departs) - 1)


def _presence(needs: Sequence[Need], middles: Sequence[datetime]) -> Floats | None:
    if all(each.presence is None for each in needs):
        return None
    return np.array(
        [[1.0 if each.presence is None else each.presence(at) for at in middles] for each in needs]
    )


def _extra(appetite: Sequence[_Appetite], price: Floats, co2: Floats) -> Floats:
    rows = [
        (-price if each.ignores_price else 0.0 * price) + (CO2_WEIGHT * co2 if each.weighs_co2 else 0.0)
        for each in appetite
    ]
    return np.array(rows).reshape(len(rows), price.size)


def _discharge(needs: Sequence[Need]) -> Discharge | None:
    if all(each.feedback is None for each in needs):
        return None
    none = Feedback(level=0.0, size=0.0, most=Watts(0.0))
    all_of_them = [each.feedback or none for each in needs]
    return Discharge(
        power=np.array([each.most / 1000 for each in all_of_them]),
        level=np.array([each.level for each in all_of_them]),
        size=np.array([each.size for each in all_of_them]),
    )


def _rooms(
    site: Site, headroom: Callable[[datetime], Mapping[str, Headroom]], middles: Sequence[datetime]
) -> Floats:
    """All four limits of each circuit in each step, infinite where there is none."""
    columns = []
    for at in middles:
        room = headroom(at)
        columns.append(
            np.concatenate([[*room[each.id].phases, room[each.id].power / 1000] for each in site.circuits])
        )
    return np.array(columns).T


def _read(
    solution: Solution, needs: Sequence[Need], edges: Sequence[datetime], now: datetime, price: Floats
) -> Plan:
    return Plan(
        made_at=now,
        edges=tuple(edges),
        power={
            each.evse: tuple(1000 * kilowatts for kilowatts in row)
            for each, row in zip(needs, solution.power.tolist(), strict=True)
        },
        unmet={
            each.evse: WattHours(1000 * kwh) for each, kwh in zip(needs, solution.unmet.tolist(), strict=True)
        },
        price=tuple(price.tolist()),
        peak=Watts(1000 * solution.peak),
        cost=solution.cost,
        needs={each.evse: each for each in needs},
    )
