"""Why each site is in the plan, in figures the solver already has: what only it gives, and what the next best would lose."""

import numpy as np

from gridlane.planning.interchange import Exchange, Means
from gridlane.planning.objectives import Question
from gridlane.planning.plan import Chosen
from gridlane.planning.reach import Floats, Indices
from gridlane.planning.scenario import Scenario


def explain(scenario: Scenario, question: Question, sites: Indices) -> tuple[Chosen, ...]:
    """One entry per site, the most valuable first."""
    if len(sites) == 0:
        return ()
    places = scenario.sites
    expense = places.expense if scenario.aim.budget is not None else np.ones(len(places))
    exchange = Exchange.begin(question.reach, Means(expense, scenario.budget, ~places.shut), sites)
    tables = exchange.tables
    serves = np.bincount(
        tables.nearest[tables.nearest >= 0],
        weights=scenario.demand.weight[tables.nearest >= 0],
        minlength=len(places),
    )
    lon, lat = degrees(scenario.crs, places.x[sites], places.y[sites])
    chosen = []
    for k, j in enumerate(sites):
        slot = int(tables.slot_of[j])
        lost = float(tables.loss[slot])
        other, share = next_best(exchange, slot, lost)
        other_id = places.id[other] if other is not None else None
        chosen.append(
            Chosen(
                id=places.id[j],
                kind=places.kind[j],
                x=float(places.x[j]),
                y=float(places.y[j]),
                lon=round(float(lon[k]), 6),
                lat=round(float(lat[k]), 6),
                serves=float(serves[j]),
                only_here=lost,
                next_best=other_id,
                next_best_loses=share,
                expense=float(expense[j]),
                reasons=reasons(scenario, question, lost, float(serves[j]), other_id, share),
            )
        )
    return tuple(sorted(chosen, key=lambda site: (-site.only_here, site.id)))


def next_best(exchange: Exchange, slot: int, lost: float) -> tuple[int | None, float | None]:
    """The shut site that replaces this one best, and the share of its contribution that is lost all the same."""
    tables = exchange.tables
    gives = tables.gain + tables.extra[:, slot]
    gives[(tables.slot_of >= 0) | ~exchange.means.allowed] = -np.inf
    other = int(np.argmax(gives))
    if lost <= 0.0 or not np.isfinite(gives[other]) or gives[other] <= 0.0:
        return None, None
    return other, max(0.0, 1.0 - float(gives[other]) / lost)


def reasons(
    scenario: Scenario, question: Question, lost: float, serves: float, other: str | None, share: float | None
) -> tuple[str, ...]:
    people = scenario.aim.people
    if question.whole is not None:
        words = [f"covers {lost:,.0f} {people} nobody else reaches"]
        if serves > lost * 1.005 + 1:
            words.append(f"is the best station for {serves:,.0f} {people} in all")
    else:
        average = lost / serves if serves else 0.0
        words = [f"brings a station {average:,.0f} m nearer to {serves:,.0f} {people} on average"]
    if other is not None and share is not None:
        words.append(f"the next-best site ({other}) loses {100 * share:.1f} % of that")
    return tuple(words)


def degrees(crs: str, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Longitude and latitude (WGS 84) of projected coordinates."""
    from pyproj import Transformer

    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    return np.asarray(lon), np.asarray(lat)
