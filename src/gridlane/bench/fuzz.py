"""A hundred thousand hostile frames a version against one conversation: is every call answered, and rightly?

Reports crashes (an exception that leaves ``receive``), calls without an answer, answers with another code than the
oracle's, the growth of memory, and how much CPU time a frame holds the event loop up for.
"""

import ctypes
import gc
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from multiprocessing import get_context
from pathlib import Path

from gridlane.bench.ocpp_frames import BATCH, HostileFrame, batch_of_frames
from gridlane.bench.table import Options, Row, Table
from gridlane.ocpp.actions import Role
from gridlane.ocpp.conversation import CallReceived, CallRefused, Conversation, Event, Malformed, Violation
from gridlane.ocpp.error_codes import Fault, code_for
from gridlane.ocpp.quirks import NO_QUIRKS, Quirks
from gridlane.ocpp.version import Version

SLOWEST_KEPT = 100
REPLAYED = 5_000
WARM_UP = 8_000
"""Frames before anything is measured: until every validator and decoder is made."""


@dataclass(slots=True)
class Findings:
    """What a run against one version found."""

    crashes: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    misjudged: Counter[str] = field(default_factory=Counter)
    slowest: list[float] = field(default_factory=list)
    """A heap of the CPU seconds of the slowest frames; keeping all would look like a leak."""
    calls: int = 0


def run(options: Options) -> Table:
    count = 10_000 if options.quick else 100_000
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as forge:
        rows = [row for version in Version for row in rows_of(version, options.seed, count, forge)]
    remarks = [
        "frames are made in another process; memory is the resident size of this one",
        (
            "over the run it moves by some per cent either way with the batch that is being received; the goal is held"
            " against the same frames sent again and again, and against the objects that stay alive"
        ),
    ]
    return Table("fuzz", rows, options, remarks)


def rows_of(version: Version, seed: int, count: int, forge: Executor) -> list[Row]:
    attack(version, frames_from(forge, version, seed + 1, WARM_UP), Findings())
    objects, resident, found = live_objects(), resident_kib(), Findings()
    attack(version, frames_from(forge, version, seed, count), found)
    objects_grown, resident_grown = percent(objects, live_objects()), percent(resident, resident_kib())
    memory_grown = growth_by_replay(version, batch_of_frames(version, seed, 0, REPLAYED))
    times = sorted(found.slowest)
    title = f"{version}, {count:,} frames"
    right = 100 * (1 - found.misjudged.total() / max(found.calls, 1))
    return [
        Row(
            f"{title}: exceptions",
            found.crashes.total(),
            at_most=0,
            note=str(dict(found.crashes)) if found.crashes else "",
        ),
        Row(f"{title}: calls without an answer, of {found.calls:,}", found.unanswered.total(), at_most=0),
        Row(f"{title}: answered with the oracle's code", round(right, 3), "%", at_least=99.9),
        Row(f"{title}: growth of live objects", objects_grown, "%", at_most=5),
        Row(f"{title}: growth of memory over the run, batches under way included", resident_grown, "%"),
        Row(f"{title}: growth of memory when {REPLAYED:,} come ten times", memory_grown, "%", at_most=5),
        Row(
            f"{title}: CPU time of a frame, p99.9",
            round(times[-(count // 1000)] * 1000, 2),
            "ms",
            at_most=50,
        ),
        Row(f"{title}: CPU time of the slowest frame", round(times[-1] * 1000, 2), "ms"),
    ]


def frames_from(forge: Executor, version: Version, seed: int, count: int) -> Iterator[HostileFrame]:
    """The frames, one batch ahead."""
    starts = iter(range(0, count, BATCH))
    ahead = forge.submit(batch_of_frames, version, seed, next(starts), BATCH)
    for start in starts:
        ready, ahead = ahead, forge.submit(batch_of_frames, version, seed, start, BATCH)
        yield from ready.result()
    yield from ahead.result()


def growth_by_replay(version: Version, frames: list[HostileFrame]) -> float:
    """Of the resident size, from the second round of the same frames to the last."""
    attack(version, frames, Findings())
    before = resident_kib()
    for _ in range(9):
        attack(version, frames, Findings())
    return percent(before, resident_kib())


def percent(before: float, after: float) -> float:
    return round(100 * (after - before) / before, 2)


def attack(
    version: Version, frames: Iterable[HostileFrame], found: Findings, quirks: Quirks = NO_QUIRKS
) -> None:
    """Send the frames into one conversation, or the next where one had to be closed."""
    conversation = Conversation(version, Role.CENTRAL, quirks=quirks)
    for frame in frames:
        started = time.thread_time()
        try:
            event = conversation.receive(frame.data, 0.0)[0]
        except Exception as error:  # noqa: BLE001 - counting what escapes is the point
            found.crashes[f"{frame.mutation}: {type(error).__name__}"] += 1
            continue
        spent = time.thread_time() - started
        if len(found.slowest) < SLOWEST_KEPT:
            heappush(found.slowest, spent)
        else:
            heappushpop(found.slowest, spent)
        judge(version, frame, event, found)
        if isinstance(event, CallReceived):
            conversation.answer_error(event.message_id, Fault.INTERNAL)
        elif isinstance(event, Violation):
            conversation = Conversation(version, Role.CENTRAL, quirks=quirks)


def judge(version: Version, frame: HostileFrame, event: Event, found: Findings) -> None:
    if frame.due == "unknown":
        is_call = looks_like_a_call(frame.data)
    else:
        is_call = frame.due not in {"silence", "closed"}
        due = (
            frame.due if isinstance(frame.due, str) else f"{frame.message_id} {code_for(version, frame.due)}"
        )
        if (verdict := verdict_of(event)) != due:
            found.misjudged[f"{frame.mutation}: {verdict} for {due}"] += 1
    if is_call:
        found.calls += 1
        if event.frame is None and not isinstance(event, CallReceived):
            found.unanswered[frame.mutation] += 1


def verdict_of(event: Event) -> str:
    if isinstance(event, CallReceived):
        return "accepted"
    if isinstance(event, Violation):
        return "closed"
    if isinstance(event, CallRefused | Malformed) and event.frame is not None:
        return error_in(event.frame)
    return "silence"


def error_in(reply: bytes) -> str:
    kind, message_id, code, description, _ = json.loads(reply)
    assert kind == 4
    assert len(description) <= 255
    return f"{message_id} {code}"


def looks_like_a_call(data: bytes) -> bool:
    """A JSON array whose first element is 2."""
    try:
        parts = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(parts, list) and parts[:1] == [2] and type(parts[0]) is int


def live_objects() -> int:
    """What Python holds. A cache keyed by what stations send would show here, whatever the allocator does."""
    gc.collect()
    return sys.getallocatedblocks()


def resident_kib() -> float:
    """What the process holds now (Linux): first the allocator gives back what large frames left it with."""
    gc.collect()
    with suppress(AttributeError, OSError):  # musl has no such call, and needs none
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024
