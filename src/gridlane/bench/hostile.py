"""Whether hostile handshakes open the door, tell who is behind it, or disturb the stations that are in.

Three questions: are guesses ever accepted; can known identities be told from unknown ones by the time an answer takes; what
happens to the answers of connected stations, and to a station that wants to come in, while everything hostile goes on.
"""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import median

import numpy as np
import uvloop
from picows import WSError

from gridlane.bench.echo import EchoServer, connect, echo_server
from gridlane.bench.echo_server import STATIONS, password_of
from gridlane.bench.hostile_attack import request
from gridlane.bench.table import CouldNotRun, Options, Row, Table

_ROUNDS = 3
_STATIONS_IN = 100
_MESSAGES_PER_SECOND = 500


def run(options: Options) -> Table:
    guesses = 3_000 if options.quick else 100_000
    pairs = 2_000 if options.quick else 10_000
    seconds = 3.0 if options.quick else 20.0
    with echo_server("door at any pace", tls=False) as server:
        accepted = uvloop.run(guess(server, guesses, options.seed))
        auc = enumeration_auc(server, pairs, options.seed)
    with _ahead_of_others(), echo_server("door", tls=False) as server:
        before = server.spent().resident_kib
        rounds = [one_round(server, seconds, options.seed + number) for number in range(_ROUNDS)]
        time.sleep(1)
        grown = server.spent().resident_kib - before
    rows = [
        Row("wrong passwords let in", accepted, at_most=0, note=f"of {guesses:,} guesses"),
        Row("known from unknown by timing", auc, "AUC", at_most=0.55, note=f"{pairs:,} pairs; 0.5 is blind"),
        *_disturbance(rounds),
        Row("memory grown by the attacks", grown / 1024, "MiB"),
    ]
    remark = f"calm and attack alternate {_ROUNDS} times, {seconds:g} s each; times are medians of the rounds"
    return Table("hostile", rows, options, (remark,))


@contextmanager
def _ahead_of_others() -> Iterator[None]:
    """Server and stations go before other work of this machine, where that is allowed: what is compared is calm and attack,
    not what else runs here. The attackers come last in any case.
    """
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, 0)


def _disturbance(rounds: "list[Round]") -> list[Row]:
    done = sum((found.done for found in rounds), Counter[str]())
    hostile = sum(done.values()) - done["let in"]
    mixture = ", ".join(f"{count:,} {name}" for name, count in sorted(done.items()) if name != "let in")
    attacked = [found.attacked for found in rounds]
    entries = sum(felt.entries for felt in attacked)
    return [
        Row("hostile handshakes while stations talked", hostile, note=mixture),
        Row("of them let in", done["let in"], at_most=0),
        Row("answer to a station, p99, calm", median(found.calm.p99_ms for found in rounds), "ms"),
        Row("the same under attack", median(felt.p99_ms for felt in attacked), "ms"),
        Row(
            "p99 under attack to calm",
            median(found.attacked.p99_ms / found.calm.p99_ms for found in rounds),
            at_most=1.5,
        ),
        Row("a station comes in, p99, calm", median(found.calm.entry_p99_ms for found in rounds), "ms"),
        Row("the same under attack", median(felt.entry_p99_ms for felt in attacked), "ms"),
        Row(
            "stations that could not come in",
            sum(felt.shut_out for felt in attacked),
            at_most=0,
            note=f"of {entries}",
        ),
        Row("stations that were in and were cut", sum(felt.cut for felt in attacked), at_most=0),
    ]


# ---- guesses -------------------------------------------------------------------------------------------------------


def wrong_passwords(identity: str, dice: random.Random) -> bytes:
    """Near misses, far misses, and what belongs to somebody else."""
    right = password_of(identity)
    return dice.choice(
        (
            dice.randbytes(20),
            right[:-1].encode(),
            right.encode() + b"0",
            bytes.fromhex(right)[:-1],
            password_of(f"{identity}0").encode(),
            b"",
            identity.encode(),
            right[::-1].encode(),
            b"\0" * 20,
            b":" + right.encode(),
        )
    )


async def guess(server: EchoServer, count: int, seed: int) -> int:
    """How many of ``count`` wrong passwords are let in."""
    dice, let_in = random.Random(seed), 0
    waiting = iter(range(count))

    async def one_after_another() -> None:
        nonlocal let_in
        for number in waiting:
            identity = f"CP-{dice.randrange(STATIONS)}"
            source = (f"127.{number >> 16 & 255}.{number >> 8 & 255}.{1 + number % 254}", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=source)
            writer.write(
                request(f"/ocpp/{identity}", identity.encode() + b":" + wrong_passwords(identity, dice))
            )
            let_in += (await reader.read(200)).startswith(b"HTTP/1.1 101")
            writer.transport.abort()

    await asyncio.gather(*(one_after_another() for _ in range(50)))
    return let_in


