"""Seeded payloads made from the official schemas, and broken on purpose in ways whose verdict is known beforehand.

The verdict comes from the mutation, not from a validator: so it judges our types, the schemas and the oracle alike.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from gridlane.ocpp.actions import actions_of
from gridlane.ocpp.error_codes import Fault
from gridlane.ocpp.schemas import MessageKind, schema_text
from gridlane.ocpp.version import Version

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """A payload of one message. ``fault`` is what was done to it, None when it is still right.

    ``forgiven``: wrong by the schema, but a pardon for every station covers it. ``beyond``: right by the schema, but
    past a bound of ours (64-bit integers).
    """

    version: Version
    action: str
    kind: MessageKind
    payload: Any
    mutation: str
    fault: Fault | None = None
    forgiven: bool = False
    beyond: bool = False

    @property
    def raw(self) -> bytes:
        return json.dumps(self.payload, ensure_ascii=False, separators=(",", ":")).encode()


def samples(version: Version, seed: int, count: int) -> Iterator[Sample]:
    """Payloads of every message of a version in turn: a seventh untouched, the others mutated once."""
    rng = random.Random(f"{seed} {version}")
    messages = messages_of(version)
    for number in range(count):
        action, kind = messages[number % len(messages)]
        yield sample(version, action, kind, rng)


def sample(version: Version, action: str, kind: MessageKind, rng: random.Random) -> Sample:
    schema = schema_of(version, action, kind)
    payload = Maker(schema, rng).make(schema)
    if rng.random() < 1 / 7:
        return Sample(version, action, kind, payload, "none")
    places = list(places_in(schema, payload))
    possible = {m.name: (m, fitting) for m in MUTATIONS if (fitting := [p for p in places if m.fits(p)])}
    if not possible:
        return Sample(version, action, kind, payload, "none")
    mutation, fitting = rng.choice(list(possible.values()))
    verdict = mutation.apply(rng.choice(fitting), rng)
    return Sample(
        version, action, kind, payload, mutation.name, verdict.fault, verdict.forgiven, verdict.beyond
    )


@cache
def messages_of(version: Version) -> tuple[tuple[str, MessageKind], ...]:
    found: list[tuple[str, MessageKind]] = []
    for action in actions_of(version).values():
        found.append((action.name, "Request"))
        if action.response is not None:
            found.append((action.name, "Response"))
    return tuple(found)


@cache
def schema_of(version: Version, action: str, kind: MessageKind) -> Schema:
    """The official schema with its references resolved."""
    schema: Schema = json.loads(schema_text(version, action, kind))
    definitions = schema.get("definitions", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolved(definitions[node["$ref"].removeprefix("#/definitions/")])
        return {
            key: resolved(value) for key, value in node.items() if key not in {"definitions", "description"}
        }

    resolved_schema: Schema = resolved(schema)
    return resolved_schema


# ---- right payloads ------------------------------------------------------------------------------------------------

LETTERS: Final = "abcXYZ 019-_.:/äßçøÅ漢字😀"
GOOD_TIMES: Final = (
    "2026-11-23T10:00:00Z",
    "2026-11-23T10:00:00.5Z",
    "2026-11-23T10:00:00.123456+01:00",
    "2024-02-29T23:59:59-11:30",
    "2026-11-23t10:00:00z",
    "2026-11-23 10:00:00Z",
    "2026-11-23T10:00:00+0200",
    "9999-12-31T23:59:59Z",
)


class Maker:
    """Random instances of a schema. Optional properties come less often the deeper they lie."""

    def __init__(self, schema: Schema, rng: random.Random) -> None:
        self.rng = rng

    def make(self, schema: Schema, depth: int = 0) -> Any:
        rng = self.rng
        if "enum" in schema:
            return rng.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                least = schema.get("minItems", 0)
                most = min(schema.get("maxItems", least + 2), least + 2)
                return [self.make(schema["items"], depth + 1) for _ in range(rng.randint(least, most))]
            case "string" if schema.get("format") == "date-time":
                return rng.choice(GOOD_TIMES)
            case "string":
                return self._text(schema.get("maxLength", 40))
            case "integer":
                return rng.randint(int(schema.get("minimum", -5)), int(schema.get("maximum", 2**31 - 1)))
            case "number":
                return self._number(schema)
            case "boolean":
                return rng.random() < 0.5
            case _:
                return rng.choice([{"any": [1, "two"]}, "text", 7, [None]])

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        chance = 0.5 / (1 + depth)
        made = {
            name: self.make(sub, depth + 1)
            for name, sub in schema.get("properties", {}).items()
            if name in required or self.rng.random() < chance
        }
        if "additionalProperties" not in schema and self.rng.random() < 0.3:
            made["vendorsOwn"] = {"x": [1, None]}
        return made

    def _text(self, longest: int) -> str:
        length = longest if self.rng.random() < 0.1 else self.rng.randint(0, min(longest, 24))
        return "".join(self.rng.choice(LETTERS) for _ in range(length))

    def _number(self, schema: Schema) -> float | int:
        least, most = float(schema.get("minimum", -1000)), float(schema.get("maximum", 100_000))
        if schema.get("multipleOf") == 0.1:
            return self.rng.randint(0, 10_000) / 10
        return self.rng.choice([round(self.rng.uniform(least, most), 3), int(least), most])


# ---- wrong ones ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """One value in a payload: its schema, and where it hangs. ``required`` when its parent cannot do without."""

    schema: Schema
    parent: Any
    key: str | int | None
    value: Any
    required: bool

    def put(self, value: Any) -> None:
        self.parent[self.key] = value

    @property
    def type(self) -> str:
        if "enum" in self.schema:
            return "enum"
        kind: str = self.schema.get("type", "any")
        return "time" if self.schema.get("format") == "date-time" else kind


def places_in(schema: Schema, payload: Any) -> Iterator[Place]:
    def walk(node: Schema, parent: Any, key: str | int | None, value: Any, required: bool) -> Iterator[Place]:
        yield Place(node, parent, key, value, required)
        if isinstance(value, dict) and node.get("type") == "object":
            for name, sub in node.get("properties", {}).items():
                if name in value:
                    yield from walk(sub, value, name, value[name], name in node.get("required", ()))
        elif isinstance(value, list) and node.get("type") == "array":
            for index, item in enumerate(value):
                yield from walk(node["items"], value, index, item, True)

    return walk(schema, None, None, payload, True)


@dataclass(frozen=True, slots=True)
class Verdict:
    fault: Fault | None
    forgiven: bool = False
    beyond: bool = False


RIGHT: Final = Verdict(None)


@dataclass(frozen=True, slots=True)
class Mutation:
    name: str
    fits: Callable[[Place], bool]
    apply: Callable[[Place, random.Random], Verdict]


def _is(*types: str) -> Callable[[Place], bool]:
    return lambda place: place.key is not None and place.type in types


def _put(
    make: Callable[[Place, random.Random], Any], verdict: Verdict
) -> Callable[[Place, random.Random], Verdict]:
    def apply(place: Place, rng: random.Random) -> Verdict:
        place.put(make(place, rng))
        return verdict

    return apply


def _leave_out(place: Place, rng: random.Random) -> Verdict:
    del place.parent[place.key]
    return Verdict(Fault.PROPERTY_MISSING) if place.required else RIGHT


def _add_unknown(place: Place, rng: random.Random) -> Verdict:
    place.value[rng.choice(["surprise", "customdata", "Status", ""])] = rng.choice([1, None, "x"])
    return Verdict(Fault.PROPERTY_UNKNOWN)


WRONG_TYPES: Final[dict[str, tuple[Any, ...]]] = {
    "object": ("{}", 1, [], None, True),
    "array": ({}, "[]", 0, None),
    "string": (1, 1.5, True, None, {}, ["x"]),
    "enum": (1, None, {}, [], False),
    "time": (1767225600, None, {}, True),
    "integer": ("1", 1.5, True, None, [1], {}),
    "number": ("1.5", True, None, [], {}),
    "boolean": ("true", 0, 1, None, {}),
}
BAD_TIMES: Final = (
    "yesterday", "", "2026-11-23", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-23T24:00:01Z",
    "2026-11-23T23:59:61Z", "26-11-23T10:00:00Z", "2026-11-23T10:00:00+25:00", "10:00:00Z",
    "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00",
)  # fmt: skip
OTHER_NOTATIONS: Final = (
    "2026-11-23T10:00:00",
    "2026-11-23T10:00:00.250",
    "2026-11-23T10:00:00+02",
    "2026-11-23T10:00Z",
)


def _wrong_type(place: Place, rng: random.Random) -> Any:
    return rng.choice(WRONG_TYPES[place.type])


def _too_long(place: Place, rng: random.Random) -> Any:
    return "".join(rng.choice(LETTERS) for _ in range(place.schema["maxLength"] + rng.choice([1, 1, 50])))


def _longest(place: Place, rng: random.Random) -> Any:
    return "".join(rng.choice("é漢😀") for _ in range(place.schema["maxLength"]))


def _not_in_enum(place: Place, rng: random.Random) -> Any:
    value = rng.choice(place.schema["enum"])
    candidates = [value.swapcase(), value + " ", "", "Nonsense", value[:-1]]
    return rng.choice([text for text in candidates if text not in place.schema["enum"]])


def _bounded(place: Place, rng: random.Random) -> Any:
    step = 1 if place.type == "integer" else 0.5
    out = [place.schema["minimum"] - step] if "minimum" in place.schema else []
    out += [place.schema["maximum"] + step] if "maximum" in place.schema else []
    value = rng.choice(out)
    return int(value) if place.type == "integer" else value


def _has(*keywords: str) -> Callable[[Place], bool]:
    return lambda place: place.key is not None and any(keyword in place.schema for keyword in keywords)


def _integral_float(place: Place, rng: random.Random) -> Verdict:
    place.put(float(place.value))
    return Verdict(Fault.WRONG_TYPE, forgiven=True)


def _huge(place: Place, rng: random.Random) -> Verdict:
    place.put(10 ** rng.choice([19, 30, 300]))
    return Verdict(Fault.BAD_VALUE) if "maximum" in place.schema else Verdict(None, beyond=True)


def _is_custom_data(place: Place) -> bool:
    return place.key == "customData" and isinstance(place.value, dict)


def _no_vendor(place: Place, rng: random.Random) -> Verdict:
    del place.value["vendorId"]
    return Verdict(Fault.PROPERTY_MISSING)


def _enrich(place: Place, rng: random.Random) -> Verdict:
    place.value["nested"] = {"deep": [{"er": 1.5}]}
    return RIGHT


MUTATIONS: Final = (
    Mutation("left out", lambda place: isinstance(place.key, str), _leave_out),
    Mutation("unknown property", lambda p: p.type == "object" and p.schema.get("additionalProperties") is False, _add_unknown),
    Mutation("wrong type", lambda place: place.key is not None and place.type in WRONG_TYPES, _put(_wrong_type, Verdict(Fault.WRONG_TYPE))),
    Mutation("not in the enum", _is("enum"), _put(_not_in_enum, Verdict(Fault.BAD_VALUE))),
    Mutation("too long", _has("maxLength"), _put(_too_long, Verdict(Fault.BAD_VALUE))),
    Mutation("as long as allowed", _has("maxLength"), _put(_longest, RIGHT)),
    Mutation("out of bounds", _has("minimum", "maximum"), _put(_bounded, Verdict(Fault.BAD_VALUE))),
    Mutation("too few items", lambda p: p.key is not None and p.schema.get("minItems", 0) > 0, _put(lambda p, r: p.value[: p.schema["minItems"] - 1], Verdict(Fault.ITEM_COUNT))),
    Mutation("too many items", _has("maxItems"), _put(lambda p, r: (p.value * 2000)[: p.schema["maxItems"] + 1], Verdict(Fault.ITEM_COUNT))),
    Mutation("integer as float", _is("integer"), _integral_float),
    Mutation("integer of many digits", _is("integer"), _huge),
    Mutation("number as integer", lambda p: _is("number")(p) and not {"minimum", "maximum"} & set(p.schema), _put(lambda p, r: 7, RIGHT)),
    Mutation("enormous number", lambda p: _is("number")(p) and "maximum" not in p.schema, _put(lambda p, r: 1e300, RIGHT)),
    Mutation("no tenth", _has("multipleOf"), _put(lambda p, r: r.choice([21.45, 0.05, 21.400000001]), Verdict(Fault.BAD_VALUE))),
    Mutation("no time", _is("time"), _put(lambda p, r: r.choice(BAD_TIMES), Verdict(Fault.BAD_FORMAT))),
    Mutation("time in another notation", _is("time"), _put(lambda p, r: r.choice(OTHER_NOTATIONS), Verdict(Fault.BAD_FORMAT, forgiven=True))),
    Mutation("custom data without vendor", _is_custom_data, _no_vendor),
    Mutation("custom data with more", _is_custom_data, _enrich),
)  # fmt: skip
"""What may be done to a place, and the verdict it earns."""
