"""The Berlin rows of ``gridlane bench planning``: the real build-out of 2021 to 2023 against the fewest sites that do as much."""

import csv
import time
from dataclasses import replace

import numpy as np

from gridlane.bench.table import Options, Row
from gridlane.planning.fewest import fewest_sites
from gridlane.planning.interchange import opened, service
from gridlane.planning.objectives import ask
from gridlane.planning.placement import place
from gridlane.planning.promises import Classes, Promise, place_with_promises
from gridlane.planning.reading import read_scenario
from gridlane.planning.scenario import Scenario, Stations
from gridlane.planning.shipped import scenario_page, shipped
from gridlane.planning.siting import make_plan
from gridlane.planning.whatif import WhatIf

END_OF_2020 = "2020-12-31"
REALLY_BUILT = 901
"""Sites that went into service in 2021 to 2023, devices within 60 m counted once."""

LOWEST, HIGHEST = "4", "1"
"""Social classes of Berlin's monitoring: 1 is high, 4 is low."""


def berlin_rows(options: Options) -> list[Row]:
    now = read_scenario(scenario_page("berlin"))
    return [*back_test_rows(now), *equity_rows(now), *what_if_rows(now)]


def back_test_rows(now: Scenario) -> list[Row]:
    """P9: the coverage of end 2023 from the network of end 2020, with as few sites as possible."""
    before = replace(now, stations=stations_until(now, END_OF_2020))
    begun = time.process_time()
    asked = ask(before)
    target = float(ask(now).served_now.sum())
    few = fewest_sites(asked.reach, target)
    seconds = time.process_time() - begun
    classes = Classes.of(now.demand.group, now.demand.weight)
    paid = service(asked.reach.view, opened(asked.reach, few.sites))[1]
    behind = points_behind(classes, classes.covered(paid, now.demand.weight))
    total = float(now.demand.weight.sum())
    return [
        Row("P9 Berlin: fewest sites for the real coverage of 2023", len(few.sites), peer=REALLY_BUILT, at_most=130,
            note=f"{100 * (1 - target / total):.1f} % of residents within 500 m; one fewer proved too few: "
                 f"{'yes' if few.minimal else 'no'}; peer: what was really built"),
        Row("P9 proved minimal", int(few.minimal), at_least=1),
        Row("P9 the same", seconds, "CPU s"),
        Row("P9 lowest social class behind the highest in that plan", behind, "points", at_most=2.0),
    ]  # fmt: skip


def stations_until(scenario: Scenario, day: str) -> Stations:
    with (shipped("berlin") / "stations.csv").open(newline="", encoding="utf-8") as text:
        dates = [row["commissioned"] for row in csv.DictReader(text)]
    kept = np.array([date <= day for date in dates])
    s = scenario.stations
    ids, kinds = (tuple(v for v, keep in zip(column, kept, strict=True) if keep) for column in (s.id, s.kind))
    return Stations(ids, kinds, s.x[kept], s.y[kept], s.points[kept], s.max_kw[kept])


def points_behind(classes: Classes, shares: np.ndarray) -> float:
    at = {name: k for k, name in enumerate(classes.names)}
    return 100.0 * float(shares[at[HIGHEST]] - shares[at[LOWEST]])


def equity_rows(now: Scenario) -> list[Row]:
    """P10: 100 sites with the lowest class at most 2 points behind the highest; and both within 2 points."""
    asked, demand = ask(now), now.demand
    ones, total = np.ones(len(now.sites)), float(now.demand.weight.sum())
    classes = Classes.of(demand.group, demand.weight)
    free = total - place(asked.reach, ones, 100.0, whole=total, seed=1).cost
    low, high = (np.array([float(name == c) for name in classes.names]) for c in (LOWEST, HIGHEST))
    behind = Promise("the lowest class at most 2 points behind the highest", low - high, -0.02)
    ahead = Promise("the highest class at most 2 points behind the lowest", high - low, -0.02)
    one = place_with_promises(asked.reach, demand.weight, classes, [behind], ones, 100.0, seed=1)
    both = place_with_promises(asked.reach, demand.weight, classes, [behind, ahead], ones, 100.0, seed=1)
    found = "none found" if both.sites is None else f"{100 * (free - both.covered) / total:.2f}"
    return [
        Row("P10 lowest class behind the highest, 100 sites", points_behind(classes, one.shares), "points", at_most=2.0),
        Row("P10 total coverage given up for it", 100 * (free - one.covered) / total, "points", at_most=1.0),
        Row("P10 given up if the highest may not fall behind either", found, "points",
            note=f"no such plan can give up less than {100 * (free - both.most) / total:.2f} points (bound): "
                 "the lowest class is ahead today, and the highest lives too far apart"),
    ]  # fmt: skip


def what_if_rows(now: Scenario) -> list[Row]:
    """P12: a planner drags a site."""
    plan = make_plan(now)
    begun = time.process_time()
    playing = WhatIf(now, [site.id for site in plan.sites])
    built = time.process_time() - begun
    worst = 0.0
    for site in plan.sites[:30]:
        begun = time.process_time()
        playing.move(site.id, site.x + 250.0, site.y - 130.0)
        worst = max(worst, time.process_time() - begun)
    note = f"built once per plan in {1000 * built:.0f} ms"
    return [Row("P12 a site dragged, Berlin: worst of 30", 1000 * worst, "ms", at_most=200.0, note=note)]
