"""Travel that was supplied: a table of distances, or a road graph whose shortest ways are the distances.

Both answer the same four questions as straight lines do (``planning.travel``); what has no way is infinitely far.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.travel import Floats, Indices, Pairs

AT_ONCE = 4_000_000
"""Distances held at a time while shortest ways are searched; 32 MB."""


class Travel(Protocol):
    """Metres from every demand point, on the way that a car takes."""

    @property
    def digest(self) -> bytes:
        """Of everything the distances depend on."""

    def within(self, radius: float, *, stations: bool = False) -> Pairs:
        """Every pair of a demand point and a candidate (or a station) at most ``radius`` apart."""

    def nearest(self, sites: Indices, count: int) -> Pairs:
        """The ``count`` nearest of some candidates for every demand point; fewer where fewer have a way."""

    def to_nearest(self, sites: Indices | None) -> Floats:
        """Metres to the nearest of some candidates, or (None) of the stations."""


@dataclass(frozen=True)
class DistanceTable:
    """Pairs with their distance, to candidates and to stations, for ``rows`` demand points."""

    rows: int
    sites: Pairs
    stations: Pairs

    @property
    def digest(self) -> bytes:
        return b"".join(
            column.tobytes()
            for pairs in (self.sites, self.stations)
            for column in (pairs.row, pairs.site, pairs.distance)
        )

    def within(self, radius: float, *, stations: bool = False) -> Pairs:
        pairs = self.stations if stations else self.sites
        return chosen(pairs, pairs.distance <= radius * (1 + 1e-12))

    def nearest(self, sites: Indices, count: int) -> Pairs:
        return first_of_each_row(renumbered(self.sites, sites), count)

    def to_nearest(self, sites: Indices | None) -> Floats:
        pairs = self.stations if sites is None else chosen(self.sites, np.isin(self.sites.site, sites))
        found = np.full(self.rows, np.inf)
        np.minimum.at(found, pairs.row, pairs.distance)
        return found


@dataclass(frozen=True)
class Ends:
    """Where places meet the road: the node of each, and the metres to it."""

    node: Indices
    metres: Floats


@dataclass(frozen=True)
class Roads:
    """A directed graph of named nodes: edge ``k`` leads from node ``tail[k]`` to ``head[k]`` and is ``length[k]`` metres long."""

    names: tuple[str, ...]
    tail: Indices
    head: Indices
    length: Floats
    demand: Ends
    sites: Ends
    stations: Ends

    @property
    def nodes(self) -> int:
        return len(self.names)

    @property
    def digest(self) -> bytes:
        columns: list[NDArray[Any]] = [self.tail, self.head, self.length]
        for ends in (self.demand, self.sites, self.stations):
            columns += [ends.node, ends.metres]
        return b"".join(column.tobytes() for column in columns)

    @cached_property
    def backwards(self) -> Any:
        """The graph against its direction, as scipy takes it, so that a search from a site finds the ways towards it."""
        return graph(self.nodes, self.head, self.tail, self.length)

    def within(self, radius: float, *, stations: bool = False) -> Pairs:
        ends = self.stations if stations else self.sites
        found = [Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))]
        for first, metres in self.ways(ends, radius):
            site, row = np.nonzero(metres <= radius * (1 + 1e-12))
            found.append(Pairs(row.astype(np.int32), (site + first).astype(np.int32), metres[site, row]))
        return joined(found)

    def nearest(self, sites: Indices, count: int) -> Pairs:
        ends = Ends(self.sites.node[sites], self.sites.metres[sites])
        kept = Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))
        for first, metres in self.ways(ends, np.inf):
            site, row = np.nonzero(np.isfinite(metres))
            more = Pairs(row.astype(np.int32), (site + first).astype(np.int32), metres[site, row])
            kept = first_of_each_row(joined([kept, more]), count)
        return kept

    def to_nearest(self, sites: Indices | None) -> Floats:
        ends = self.stations if sites is None else Ends(self.sites.node[sites], self.sites.metres[sites])
        found = np.full(len(self.demand.node), np.inf)
        for _, metres in self.ways(ends, np.inf):
            np.minimum(found, metres.min(axis=0), out=found)
        return found

    def ways(self, ends: Ends, limit: float) -> Any:
        """Some places after the other: the number of the first, and the metres from every demand point (places x rows)."""
        from scipy.sparse.csgraph import dijkstra

        step = max(1, AT_ONCE // max(self.nodes, len(self.demand.node), 1))
        for first in range(0, len(ends.node), step):
            some = slice(first, first + step)
            node, back = np.unique(ends.node[some], return_inverse=True)
            far = dijkstra(self.backwards, indices=node, limit=limit)[back][:, self.demand.node]
            yield first, far + self.demand.metres + ends.metres[some, None]


def graph(nodes: int, tail: Indices, head: Indices, length: Floats) -> Any:
    """Sparse, the shortest of parallel edges; an edge of no length is a millimetre long, because scipy drops zeros."""
    from scipy.sparse import csr_array

    order = np.lexsort((length, head, tail))
    tail, head, length = tail[order], head[order], np.maximum(length[order], 0.001)
    first = np.ones(len(tail), dtype=np.bool_)
    first[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    return csr_array((length[first], (tail[first], head[first])), shape=(nodes, nodes))


def chosen(pairs: Pairs, which: Any) -> Pairs:
    return Pairs(pairs.row[which], pairs.site[which], pairs.distance[which])


def joined(parts: list[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.site for part in parts]),
        np.concatenate([part.distance for part in parts]),
    )


def renumbered(pairs: Pairs, sites: Indices) -> Pairs:
    """Only the pairs with some sites, numbered in their order."""
    number = np.full(int(max(pairs.site.max(initial=-1), sites.max(initial=-1))) + 1, -1, dtype=np.int32)
    number[sites] = np.arange(len(sites), dtype=np.int32)
    kept = chosen(pairs, number[pairs.site] >= 0)
    return Pairs(kept.row, number[kept.site], kept.distance)


def first_of_each_row(pairs: Pairs, count: int) -> Pairs:
    """The ``count`` nearest of every row, by row and distance."""
    order = np.lexsort((pairs.site, pairs.distance, pairs.row))
    row = pairs.row[order]
    begins = np.searchsorted(row, row, side="left")
    return chosen(pairs, order[np.arange(len(row)) - begins < count])
