"""A plan and its certificate: what to build, what it achieves, and how far from the best possible it can be at most."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

FORMAT = "gridlane-plan/1"


class Proof(StrEnum):
    OPTIMAL = "optimal"  # no plan is better
    BOUNDED = "bounded"  # no plan is better by more than the gap
    UNPROVED = "unproved"  # nothing valid is known about better plans


@dataclass(frozen=True)
class Certificate:
    """What is proved of a plan. ``bound`` is a value no plan can pass; None when there is no valid one."""

    objective: str
    unit: str
    larger_is_better: bool
    value: float
    bound: float | None
    seed: int
    input_hash: str
    wall_s: float
    cpu_s: float
    work: dict[str, int]
    stopped_early: bool

    @property
    def gap(self) -> float | None:
        """The share of the value that a better plan could gain at most."""
        if self.bound is None:
            return None
        if self.bound == self.value:
            return 0.0
        return abs(self.bound - self.value) / max(abs(self.value), 1e-12)

    @property
    def proof(self) -> Proof:
        if self.gap is None:
            return Proof.UNPROVED
        return Proof.OPTIMAL if self.gap == 0.0 else Proof.BOUNDED

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"gap": self.gap, "proof": str(self.proof)}

    def sentence(self) -> str:
        """One line a planner can quote."""
        words = f"{self.objective}: {self.value:,.0f} {self.unit}"
        if self.bound is None or self.gap is None:
            return f"{words}, unproved"
        if self.gap == 0.0:
            return f"{words}, proved optimal"
        more = "more" if self.larger_is_better else "less"
        return f"{words}; no plan reaches {more} than {self.bound:,.0f} (gap {100 * self.gap:.3f} %)"


@dataclass(frozen=True)
class Stage:
    """A site in one period: what stands there, what was spent on it, and how it will fare in the busiest hour."""

    period: str
    layout: str
    spent: float
    arrivals_per_hour: float
    wait_minutes: float  # that the target's share of arrivals does not exceed


@dataclass(frozen=True)
class Chosen:
    """A site of the plan and why it is in it."""

    id: str
    kind: str
    x: float
    y: float
    lon: float
    lat: float
    serves: float  # weight whose best site this is
    only_here: float  # value lost if this site alone were left out
    next_best: str | None  # the site that would replace it best
    next_best_loses: float | None  # share of ``only_here`` lost with that one instead
    expense: float
    reasons: tuple[str, ...]
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class GroupShare:
    """How one class of demand fares: its weight, and the share served before and after."""

    group: str
    weight: float
    before: float | None  # None where nothing serves it yet and the share is a distance
    after: float


@dataclass(frozen=True)
class Plan:
    scenario: str
    certificate: Certificate
    sites: tuple[Chosen, ...]
    groups: tuple[GroupShare, ...]
    settings: dict[str, Any]
    source: str
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "scenario": self.scenario,
            "settings": self.settings,
            "certificate": self.certificate.as_json(),
            "sites": [asdict(site) for site in self.sites],
            "groups": [asdict(group) for group in self.groups],
            "remarks": list(self.remarks),
            "source": self.source,
        }
