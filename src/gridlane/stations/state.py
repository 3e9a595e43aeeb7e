"""What the owner of a station holds in memory: loaded once at connect, replaced by each committed decision.

Everything is frozen; a decision makes a new state with ``msgspec.structs.replace``. It stays small (a few KiB), since
a gateway holds tens of thousands.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from gridlane.stations.reports import ConnectorStatus

Approval = Literal["pending", "accepted", "rejected"]


class ConnectorState(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    evse_id: UUID
    status: ConnectorStatus
    status_at: datetime
    error: str | None = None
    operative: bool = True


class OperationState(msgspec.Struct, frozen=True, kw_only=True):
    """A command under way: sent and unanswered, answered and waiting for the observation that verifies it, or sent over a
    link that broke before the answer (``lost``).
    """

    id: UUID
    kind: str
    params: bytes  # the command as JSON
    stage: Literal["sent", "agreed", "lost"]
    sent_at: datetime
    deadline: datetime  # then it ends timed_out (sent), unverified (agreed) or unknown (lost)
    answer: str | None = None  # JSON, once agreed


class StationState(msgspec.Struct, frozen=True, kw_only=True):
    """``connectors`` by (evse, connector). ``protocol`` is the subprotocol of the present connection."""

    id: UUID
    organization_id: UUID | None
    site_id: UUID | None
    identity: str
    approval: Approval
    protocol: str
    vendor: str | None = None
    model: str | None = None
    firmware: str | None = None
    connected_at: datetime | None = None
    booted_at: datetime | None = None  # on this connection or an earlier one
    last_seen_at: datetime | None = None
    clock_offset: float = 0.0  # seconds the station's clock is ahead (``clocks``)
    clock_doubt: float | None = None  # a smaller one that a single report told of
    time_zone: str = "UTC"
    heartbeat: int = 300  # seconds
    evses: dict[int, UUID] = {}  # id by number
    connectors: dict[tuple[int, int], ConnectorState] = {}
    operations: dict[UUID, OperationState] = {}
    next_request_id: int = 1
    report_parts: dict[str, int] = {}  # block:request -> parts received, while a report in parts is coming


class Live(msgspec.Struct, frozen=True):
    """All state of one station: ours, and what charging keeps about its sessions (``charging`` is theirs alone)."""

    station: StationState
    charging: Any
