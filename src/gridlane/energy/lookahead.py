"""Looking ahead while sessions come and go: plan with what is known, do the first step, plan again.

Steps are short soon and long later, since what is hours away is decided by then. The plan serves energy by departure;
the prices of unmet energy and of the peak decide what is worth its cost, and are learned from past months.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import radians
from typing import Protocol

import numpy as np

from gridlane.energy.network import Network
from gridlane.energy.policies import least_laxity, wanted
from gridlane.energy.program import Floats, Ints, Limits, Program, Solution, solve
from gridlane.energy.replay import Bools, Sessions, View

FINE_HOURS, MIDDLE_HOURS = 1.0, 4.0
MIDDLE_STEP, COARSE_STEP = 0.25, 0.5


@dataclass(slots=True, kw_only=True)
class Aims:
    """What the operator wants: prices of unmet energy, of the peak, and of a vehicle's waiting (all per kWh or kW)."""

    unmet_price: float = 1.0
    peak_price: float = 0.0
    peak_floor: float = (
        0.0  # kW that the peak of this period may reach without cost (reached, or expected anyway)
    )
    early: float = 1e-3
    urgency: float = 1.0  # how much more the early kWh of a vehicle with little slack is worth


def grid_of_steps(step: int, last: int, hours: float) -> Ints:
    """Edges in fine steps from ``step`` to ``last``: fine for an hour, a quarter of an hour up to four, then half."""
    edges, at = [step], step
    fine, middle = round(FINE_HOURS / hours), round(MIDDLE_HOURS / hours)
    quarter, half = max(1, round(MIDDLE_STEP / hours)), max(1, round(COARSE_STEP / hours))
    while at < last:
        ahead = at - step
        at += 1 if ahead < fine else quarter if ahead < middle else half
        edges.append(min(at, last))
    return np.array(edges, dtype=np.int64)


class Beliefs(Protocol):
    """What a forecast says of those who are plugged in; without one, the view's own beliefs stand."""

    def remaining(self, view: View) -> Floats:
        """The energy to plan for, kWh."""
        ...

    def presence(self, view: View, ahead: Floats) -> Floats:
        """The chance that each is still there after ``ahead`` hours: vehicles x times."""
        ...


@dataclass(slots=True, kw_only=True)
class LookAhead:
    """The plan as a policy of replays. ``price`` is known for every fine step (TOU or day-ahead).

    ``aims`` may change with the time: it gets the step and the month's peak so far (kW).
    """

    price: Floats
    aims: Callable[[int, float], Aims]
    beliefs: Beliefs | None = None
    peak_so_far: float = 0.0
    solved: int = 0
    shadow: list[float] = field(default_factory=list)

    def power(self, view: View) -> Floats:
        aims = self.aims(view.step, self.peak_so_far)
        if self.beliefs is not None:
            view = replace(view, remaining=self.beliefs.remaining(view))
        goal = wanted(view)
        if aims.peak_price == 0 and self._price_is_flat(view) and _all_fits(view, goal):
            return goal
        solution = solve(program_of(view, self.price, aims, beliefs=self.beliefs))
        self.solved += 1
        power = view.network.scaled_to_fit(view.evse, np.minimum(solution.power[:, 0], goal))
        self.peak_so_far = max(self.peak_so_far, float(power.sum()))
        return power

    def _price_is_flat(self, view: View) -> bool:
        ahead = self.price[view.step : int(view.believed_end.max(initial=view.step + 1))]
        return bool(np.ptp(ahead) == 0) if ahead.size else True


