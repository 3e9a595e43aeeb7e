"""What reaches us from beyond a station while it charges: limits that others set, and what vehicles want."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata
from gridlane.kernel.facts import Fact
from gridlane.kernel.group_commit import append
from gridlane.kernel.ids import new_id
from gridlane.stations.decision import Commit, report_fact
from gridlane.stations.life import plausible
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted, StatusAnswered
from gridlane.stations.reports import LimitReported, NeedsReported, VehicleScheduleReported
from gridlane.stations.state import Live

external_limits = sa.Table(
    "external_limits",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *of_station(key=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("evse", sa.Integer, nullable=True, comment="null: the station as a whole"),
    sa.Column("source", sa.Text, nullable=False, comment="EMS, SO, Other, ..."),
    sa.Column("cleared", sa.Boolean, nullable=False, comment="true: the limit is over"),
    sa.Column("grid_critical", sa.Boolean, nullable=False),
    sa.Column("local_generation", sa.Boolean, nullable=False),
    sa.Column("schedules", JSONB, nullable=False),
    sa.Index(None, "station_id", "at"),
    comment="limits that others than we set at stations; the latest of an EVSE and source holds",
)

vehicle_reports = sa.Table(
    "vehicle_reports",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *of_station(key=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("evse", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="needs: what it wants; schedule: what it chose"),
    sa.Column("content", JSONB, nullable=False, comment="chargingNeeds, or chargingSchedule"),
    sa.Index(None, "station_id", "at"),
    comment="what vehicles told over ISO 15118",
)


class ExternalLimitReported(Fact, frozen=True, kw_only=True, tag="external_limit_reported"):
    """A limit from outside (a local energy system, the grid operator) holds at a station, or no longer does."""

    evse: int | None
    source: str
    cleared: bool
    grid_critical: bool
    local_generation: bool
    schedules: tuple[dict[str, Any], ...]


class VehicleNeedsReported(Fact, frozen=True, kw_only=True, tag="vehicle_needs_reported"):
    """A vehicle told what it needs: energy, departure, its limits (chargingNeeds of OCPP 2.x)."""

    evse: int
    needs: dict[str, Any]
    max_schedule_tuples: int | None


class VehicleScheduleChosen(Fact, frozen=True, kw_only=True, tag="vehicle_schedule_chosen"):
    """A vehicle told how it is going to charge."""

    evse: int
    schedule: dict[str, Any]
    tuple_id: int | None


class LimitRow(msgspec.Struct):
    id: UUID
    organization_id: UUID | None
    station_id: UUID
    at: datetime
    evse: int | None
    source: str
    cleared: bool
    grid_critical: bool
    local_generation: bool
    schedules: Any


class VehicleRow(msgspec.Struct):
    id: UUID
    organization_id: UUID | None
    station_id: UUID
    at: datetime
    evse: int
    kind: str
    content: Any


LIMITS = append("external_limits", LimitRow.__struct_fields__)
VEHICLE_REPORTS = append("vehicle_reports", VehicleRow.__struct_fields__)


def limit_reported(live: Live, what: LimitReported, now: datetime, _answer: Any) -> Commit:
    """NotifyChargingLimit (K12), ClearedChargingLimit (K13)."""
    station = live.station
    row = LimitRow(
        new_id(),
        station.organization_id,
        station.id,
        now,
        what.evse,
        what.source,
        what.cleared,
        what.grid_critical,
        what.local_generation,
        what.schedules,
    )
    fact = ExternalLimitReported(
        evse=what.evse,
        source=what.source,
        cleared=what.cleared,
        grid_critical=what.grid_critical,
        local_generation=what.local_generation,
        schedules=what.schedules,
    )
    return Commit(live, Noted(), [(LIMITS, row)], [report_fact(live, fact, now)])


def needs_reported(live: Live, what: NeedsReported, now: datetime, _answer: Any) -> Commit:
    """NotifyEVChargingNeeds (K15): a schedule follows as a charging profile when it is planned, hence Processing."""
    fact = VehicleNeedsReported(
        evse=what.evse, needs=what.needs, max_schedule_tuples=what.max_schedule_tuples
    )
    row = _vehicle_row(live, what.evse, "needs", what.needs, plausible(what.at, now))
    return Commit(
        live,
        StatusAnswered(status="Processing"),
        [(VEHICLE_REPORTS, row)],
        [report_fact(live, fact, now)],
    )


def schedule_reported(live: Live, what: VehicleScheduleReported, now: datetime, _answer: Any) -> Commit:
    """NotifyEVChargingSchedule (K15): noted; the station itself holds the vehicle to its limits."""
    fact = VehicleScheduleChosen(evse=what.evse, schedule=what.schedule, tuple_id=what.tuple_id)
    row = _vehicle_row(live, what.evse, "schedule", what.schedule, plausible(what.at, now))
    return Commit(
        live, StatusAnswered(status="Accepted"), [(VEHICLE_REPORTS, row)], [report_fact(live, fact, now)]
    )


def _vehicle_row(live: Live, evse: int, kind: str, content: Any, at: datetime) -> VehicleRow:
    station = live.station
    return VehicleRow(new_id(), station.organization_id, station.id, at, evse, kind, content)
