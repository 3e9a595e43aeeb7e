"""Firmware: how far each update has come, as the stations tell it."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata
from gridlane.kernel.facts import Fact
from gridlane.kernel.group_commit import append, update
from gridlane.kernel.ids import new_id
from gridlane.stations.commands import Answer, UpdateFirmware
from gridlane.stations.decision import Commit, report_fact
from gridlane.stations.model import of_station
from gridlane.stations.operations import superseded
from gridlane.stations.replies import Noted
from gridlane.stations.reports import FirmwarePublished, FirmwareReported
from gridlane.stations.state import Live

firmware_reports = sa.Table(
    "firmware_reports",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *of_station(key=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column(
        "published", sa.Boolean, nullable=False, comment="true: for other stations, by a local controller"
    ),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("request_id", sa.BigInteger, nullable=True),
    sa.Column("firmware", sa.Text, nullable=True, comment="the version that ran when it was told"),
    sa.Column("info", sa.Text, nullable=True),
    sa.Column("locations", JSONB, nullable=True, comment="where a published firmware can be fetched"),
    sa.Index(None, "station_id", "at"),
    comment="how firmware updates went",
)

FAILED = frozenset(
    (
        "DownloadFailed", "InstallationFailed", "InstallVerificationFailed", "InvalidSignature", "InvalidChecksum",
        "PublishFailed",
    )
)  # fmt: skip


class FirmwareStatusReported(Fact, frozen=True, kw_only=True, tag="firmware_status_reported"):
    """A station told how far a firmware update (or its publishing on the site) has come."""

    status: str
    failed: bool
    published: bool
    request_id: int | None


class FirmwareRow(msgspec.Struct):
    id: UUID
    organization_id: UUID | None
    station_id: UUID
    at: datetime
    published: bool
    status: str
    request_id: int | None
    firmware: str | None
    info: str | None
    locations: tuple[str, ...] | None


class FirmwareStatusRow(msgspec.Struct):
    id: UUID
    firmware_status: str


FIRMWARE_REPORTS = append("firmware_reports", FirmwareRow.__struct_fields__)
FIRMWARE_STATUS = update("stations", "id", ("firmware_status",), name="stations firmware status")


def reported(live: Live, what: FirmwareReported, now: datetime, _answer: Any) -> Commit:
    """FirmwareStatusNotification (L01, L02). Idle is the answer to a question, not a step of an update."""
    commit = _noted(live, what, now, published=False, locations=None)
    if what.status != "Idle":
        commit.rows.append((FIRMWARE_STATUS, FirmwareStatusRow(live.station.id, what.status)))
    return commit


def was_taken(live: Live, command: UpdateFirmware, answer: Answer, now: datetime) -> Commit:
    """UpdateFirmware: where it took the place of an update under way (L01.FR.24), that one is over."""
    if answer.status != "AcceptedCanceled":
        return Commit(live)
    return superseded(live, "update_firmware", command.request_id, now)


def published(live: Live, what: FirmwarePublished, now: datetime, _answer: Any) -> Commit:
    """PublishFirmwareStatusNotification (L03)."""
    return _noted(live, what, now, published=True, locations=what.locations)


def _noted(
    live: Live,
    what: FirmwareReported | FirmwarePublished,
    now: datetime,
    *,
    published: bool,
    locations: tuple[str, ...] | None,
) -> Commit:
    if what.status == "Idle":
        return Commit(live, Noted())
    station = live.station
    row = FirmwareRow(
        new_id(),
        station.organization_id,
        station.id,
        now,
        published,
        what.status,
        what.request_id,
        station.firmware,
        what.info,
        locations,
    )
    fact = FirmwareStatusReported(
        status=what.status, failed=what.status in FAILED, published=published, request_id=what.request_id
    )
    return Commit(live, Noted(), [(FIRMWARE_REPORTS, row)], [report_fact(live, fact, now)])
