"""Seeded hostile frames: broken JSON, broken envelopes, wrong payloads, actions of the other side, strange answers.

Most carry their verdict with them: the fault that the oracle must name. Where bytes are flipped at random there is
none (``unknown``), and what counts is that nothing breaks and that a call, if it still is one, is answered.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from gridlane.bench.ocpp_payloads import Sample, sample
from gridlane.ocpp.actions import Direction, actions_of
from gridlane.ocpp.conversation import DEFAULT_LIMITS
from gridlane.ocpp.error_codes import Fault
from gridlane.ocpp.version import Version

BATCH: Final = 500

Due = Fault | Literal["accepted", "silence", "closed", "unknown"]


@dataclass(frozen=True, slots=True)
class HostileFrame:
    """``message_id`` is the id that an answer must carry, where one is due."""

    data: bytes
    mutation: str
    due: Due
    message_id: str = "-1"


def hostile_frames(version: Version, seed: int, count: int) -> Iterator[HostileFrame]:
    """Frames as a station may send them to a central system, some of them good calls."""
    for number in range(0, count, BATCH):
        yield from batch_of_frames(version, seed, number, min(BATCH, count - number))


def batch_of_frames(version: Version, seed: int, first: int, count: int) -> list[HostileFrame]:
    """A part of the same stream, so that another process can make it."""
    forge = Forge(version, random.Random(f"frames {seed} {version} {first}"))
    return [forge.make(number) for number in range(first, first + count)]


class Forge:
    def __init__(self, version: Version, rng: random.Random) -> None:
        self.version = version
        self.rng = rng
        actions = actions_of(version).values()
        self.theirs = [a.name for a in actions if a.direction is not Direction.TO_STATION and a.response]
        self.ours = [a.name for a in actions if a.direction is Direction.TO_STATION]

    def make(self, number: int) -> HostileFrame:
        message_id = f"m{number}"
        name, mutation = self.rng.choice(MUTATIONS)
        frame = mutation(self, name, message_id)
        return frame if len(frame.data) <= DEFAULT_LIMITS.frame_bytes else replace(frame, due="closed")

    def payload(self) -> Sample:
        return sample(self.version, self.rng.choice(self.theirs), "Request", self.rng)

    def right_payload(self) -> Sample:
        while True:
            made = self.payload()
            if made.fault is None and not made.beyond:
                return made

    def call(self, message_id: str, made: Sample | None = None) -> tuple[list[Any], Sample]:
        made = made or self.right_payload()
        return [2, message_id, made.action, made.payload], made


def encode(frame: Any) -> bytes:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()


def _good(forge: Forge, name: str, message_id: str) -> HostileFrame:
    frame, _ = forge.call(message_id)
    return HostileFrame(encode(frame), name, "accepted", message_id)


def _payload(forge: Forge, name: str, message_id: str) -> HostileFrame:
    made = forge.payload()
    frame, _ = forge.call(message_id, made)
    due: Due = Fault.BAD_VALUE if made.beyond else made.fault or "accepted"
    return HostileFrame(
        encode(frame), f"{name}: {made.mutation}", "accepted" if made.forgiven else due, message_id
    )


def _cut(forge: Forge, name: str, message_id: str) -> HostileFrame:
    data = encode(forge.call(message_id)[0])
    return HostileFrame(data[: forge.rng.randrange(1, len(data))], name, Fault.NOT_A_JSON_ARRAY)


def _flipped(forge: Forge, name: str, message_id: str) -> HostileFrame:
    data = bytearray(encode(forge.call(message_id)[0]))
    for _ in range(forge.rng.randint(1, 4)):
        data[forge.rng.randrange(len(data))] = forge.rng.randrange(256)
    return HostileFrame(bytes(data), name, "unknown")


def _noise(forge: Forge, name: str, message_id: str) -> HostileFrame:
    return HostileFrame(forge.rng.randbytes(forge.rng.randint(0, 200)), name, "unknown")


def _spliced(make: Callable[[Forge, bytes], bytes], due: Fault) -> "Mutate":
    def mutate(forge: Forge, name: str, message_id: str) -> HostileFrame:
        data = make(forge, encode(forge.call(message_id)[0]))
        answered_to = "-1" if due in {Fault.NOT_A_JSON_ARRAY, Fault.ID_UNREADABLE} else message_id
        return HostileFrame(data, name, due, answered_to)

    return mutate


def _with_payload(payload: bytes, due: Due, action: str = "Heartbeat") -> "Mutate":
    def mutate(forge: Forge, name: str, message_id: str) -> HostileFrame:
        data = b'[2,"%b","%b",%b]' % (message_id.encode(), action.encode(), payload)
        return HostileFrame(data, name, due, "-1" if due is Fault.NOT_A_JSON_ARRAY else message_id)

    return mutate


def _with(
    change: Callable[[list[Any], random.Random], Any], due: Due, answered_to: str | None = None
) -> "Mutate":
    def mutate(forge: Forge, name: str, message_id: str) -> HostileFrame:
        frame, _ = forge.call(message_id)
        changed = change(frame, forge.rng)
        return HostileFrame(
            encode(frame if changed is None else changed), name, due, answered_to or message_id
        )

    return mutate


def _unknown_type(forge: Forge, name: str, message_id: str) -> HostileFrame:
    frame, _ = forge.call(message_id)
    frame[0] = forge.rng.choice([0, 1, 7, 9, -2, 10**30])
    due: Due = Fault.TYPE_UNKNOWN if forge.version is Version.V201 else "silence"
    return HostileFrame(encode(frame), name, due, message_id)


def _other_sides_action(forge: Forge, name: str, message_id: str) -> HostileFrame:
    frame = [2, message_id, forge.rng.choice(forge.ours), {}]
    return HostileFrame(encode(frame), name, Fault.ACTION_UNSUPPORTED, message_id)


def _stray_answer(forge: Forge, name: str, message_id: str) -> HostileFrame:
    frame = forge.rng.choice(
        [[3, message_id, {}], [4, message_id, "GenericError", "", {}], [3, message_id], [4], [3, 7]]
    )
    return HostileFrame(encode(frame), name, "silence")


def _set(position: int, *values: Any) -> Callable[[list[Any], random.Random], None]:
    def change(frame: list[Any], rng: random.Random) -> None:
        frame[position] = rng.choice(values)

    return change


Mutate = Callable[[Forge, str, str], HostileFrame]
_DEEP: Final = b"[" * 900 + b"]" * 900

MUTATIONS: Final[tuple[tuple[str, Mutate], ...]] = (
    ("none", _good),
    ("payload", _payload),
    ("payload", _payload),
    ("payload", _payload),
    ("cut short", _cut),
    ("bytes flipped", _flipped),
    ("noise", _noise),
    ("byte order mark", _spliced(lambda f, data: b"\xef\xbb\xbf" + data, Fault.NOT_A_JSON_ARRAY)),
    ("two frames in one", _spliced(lambda f, data: data + data, Fault.NOT_A_JSON_ARRAY)),
    ("nested without end", _spliced(lambda f, data: b"[" * f.rng.choice([2_000, 50_000]), Fault.NOT_A_JSON_ARRAY)),
    ("an object, no array", _spliced(lambda f, data: b'{"frame":%b}' % data, Fault.NOT_A_JSON_ARRAY)),
    ("NaN", _with_payload(b'{"x":NaN}', Fault.NOT_A_JSON_ARRAY)),
    ("infinite", _with_payload(b'{"x":-Infinity}', Fault.NOT_A_JSON_ARRAY)),
    ("beyond a double", _with_payload(b'{"x":1e999}', Fault.PAYLOAD_UNREADABLE)),
    ("broken UTF-8", _with_payload(b'{"x":"\xff\xfe"}', Fault.PAYLOAD_UNREADABLE)),
    ("lone surrogate", _with_payload(b'{"x":"\\ud83d"}', Fault.NOT_A_JSON_ARRAY)),
    ("nested too deep", _with_payload(b'{"vendorId":"x","data":%b}' % _DEEP, Fault.NESTED_TOO_DEEP, "DataTransfer")),
    ("payload null", _with_payload(b"null", Fault.PAYLOAD_NOT_AN_OBJECT)),
    ("payload a list", _with_payload(b"[]", Fault.PAYLOAD_NOT_AN_OBJECT)),
    ("payload a text", _with_payload(b'"{}"', Fault.PAYLOAD_NOT_AN_OBJECT)),
    ("type no number", _with(_set(0, "2", None, 2.5, True, []), Fault.TYPE_UNREADABLE)),
    ("type unknown", _unknown_type),
    ("id no text", _with(_set(1, 12, None, {}, ["a"]), Fault.ID_UNREADABLE, "-1")),
    ("id empty", _with(_set(1, ""), Fault.ID_UNREADABLE, "-1")),
    ("id too long", _with(_set(1, "x" * 65, "x" * 5000), Fault.ID_UNREADABLE, "-1")),
    ("id with NUL", _with(_set(1, "a\0b"), Fault.ID_UNREADABLE, "-1")),
    ("no payload", _with(lambda frame, rng: frame[: rng.choice([2, 3])], Fault.CALL_INCOMPLETE)),
    ("no id", _with(lambda frame, rng: frame[:1], Fault.ID_UNREADABLE, "-1")),
    ("empty", _with(lambda frame, rng: [], Fault.TYPE_UNREADABLE, "-1")),
    ("one element more", _with(lambda frame, rng: [*frame, rng.choice([None, {}, 1])], Fault.ENVELOPE_WRONG)),
    ("action no text", _with(_set(2, 7, None, {}), Fault.ENVELOPE_WRONG)),
    ("action unknown", _with(_set(2, "Bake", "", "heartbeat", "x" * 5000), Fault.ACTION_UNKNOWN)),
    ("action of the other side", _other_sides_action),
    ("stray answer", _stray_answer),
)  # fmt: skip
"""Every way to break a frame, and what it earns."""
