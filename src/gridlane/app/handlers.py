"""What is decided about each thing a station says or somebody asks of it: the map of the hot path."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gridlane.billing import terminal_payments
from gridlane.charging import silence, station_messages
from gridlane.stations import effects, life, operations, reservations, station_reports
from gridlane.stations import reports as r
from gridlane.stations.decision import (
    Ask,
    Commit,
    Connected,
    Described,
    Disconnected,
    Handler,
    Instructed,
    OperationAnswered,
    OperationDue,
    TimePassed,
    and_then,
)
from gridlane.stations.owner import kept
from gridlane.stations.replies import Refused
from gridlane.stations.state import Live

# What a station that waits for approval (or was refused) may still say: 2.0.1 B02.FR.02, B03.FR.
_BEFORE_APPROVAL: tuple[type, ...] = (r.Booted, r.PartReported)

_NOT_YET = Refused(
    code="SecurityError", description="The station is not accepted yet; only BootNotification may be sent."
)


def reports() -> dict[type, Handler]:
    """Every report a station can make, with its handler."""
    return {
        r.Booted: _followed(life.booted, _interrupted),
        r.Alive: life.alive,
        r.StatusReported: life.status_reported,
        **station_reports.HANDLERS,
        **terminal_payments.HANDLERS,
        **{
            kind: handler for kind, handler in station_messages.HANDLERS.items() if issubclass(kind, r.Report)
        },
        r.TransactionReported: _followed(station_messages.HANDLERS[r.TransactionReported], reservations.used),
    }


def table() -> Mapping[type, Handler]:
    """Every input of a station's owner, with its handler."""
    observed: dict[type, Handler] = dict.fromkeys(
        operations.OBSERVED, kept
    )  # they may prove an operation all the same
    messages: dict[type, Handler] = {
        kind: _observed(kind, _gated(kind, handler)) for kind, handler in (observed | reports()).items()
    }
    return {
        **messages,
        Connected: life.connected,
        Disconnected: life.disconnected,
        Described: life.described,
        OperationDue: operations.due,
        OperationAnswered: effects.answered,
        TimePassed: _followed(station_messages.HANDLERS[TimePassed], operations.time_passed),
        Instructed: instructed,
    }


def next_deadline(live: Live) -> datetime | None:
    """When ``TimePassed`` has something to do for a station, if nothing else happens."""
    silent = silence.next_deadline(live.charging)
    operations = live.station.operations
    if not operations:
        return silent
    due = min(one.deadline for one in operations.values())
    return due if silent is None else min(due, silent)


INSTRUCTIONS: Mapping[str, Handler] = {**station_messages.INSTRUCTIONS}
"""What can be asked of a station's owner (``Instruct``), by its word."""


def instructed(live: Live, what: Instructed, now: datetime, answer: Any) -> Commit | Ask:
    handler = INSTRUCTIONS.get(what.what)
    if handler is None:
        return operations.carried_out(
            live, what, now, f"nobody carries out {what.what!r}", status="unsupported"
        )
    return handler(live, what, now, answer)


def _gated(kind: type, handler: Handler) -> Handler:
    """B02.FR.09, B03.FR.07: until a station is accepted everything but its boot is a SecurityError."""
    if kind in _BEFORE_APPROVAL:
        return handler

    def gate(live: Live, what: Any, now: datetime, answer: Any) -> Commit | Ask:
        if live.station.approval != "accepted":
            return Commit(live, _NOT_YET)
        return handler(live, what, now, answer)

    return gate


def _observed(kind: type, handler: Handler) -> Handler:
    """Let what a station says verify the operations under way."""
    if kind not in operations.OBSERVED:
        return handler

    def watch(live: Live, what: Any, now: datetime, answer: Any) -> Commit | Ask:
        decided = handler(live, what, now, answer)
        if type(decided) is not Commit or not decided.live.station.operations:
            return decided
        seen = operations.observe(decided.live, what, now)
        decided.live = seen.live
        decided.rows += seen.rows
        decided.facts += seen.facts
        return decided

    return watch


def _followed(handler: Handler, *more: Handler) -> Handler:
    """Several decisions about one input: each sees the state the one before made. Only the first may ask."""

    def follow(live: Live, what: Any, now: datetime, answer: Any) -> Commit | Ask:
        decided = handler(live, what, now, answer)
        if type(decided) is Commit:
            for after in more:
                also = after(decided.live, what, now, None)
                assert type(also) is Commit
                decided.live = also.live
                decided.rows += also.rows
                decided.facts += also.facts
                decided.calls += also.calls
        return decided

    return follow


def _interrupted(live: Live, _what: Any, now: datetime, _answer: Any) -> Commit:
    commit = Commit(live)
    return and_then(commit, station_messages.AFTER_BOOT, now)
