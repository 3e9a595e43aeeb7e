"""Answers that come in several messages: which block a part belongs to, and what a whole answer replaces.

Parts are stored as they come. Only when the last part of an answer to an unfiltered question has come, what is stored
and was not told again is known to be gone: it was reported before the question was asked.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from gridlane.kernel.group_commit import RecordSink, Sink
from gridlane.stations.commands import AnyCommand
from gridlane.stations.reports import PartReported
from gridlane.stations.state import Live


class Stale(msgspec.Struct):
    """What a station told of before this instant and not since."""

    station_id: UUID
    before: datetime


def forgetting(table: str) -> RecordSink:
    """Removes what is ``Stale`` from a table with ``station_id`` and ``reported_at``."""
    statement = (
        f"DELETE FROM {table} t USING json_to_recordset($1::json) AS old(station_id uuid, before timestamptz) "  # noqa: S608 (our own table names)
        "WHERE t.station_id = old.station_id AND t.reported_at < old.before"
    )
    return RecordSink(f"{table} stale", statement.encode())


def stale(
    live: Live, part: PartReported, kind: str, asks_for_all: Callable[[Any], bool], sink: Sink
) -> list[tuple[Sink, Any]]:
    """Rows that forget what an answer that is now complete did not tell again; none while parts are missing, or when
    the question asked only for some.
    """
    if not part.last or part.request_id is None:
        return []
    for state in live.station.operations.values():
        if state.kind != kind:
            continue
        command = msgspec.json.decode(state.params, type=AnyCommand)
        if getattr(command, "request_id", None) == part.request_id and asks_for_all(command):
            return [(sink, Stale(live.station.id, state.sent_at))]
    return []
