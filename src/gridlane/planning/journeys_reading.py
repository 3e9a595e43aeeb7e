"""Journeys from their tables: between nodes of the road graph, or with their length and the sites along each given."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gridlane.planning.flows import Journeys
from gridlane.planning.scenario import Demand, Sites, Stations
from gridlane.planning.supplied import Roads, graph
from gridlane.planning.supplied_reading import known, numbered
from gridlane.planning.travel import Floats

if TYPE_CHECKING:
    from gridlane.planning.reading import Reader

DETOUR_M = 2_000.0
"""A site this near to a node that a journey passes is on its way."""

Along = list[list[tuple[float, int]]]


def read_journeys(
    table: "Reader", roads: Roads | None, stops: "Reader | None", sites: Sites, stations: Stations
) -> tuple[Demand, Journeys]:
    """The journeys and, for the map and the weights, one demand point for each."""
    ids, weight = table.ids(), table.numbers("weight", least=0.0)
    if stops is not None:
        length = table.numbers("metres", least=0.001)
        along = read_stops(stops, ids, length, (*sites.id, *stations.id))
    elif roads is not None:
        number = numbered(roads.names)
        begin, end = (
            known(table, column, number, "the roads have no such node") for column in ("from", "to")
        )
        length, along = on_the_roads(table, roads, begin, end)
    else:
        table.problems.append(
            f"{table.file} says between which nodes cars drive, and the scenario has no roads: add a table roads, or "
            "a table stops with the sites along each journey"
        )
        length, along = np.zeros(len(ids)), [[] for _ in ids]
    x, y = middles(along, np.append(sites.x, stations.x), np.append(sites.y, stations.y))
    demand = Demand(ids, x, y, weight, ("",) * len(ids))
    return demand, Journeys(weight, length, tuple(tuple(sorted(each)) for each in along))


def read_stops(stops: "Reader", ids: tuple[str, ...], length: Floats, places: tuple[str, ...]) -> Along:
    """``journey, site, metres`` from the journey's start."""
    along: Along = [[] for _ in ids]
    journey = known(stops, "journey", numbered(ids), "no journey has this id")
    site = known(stops, "site", numbered(places), "no candidate and no station has this id")
    metres = stops.numbers("metres", least=0.0)
    for row, q, s, at in zip(stops.rows, journey.tolist(), site.tolist(), metres.tolist(), strict=True):
        if row.number not in stops.bad and at > length[q]:
            stops.complain(row, "metres", f"the journey {ids[q]} is only {length[q]:g} m long")
        along[q].append((at, s))
    return along


def on_the_roads(table: "Reader", roads: Roads, begin: Any, end: Any) -> tuple[Floats, Along]:
    """The shortest way of each journey, and the sites whose node it passes."""
    from scipy.sparse.csgraph import dijkstra

    forward = graph(roads.nodes, roads.tail, roads.head, roads.length)
    at_node = sites_at(roads)
    length = np.zeros(len(begin))
    along: Along = []
    ways: dict[int, tuple[Any, Any]] = {}
    for k, (row, first, last) in enumerate(zip(table.rows, begin.tolist(), end.tolist(), strict=True)):
        if first not in ways:
            ways[first] = dijkstra(forward, indices=first, return_predecessors=True)
        far, before = ways[first]
        along.append([])
        if row.number in table.bad:
            continue
        if first == last or not np.isfinite(far[last]):
            advice = "it is where the journey begins" if first == last else "no road leads there"
            table.complain(row, "to", advice)
            continue
        length[k] = far[last]
        node = last
        while node >= 0:
            along[k] += [(float(far[node]), site) for site in at_node.get(node, ())]
            node = int(before[node])
    return length, along


def sites_at(roads: Roads) -> dict[int, list[int]]:
    """By node: the candidates and, numbered behind them, the stations that stand there."""
    found: dict[int, list[int]] = {}
    for first, ends in ((0, roads.sites), (len(roads.sites.node), roads.stations)):
        for k in np.flatnonzero(ends.metres <= DETOUR_M):
            found.setdefault(int(ends.node[k]), []).append(first + int(k))
    return found


def middles(along: Along, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Where each journey is drawn: amid the sites along it."""
    everywhere = list(range(len(x)))
    which = [[site for _, site in each] or everywhere for each in along]
    return np.array([x[each].mean() for each in which]), np.array([y[each].mean() for each in which])
