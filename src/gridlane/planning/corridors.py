"""Corridors planned: the chain of sites that lets the most journeys through, each site with what depends on it."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.explaining import degrees
from gridlane.planning.flows import Needs, all_needs, capture, captured
from gridlane.planning.placement import Outcome, Progress, Watch
from gridlane.planning.plan import Certificate, Chosen, Plan
from gridlane.planning.reach import Floats, Indices
from gridlane.planning.scenario import AimImpossible, Scenario


@dataclass(frozen=True)
class Corridors:
    """A scenario of journeys as the solver sees it: candidates first, the stations that stand behind them."""

    scenario: Scenario
    needs: list[Needs | None]
    expense: Floats
    allowed: NDArray[np.bool_]
    kept: Indices

    @property
    def weight(self) -> Floats:
        return self.scenario.demand.weight

    def through(self, sites: Indices) -> NDArray[np.bool_]:
        """Which journeys get through with these sites and what stands today."""
        return captured(self.needs, [*sites, *self.kept])


def ask_corridors(scenario: Scenario) -> Corridors:
    """Raises AimImpossible when no journey can be captured at all."""
    if scenario.journeys is None:
        raise AimImpossible(
            reason="the objective flows needs journeys, and the scenario has none: add a table journeys"
        )
    reach = 1000.0 * scenario.aim.range_km
    needs = all_needs(scenario.journeys, reach)
    if not any(needs):
        raise AimImpossible(
            reason=f"with {scenario.aim.range_km:g} km of range no journey can be made, whatever is built: "
            "some stretch of each is longer, or no candidate stands along it"
        )
    sites, standing = scenario.sites, len(scenario.stations)
    spent = sites.expense if scenario.aim.budget is not None else np.ones(len(sites))
    return Corridors(
        scenario,
        needs,
        np.concatenate((spent, np.zeros(standing))),
        np.concatenate((~sites.shut, np.ones(standing, dtype=np.bool_))),
        np.arange(len(sites), len(sites) + standing, dtype=np.int32),
    )


def make_corridor_plan(scenario: Scenario, *, seed: int = 0, watch: Watch = lambda _: True) -> Plan:
    """The sites that capture the most journeys, proved by HiGHS. Raises AimImpossible."""
    scenario.check()
    wall, cpu, stopped = time.perf_counter(), time.process_time(), []

    def listen(progress: Progress) -> bool:
        go_on = watch(progress)
        if not go_on:
            stopped.append(progress.stage)
        return go_on

    asked = ask_corridors(scenario)
    found = capture(
        asked.needs, asked.weight, asked.expense, scenario.budget,
        allowed=asked.allowed, kept=[int(j) for j in asked.kept], seed=seed, watch=listen,
    )  # fmt: skip
    total = float(asked.weight.sum())
    certificate = Certificate(
        objective=f"{scenario.aim.people} captured with {scenario.aim.range_km:g} km of range",
        unit=scenario.aim.people,
        larger_is_better=True,
        value=total - found.cost,
        bound=total - found.bound,
        seed=seed,
        input_hash=scenario.input_hash,
        wall_s=round(time.perf_counter() - wall, 3),
        cpu_s=round(time.process_time() - cpu, 3),
        work={"nodes": found.nodes},
        stopped_early=bool(stopped),
    )
    return Plan(
        scenario=scenario.name,
        certificate=certificate,
        sites=explain(asked, found),
        groups=(),
        settings=settings(scenario),
        source=scenario.source,
        remarks=remarks(asked, found),
    )


def explain(asked: Corridors, found: Outcome) -> tuple[Chosen, ...]:
    """One entry per site, the one that most depends on first."""
    places, sites = asked.scenario.sites, found.sites
    lon, lat = degrees(asked.scenario.crs, places.x[sites], places.y[sites])
    through = asked.through(sites)
    chosen = []
    for k, j in enumerate(sites):
        rest = np.delete(sites, k)
        without = asked.through(rest)
        lost = float(asked.weight[through & ~without].sum())
        serves = float(
            asked.weight[
                [ok and passes(need, int(j)) for ok, need in zip(through, asked.needs, strict=True)]
            ].sum()
        )
        other, share = next_best(asked, rest, int(j), without, lost)
        other_id = places.id[other] if other is not None else None
        chosen.append(
            Chosen(
                id=places.id[j],
                kind=places.kind[j],
                x=float(places.x[j]),
                y=float(places.y[j]),
                lon=round(float(lon[k]), 6),
                lat=round(float(lat[k]), 6),
                serves=serves,
                only_here=lost,
                next_best=other_id,
                next_best_loses=share,
                expense=float(asked.expense[j]),
                reasons=reasons(asked.scenario.aim.people, lost, serves, other_id, share),
            )
        )
    return tuple(sorted(chosen, key=lambda site: (-site.only_here, -site.serves, site.id)))


def passes(need: Needs | None, site: int) -> bool:
    return need is not None and any(site in one for one in need)


def next_best(
    asked: Corridors, rest: Indices, leave: int, without: NDArray[np.bool_], lost: float
) -> tuple[int | None, float | None]:
    """The shut site that replaces ``leave`` best, and the share of what depends on it that is lost all the same."""
    open_ones = {*rest.tolist(), *asked.kept.tolist()}
    gain = np.zeros(len(asked.expense))
    for need, ok, weight in zip(asked.needs, without, asked.weight, strict=True):
        if need is None or ok:
            continue
        missing = [set(one) for one in need if not open_ones.intersection(one)]
        gain[list(set.intersection(*missing))] += weight
    gain[~asked.allowed] = 0.0
    gain[[leave, *open_ones]] = 0.0
    other = int(np.argmax(gain))
    if lost <= 0.0 or gain[other] <= 0.0:
        return None, None
    return other, max(0.0, 1.0 - float(gain[other]) / lost)


def reasons(
    people: str, lost: float, serves: float, other: str | None, share: float | None
) -> tuple[str, ...]:
    words = [f"lets {lost:,.0f} {people} through that no other site of the plan would"]
    if serves > lost * 1.005:
        words.append(f"stands on the way of {serves:,.0f} {people} that get through in all")
    if other is not None and share is not None:
        words.append(f"the next-best site ({other}) loses {100 * share:.1f} % of that")
    elif lost > 0.0:
        words.append("no other candidate could take its place")
    return tuple(words)


def remarks(asked: Corridors, found: Outcome) -> tuple[str, ...]:
    """How much got through before, and what no choice of sites can capture."""
    weight, people = asked.weight, asked.scenario.aim.people
    today = float(weight[asked.through(np.empty(0, np.int32))].sum())
    after = float(weight[asked.through(found.sites)].sum())
    hopeless = float(weight[[need is None for need in asked.needs]].sum())
    words = [f"{today:,.0f} {people} get through today, {after:,.0f} of {weight.sum():,.0f} with the plan."]
    if hopeless:
        words.append(
            f"{hopeless:,.0f} {people} cannot be captured by any choice of sites: a stretch is longer than the range."
        )
    return tuple(words)


def settings(scenario: Scenario) -> dict[str, Any]:
    aim = scenario.aim
    return {
        "objective": str(aim.objective),
        "range_km": aim.range_km,
        "radius_m": aim.radius_m,
        "sites": aim.sites,
        "budget": str(aim.budget) if aim.budget else None,
        "people": aim.people,
        "crs": scenario.crs,
        "demand_points": len(scenario.demand),
        "candidates": len(scenario.sites),
        "existing_stations": len(scenario.stations),
    }
