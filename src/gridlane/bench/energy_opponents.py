"""Who we are measured against: acnportal's own rules in its own simulator, and the published controller rebuilt.

The controller follows the paper (Lee et al., Adaptive Charging Networks, 2021, sections 5 and 6): at every step a
program over the coming hours in equal steps, maximising energy with a small preference for early charging; with real
stations its first step is rounded down to pilots and the rest handed out pilot by pilot; who charges is not paused.
"""

import importlib.util
import sys
import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import numpy as np

from gridlane.bench.energy_data import HOURS
from gridlane.bench.table import CouldNotRun
from gridlane.energy.network import Network
from gridlane.energy.policies import wanted
from gridlane.energy.program import Floats, Program, solve
from gridlane.energy.replay import Outcome, Sessions, View


@dataclass(slots=True)
class PublishedController:
    """The paper's controller; ``pilots`` None is its ideal form with continuous power."""

    horizon: float = 12.0
    pilots: tuple[Floats, ...] | None = None
    early: float = 1e-3

    def power(self, view: View) -> Floats:
        target = self._plan(view)
        if self.pilots is None:
            return view.network.scaled_to_fit(view.evse, target)
        return self._rounded(view, target)

    def _plan(self, view: View) -> Floats:
        last = np.maximum(view.believed_end, view.step + 1) - view.step
        steps = int(min(last.max(), round(self.horizon / view.hours)))
        last = np.minimum(last, steps)
        least = None
        if self.pilots is not None:
            smallest = np.array([self.pilots[evse][1] for evse in view.evse])
            least = np.where(view.charging, smallest, 0.0)
        program = Program(
            hours=np.full(steps, view.hours),
            price=np.zeros(steps),
            first=np.zeros(view.evse.size, dtype=np.int64),
            last=last,
            most=view.most,
            energy=np.minimum(view.remaining, view.most * last * view.hours),
            unmet_price=np.ones(view.evse.size),
            limits=view.network.limits(view.evse, steps),
            least=least,
            early=self.early,
        )
        return np.minimum(solve(program).power[:, 0], wanted(view))

    def _rounded(self, view: View, target: Floats) -> Floats:
        assert self.pilots is not None
        network, by_kind = view.network, np.zeros(view.network.weight.shape[1])
        power = np.zeros(target.size)
        smallest = np.array([self.pilots[evse][1] for evse in view.evse])
        for index in np.lexsort((view.begin, ~view.charging)):
            steps, kind = self.pilots[view.evse[index]], int(network.kind[view.evse[index]])
            goal = max(target[index], smallest[index]) if view.charging[index] else target[index]
            down = steps[np.searchsorted(steps, goal + 1e-9, side="right") - 1]
            power[index] = down if network.room(by_kind, kind) >= down - 1e-9 else 0.0
            by_kind[kind] += power[index]
        raised = True
        while raised:
            raised = False
            for index in np.argsort(-(target - power), kind="stable"):
                steps, kind = self.pilots[view.evse[index]], int(network.kind[view.evse[index]])
                at = int(np.searchsorted(steps, power[index] + 1e-9)) - 1
                if at + 1 >= steps.size or power[index] >= wanted(view)[index]:
                    continue
                more = steps[at + 1] - steps[at]
                if network.room(by_kind, kind) >= more - 1e-9:
                    power[index] += more
                    by_kind[kind] += more
                    raised = True
        return power


ACNPORTAL_RULES = ("RoundRobin", "least_laxity_first", "earliest_deadline_first")


def acnportal(rule: str, sessions: Sessions, network: Network, kilowatts: float) -> Outcome:
    """The same Caltech sessions in acnportal's simulator under one of its rules, with ideal cars and stations."""
    _stand_in_for_pkg_resources()
    try:
        from acnportal import acnsim, algorithms
    except ImportError:
        raise CouldNotRun("acnportal is not installed; it is in the dependency group 'bench'") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        site = acnsim.sites.caltech_acn(basic_evse=True, transformer_cap=kilowatts)
        algorithm = (
            algorithms.RoundRobin(algorithms.least_laxity_first, continuous_inc=1)
            if rule == "RoundRobin"
            else algorithms.SortedSchedulingAlgo(getattr(algorithms, rule))
        )
        seconds = _timed(algorithm)
        queue = acnsim.EventQueue(
            [_plug_in(acnsim, sessions, network, each) for each in range(len(sessions))]
        )
        simulator = acnsim.Simulator(
            site, algorithm, queue, datetime(2019, 6, 3, tzinfo=UTC), period=round(HOURS * 60), verbose=False
        )
        simulator.run()
        delivered = np.array(
            [simulator.ev_history[str(each)].energy_delivered for each in range(len(sessions))]
        )
        power = acnsim.aggregate_power(simulator)
        over = _overrun(simulator)
    outcome = Outcome(delivered, np.asarray(power), HOURS, overrun=float(over.max(initial=0.0)))
    outcome.steps_over = int((over > 1 + 1e-4).sum())
    outcome.seconds = np.array(seconds)
    return outcome


def _stand_in_for_pkg_resources() -> None:
    """Acnportal asks this module, gone from setuptools, for its own version only."""
    if "pkg_resources" not in sys.modules and importlib.util.find_spec("pkg_resources") is None:
        sys.modules["pkg_resources"] = ModuleType("pkg_resources")


def _plug_in(acnsim: Any, sessions: Sessions, network: Network, each: int) -> Any:
    evse = int(sessions.evse[each])
    battery = acnsim.Battery(100.0, 0.0, float(network.most[evse]))
    vehicle = acnsim.EV(
        int(sessions.begin[each]), int(sessions.end[each]), float(sessions.energy[each]), network.names[evse],
        str(each), battery,
    )  # fmt: skip
    return acnsim.PluginEvent(int(sessions.begin[each]), vehicle)


def _timed(algorithm: Any) -> list[float]:
    seconds: list[float] = []
    schedule = algorithm.schedule

    def timed(active: Any) -> Any:
        begin = time.process_time()
        result = schedule(active)
        seconds.append(time.process_time() - begin)
        return result

    algorithm.schedule = timed
    return seconds


def _overrun(simulator: Any) -> Floats:
    network = simulator.network
    load = np.abs(network.constraint_current(simulator.charging_rates))
    return np.asarray((load / network.magnitudes[:, None]).max(axis=0))