@dataclass(slots=True, kw_only=True)
class StepwiseLookAhead:
    """The plan where a vehicle charges with one of its EVSE's pilots or not at all, and may not be paused at will.

    Who charges keeps at least its smallest pilot: always when ``keeps`` is None, else for ``keeps`` steps. What is cut
    by rounding to pilots goes, pilot by pilot, to who has the least slack.
    """

    price: Floats
    aims: Callable[[int, float], Aims]
    pilots: tuple[Floats, ...]
    keeps: int | None = None
    peak_so_far: float = 0.0
    since: dict[int, int] = field(default_factory=dict)  # session -> step of its last start

    def power(self, view: View) -> Floats:
        aims = self.aims(view.step, self.peak_so_far)
        smallest = np.array([self.pilots[evse][1] for evse in view.evse])
        kept = view.charging & np.array([self._keeps(session, view.step) for session in view.session])
        least = np.where(kept, smallest, 0.0)
        if aims.peak_price == 0 and np.ptp(self.price[view.step :]) == 0 and _all_fits(view, view.most):
            target = view.most.copy()
        else:
            target = solve(program_of(view, self.price, aims, least)).power[:, 0]
        power = self._on_pilots(view, target, kept, smallest, peak_is_paid=aims.peak_price > 0)
        self._remember(view, power)
        self.peak_so_far = max(self.peak_so_far, float(np.minimum(power, view.most).sum()))
        return power

    def _keeps(self, session: int, step: int) -> bool:
        return self.keeps is None or step - self.since.get(session, step) < self.keeps

    def _remember(self, view: View, power: Floats) -> None:
        for session, on in zip(view.session, power > 0, strict=True):
            if on:
                self.since.setdefault(int(session), view.step)
            else:
                self.since.pop(int(session), None)

    def _on_pilots(
        self, view: View, target: Floats, kept: Bools, smallest: Floats, *, peak_is_paid: bool
    ) -> Floats:
        """The plan's power on pilots. Where a peak is paid for, its total goes to fewer vehicles at a time, never
        more of it; else those start whom it wants at more than half of their smallest pilot.
        """
        network, slack = view.network, least_laxity(view)
        power, by_kind = np.zeros(target.size), np.zeros(network.weight.shape[1])
        budget = float(target.sum())
        part = target / np.maximum(np.minimum(smallest, wanted(view)), 1e-9)
        most_wanted = np.zeros(target.size) if peak_is_paid else -np.minimum(part, 1.0)
        for index in np.lexsort((slack, most_wanted, ~kept)):
            affordable = (
                part[index] > 0 and power.sum() + min(smallest[index], wanted(view)[index]) <= budget + 1e-6
            )
            starts = affordable if peak_is_paid else part[index] > 0.5
            kind = int(network.kind[view.evse[index]])
            if (kept[index] or starts) and network.room(by_kind, kind) >= smallest[index] - 1e-9:
                power[index] = smallest[index]
                by_kind[kind] += smallest[index]
        spare = 1e-6 if peak_is_paid else 1.0
        for goal in (target, np.full(target.size, np.inf)):
            budget = max(budget, float(power.sum())) if not peak_is_paid else budget
            self._raise_pilots(view, power, by_kind, goal, np.argsort(slack), budget + spare)
        return power

    def _raise_pilots(
        self,
        view: View,
        power: Floats,
        by_kind: Floats,
        goal: Floats,
        order: Ints,
        budget: float,
    ) -> None:
        network, useful = view.network, wanted(view)
        for index in order:
            steps = self.pilots[view.evse[index]]
            kind = int(network.kind[view.evse[index]])
            at = int(np.searchsorted(steps, power[index] + 1e-9)) - 1
            while power[index] > 0 and at + 1 < steps.size and power[index] < useful[index] - 1e-9:
                more = steps[at + 1] - steps[at]
                over = steps[at + 1] > goal[index] + 1e-9 or power.sum() + more > budget
                if over or network.room(by_kind, kind) < more - 1e-9:
                    break
                power[index] += more
                by_kind[kind] += more
                at += 1


PRESENCE_HORIZON = 12.0  # hours that are planned when departures are only believed
LEAST_PRESENCE = 0.02


