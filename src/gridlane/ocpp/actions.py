"""What an action is: a name, the types of its two messages, and who may call it."""

from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import NamedTuple

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

    def may_call(self, direction: Direction) -> bool:
        return direction is Direction.BOTH or (direction is Direction.TO_STATION) is (self is Role.CENTRAL)


class Action(NamedTuple):
    """One row of a version's ACTIONS table. ``response`` is None for a SEND: it is never answered."""

    name: str
    request: type[Message]
    response: type[Message] | None
    direction: Direction


@cache
def actions_of(version: Version) -> dict[str, Action]:
    """The actions of a version by name. Imports the version's messages at first use (a third of a second)."""
    actions: dict[str, Action] = import_module(f"gridlane.ocpp.{version.package}.messages").ACTIONS
    return actions


@cache
def action_of_request(version: Version) -> dict[type[Message], Action]:
    return {action.request: action for action in actions_of(version).values()}
