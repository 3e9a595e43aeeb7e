"""Supplied travel from its tables: ``travel`` (demand, site, metres), or ``roads`` (from, to, metres) with or without ``nodes``."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gridlane.planning.scenario import Demand, Objective, Sites, Stations
from gridlane.planning.supplied import DistanceTable, Ends, Roads, Travel
from gridlane.planning.travel import Indices, Pairs

if TYPE_CHECKING:
    from gridlane.planning.reading import Reader

UNREACHABLE = "unreachable"
SHOWN = 3
"""Missing pairs that are named; the others are counted."""


def read_travel(
    table: "Reader", demand: Demand, sites: Sites, stations: Stations, missing: str
) -> DistanceTable:
    """Every demand point with every candidate and station, unless ``missing`` says that what is not given has no way."""
    rows = numbered(demand.id)
    places = numbered((*sites.id, *stations.id))
    row = known(table, "demand", rows, "no demand point has this id")
    site = known(table, "site", places, "no candidate and no station has this id")
    metres = table.numbers("metres", least=0.0)
    complain_of_twins(table, row, site)
    if not table.problems and missing != UNREACHABLE:
        complain_of_gaps(table, demand, (*sites.id, *stations.id), row, site)
    to_site = site < len(sites)
    return DistanceTable(
        len(demand),
        Pairs(row[to_site], site[to_site], metres[to_site]),
        Pairs(row[~to_site], (site[~to_site] - len(sites)).astype(np.int32), metres[~to_site]),
    )


def numbered(ids: tuple[str, ...]) -> dict[str, int]:
    return {id_: k for k, id_ in enumerate(ids)}


def known(table: "Reader", column: str, numbers: dict[str, int], advice: str) -> Indices:
    """The number of what each row names; what is unknown is complained of."""
    found = np.zeros(len(table.rows), dtype=np.int32)
    for k, (row, name) in enumerate(zip(table.rows, table.texts(column), strict=True)):
        if name in numbers:
            found[k] = numbers[name]
        else:
            table.complain(row, column, advice)
    return found


def complain_of_twins(table: "Reader", row: Indices, site: Indices) -> None:
    seen: dict[tuple[int, int], int] = {}
    for each, r, s in zip(table.rows, row.tolist(), site.tolist(), strict=True):
        if each.number in table.bad:
            continue
        before = seen.setdefault((r, s), each.number)
        if before != each.number:
            table.complain(each, "site", f"row {before} has the same pair; give every pair once")


def complain_of_gaps(
    table: "Reader", demand: Demand, places: tuple[str, ...], row: Indices, site: Indices
) -> None:
    given = np.zeros((len(demand), len(places)), dtype=np.bool_)
    given[row, site] = True
    gaps = np.argwhere(~given)
    if len(gaps) == 0:
        return
    named = ", ".join(f"{demand.id[r]} to {places[s]}" for r, s in gaps[:SHOWN])
    table.problems.append(
        f"{table.file} lacks {len(gaps)} of {given.size} pairs ({named}{', ...' if len(gaps) > SHOWN else ''}): "
        f'add them, or say missing = "{UNREACHABLE}" in [travel] when there is no way'
    )


def read_roads(
    table: "Reader",
    nodes: "Reader | None",
    places: "tuple[Reader, Reader, Reader]",
    points: tuple[Any, Any, Any],
) -> Roads | None:
    """The graph, and where demand, candidates and stations meet it: at the node they name, else at the nearest one."""
    names = node_names(table, nodes)
    number = numbered(names)
    unknown = "the table nodes has no such node"
    for row, name in zip(table.rows, table.texts("from"), strict=True):
        if not name and nodes is None:
            table.complain(row, "from", "name the node the road begins at")
    tail, head = known(table, "from", number, unknown), known(table, "to", number, unknown)
    length = table.numbers("metres", least=0.0)
    single = table.flags("one_way")
    at = None
    if nodes is not None:
        nodes.ids()
        at = nodes.places()
    ends = [ends_of(each, number, at, where) for each, where in zip(places, points, strict=True)]
    if table.problems:
        return None
    both = ~single
    return Roads(
        names,
        np.concatenate((tail, head[both])),
        np.concatenate((head, tail[both])),
        np.concatenate((length, length[both])),
        *ends,
    )


def node_names(table: "Reader", nodes: "Reader | None") -> tuple[str, ...]:
    if nodes is not None:
        return tuple(dict.fromkeys(nodes.texts("id")))
    return tuple(dict.fromkeys((*table.texts("from"), *table.texts("to"))))


def ends_of(table: "Reader", number: dict[str, int], at: Any, where: Any) -> Ends:
    """Raises nothing: a place that cannot be put on the road is complained of."""
    from scipy.spatial import KDTree

    named = table.texts("node")
    node, metres = np.zeros(len(named), dtype=np.int32), np.zeros(len(named))
    free = np.array([not name for name in named], dtype=np.bool_)
    for k, (row, name) in enumerate(zip(table.rows, named, strict=True)):
        if name in number:
            node[k] = number[name]
        elif name:
            table.complain(row, "node", "the roads have no such node")
        elif at is None:
            table.complain(row, "node", "name the node it stands at, or add a table nodes with their places")
    if at is not None and free.any() and len(at[0]):
        tree = KDTree(np.column_stack(at))
        far, near = tree.query(np.column_stack([part[free] for part in where]))
        node[free], metres[free] = near.astype(np.int32), far
    return Ends(node, metres)


def complain_of_islands(
    travel: Travel, objective: Objective, demand: Demand, sites: Sites, problems: list[str]
) -> None:
    """The shortest way on average asks for a way from everybody to every candidate that may be built on."""
    usable = np.flatnonzero(~sites.shut).astype(np.int32)
    if objective is not Objective.ACCESS or len(usable) == 0:
        return
    count = np.bincount(travel.nearest(usable, len(usable)).row, minlength=len(demand))
    for k in np.flatnonzero(count < len(usable))[:SHOWN]:
        problems.append(
            f"demand {demand.id[k]} has a way to {count[k]} of {len(usable)} candidates; "
            "the objective access needs a way to each (coverage does not)"
        )