def program_of(
    view: View, price: Floats, aims: Aims, least: Floats | None = None, beliefs: Beliefs | None = None
) -> Program:
    """The program of those who are plugged in. Who has overstayed his believed departure is due at once."""
    last = np.maximum(view.believed_end, view.step + 1)
    if beliefs is not None:
        last = np.full(view.evse.size, view.step + round(PRESENCE_HORIZON / view.hours))
    edges = grid_of_steps(view.step, int(last.max()), view.hours)
    hours = np.diff(edges) * view.hours
    presence = None
    if beliefs is not None:
        presence = beliefs.presence(view, np.cumsum(hours) - hours / 2)
        last = edges[1 + _last_true(presence > LEAST_PRESENCE)]
    mean_price = np.add.reduceat(_prolonged(price, int(edges[-1])), edges[:-1]) / np.diff(edges)
    possible = np.minimum(view.remaining, view.most * (last - view.step) * view.hours)
    full_power_hours = possible / np.maximum(view.most, 1e-9)
    slack = np.maximum(_expected_stay(view, last, hours, presence) - full_power_hours, 0.0)
    return Program(
        hours=hours,
        price=mean_price,
        first=np.zeros(view.evse.size, dtype=np.int64),
        last=np.maximum(np.searchsorted(edges, last, side="right") - 1, 1),
        most=view.most,
        energy=possible,
        unmet_price=np.full(view.evse.size, aims.unmet_price),
        limits=view.network.limits(view.evse, hours.size),
        early=aims.early * (1 + aims.urgency / (0.5 + slack)),
        peak_price=aims.peak_price,
        peak_so_far=aims.peak_floor,
        least=least,
        presence=presence,
    )


def _expected_stay(view: View, last: Ints, hours: Floats, presence: Floats | None) -> Floats:
    if presence is None:
        return np.asarray((last - view.step) * view.hours)
    return np.asarray(presence @ hours)


def _last_true(rows: Bools) -> Ints:
    width = rows.shape[1]
    found = width - 1 - np.argmax(rows[:, ::-1], axis=1)
    return np.where(rows.any(axis=1), found, 0)


def _prolonged(price: Floats, steps: int) -> Floats:
    return price[:steps] if price.size >= steps else np.append(price, np.full(steps - price.size, price[-1]))


def clairvoyant(
    sessions: Sessions,
    network: Network,
    *,
    hours: float,
    price: Floats,
    unmet_price: float,
    peak_price: float = 0.0,
    early: float = 0.0,
) -> Solution:
    """The best that could have been done, had all been known: a bound that no policy can pass."""
    steps = int(sessions.end.max(initial=1))
    limits: Limits = network.limits(sessions.evse, steps)
    most = network.most[sessions.evse]
    program = Program(
        hours=np.full(steps, hours),
        price=price[:steps],
        first=sessions.begin,
        last=sessions.end,
        most=most,
        energy=np.minimum(sessions.energy, most * (sessions.end - sessions.begin) * hours),
        unmet_price=np.full(len(sessions), unmet_price),
        limits=limits,
        early=early,
        peak_price=peak_price,
        tangent_spacing=radians(3),
    )
    return solve(program)


def learned_peak(
    past: Sequence[tuple[Sessions, Network, Floats]], *, hours: float, unmet_price: float, peak_price: float
) -> float:
    """The peak that would have been worth its price, kW: the mean over past periods, each with its prices of energy.

    A peak is paid once a month and pays on many days, which a plan of one day cannot see. So the plan of a new month
    may use this much power from its first day as if it were paid.
    """
    peaks = [
        clairvoyant(
            sessions, network, hours=hours, price=price, unmet_price=unmet_price, peak_price=peak_price
        ).peak
        for sessions, network, price in past
    ]
    return float(np.mean(peaks))


def _all_fits(view: View, power: Floats) -> bool:
    return bool((view.network.load(view.evse, power) <= view.network.capacity).all())
