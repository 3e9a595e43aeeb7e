"""Builders of small questions for the solver, given as a fixture because tests are no packages."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from gridlane.planning import reach as reaches
from gridlane.planning.interchange import cost_of
from gridlane.planning.scenario import Aim, Demand, Scenario, Sites, Stations


class Make:
    """Small instances, and the honest slow way to solve them."""

    @staticmethod
    def median(rows: int, sites: int, seed: int, *, whole_numbers: bool = False) -> reaches.Reach:
        generator = np.random.default_rng(seed)
        points, places = generator.random((rows, 2)), generator.random((sites, 2))
        weight = generator.integers(1, 9, rows)
        cost = np.hypot(*(points[:, None] - places[None]).transpose(2, 0, 1)) * weight[:, None]
        return reaches.from_matrix(np.rint(cost * 20) if whole_numbers else cost)

    @staticmethod
    def covering(rows: int, sites: int, seed: int, chance: float = 0.25) -> reaches.Reach:
        generator = np.random.default_rng(seed)
        row, site = np.nonzero(generator.random((rows, sites)) < chance)
        weight = generator.integers(1, 50, rows).astype(np.float64)
        return reaches.from_entries(
            row.astype(np.int32), site.astype(np.int32), np.zeros(len(row)), weight, sites
        )

    @staticmethod
    def brute_force(reach: reaches.Reach, expense: np.ndarray, budget: float) -> float:
        """The least cost over every affordable set of sites."""
        best = float(np.sum(reach.fallback))
        for size in range(1, reach.sites + 1):
            for chosen in combinations(range(reach.sites), size):
                sites = np.array(chosen, dtype=np.int32)
                if expense[sites].sum() <= budget + 1e-9:
                    best = min(best, cost_of(reach, sites))
        return best

    @staticmethod
    def town(
        points: int = 120, candidates: int = 30, stations: int = 5, seed: int = 1, **aim: object
    ) -> Scenario:
        """A made-up town of 4 x 4 km in Berlin's reference system."""
        generator = np.random.default_rng(seed)

        def places(count: int) -> tuple[np.ndarray, np.ndarray]:
            return 390_000 + generator.random(count) * 4000, 5_820_000 + generator.random(count) * 4000

        x, y = places(points)
        site_x, site_y = places(candidates)
        station_x, station_y = places(stations)
        return Scenario(
            name="Town",
            crs="EPSG:25833",
            demand=Demand(
                tuple(f"d{k}" for k in range(points)), x, y,
                generator.integers(1, 400, points).astype(np.float64),
                tuple(str(1 + k % 3) for k in range(points)),
            ),
            sites=Sites(
                tuple(f"s{k}" for k in range(candidates)), ("park",) * candidates, site_x, site_y,
                generator.integers(20, 60, candidates).astype(np.float64), np.zeros(candidates, dtype=np.bool_),
            ),
            stations=Stations(
                tuple(f"e{k}" for k in range(stations)), ("AC",) * stations, station_x, station_y,
                np.full(stations, 2, dtype=np.int32), np.full(stations, 22.0),
            ),
            aim=replace(Aim(sites=5), **aim),
        )  # fmt: skip

    @staticmethod
    def folder(path: Path, **files: str) -> Path:
        """A scenario on disk; ``plan`` is the TOML page, other names become CSV files."""
        page = files.pop(
            "plan", '[tables]\ndemand = "demand.csv"\ncandidates = "candidates.csv"\n[aim]\nsites = 1\n'
        )
        (path / "plan.toml").write_text(page)
        for name, text in files.items():
            (path / f"{name}.csv").write_text(text)
        return path


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make
