"""Forecasts of plugs on real sessions of a Scottish council: learned until February 2019, asked from March to August 2019.

The product's own rows and trees are asked at every quarter of an hour whether each of twelve sites will be full then, how
much of it will be in use, and how long each stay still lasts. Peers' figures were measured on the same months with LightGBM
on the occupancy of sites (lags, weekly averages, calendar), one model for each span.
"""

import csv
import gzip
import time
from datetime import datetime
from typing import NamedTuple

import numpy as np

from gridlane.bench.table import Options, Row
from gridlane.forecasting.occupancy import (
    DAY,
    SLOT,
    SLOTS,
    Flags,
    Floats,
    History,
    Ints,
    Model,
    Moments,
    Week,
    features,
    free_count,
    goes_on,
    learned,
    left,
    week_before,
)
from gridlane.planning.shipped import data_folder

MONDAY = datetime(2017, 5, 29)  # noqa: DTZ001 - local time, as in the file
LEARNED_FROM = (datetime(2017, 7, 31) - MONDAY).days  # noqa: DTZ001
ASKED_FROM = (datetime(2019, 3, 1) - MONDAY).days  # noqa: DTZ001
ASKED_UNTIL = (datetime(2019, 9, 1) - MONDAY).days  # noqa: DTZ001
SPANS = {15: "15 min", 60: "1 h", 1440: "24 h"}
BRIER = {15: (23.3, 20.5), 60: (36.2, 33.5), 1440: (40.2, 38.5)}
"""Minutes ahead -> the peer's and the goal."""
AUC = {15: (96.6, 97.5), 60: (92.3, 94.0)}
RMSE = {15: (160.0, 150.0), 60: (208.0, 200.0), 1440: (231.0, 225.0)}
MAE = {15: (49.0, 45.0), 60: (94.0, 88.0)}
NEW_DAYS = 14
FEW = 50
"""Forecasts in a bin below which its error is chance."""


class Asked(NamedTuple):
    """A site at an instant: the forecast chance that it is full, mean and middle share in use, and what was."""

    full: Floats
    mean: Floats
    middle: Floats
    was_full: Flags
    was: Floats


def rows(options: Options) -> list[Row]:
    """F1 to F7."""
    history, every = council(), 6 if options.quick else 1
    count, trees = (150_000, 120) if options.quick else (600_000, 250)
    slots = history.slots()
    model = learned(history, LEARNED_FROM, ASKED_FROM, count, trees, options.seed)
    days = range(ASKED_FROM, ASKED_UNTIL, every)
    weeks = {day: week_before(history, slots, day) for day in range(ASKED_FROM - 1, ASKED_UNTIL)}
    asked = {ahead: _asked(history, model, weeks, days, ahead) for ahead in SPANS}
    return [
        *_score_rows(asked),
        *_stay_rows(history, model, weeks, days),
        *_new_rows(options, history, slots, model, days),
        _speed_row(model),
    ]


def council() -> History:
    """The sessions of data/occupancy."""
    with gzip.open(
        data_folder() / "occupancy" / "sessions.csv.gz", "rt", encoding="utf-8", newline=""
    ) as text:
        found = list(csv.DictReader(text))
    points = {one["charge_point"]: (one["site"], one["fast"] == "1") for one in found}
    names, sites = sorted(points), sorted({site for site, _ in points.values()})
    return History.of(
        np.array([names.index(one["charge_point"]) for one in found]),
        np.array([_minute(one["start"]) for one in found]),
        np.array([_minute(one["end"]) for one in found]),
        np.array([sites.index(points[name][0]) for name in names]),
        np.array([points[name][1] for name in names]),
    )


def _minute(told: str) -> float:
    return (datetime.strptime(told, "%Y-%m-%d %H:%M") - MONDAY).total_seconds() / 60.0  # noqa: DTZ007 - as above


