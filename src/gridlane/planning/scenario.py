"""What a planner asks: the demand, the candidate sites, what stands there already, and the aim.

Tables are columns of equal length (numpy), so that a city of a hundred thousand points stays small. Coordinates are metres
in the scenario's projected reference system; only maps and GeoJSON turn them into degrees.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money
from gridlane.planning.flows import Journeys
from gridlane.planning.supplied import Travel

Floats = NDArray[np.float64]


class Objective(StrEnum):
    COVERAGE = "coverage"  # as much weight as possible within reach
    ACCESS = "access"  # as little weighted distance as possible (p-median)
    SERVICE = "service"  # as many arrivals served within the waiting target as the budgets allow
    COST = "cost"  # the cheapest way to serve a share of the arrivals within the waiting target
    FLOWS = "flows"  # as many journeys as possible that can be made, there and back, by charging on the way


class Decay(StrEnum):
    """How coverage fades with distance."""

    STEP = "step"  # all of it up to the radius, nothing beyond
    LINEAR = "linear"  # from all at the door to nothing at the radius
    LOGIT = "logit"  # half of it at half the radius, a soft shoulder either side


class AimImpossible(Refusal):
    code = "planning_aim_impossible"
    kind = Kind.INVALID
    sentence = "This plan cannot be made: {reason}."


@dataclass(frozen=True)
class Demand:
    """Points that want to charge. ``weight`` counts people (or sessions, or kWh); ``group`` is a class for equity floors."""

    id: tuple[str, ...]
    x: Floats
    y: Floats
    weight: Floats
    group: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True)
class Sites:
    """Places where a station could be built. ``expense`` is what building there costs, 1 each where no money is asked."""

    id: tuple[str, ...]
    kind: tuple[str, ...]
    x: Floats
    y: Floats
    expense: Floats
    shut: NDArray[np.bool_]  # in an exclusion zone, or refused by the planner
    feeder: tuple[str, ...] = ()  # the feeder or transformer each hangs on, empty for none
    grid_kw: Floats = field(default_factory=lambda: np.empty(0))  # what the grid can give each

    def __post_init__(self) -> None:
        if len(self.feeder) != len(self.id):
            object.__setattr__(self, "feeder", ("",) * len(self.id))
        if len(self.grid_kw) != len(self.id):
            object.__setattr__(self, "grid_kw", np.full(len(self.id), np.inf))

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True)
class Stations:
    """What exists and is kept. It serves demand before anything new does."""

    id: tuple[str, ...]
    kind: tuple[str, ...]
    x: Floats
    y: Floats
    points: NDArray[np.int32]
    max_kw: Floats
    decision: tuple[str, ...] = ()  # keep, upgrade, close, or any of them, for each

    def __post_init__(self) -> None:
        if len(self.decision) != len(self.id):
            object.__setattr__(self, "decision", ("keep",) * len(self.id))

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True)
class Aim:
    """What "better" means and what may be spent: a number of sites or a budget."""

    objective: Objective = Objective.COVERAGE
    radius_m: float = 500.0
    decay: Decay = Decay.STEP
    sites: int | None = None
    budget: Money | None = None
    share: float | None = None  # the fewest sites that cover this share of the weight
    people: str = "residents"  # the word for what a weight counts
    floors: tuple[tuple[str, float], ...] = ()  # covered share that a class of demand is promised
    largest_difference: float | None = None  # of covered share between any two classes
    range_km: float = 300.0  # what a car drives on one charge, for flows


@dataclass(frozen=True)
class Scenario:
    name: str
    crs: str
    demand: Demand
    sites: Sites
    stations: Stations
    aim: Aim
    source: str = ""
    travel: Travel | None = None  # None for straight lines
    journeys: Journeys | None = None  # for flows; one per demand point

    @property
    def input_hash(self) -> str:
        """Of everything the plan depends on, so that two plans can be told to answer the same question."""
        digest = sha256(repr((self.crs, self.aim, self.demand.group)).encode())
        for table in (self.demand, self.sites, self.stations):
            digest.update("\x1f".join(table.id).encode())
            for column in vars(table).values():
                if isinstance(column, np.ndarray):
                    digest.update(np.ascontiguousarray(column).tobytes())
        for more in (self.travel, self.journeys):
            if more is not None:
                digest.update(more.digest)
        return digest.hexdigest()

    @property
    def budget(self) -> float:
        """What the sites' expenses may add up to; all sites where the fewest are asked for."""
        if self.aim.budget is not None:
            return float(self.aim.budget.amount)
        return float(len(self.sites) if self.aim.sites is None else self.aim.sites)

    def check(self) -> None:
        """Raises AimImpossible with the figure that is wrong."""
        for reason in impossible(self):
            raise AimImpossible(reason=reason)


def promised(aim: Aim) -> bool:
    return bool(aim.floors) or aim.largest_difference is not None


def impossible(scenario: Scenario) -> list[str]:
    """Why no plan can be made, in words; empty when one can."""
    sites = scenario.sites
    usable = int(np.count_nonzero(~sites.shut))
    reasons = []
    if len(scenario.demand) == 0 or not np.any(scenario.demand.weight > 0):
        reasons.append("no demand point has a weight above 0")
    if usable == 0:
        reasons.append(f"none of the {len(sites)} candidate sites may be built on")
        return reasons
    return reasons + contradictions(scenario) + unaffordable(scenario, usable)


def contradictions(scenario: Scenario) -> list[str]:
    """Parts of the aim that do not go together."""
    aim = scenario.aim
    about_coverage = aim.share is not None or promised(aim)
    checks = {
        "give one of a number of sites, a budget, and a share to cover": sum(
            given is not None for given in (aim.sites, aim.budget, aim.share)
        )
        != 1,
        f"the objective {aim.objective} needs the page's parts about chargers, periods and money": aim.objective
        not in {Objective.COVERAGE, Objective.ACCESS, Objective.FLOWS},
        "a share, floors and a largest difference are about coverage; the objective is not": about_coverage
        and aim.objective is not Objective.COVERAGE,
        "floors go with a number of sites or a budget, not with the fewest sites": aim.share is not None
        and promised(aim),
    }
    unknown = [name for name, _ in aim.floors if name not in scenario.demand.group]
    return [reason for reason, wrong in checks.items() if wrong] + [
        f"a floor names class {name!r}, and no demand point has it" for name in unknown
    ]


def unaffordable(scenario: Scenario, usable: int) -> list[str]:
    """More sites than there are, a radius of nothing, or a budget that buys nothing."""
    aim, sites = scenario.aim, scenario.sites
    reasons = []
    if aim.sites is not None and not 1 <= aim.sites <= usable:
        reasons.append(f"{aim.sites} sites are asked for and {usable} candidates may be built on")
    if aim.radius_m <= 0:
        reasons.append(f"a radius of {aim.radius_m:g} m reaches nobody")
    cheapest = int(np.argmin(np.where(sites.shut, np.inf, sites.expense)))
    if aim.budget is not None and sites.expense[cheapest] > float(aim.budget.amount):
        reasons.append(
            f"the budget of {aim.budget} buys nothing: the cheapest site, {sites.id[cheapest]}, costs "
            f"{sites.expense[cheapest]:.2f} {aim.budget.currency}"
        )
    return reasons
