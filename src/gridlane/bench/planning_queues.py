"""The sizing rows of ``gridlane bench planning``: closed forms, waits of real stays, charger counts, the simulator's speed."""

import time
from decimal import Decimal, localcontext

import numpy as np

from gridlane.bench.pieces import Piece
from gridlane.bench.table import Options, Row
from gridlane.planning.queue_simulation import Cars, simulate
from gridlane.planning.queueing import erlang_b, erlang_c
from gridlane.planning.sizing import Stays, WaitTarget, chargers_needed, shipped_stays, wait_table

SETS = ("dc_fast", "rapid", "public_ac")
TARGET = WaitTarget(0.95, 5.0)


def closed_form_rows(_options: Options) -> list[Row]:
    return [Row("S1 Erlang-B and C, 1 to 1,000 chargers: worst relative error", erlang_error(), at_most=1e-9)]


def wait_rows(options: Options) -> list[Row]:
    sets = SETS[:1] if options.quick else SETS
    errors = [wait_errors(shipped_stays(name), cars(options), options.seed) for name in sets]
    mean, tail = (max(column) for column in zip(*errors, strict=True))
    note = "where the mean wait is above 15 s or the 95th percentile above 30 s; stays: " + ", ".join(sets)
    return [
        Row("S2 predicted mean wait against simulation: worst", mean, "%", at_most=5.0, note=note),
        Row("S2 predicted 95th percentile: worst", tail, "%", at_most=10.0),
    ]


def count_rows(options: Options) -> list[Row]:
    equal, short = count_errors(shipped_stays("dc_fast"), cars(options), options)
    return [
        Row("S3 smallest charger count equals brute-force simulation", equal, "%", at_least=95.0,
            note=f"{sites(options)} sites of 0.05 to 20 arrivals an hour, 95 % to wait at most 5 minutes"),
        Row("S3 chargers too few at most", short, at_most=1),
    ]  # fmt: skip


def cars(options: Options) -> int:
    return 1_000_000 if options.quick else 4_000_000


def sites(options: Options) -> int:
    return 40 if options.quick else 200


def erlang_error() -> float:
    """Against the defining sums with 60 digits."""
    worst = Decimal(0)
    with localcontext() as context:
        context.prec = 60
        for servers in (1, 2, 5, 17, 60, 200, 1000):
            for tenths in (3, 6, 8, 9):
                load = Decimal(servers) * tenths / 10
                term = total = Decimal(1)
                for count in range(1, servers + 1):
                    term *= load / count
                    total += term
                blocked = term / total
                waits = blocked / (1 - load / servers * (1 - blocked))
                worst = max(
                    worst,
                    abs(Decimal(erlang_b(servers, float(load))) / blocked - 1),
                    abs(Decimal(erlang_c(servers, float(load))) / waits - 1),
                )
    return float(worst)


def wait_errors(stays: Stays, count: int, seed: int) -> tuple[float, float]:
    """Worst relative errors of mean and 95th percentile in percent, on cases between the table's own."""
    table, arrivals = wait_table(stays), Cars.draw(stays.minutes, count, seed)
    mean_error = tail_error = 0.0
    for servers in (2, 3, 4, 7, 9, 14, 18):
        for utilisation in (0.3, 0.45, 0.55, 0.68, 0.77, 0.83, 0.9):
            rate = utilisation * servers * 60.0 / stays.mean
            waits, predicted = simulate(arrivals, servers, rate), table.waits(servers, rate)
            mean, tail = float(waits.mean()), float(np.quantile(waits, 0.95))
            if mean > 0.25:
                mean_error = max(mean_error, abs(predicted.mean / mean - 1.0))
            if tail > 0.5:
                tail_error = max(tail_error, abs(predicted.wait_at(0.95) / tail - 1.0))
    return 100.0 * mean_error, 100.0 * tail_error


def count_errors(stays: Stays, count: int, options: Options) -> tuple[float, int]:
    """Sites whose charger count equals that of a simulation with other cars (percent), and the largest shortfall."""
    arrivals = Cars.draw(stays.minutes, count, options.seed + 1)
    rates = np.random.default_rng(options.seed).uniform(0.05, 20.0, sites(options))
    equal, short = 0, 0
    for rate in rates:
        ours, brute = chargers_needed(stays, float(rate), TARGET), int(rate * stays.mean / 60.0) + 1
        while np.mean(simulate(arrivals, brute, rate) > TARGET.minutes) > 1.0 - TARGET.share:
            brute += 1
        equal += ours == brute
        short = max(short, brute - ours)
    return 100.0 * equal / len(rates), short


def speed_rows(_options: Options) -> list[Row]:
    stays = shipped_stays("dc_fast")
    cars = Cars.draw(stays.minutes, 2_000_000, 5)
    rate = 8 * 0.8 * 60.0 / stays.mean
    simulate(cars, 8, rate)
    begun = time.process_time()
    once = simulate(cars, 8, rate)
    minutes = (time.process_time() - begun) / 60.0
    same = bool(np.array_equal(once, simulate(Cars.draw(stays.minutes, 2_000_000, 5), 8, rate)))
    return [
        Row("S5 arrivals simulated per CPU minute", len(cars.gaps) / minutes, at_least=1e6),
        Row("S5 bit-identical for one seed", int(same), at_least=1),
    ]


QUEUE_PIECES: dict[str, Piece] = {
    "S1": closed_form_rows,
    "S2": wait_rows,
    "S3": count_rows,
    "S5": speed_rows,
}
