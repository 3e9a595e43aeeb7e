"""What an action is: a name, the types of its two messages, and who may call it."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module

from gridlane.ocpp.version import Version
from gridlane.ocpp.wire_types import Message


class Direction(StrEnum):
    TO_CENTRAL = "station->csms"
    TO_STATION = "csms->station"
    BOTH = "both"


class Role(StrEnum):
    """Which side of the conversation one is."""

    CENTRAL = "csms"
    STATION = "station"

    @property
    def other(self) -> "Role":
        return Role.STATION if self is Role.CENTRAL else Role.CENTRAL

    def may_call(self, direction: Direction) -> bool:
        return direction is Direction.BOTH or (direction is Direction.TO_STATION) is (self is Role.CENTRAL)


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """One row of a version's ACTIONS table. ``response`` is None for a SEND: it is never answered."""

    name: str
    request: type[Message]
    response: type[Message] | None
    direction: Direction


@cache
def actions_of(version: Version) -> dict[str, Action]:
    """The actions of a version by name. Imports the version's messages at first use."""
    actions: dict[str, Action] = import_module(f"gridlane.ocpp.{version.package}.messages").ACTIONS
    return actions


@cache
def calls_of(version: Version, role: Role) -> dict[str, Action]:
    """The actions that one side may call, and is answered."""
    return {name: action for name, action in _permitted(version, role) if action.response is not None}


@cache
def sends_of(version: Version, role: Role) -> dict[str, Action]:
    """The actions that one side may send, and is not answered (2.1)."""
    return {name: action for name, action in _permitted(version, role) if action.response is None}


def _permitted(version: Version, role: Role) -> list[tuple[str, Action]]:
    return [item for item in actions_of(version).items() if role.may_call(item[1].direction)]


@cache
def action_of_request(version: Version) -> dict[type[Message], Action]:
    return {action.request: action for action in actions_of(version).values()}
