"""Operations that a decision starts by itself: tracked like an operator's, on their way with its commit."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gridlane.kernel.group_commit import append
from gridlane.kernel.ids import new_id
from gridlane.stations.commands import Command
from gridlane.stations.decision import Call, Commit
from gridlane.stations.operations import patience
from gridlane.stations.state import Live, OperationState

ACTOR = "gridlane"


class BegunRow(msgspec.Struct):
    id: UUID
    organization_id: UUID | None
    station_id: UUID
    kind: str
    params: str
    status: str
    actor: str
    reason: str
    created_at: datetime
    not_before: datetime
    expires_at: datetime
    sent_at: datetime


BEGUN = append("operations", BegunRow.__struct_fields__, name="operations begun")


def begun(live: Live, command: Any, now: datetime, *, reason: str) -> Commit:
    """Send a command with this decision's commit, and follow what becomes of it."""
    assert isinstance(command, Command)
    station, number = live.station, new_id()
    kind, params = str(command.__struct_config__.tag), msgspec.json.encode(command)
    state = OperationState(
        id=number, kind=kind, params=params, stage="sent", sent_at=now, deadline=patience(kind, "sent", now)
    )
    row = BegunRow(
        number,
        station.organization_id,
        station.id,
        kind,
        params.decode(),
        "sent",
        ACTOR,
        reason,
        now,
        now,
        now + timedelta(minutes=5),
        now,
    )
    changed = replace(station, operations={**station.operations, number: state})
    return Commit(Live(changed, live.charging), rows=[(BEGUN, row)], calls=[Call(command, number)])  # type: ignore[arg-type]
