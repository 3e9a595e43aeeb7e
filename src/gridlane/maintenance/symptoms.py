"""What can be seen of a fault: something that lasts (a condition) or happened (an occurrence), and what it is a sign of."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Place(msgspec.Struct, frozen=True, order=True):
    """A station, or one of its EVSEs and connectors (0: the station as a whole)."""

    station_id: UUID
    evse: int = 0
    connector: int = 0


class Condition(msgspec.Struct, frozen=True):
    """Something that is so since an instant, as the tables of state tell it."""

    kind: str
    place: Place
    since: datetime
    detail: dict[str, Any] = {}


class Occurrence(msgspec.Struct, frozen=True):
    """Something that happened at an instant, as a fact told it."""

    kind: str
    place: Place
    at: datetime
    detail: dict[str, Any] = {}


class Symptom(msgspec.Struct, frozen=True):
    """A rule that holds at a place. ``rule`` is its name in ``rules.RULES``; ``evidence`` what it was seen by."""

    rule: str
    place: Place
    since: datetime
    evidence: dict[str, Any] = {}

    @property
    def key(self) -> tuple[str, Place]:
        return self.rule, self.place
