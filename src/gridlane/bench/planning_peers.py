"""What others make of the same questions: PySAL spopt with CBC, and HiGHS given the plain sparse model."""

from typing import Any

import numpy as np

from gridlane.bench.planning_instances import City
from gridlane.planning.reach import Reach


def spopt_coverage(customers: int, sites: int, p: int, radius: float) -> float:
    """PySAL spopt 0.7 MCLP from a cost matrix, solved by the CBC that PuLP brings."""
    import pulp
    from spopt.locate import MCLP

    city = City.made(customers, sites)
    cost = np.hypot(city.x[:, None] - city.site_x, city.y[:, None] - city.site_y)
    model = MCLP.from_cost_matrix(cost, city.weight, service_radius=radius, p_facilities=p)
    solved = model.solve(pulp.PULP_CBC_CMD(msg=False))
    return float(solved.problem.objective.value())


def highs_coverage(
    customers: int, sites: int, p: int, radius: float, seconds: float, gap: float = 0.0
) -> tuple[float, float]:
    """HiGHS on one row per customer and one column per customer and site, until near enough; gives value and bound."""
    city = City.made(customers, sites)
    return highs_on(city.coverage(radius), p, seconds, gap)


def highs_on(reach: Reach, p: int, seconds: float, gap: float) -> tuple[float, float]:
    import highspy

    make: Any = highspy.Highs  # carries no types
    solver = make()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("time_limit", seconds)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", gap)
    rows, sites = reach.rows, reach.sites
    solver.addVars(sites + rows, np.zeros(sites + rows), np.ones(sites + rows))
    solver.changeColsCost(rows, np.arange(sites, sites + rows, dtype=np.int32), -reach.fallback)
    every = np.arange(sites, dtype=np.int32)
    solver.changeColsIntegrality(sites, every, np.full(sites, highspy.HighsVarType.kInteger))
    solver.addRow(0.0, float(p), sites, every, np.ones(sites))
    starts = reach.start[:-1] + np.arange(rows)
    index = np.insert(reach.site, reach.start[:-1], np.arange(sites, sites + rows)).astype(np.int32)
    value = np.insert(np.ones(len(reach.site)), reach.start[:-1], -1.0)
    solver.addRows(
        rows,
        np.zeros(rows),
        np.full(rows, highspy.kHighsInf),
        len(index),
        starts.astype(np.int32),
        index,
        value,
    )
    solver.run()
    info = solver.getInfo()
    return -info.objective_function_value, -info.mip_dual_bound
