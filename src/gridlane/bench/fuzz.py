"""A hundred thousand hostile frames a version against one conversation: is every call answered, and rightly?

Reports crashes (an exception that leaves ``receive``), calls without an answer, answers with another code than the
oracle's, the growth of memory, and how long a frame holds the event loop up.
"""

import gc
import json
import resource
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from gridlane.bench.ocpp_frames import HostileFrame, hostile_frames
from gridlane.bench.table import Options, Row, Table
from gridlane.ocpp.actions import Role
from gridlane.ocpp.conversation import CallReceived, CallRefused, Conversation, Event, Malformed
from gridlane.ocpp.error_codes import Fault, code_for
from gridlane.ocpp.version import Version


@dataclass(slots=True)
class Findings:
    """What a run against one version found."""

    crashes: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    misjudged: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    calls: int = 0


def run(options: Options) -> Table:
    count = 10_000 if options.quick else 100_000
    rows = [row for version in Version for row in rows_of(version, options.seed, count)]
    remarks = ["memory is this process's resident size; the generator's own memory is part of it"]
    return Table("fuzz", rows, options, remarks)


def rows_of(version: Version, seed: int, count: int) -> list[Row]:
    conversation, found = Conversation(version, Role.CENTRAL), Findings()
    attacks = hostile_frames(version, seed, count)
    attack(conversation, islice(attacks, count // 2), found)
    half_way = resident_kib()
    attack(conversation, attacks, found)
    growth = 100 * (resident_kib() - half_way) / half_way
    times = sorted(found.seconds)
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
        Row(f"{title}: memory growth in the second half", round(growth, 2), "%", at_most=5),
        Row(
            f"{title}: time of a frame, p99.9", round(times[-len(times) // 1000] * 1000, 2), "ms", at_most=50
        ),
        Row(f"{title}: time of the slowest frame", round(times[-1] * 1000, 2), "ms"),
    ]


def attack(conversation: Conversation, attacks: Iterable[HostileFrame], found: Findings) -> None:
    for frame in attacks:
        started = time.perf_counter()
        try:
            (event,) = conversation.receive(frame.data, 0.0)
        except Exception as error:  # noqa: BLE001 - counting what escapes is the point
            found.crashes[f"{frame.mutation}: {type(error).__name__}"] += 1
            continue
        found.seconds.append(time.perf_counter() - started)
        judge(conversation.version, frame, event, found)
        if isinstance(event, CallReceived):
            conversation.answer_error(event.message_id, Fault.INTERNAL)


def judge(version: Version, frame: HostileFrame, event: Event, found: Findings) -> None:
    answered = isinstance(event, CallReceived) or event.frame is not None
    if isinstance(event, CallReceived):
        verdict = "accepted"
    elif isinstance(event, CallRefused | Malformed) and event.frame is not None:
        verdict = error_in(event.frame)
    else:
        verdict = "silence"
    if frame.due == "unknown":
        if looks_like_a_call(frame.data):
            found.calls += 1
            found.unanswered[frame.mutation] += not answered
        return
    due = frame.due if isinstance(frame.due, str) else f"{frame.message_id} {code_for(version, frame.due)}"
    if due != "silence":
        found.calls += 1
        found.unanswered[frame.mutation] += not answered
    found.misjudged[f"{frame.mutation}: {verdict} for {due}"] += verdict != due


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


def resident_kib() -> float:
    """What the process holds now, not what it once held (Linux)."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024
