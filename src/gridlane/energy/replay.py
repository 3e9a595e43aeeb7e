"""Sessions played again under another policy: what would have been charged, when, at what cost, with which peak.

The grid is the real one, the vehicles take what they then took (or taper as batteries do), and the policy sees only
what it could have seen: who is plugged in, what it believes of them, and the prices.
"""

import time
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gridlane.energy.network import Network
from gridlane.energy.program import Floats, Ints

Bools = NDArray[np.bool_]


@dataclass(slots=True, kw_only=True)
class Sessions:
    """Sessions as arrays, in order of arrival; ``begin`` and ``end`` are steps, energies kWh.

    ``believed_end`` and ``believed_energy`` are what a policy is told at the plug-in.
    """

    evse: Ints
    begin: Ints
    end: Ints
    energy: Floats
    believed_end: Ints
    believed_energy: Floats

    def __len__(self) -> int:
        return int(self.evse.size)


@dataclass(slots=True, kw_only=True)
class View:
    """What a policy sees at one step of those who are plugged in and want energy."""

    step: int
    hours: float
    session: Ints
    evse: Ints
    begin: Ints
    believed_end: Ints
    remaining: Floats  # kWh believed to be wanted still
    most: Floats  # kW that each can take now, as measured
    delivered: Floats
    charging: Bools  # in the step before
    network: Network


class Policy(Protocol):
    """Gives each vehicle of the view its power in kW for this step."""

    def power(self, view: View) -> Floats: ...


class Vehicles(Protocol):
    """What vehicles take of what they are offered."""

    def ability(self, session: Ints, taken: Floats) -> Floats:
        """The most each can take now (kW), when it has taken so much (kWh)."""
        ...


@dataclass(slots=True)
class Ideal:
    """Takes all it is offered up to the EVSE's rating, until it has its energy."""

    most: Floats

    def ability(self, session: Ints, taken: Floats) -> Floats:
        return self.most[session]


@dataclass(slots=True)
class Tapering:
    """Takes less and less above ``knee`` of its battery (kWh ``size``, ``begins`` with so much), to nothing at full."""

    most: Floats
    size: Floats
    begins: Floats
    knee: float = 0.8

    def ability(self, session: Ints, taken: Floats) -> Floats:
        charge = (self.begins[session] + taken) / self.size[session]
        return self.most[session] * np.clip((1.0 - charge) / (1.0 - self.knee), 0.0, 1.0)


@dataclass(slots=True, kw_only=True)
class Stations:
    """``pilots``: the power steps an EVSE knows (kW ascending, 0 first); None is continuous above 0."""

    pilots: tuple[Floats, ...] | None = None

    def offered(self, evse: Ints, power: Floats) -> Floats:
        if self.pilots is None:
            return power
        offered = np.zeros(power.size)
        for index, number in enumerate(evse):
            steps = self.pilots[number]
            offered[index] = steps[np.searchsorted(steps, power[index] + 1e-9, side="right") - 1]
        return offered


@dataclass(slots=True)
class Outcome:
    """What came of it. ``power`` in kW for each step; ``overrun`` the worst load of a limit (1 is full)."""

    delivered: Floats
    power: Floats
    hours: float
    overrun: float = 0.0
    steps_over: int = 0
    waited: Floats = field(default_factory=lambda: np.zeros(0))  # longest time at 0 kW of each session, hours
    seconds: Floats = field(default_factory=lambda: np.zeros(0))  # CPU of each decision

    @property
    def energy(self) -> float:
        return float(self.delivered.sum())

    @property
    def peak(self) -> float:
        return float(self.power.max(initial=0.0))

    def cost(self, price: Floats) -> float:
        return float((self.power * price[: self.power.size]).sum() * self.hours)


def replay(
    sessions: Sessions,
    network: Network,
    policy: Policy,
    *,
    hours: float,
    vehicles: Vehicles | None = None,
    stations: Stations | None = None,
) -> Outcome:
    """Plays all sessions. The policy's power is cut to what pilots, vehicles and wishes allow, never to the limits:
    breaking one is counted.
    """
    vehicles, stations = vehicles or Ideal(network.most[sessions.evse]), stations or Stations()
    steps = int(sessions.end.max(initial=0))
    taken, gap, waited = (np.zeros(len(sessions)) for _ in range(3))
    last_power = np.zeros(len(sessions))
    outcome = Outcome(taken, np.zeros(steps), hours)
    spent: list[float] = []
    for step in range(int(sessions.begin.min(initial=0)), steps):
        here = np.flatnonzero(
            (sessions.begin <= step) & (step < sessions.end) & (sessions.energy - taken > 1e-6)
        )
        if here.size == 0:
            continue
        view = _view(sessions, network, vehicles, step, hours, here, taken, last_power)
        begin = time.process_time()
        asked = policy.power(view)
        spent.append(time.process_time() - begin)
        offered = stations.offered(view.evse, np.clip(asked, 0.0, network.most[view.evse]))
        drawn = np.minimum(offered, np.minimum(view.most, (sessions.energy[here] - taken[here]) / hours))
        taken[here] += drawn * hours
        last_power[here] = drawn
        outcome.power[step] = drawn.sum()
        over = (network.load(view.evse, drawn) / network.capacity).max(initial=0.0)
        outcome.overrun = max(outcome.overrun, float(over))
        outcome.steps_over += int(over > 1 + 1e-6)
        gap[here] = np.where(drawn > 0, 0.0, gap[here] + hours)
        waited[here] = np.maximum(waited[here], gap[here])
    outcome.waited, outcome.seconds = waited, np.array(spent)
    return outcome


def _view(
    sessions: Sessions,
    network: Network,
    vehicles: Vehicles,
    step: int,
    hours: float,
    here: Ints,
    taken: Floats,
    last_power: Floats,
) -> View:
    return View(
        step=step,
        hours=hours,
        session=here,
        evse=sessions.evse[here],
        begin=sessions.begin[here],
        believed_end=sessions.believed_end[here],
        remaining=np.maximum(sessions.believed_energy[here] - taken[here], 0.0),
        most=np.minimum(vehicles.ability(here, taken[here]), network.most[sessions.evse[here]]),
        delivered=taken[here],
        charging=last_power[here] > 0,
        network=network,
    )
