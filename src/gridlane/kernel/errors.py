"""Refusals: one small class per thing that can go wrong, knowing nothing of HTTP, OCPP or OCPI.

A refusal carries the objects it is about, a stable ``code`` (part of the API, documented in
docs/operators/errors.md) and a sentence that a person can act on. The edges map ``kind`` to their own status.

A package declares its refusals in the file that raises them::

    class StationUnknown(Refusal):
        code = "station_unknown"
        kind = Kind.NOT_FOUND
        sentence = "There is no station {station}."
"""

from enum import Enum
from typing import Any, ClassVar


class Kind(Enum):
    """What a caller can do about a refusal; each edge has one table from kind to its own status."""

    INVALID = "invalid"  # the request cannot be right: mend it
    NOT_SIGNED_IN = "not_signed_in"
    NOT_ALLOWED = "not_allowed"
    NOT_FOUND = "not_found"  # also said of what the caller may not see
    CONFLICT = "conflict"  # right by itself, wrong in the present state
    TOO_MANY = "too_many"  # later
    UNAVAILABLE = "unavailable"  # a part of the system or another network does not answer now
    UNSUPPORTED = "unsupported"  # this station, version or installation cannot do it


class Refusal(Exception):
    """Base of every expected error. ``details`` are the keyword arguments, and fill the sentence's gaps."""

    code: ClassVar[str]
    kind: ClassVar[Kind]
    sentence: ClassVar[str]

    registry: ClassVar[dict[str, type["Refusal"]]] = {}

    def __init_subclass__(cls) -> None:
        known = Refusal.registry.setdefault(cls.code, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(
                f"two refusals share the code {cls.code!r}: {known.__qualname__}, {cls.__qualname__}"
            )

    def __init__(self, **details: Any) -> None:
        self.details = details
        super().__init__(self.sentence.format(**details))


class CurrenciesMixed(Refusal):
    code = "currencies_mixed"
    kind = Kind.INVALID
    sentence = "Amounts in {left} and {right} cannot be combined."


class InputInvalid(Refusal):
    """One or more fields are wrong; ``problems`` maps the field's path to its sentence."""

    code = "input_invalid"
    kind = Kind.INVALID
    sentence = "The input is not valid: {problems}."
