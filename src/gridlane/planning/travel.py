"""Who is how far from which site: neighbour lists from coordinates or from a supplied matrix, never a dense table."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]


@dataclass(frozen=True)
class Pairs:
    """Demand points and sites within reach of each other, and the metres (or minutes) between them."""

    row: Indices
    site: Indices
    distance: Floats

    def __len__(self) -> int:
        return len(self.row)


def within(x: Floats, y: Floats, site_x: Floats, site_y: Floats, radius: float) -> Pairs:
    """Every pair at most ``radius`` apart, in a straight line."""
    from scipy.spatial import KDTree

    if len(x) == 0 or len(site_x) == 0:
        return Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0))
    points, places = np.column_stack((x, y)), np.column_stack((site_x, site_y))
    found = KDTree(places).query_ball_point(points, radius * (1 + 1e-12), return_sorted=True)
    counts = np.fromiter((len(f) for f in found), dtype=np.int64, count=len(found))
    row = np.repeat(np.arange(len(points), dtype=np.int32), counts)
    site = np.concatenate([np.asarray(f, dtype=np.int32) for f in found])
    return Pairs(row, site, np.hypot(*(points[row] - places[site]).T))


def nearest(x: Floats, y: Floats, site_x: Floats, site_y: Floats, count: int) -> Pairs:
    """The ``count`` nearest sites of every demand point."""
    from scipy.spatial import KDTree

    count = min(count, len(site_x))
    distance, site = KDTree(np.column_stack((site_x, site_y))).query(np.column_stack((x, y)), k=count)
    row = np.repeat(np.arange(len(x), dtype=np.int32), count)
    return Pairs(
        row, np.asarray(site, dtype=np.int32).ravel(), np.asarray(distance, dtype=np.float64).ravel()
    )
