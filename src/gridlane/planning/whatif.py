"""What if: a planner moves one site and sees at once what changes, and what the rest of the plan would do about it.

Built once per plan, a What-if answers each question from the exchange tables, in milliseconds at the size of a city.
"""

from dataclasses import dataclass

import numpy as np

from gridlane.kernel.errors import Kind, Refusal
from gridlane.planning.interchange import Exchange, Means
from gridlane.planning.objectives import Question, ask, covered, to_nearest
from gridlane.planning.reach import Floats, Indices
from gridlane.planning.scenario import Objective, Scenario
from gridlane.planning.siting import expenses


class SiteUnknown(Refusal):
    code = "planning_site_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no candidate site {site!r} in this scenario."


class PlanInMoney(Refusal):
    code = "planning_what_if_in_money"
    kind = Kind.UNSUPPORTED
    sentence = "A plan for {objective} decides chargers and periods too; change its page and plan again instead of moving a site."


@dataclass(frozen=True)
class Change:
    """The value before and after, and what the sites serve afterwards (weight, by site id)."""

    before: float
    after: float
    gained: float
    lost: float
    serves: dict[str, float]
    advice: str | None  # the candidate whose place would be better, None where the new place is best nearby
    share: Floats  # how well each demand point is served afterwards, 0 to 1


class WhatIf:
    """A plan to play with. Questions do not change it."""

    def __init__(self, scenario: Scenario, sites: list[str]) -> None:
        """Raises SiteUnknown, and PlanInMoney for an aim whose plan is layouts and not only places."""
        if scenario.aim.objective not in {Objective.COVERAGE, Objective.ACCESS}:
            raise PlanInMoney(objective=str(scenario.aim.objective))
        self.scenario = scenario
        self.number = {id_: j for j, id_ in enumerate(scenario.sites.id)}
        self.question: Question = ask(scenario)
        chosen = np.array([self.known(site) for site in sites], dtype=np.int32)
        means = Means(expenses(scenario), scenario.budget, ~scenario.sites.shut)
        self.exchange = Exchange.begin(self.question.reach, means, chosen)
        self.share_now = self.shares(self.question.served_now)

    def known(self, site: str) -> int:
        if site not in self.number:
            raise SiteUnknown(site=site)
        return self.number[site]

    def metres(self, lon: float, lat: float) -> tuple[float, float]:
        from pyproj import Transformer

        x, y = Transformer.from_crs("EPSG:4326", self.scenario.crs, always_xy=True).transform(lon, lat)
        return float(x), float(y)

    def shares(self, cost: Floats) -> Floats:
        """How well each demand point is served at a cost: the covered share, or for access within the radius or not."""
        share = cost / np.maximum(self.scenario.demand.weight, 1e-12)
        if self.question.whole is not None:
            return 1.0 - share
        return (share <= self.scenario.aim.radius_m).astype(np.float64)

    def move(self, site: str, x: float, y: float) -> Change:
        """The site of the plan ``site`` stands at ``x, y`` (metres) instead, which need not be a candidate."""
        if (
            self.scenario.travel is not None
        ):  # only candidates have distances: the nearest one stands for the place
            places = self.scenario.sites
            enter = int(np.argmin(np.where(places.shut, np.inf, np.hypot(places.x - x, places.y - y))))
            return self.stand(
                site, self.cost_at(to_nearest(self.scenario, np.array([enter], dtype=np.int32)))
            )
        return self.stand(site, self.cost_from(x, y))

    def stand(self, site: str, there: Floats) -> Change:
        """The site of the plan moved to where every row would cost ``there``."""
        leave = self.known(site)
        cost = self.cost_without(leave)
        after = np.minimum(cost, there)
        server = self.server_without(leave)
        server[there < cost] = leave
        return self.change(after, server, self.better_place(leave, float(after.sum())))

    def swap(self, site: str, other: str) -> Change:
        """Another candidate instead of a site of the plan."""
        enter = np.array([self.known(other)], dtype=np.int32)
        return self.stand(site, self.cost_at(to_nearest(self.scenario, enter)))

    def drop(self, site: str) -> Change:
        """The plan without one of its sites."""
        leave = self.known(site)
        return self.change(self.cost_without(leave), self.server_without(leave), None)

    def cost_without(self, leave: int) -> Floats:
        t = self.exchange.tables
        return np.where(t.nearest == leave, t.d2, t.d1)

    def server_without(self, leave: int) -> Indices:
        t = self.exchange.tables
        return np.where(t.nearest == leave, t.second, t.nearest)

    def cost_from(self, x: float, y: float) -> Floats:
        """What every row would cost if it were served from a place."""
        demand = self.scenario.demand
        return self.cost_at(np.hypot(demand.x - x, demand.y - y))

    def cost_at(self, distance: Floats) -> Floats:
        """What every row costs so many metres from where it is served."""
        demand, aim = self.scenario.demand, self.scenario.aim
        if aim.objective is Objective.ACCESS:
            return distance * demand.weight
        return demand.weight * (1.0 - covered(distance, aim.radius_m, aim.decay))

    def better_place(self, leave: int, cost: float) -> str | None:
        """The candidate that would do better in the site's stead than the place asked about."""
        t = self.exchange.tables
        slot = int(t.slot_of[leave])
        if slot < 0:
            return None
        gives = t.gain + t.extra[:, slot]
        gives[(t.slot_of >= 0) | ~self.exchange.means.allowed] = -np.inf
        gives[leave] = t.loss[slot]
        other = int(np.argmax(gives))
        best = self.exchange.cost + float(t.loss[slot] - gives[other])
        return self.scenario.sites.id[other] if best < cost * (1 - 1e-9) else None

    def change(self, after: Floats, server: Indices, advice: str | None) -> Change:
        now = self.exchange.tables.d1
        whole = self.question.whole
        worse, better = np.maximum(after - now, 0.0), np.maximum(now - after, 0.0)
        served = np.bincount(
            server[server >= 0],
            weights=self.scenario.demand.weight[server >= 0],
            minlength=len(self.scenario.sites),
        )
        ids = self.scenario.sites.id
        values = [float(cost.sum()) for cost in (now, after)]
        if whole is not None:
            values = [whole - value for value in values]
        return Change(
            before=values[0],
            after=values[1],
            gained=float(better.sum()),
            lost=float(worse.sum()),
            serves={ids[j]: float(served[j]) for j in np.flatnonzero(served)},
            advice=advice,
            share=self.shares(after),
        )
