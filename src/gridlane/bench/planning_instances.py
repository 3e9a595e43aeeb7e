"""The questions of ``gridlane bench planning``: published instances, and made-up cities of any size from a seed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridlane.planning.reach import Floats, Reach, from_entries, from_matrix
from gridlane.planning.shipped import shipped
from gridlane.planning.travel import nearest, within

CITY_SEED = 7


@dataclass(frozen=True)
class City:
    """Customers with heavy-tailed weights and candidate sites, both clustered, in kilometres."""

    x: Floats
    y: Floats
    weight: Floats
    site_x: Floats
    site_y: Floats

    @classmethod
    def made(cls, customers: int, sites: int, seed: int = CITY_SEED, side: float = 30.0) -> "City":
        """25 centres of Gaussian spread hold three quarters of everything, the rest is spread evenly."""
        generator = np.random.default_rng(seed)
        centres = generator.uniform(3.0, side - 3.0, (25, 2))
        spread = generator.uniform(0.8, 3.0, 25)
        size = generator.dirichlet(np.full(25, 1.5))

        def places(count: int) -> Floats:
            centre = generator.choice(25, count, p=size)
            found = centres[centre] + generator.normal(0.0, 1.0, (count, 2)) * spread[centre, None]
            even = generator.random(count) < 0.25
            found[even] = generator.uniform(0.0, side, (int(even.sum()), 2))
            return np.clip(found, 0.0, side)

        points, candidates = places(customers), places(sites)
        weight = np.minimum(np.ceil(generator.pareto(1.7, customers) * 8.0 + 1.0), 500.0)
        return cls(points[:, 0], points[:, 1], weight, candidates[:, 0], candidates[:, 1])

    def median(self, neighbours: int) -> Reach:
        """Weighted distance to the nearest sites; beyond the list a row pays its last entry, which keeps bounds valid."""
        pairs = nearest(self.x, self.y, self.site_x, self.site_y, neighbours)
        cost = pairs.distance * self.weight[pairs.row]
        last = np.zeros(len(self.x))
        np.maximum.at(last, pairs.row, cost)
        return from_entries(pairs.row, pairs.site, cost, last, len(self.site_x))

    def median_cost(self, sites: np.ndarray) -> float:
        """What a plan really costs, without any list."""
        found = nearest(self.x, self.y, self.site_x[sites], self.site_y[sites], 1)
        return float(found.distance @ self.weight)

    def coverage(self, radius: float) -> Reach:
        pairs = within(self.x, self.y, self.site_x, self.site_y, radius)
        return from_entries(pairs.row, pairs.site, np.zeros(len(pairs)), self.weight, len(self.site_x))


@dataclass(frozen=True)
class Published:
    name: str
    reach: Reach
    p: int
    optimum: float


def or_library() -> list[Path]:
    """The p-median files that are there, the smallest first."""
    return sorted(shipped("pmedian").glob("pmed*.txt"), key=lambda path: int(path.stem[4:]))


def read_or_library(path: Path) -> Published:
    """Shortest paths in the graph; of an edge given twice the last line counts."""
    from scipy.sparse.csgraph import floyd_warshall

    numbers = np.array(path.read_text().split(), dtype=np.float64)
    vertices, edges, p = (int(number) for number in numbers[:3])
    graph = np.full((vertices, vertices), np.inf)
    for i, j, cost in numbers[3 : 3 + 3 * edges].reshape(-1, 3):
        graph[int(i) - 1, int(j) - 1] = graph[int(j) - 1, int(i) - 1] = cost
    rows = (line.split(",") for line in (path.parent / "optima.csv").read_text().split()[1:])
    optimum = {row[0]: float(row[3]) for row in rows}[path.stem]
    return Published(path.stem, from_matrix(floyd_warshall(graph, directed=False)), p, optimum)


def read_bds(name: str, radius: float) -> Reach:
    kinds: dict[str, list[tuple[float, float, float]]] = {"F": [], "C": []}
    for line in (shipped("coverage") / f"{name}.txt").read_text().splitlines()[1:]:
        kind, _, *numbers = line.split()
        kinds[kind].append((float(numbers[0]), float(numbers[1]), float(numbers[2])))
    sites, customers = np.array(kinds["F"]), np.array(kinds["C"])
    pairs = within(customers[:, 0], customers[:, 1], sites[:, 0], sites[:, 1], radius)
    return from_entries(pairs.row, pairs.site, np.zeros(len(pairs)), customers[:, 2], len(sites))


def bds_like(customers: int, seed: int, radius: float = 5.5) -> Reach:
    """The make of BDS at any size: 100 sites and customers evenly in a square of 30, demands 1 to 100."""
    generator = np.random.default_rng(seed)
    sites, points = generator.uniform(0.0, 30.0, (100, 2)), generator.uniform(0.0, 30.0, (customers, 2))
    weight = generator.integers(1, 101, customers).astype(np.float64)
    pairs = within(points[:, 0], points[:, 1], sites[:, 0], sites[:, 1], radius)
    return from_entries(pairs.row, pairs.site, np.zeros(len(pairs)), weight, 100)
