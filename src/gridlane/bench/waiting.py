"""Waiting: a simulated Berlin with the product's recommendation beside the nearest site that shows free, and its speed.

The same drivers come in every policy (paired), for several seeds. The weights were chosen on other seeds.
"""

import asyncio
import time
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any

import numpy as np

from gridlane.bench import waiting_forecasts
from gridlane.bench.table import CouldNotRun, Options, Row, Table
from gridlane.bench.waiting_city import City, Outcome, Recommended, berlin, demand, nearest, play, shows_free
from gridlane.forecasting.compiled_waits import GRID, Sites, site_waits
from gridlane.forecasting.waits import usual
from gridlane.kernel.ids import new_id
from gridlane.waiting.board import Board, Plan, Wish, integral_of

STATIONS = 10_000
PLUGS = 3
GOALS = {0.25: (0.35, None, None), 0.4: (0.8, 4.0, 2.5), 0.6: (1.8, 12.0, 6.0)}
"""Load -> mean wait, 95th percentile, percent above ten minutes."""
REMARKS = (
    "peer: the nearest site that shows a free plug, used by everybody, status at most 60 s old",
    "Berlin: fast sites of data/berlin, residents, stays of data/durations (rapid, up to 4 h); 3 days, first 12 h dropped",
    "forecasts: data/occupancy, learned until February 2019, asked of March to August; peer: LightGBM, figures of a study",
    "queue order (W7) is proved by tests/waiting/test_queue.py and tests/stories/test_queue_story.py, not measured here",
)


def run(options: Options) -> Table:
    city = berlin()
    seeds = [options.seed] if options.quick else [options.seed + number for number in range(5)]
    loads = [0.4] if options.quick else list(GOALS)
    rows = [row for load in loads for row in load_rows(city, load, seeds)]
    rows += [*partial_rows(city, seeds), *delay_rows(city, seeds)]
    rows += [*waiting_forecasts.rows(options), *speed_rows(options), *serving_rows(options)]
    return Table("waiting", rows, options, REMARKS)


def load_rows(city: City, load: float, seeds: list[int]) -> list[Row]:
    """W1 to W4, W8."""
    wanted = [demand(city, load, seed) for seed in seeds]
    peers = [play(city, one, shows_free) for one in wanted]
    ours = [play(city, one, Recommended(city, load)) for one in wanted]
    mean, p95, long = GOALS[load]
    at = f"at {load:.0%} load"
    rows = [
        Row(f"W1 mean wait {at}", _mean(ours, "mean"), "min", peer=_mean(peers, "mean"), at_most=mean),
        Row(f"W2 wait of one in twenty {at}", _mean(ours, "p95"), "min", peer=_mean(peers, "p95"), at_most=p95),
        Row(f"W3 waits above 10 min {at}", _mean(ours, "long_percent"), "%", peer=_mean(peers, "long_percent"), at_most=long),
        Row(f"W4 travel {at}", _travel(ours), "min", peer=_travel(peers), at_most=_travel(peers) if p95 else None),
    ]  # fmt: skip
    quoted = np.concatenate([one.quoted for one in ours])
    if quoted.size and load >= 0.4:
        inside = (quoted[:, 0] >= quoted[:, 1] - 0.05) & (quoted[:, 0] <= quoted[:, 3] + 0.05)
        off = np.abs(quoted[:, 0] - quoted[:, 2])
        note = f"{len(quoted)} quotes, only at sites without a free plug when they were made"
        rows += [
            Row(f"W8 quoted wait {at}: 80 % interval covers", float(100.0 * inside.mean()), "%", at_least=78.0, at_most=82.0, note=note),
            Row(f"W8 quoted wait {at}: median error", float(np.median(off)), "min", at_most=2.0),
        ]  # fmt: skip
    return rows


def partial_rows(city: City, seeds: list[int]) -> list[Row]:
    """W5: six in ten ask, the others go to the nearest site."""
    load = 0.4
    wanted = [demand(city, load, seed) for seed in seeds]
    policy = Recommended(city, load)
    plain = [play(city, one, policy, followers=0.6) for one in wanted]
    fee = [play(city, one, policy, followers=0.6, idle_fee=True) for one in wanted]
    none = [play(city, one, nearest) for one in wanted]
    free = [play(city, one, shows_free, followers=0.6) for one in wanted]
    return [
        Row("W5 mean wait of all, 60 % ask, 40% load", _mean(plain, "mean"), "min", peer=_mean(free, "mean"), at_most=2.5,
            note=f"nobody asks: {_mean(none, 'mean'):.1f} min"),
        Row("W5 the same with an idle fee", _mean(fee, "mean"), "min", at_most=1.6,
            note="assumed: what a stay is longer than 40 min is cut by 65 %"),
    ]  # fmt: skip


def delay_rows(city: City, seeds: list[int]) -> list[Row]:
    """W6: how much of the gain old status costs."""
    load = 0.4
    wanted = [demand(city, load, seed) for seed in seeds]
    policy = Recommended(city, load)
    base = _mean([play(city, one, shows_free) for one in wanted], "mean")
    fresh = _mean([play(city, one, policy) for one in wanted], "mean")
    late = _mean([play(city, one, policy, delay=5) for one in wanted], "mean")
    lost = 100.0 * (late - fresh) / (base - fresh)
    note = f"mean wait {fresh:.2f} -> {late:.2f} min; without a recommendation {base:.2f}"
    return [Row("W6 gain lost by status 5 min old", lost, "%", at_most=20.0, note=note)]