# ---- timing --------------------------------------------------------------------------------------------------------


def enumeration_auc(server: EchoServer, pairs: int, seed: int) -> float:
    """How well the time of a refusal tells a known identity from an unknown one: 0.5 is not at all, 1 is always."""
    dice = random.Random(seed)
    known: list[float] = []
    unknown: list[float] = []
    for number in range(pairs):
        for kind in dice.sample(("known", "unknown"), 2):
            identity = (
                f"CP-{dice.randrange(STATIONS)}" if kind == "known" else f"XP-{dice.randrange(STATIONS)}"
            )
            took = _time_of_refusal(server.port, identity, number)
            (known if kind == "known" else unknown).append(took)
    return _auc(np.array(known), np.array(unknown))


def _time_of_refusal(port: int, identity: str, number: int) -> float:
    data = request(f"/ocpp/{identity}", f"{identity}:wrong password of 24".encode())
    with socket.create_connection(
        ("127.0.0.1", port), source_address=(f"127.2.{number % 250}.1", 0)
    ) as connection:
        time.sleep(0.0003)  # let the server accept, so that only the answer is timed
        began = time.perf_counter()
        connection.sendall(data)
        connection.recv(200)
        return time.perf_counter() - began


def _auc(
    ones: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    others: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> float:
    """Area under the curve by ranks (Mann-Whitney), whichever of the two is the slower."""
    ranks = np.argsort(np.argsort(np.concatenate([ones, others]))) + 1.0
    wins = ranks[: len(ones)].sum() - len(ones) * (len(ones) + 1) / 2
    area = float(wins / (len(ones) * len(others)))
    return max(area, 1.0 - area)


# ---- disturbance ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Felt:
    """What stations felt: answers of those that were in, and how long it took others to come in."""

    p99_ms: float
    entry_p99_ms: float
    entries: int
    shut_out: int
    cut: int


@dataclass(frozen=True, slots=True)
class Round:
    calm: Felt
    attacked: Felt
    done: Counter[str]


def one_round(server: EchoServer, seconds: float, seed: int) -> Round:
    """What stations feel without and, right after, with an attack going on."""
    calm = uvloop.run(stations(server, seconds))
    process = subprocess.Popen(  # noqa: S603  # our own module
        [
            sys.executable,
            "-m",
            "gridlane.bench.hostile_attack",
            str(server.port),
            str(seconds + 1),
            str(seed),
        ],
        stdout=subprocess.PIPE,
    )
    time.sleep(1.0)
    attacked = uvloop.run(stations(server, seconds))
    return Round(calm, attacked, Counter(json.loads(process.communicate()[0])))


async def stations(server: EchoServer, seconds: float) -> Felt:
    """``_STATIONS_IN`` stations talk at a steady rate while others come in one by one, from another network."""
    callers, times = await connect(server, _STATIONS_IN, as_station=True, network="127.0.9")
    for caller in callers:
        caller.running = False
    entering = asyncio.ensure_future(_enter(server, seconds))
    ends = time.perf_counter() + seconds
    number, began = 0, time.perf_counter()
    while time.perf_counter() < ends:
        callers[number % len(callers)].call()
        number += 1
        await asyncio.sleep(max(0.0, began + number / _MESSAGES_PER_SECOND - time.perf_counter()))
    entries, shut_out = await entering
    await asyncio.sleep(0.1)
    for caller in callers:
        caller.leave()
    if not times or not entries:
        raise CouldNotRun("no station was ever answered")
    return Felt(
        p99_ms=float(np.percentile(times, 99)) * 1e3,
        entry_p99_ms=float(np.percentile(entries, 99)) * 1e3,
        entries=len(entries) + shut_out,
        shut_out=shut_out,
        cut=sum(caller.is_cut for caller in callers),
    )


async def _enter(server: EchoServer, seconds: float) -> tuple[list[float], int]:
    """Seconds each took, and how many were turned away."""
    entries: list[float] = []
    shut_out = 0
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        began = time.perf_counter()
        try:
            (caller,), _ = await connect(server, 1, as_station=True, network="127.0.9", first=STATIONS - 1)
        except (OSError, TimeoutError, WSError):
            shut_out += 1
        else:
            entries.append(time.perf_counter() - began)
            caller.leave()
        await asyncio.sleep(0.05)
    return entries, shut_out
