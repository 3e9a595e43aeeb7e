"""Charging profiles as the stations hold them, whoever set them; and what they make of them together."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import RecordSink, upsert
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.decision import Commit
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted
from gridlane.stations.report_parts import forgetting, stale
from gridlane.stations.reports import PartReported
from gridlane.stations.state import Live

station_profiles = sa.Table(
    "station_profiles",
    metadata,
    *of_station(),
    sa.Column("evse", sa.Integer, primary_key=True, comment="0: the station as a whole", autoincrement=False),
    sa.Column("source", sa.Text, primary_key=True, comment="who set it: CSO (we), EMS, SO, Other"),
    sa.Column("profile_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("stack_level", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="Absolute, Recurring, Relative, Dynamic"),
    sa.Column("transaction", sa.Text, nullable=True),
    sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
    sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
    sa.Column("schedules", JSONB, nullable=False, comment="chargingSchedule, by the names of OCPP 2.x"),
    sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
    comment="charging profiles installed in stations",
)

composite_schedules = sa.Table(
    "composite_schedules",
    metadata,
    *of_station(),
    sa.Column("evse", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("schedule", JSONB, nullable=False),
    comment="the limit that results from all profiles, as each station told it last",
)


class ProfileRow(msgspec.Struct):
    organization_id: UUID | None
    station_id: UUID
    evse: int
    source: str
    profile_id: int
    purpose: str
    stack_level: int
    kind: str
    transaction: str | None
    valid_from: datetime | None
    valid_to: datetime | None
    schedules: Any
    reported_at: datetime
    replaces: bool = False


class ProfileCleared(msgspec.Struct):
    """Which of our profiles are gone: those that match everything that is given."""

    station_id: UUID
    profile_id: int | None = None
    evse: int | None = None
    purpose: str | None = None
    stack_level: int | None = None


class CompositeRow(msgspec.Struct):
    station_id: UUID
    evse: int
    organization_id: UUID | None
    told_at: datetime
    schedule: Any


# One that was set (``replaces``) first takes the place of the one of the same number, and of the same purpose and stack
# level there (K01.FR.05).
_REPLACE = b"""
DELETE FROM station_profiles p USING json_to_recordset($1::json) AS new(station_id uuid, evse int, source text,
  profile_id int, purpose text, stack_level int, replaces bool)
WHERE new.replaces AND p.station_id = new.station_id AND p.source = new.source AND (p.profile_id = new.profile_id
  OR (p.evse, p.purpose, p.stack_level) = (new.evse, new.purpose, new.stack_level))
"""
_STORE = b"""
INSERT INTO station_profiles SELECT * FROM json_populate_recordset(null::station_profiles, $1::json)
ON CONFLICT (station_id, evse, source, profile_id) DO UPDATE SET purpose = excluded.purpose,
  stack_level = excluded.stack_level, kind = excluded.kind, transaction = excluded.transaction,
  valid_from = excluded.valid_from, valid_to = excluded.valid_to, schedules = excluded.schedules,
  reported_at = excluded.reported_at
"""
PROFILES = RecordSink("station_profiles", _REPLACE, _STORE)
CLEARED = RecordSink(
    "station_profiles cleared",
    b"""
    DELETE FROM station_profiles p USING json_to_recordset($1::json) AS gone(station_id uuid, profile_id int, evse int,
      purpose text, stack_level int)
    WHERE p.station_id = gone.station_id AND p.source = 'CSO' AND p.profile_id = coalesce(gone.profile_id, p.profile_id)
      AND p.evse = coalesce(gone.evse, p.evse) AND p.purpose = coalesce(gone.purpose, p.purpose)
      AND p.stack_level = coalesce(gone.stack_level, p.stack_level)
    """,
)
GONE = forgetting("station_profiles")
COMPOSITES = upsert("composite_schedules", ("station_id", "evse"), CompositeRow.__struct_fields__[2:])


def reported(live: Live, what: PartReported, now: datetime, _answer: Any) -> Commit:
    """ReportChargingProfiles (K09)."""
    evse, source = what.evse or 0, what.source or "CSO"
    rows = {told["id"]: _reported_row(live, evse, source, told, now) for told in what.items}
    gone = stale(live, what, "get_charging_profiles", _asks_for_all, GONE)
    return Commit(live, Noted(), [*((PROFILES, row) for row in rows.values()), *gone])


def _asks_for_all(command: c.GetProfiles) -> bool:
    return command.evse is None and not command.criteria


def was_set(live: Live, command: c.SetProfile, answer: Answer, now: datetime) -> Commit:
    """SetChargingProfile (K01)."""
    if not answer.agreed:
        return Commit(live)
    profile, station = command.profile, live.station
    row = ProfileRow(
        station.organization_id,
        station.id,
        command.evse,
        "CSO",
        profile.id,
        profile.purpose,
        profile.stack_level,
        profile.kind,
        profile.transaction,
        profile.valid_from,
        profile.valid_to,
        [_schedule(profile)],
        now,
        replaces=True,
    )
    return Commit(live, rows=[(PROFILES, row)])


def were_cleared(live: Live, command: c.ClearProfile, answer: Answer, _now: datetime) -> Commit:
    """ClearChargingProfile (K10). Unknown means that none matched: then none is there either."""
    if not answer.agreed and answer.status != "Unknown":
        return Commit(live)
    gone = ProfileCleared(
        live.station.id, command.profile_id, command.evse, command.purpose, command.stack_level
    )
    return Commit(live, rows=[(CLEARED, gone)])


def composite_told(live: Live, command: c.GetCompositeSchedule, answer: Answer, now: datetime) -> Commit:
    """GetCompositeSchedule (K08)."""
    schedule = answer.data.get("schedule")
    if not answer.agreed or schedule is None:
        return Commit(live)
    row = CompositeRow(live.station.id, command.evse, live.station.organization_id, now, schedule)
    return Commit(live, rows=[(COMPOSITES, row)])


def _reported_row(live: Live, evse: int, source: str, told: dict[str, Any], now: datetime) -> ProfileRow:
    return ProfileRow(
        live.station.organization_id,
        live.station.id,
        evse,
        source,
        told["id"],
        told["chargingProfilePurpose"],
        told["stackLevel"],
        told["chargingProfileKind"],
        told.get("transactionId"),
        _instant(told.get("validFrom")),
        _instant(told.get("validTo")),
        told["chargingSchedule"],
        now,
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _schedule(profile: c.Profile) -> dict[str, Any]:
    schedule: dict[str, Any] = {
        "id": profile.id,
        "chargingRateUnit": profile.unit,
        "chargingSchedulePeriod": [_period(one) for one in profile.periods],
        "startSchedule": profile.start,
        "duration": profile.duration,
        "minChargingRate": profile.min_rate,
    }
    return {name: value for name, value in schedule.items() if value is not None}


def _period(period: c.ProfilePeriod) -> dict[str, Any]:
    told = {
        "startPeriod": period.start,
        "limit": period.limit,
        "numberPhases": period.phases,
        "phaseToUse": period.phase_to_use,
    }
    return period.extra | {name: value for name, value in told.items() if value is not None}