def speed_rows(options: Options) -> list[Row]:
    """F7 and the CPU of one recommendation."""
    plan = _plan(STATIONS, options.seed)
    board = _board(plan)
    wishes = _wishes(300, options.seed)
    board.best(wishes[0])
    begun = time.process_time()
    for wish in wishes:
        board.best(wish)
    each = 1000.0 * (time.process_time() - begun) / len(wishes)
    every = np.arange(STATIONS)
    none = np.zeros(STATIONS, dtype=np.int64)
    begun = time.process_time()
    site_waits(
        plan.sites, every, np.full(STATIONS, 10.0), none, none, 0.4, _NOW.timestamp() / 60.0, 0, 0.0, GRID
    )
    whole = time.process_time() - begun
    return [
        Row(
            f"recommendation among {STATIONS:,} stations",
            each,
            "CPU ms",
            at_most=1.0,
            note=f"{PLUGS} plugs each",
        ),
        Row(f"F7 waits of {STATIONS:,} stations", whole, "CPU s", at_most=1.0),
    ]


def serving_rows(options: Options) -> list[Row]:
    """W9: over HTTP, on one process with the client beside it."""
    seconds = 5.0 if options.quick else 20.0
    late = asyncio.run(_served(200.0, seconds, options.seed))
    note = f"{len(late)} requests in {seconds:.0f} s; client on the same machine"
    return [
        Row("W9 recommendation over HTTP at 200 requests/s: p99", float(np.quantile(late, 0.99)), "ms", at_most=50.0, note=note),
        Row("W9 the same: median", float(np.median(late)), "ms"),
    ]  # fmt: skip


async def _served(rate: float, seconds: float, seed: int) -> list[float]:
    """Milliseconds of each request, from when it was due."""
    import httpx2

    from gridlane.app.supervisor import free_port

    port = free_port()
    server = get_context("spawn").Process(target=serve, args=(seed, port), daemon=True)
    server.start()
    late: list[float] = []

    async def ask(client: httpx2.AsyncClient, wish: Wish, due: float) -> None:
        place = {"latitude": wish.latitude, "longitude": wish.longitude}
        answer = await client.get("/driver/best", params=place)
        answer.raise_for_status()
        late.append(1000.0 * (time.perf_counter() - due))

    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            await _until_up(client)
            wishes, tasks = _wishes(int(rate * seconds), seed), []
            begun = time.perf_counter()
            for number, wish in enumerate(wishes):
                due = begun + number / rate
                await asyncio.sleep(max(due - time.perf_counter(), 0.0))
                tasks.append(asyncio.create_task(ask(client, wish, due)))
            await asyncio.gather(*tasks)
    finally:
        server.terminate()
        server.join()
    return late


async def _until_up(client: Any) -> None:
    import httpx2

    for _ in range(600):
        try:
            await client.get("/driver/best", params={"latitude": 50.0, "longitude": 10.0})
        except httpx2.TransportError:
            await asyncio.sleep(0.1)
        else:
            return
    raise CouldNotRun("the server did not come up within a minute")


def serve(seed: int, port: int) -> None:
    """A server with nothing but recommendations, in a process of its own."""
    import uvicorn
    from fastapi import FastAPI

    from gridlane.waiting import best_api

    app: Any = FastAPI()
    app.state.board = _board(_plan(STATIONS, seed))
    app.state.board_read_at = datetime.max.replace(tzinfo=UTC)
    app.include_router(best_api.router)
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False)


# --- a made-up country -------------------------------------------------------------------------------------------

_NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def _board(plan: Plan) -> Board:
    board = Board(lambda: _NOW)
    board.put(plan)
    return board


def _wishes(count: int, seed: int) -> list[Wish]:
    draw = np.random.default_rng(seed + 1)
    return [
        Wish(float(a), float(b))
        for a, b in zip(draw.uniform(48, 54, count), draw.uniform(7, 14, count), strict=True)
    ]


def _plan(stations: int, seed: int) -> Plan:
    draw = np.random.default_rng(seed)
    plugs = stations * PLUGS
    survival = usual(35.0).survival.astype(np.float32)[None, :]
    minute = _NOW.timestamp() / 60.0
    return Plan(
        site_ids=[new_id() for _ in range(stations)],
        latitude=draw.uniform(48.0, 54.0, stations),
        longitude=draw.uniform(7.0, 14.0, stations),
        sites=Sites(
            offset=np.arange(stations + 1, dtype=np.int64) * PLUGS,
            state=draw.choice(3, plugs, p=[0.55, 0.4, 0.05]).astype(np.int8),
            since=minute - draw.exponential(30.0, plugs),
            kinds=np.ones(plugs, dtype=np.int64),
            power=draw.choice([50_000.0, 150_000.0, 300_000.0], plugs),
            habit=np.zeros(stations, dtype=np.int64),
            arrivals=draw.uniform(0.0, 0.08, stations),
            survival=survival,
            integral=integral_of(survival),
        ),
        queued=np.zeros(stations, dtype=np.int64),
        price=draw.uniform(0.3, 0.8, stations),
    )


def _mean(outcomes: list[Outcome], what: str) -> float:
    return float(np.mean([getattr(one, what) for one in outcomes]))


def _travel(outcomes: list[Outcome]) -> float:
    return float(np.mean([one.travel.mean() for one in outcomes]))
