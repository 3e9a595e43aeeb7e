"""Limits that change by the minute (OCPP 2.1, K21, K22, K28): dynamic profiles pushed and pulled, and drivers who want to go first."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from psycopg import AsyncConnection

from gridlane.kernel.database import metadata
from gridlane.kernel.facts import Fact
from gridlane.kernel.group_commit import RecordSink, upsert
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.decision import Ask, Commit, Question, report_fact
from gridlane.stations.model import of_station
from gridlane.stations.replies import DynamicScheduleAnswered, Noted
from gridlane.stations.reports import DynamicSchedulePulled, PriorityReported
from gridlane.stations.state import Live

priority_charging = sa.Table(
    "priority_charging",
    metadata,
    *of_station(),
    sa.Column("transaction", sa.Text, primary_key=True),
    sa.Column("activated", sa.Boolean, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("by_station", sa.Boolean, nullable=False, comment="the driver asked there; else we did"),
    comment="transactions that go first, as it was told last",
)


class PriorityChanged(Fact, frozen=True, kw_only=True, tag="priority_changed"):
    """A transaction goes first from now on, or no longer."""

    transaction: str
    activated: bool


class PriorityRow(msgspec.Struct):
    station_id: UUID
    transaction: str
    organization_id: UUID | None
    activated: bool
    at: datetime
    by_station: bool


class UpdateRow(msgspec.Struct):
    station_id: UUID
    profile_id: int
    update: dict[str, Any]


PRIORITIES = upsert("priority_charging", ("station_id", "transaction"), PriorityRow.__struct_fields__[2:])
UPDATES = RecordSink(
    "station_profiles updates",
    b"""
    UPDATE station_profiles p SET schedules = jsonb_set(p.schedules, '{0,chargingSchedulePeriod,0}',
      coalesce(p.schedules #> '{0,chargingSchedulePeriod,0}', '{"startPeriod": 0}') || new.update)
    FROM json_to_recordset($1::json) AS new(station_id uuid, profile_id int, update jsonb)
    WHERE p.station_id = new.station_id AND p.profile_id = new.profile_id AND p.source = 'CSO' AND p.kind = 'Dynamic'
    """,
)


class ScheduleAsked(Question, frozen=True, kw_only=True):
    """What is to hold now by this dynamic profile, please."""

    station_id: UUID
    profile_id: int


def pulled(live: Live, what: DynamicSchedulePulled, _now: datetime, answer: Any) -> Commit | Ask:
    """PullDynamicScheduleUpdate (K28): the limits that we hold for the profile; Rejected for one that is not ours."""
    if answer is None:
        return Ask(ScheduleAsked(station_id=live.station.id, profile_id=what.profile_id))
    return Commit(live, DynamicScheduleAnswered(update=answer or None))


class Schedules:
    """Answers ``ScheduleAsked``: the fields of a schedule update, none where the profile is not known."""

    FIELDS = frozenset(
        name + phase
        for name in ("limit", "dischargeLimit", "setpoint", "setpointReactive")
        for phase in ("", "_L2", "_L3")
    )

    def __init__(self, owner_url: str) -> None:
        self._url = owner_url

    async def __call__(self, question: ScheduleAsked) -> dict[str, Any]:
        """Raises OSError or psycopg.OperationalError while the database is away."""
        async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
            cursor = await connection.execute(
                "SELECT schedules #> '{0,chargingSchedulePeriod,0}' FROM station_profiles WHERE station_id = %s "
                "AND profile_id = %s AND source = 'CSO' AND kind = 'Dynamic'",
                (question.station_id, question.profile_id),
            )
            row = await cursor.fetchone()
        period = (row[0] or {}) if row is not None else {}
        return {name: value for name, value in period.items() if name in self.FIELDS}

    async def close(self) -> None:
        """Nothing is kept open."""


def was_updated(live: Live, command: c.UpdateSchedule, answer: Answer, _now: datetime) -> Commit:
    """UpdateDynamicSchedule (K28): what the station took is what the profile says now."""
    if not answer.agreed:
        return Commit(live)
    return Commit(live, rows=[(UPDATES, UpdateRow(live.station.id, command.profile_id, command.update))])


def priority_reported(live: Live, what: PriorityReported, now: datetime, _answer: Any) -> Commit:
    """NotifyPriorityCharging (K21)."""
    commit = _priority(live, what.transaction, now, activated=what.activated, by_station=True)
    commit.reply = Noted()
    return commit


def priority_given(live: Live, command: c.UsePriorityCharging, answer: Answer, now: datetime) -> Commit:
    """UsePriorityCharging (K22)."""
    if not answer.agreed:
        return Commit(live)
    return _priority(live, command.transaction, now, activated=command.activate, by_station=False)


def _priority(live: Live, transaction: str, now: datetime, *, activated: bool, by_station: bool) -> Commit:
    station = live.station
    row = PriorityRow(station.id, transaction, station.organization_id, activated, now, by_station)
    fact = PriorityChanged(transaction=transaction, activated=activated)
    return Commit(live, rows=[(PRIORITIES, row)], facts=[report_fact(live, fact, now)])