def _asked(history: History, model: Model, weeks: dict[int, Week], days: range, ahead: int) -> Asked:
    """Every site at every quarter of an hour of the days, forecast ``ahead`` minutes before."""
    parts = []
    for day in days:
        then = day * DAY + SLOT * np.arange(SLOTS, dtype=float)
        before = then - ahead
        chances = np.zeros((history.site.size, SLOTS))
        for origin in np.unique(before // DAY).astype(int):
            now = before[before // DAY == origin]
            plug = np.repeat(np.arange(history.site.size), now.size)
            moments = history.moments(plug, np.tile(now, history.site.size), np.full(plug.size, float(ahead)))
            found = model.in_use.of(features(moments, weeks[origin]))
            chances[:, before // DAY == origin] = found.reshape(history.site.size, now.size)
        serving = history.in_service(np.arange(history.site.size), np.full(history.site.size, then[0]))
        parts += [
            _of_site(history, chances, np.flatnonzero(serving & (history.site == site)), then)
            for site in np.unique(history.site[serving])
        ]
    return Asked(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def _of_site(history: History, chances: Floats, plugs: Ints, then: Floats) -> Asked:
    was = np.stack([history.state(np.full(then.size, plug), then)[0] for plug in plugs]).mean(axis=0)
    free = np.stack([free_count(one) for one in chances[plugs].T])
    at_most = free[:, ::-1].cumsum(axis=1)  # 0, 1, 2, ... in use
    middle = (at_most < 0.5).sum(axis=1) / plugs.size
    return Asked(free[:, 0], chances[plugs].mean(axis=0), middle, was == 1.0, was)


def _score_rows(asked: dict[int, Asked]) -> list[Row]:
    found = [
        Row(
            f"F1 Brier score of a full site {SPANS[ahead]} ahead",
            1000.0 * brier(asked[ahead]),
            "thousandths",
            peer=peer,
            at_most=goal,
        )
        for ahead, (peer, goal) in BRIER.items()
    ]
    found += [
        Row(f"F2 AUC of a full site {SPANS[ahead]} ahead", 100.0 * auc(asked[ahead].full, asked[ahead].was_full), "%", peer=peer, at_least=goal)
        for ahead, (peer, goal) in AUC.items()
    ]  # fmt: skip
    found += [
        Row(f"F3 RMSE of the share in use {SPANS[ahead]} ahead", 1000.0 * float(np.sqrt(np.mean((asked[ahead].mean - asked[ahead].was) ** 2))), "thousandths", peer=peer, at_most=goal)
        for ahead, (peer, goal) in RMSE.items()
    ]  # fmt: skip
    found += [
        Row(f"F4 MAE of the middle share {SPANS[ahead]} ahead", 1000.0 * float(np.abs(asked[ahead].middle - asked[ahead].was).mean()), "thousandths", peer=peer, at_most=goal)
        for ahead, (peer, goal) in MAE.items()
    ]  # fmt: skip
    found += [
        Row(f"F5 calibration {name} ahead: largest error of ten bins", worst_bin(asked[ahead]), "points", at_most=3.0,
            note=f"bins with fewer than {FEW} forecasts left out; weighted mean error {mean_bin(asked[ahead]):.2f} points")
        for ahead, name in SPANS.items()
    ]  # fmt: skip
    return found


def brier(asked: Asked) -> float:
    return float(np.mean((asked.full - asked.was_full) ** 2))


def auc(chance: Floats, happened: Flags) -> float:
    """The chance that one that happened was given more than one that did not."""
    from scipy.stats import rankdata

    ranks, yes = rankdata(chance), int(happened.sum())
    return float((ranks[happened].sum() - yes * (yes + 1) / 2) / max(yes * (happened.size - yes), 1))


def _bins(asked: Asked) -> tuple[Floats, Floats]:
    """Of each of ten equal spans of chance with enough forecasts: how many, and how far they are off in points."""
    which = np.minimum((asked.full * 10).astype(int), 9)
    counts = np.bincount(which, minlength=10)
    off = np.bincount(which, asked.full - asked.was_full, minlength=10) / np.maximum(counts, 1)
    kept = counts >= FEW
    return counts[kept].astype(float), 100.0 * np.abs(off[kept])


def worst_bin(asked: Asked) -> float:
    return float(_bins(asked)[1].max())


def mean_bin(asked: Asked) -> float:
    counts, off = _bins(asked)
    return float((counts * off).sum() / counts.sum())


def _stay_rows(history: History, model: Model, weeks: dict[int, Week], days: range) -> list[Row]:
    """F6: minutes until a plug in use frees, against the middle of all that were so before."""
    before = _minutes_left(history, range(ASKED_FROM - 200, ASKED_FROM, 4))[1]
    usual, guessed, inside, were = float(np.median(before)), [], [], []
    for day in days:
        moments, were_left = _minutes_left(history, range(day, day + 1))
        going = goes_on(model, moments, weeks[day])
        guessed.append(left(going, 0.5))
        inside.append((left(going, 0.1) <= were_left) & (were_left <= left(going, 0.9)))
        were.append(were_left)
    was = np.concatenate(were)
    ours = float(np.abs(np.concatenate(guessed) - was).mean())
    peer = float(np.abs(usual - was).mean())
    return [
        Row("F6 minutes until a plug in use frees: mean error", ours, "min", peer=peer, at_most=0.75 * peer,
            note=f"{was.size:,} moments; peer: always the middle, {usual:.0f} min; goal a quarter less"),
        Row("F6 the 80 % interval covers", float(100.0 * np.concatenate(inside).mean()), "%", at_least=78.0, at_most=82.0),
    ]  # fmt: skip


def _minutes_left(history: History, days: range) -> tuple[Moments, Floats]:
    """All plugs in use at the quarters of an hour of the days, and how long each still was."""
    minutes = np.concatenate([day * DAY + SLOT * np.arange(SLOTS, dtype=float) for day in days])
    plug = np.repeat(np.arange(history.site.size), minutes.size)
    minute = np.tile(minutes, history.site.size)
    busy, _, until = history.state(plug, minute)
    busy &= history.in_service(plug, minute)
    plug, minute = plug[busy], minute[busy]
    return history.moments(plug, minute, np.zeros(plug.size)), until[busy] - minute


def _new_rows(
    options: Options, history: History, slots: "np.typing.NDArray[np.uint8]", model: Model, days: range
) -> list[Row]:
    """F7: four sites that nothing was learned of, known for two weeks, against the same sites known well."""
    new = np.isin(history.site, np.unique(history.site)[::3])
    count, trees = (80_000, 80) if options.quick else (250_000, 200)
    others = learned(history.only(~new), LEARNED_FROM, ASKED_FROM, count, trees, options.seed)
    known = history.only(new)
    known_slots = known.slots()
    span = range(ASKED_FROM - 1, ASKED_UNTIL)
    well = {day: week_before(known, known_slots, day) for day in span}
    hardly = {day: week_before(known, known_slots, day, NEW_DAYS) for day in span}
    score = brier(_asked(known, others, hardly, days, 60))
    pooled = brier(_asked(known, model, well, days, 60))
    note = f"Brier score 1 h ahead of sites never learned from, with {NEW_DAYS} days of habits: {score:.4f} after {pooled:.4f}"
    return [
        Row(
            "F7 a new site after two weeks: worse by",
            100.0 * (score / pooled - 1.0),
            "%",
            at_most=10.0,
            note=note,
        )
    ]


def _speed_row(model: Model) -> Row:
    """F7: ten thousand plugs, each at a moment of its own."""
    draw, count = np.random.default_rng(1), 10_000
    rows = np.ascontiguousarray(
        draw.uniform(0, 1, (count, 16)) * [1, 600, 3, 4, 1, 1, 60, 1440, 7, 1, 1, 1, 1, 1, 1, 56]
    )
    begun = time.process_time()
    model.in_use.of(rows)
    return Row("F7 forecasts of 10,000 plugs", time.process_time() - begun, "CPU s", at_most=1.0)
