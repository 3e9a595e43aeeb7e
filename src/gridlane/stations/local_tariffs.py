"""Tariffs that stations of OCPP 2.1 keep to reckon costs themselves (I07 to I11): what was set, as they tell it."""

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
from gridlane.stations.state import Live

station_tariffs = sa.Table(
    "station_tariffs",
    metadata,
    *of_station(),
    sa.Column("evse", sa.Integer, primary_key=True, comment="0: every EVSE", autoincrement=False),
    sa.Column("tariff_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False, comment="DefaultTariff, DriverTariff"),
    sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
    sa.Column("content", JSONB, nullable=True, comment="TariffType, where we set it"),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    comment="tariffs that stations keep",
)


class TariffRow(msgspec.Struct):
    station_id: UUID
    evse: int
    tariff_id: str
    organization_id: UUID | None
    kind: str
    valid_from: datetime | None
    content: Any
    told_at: datetime


class TariffsGone(msgspec.Struct):
    """Those of an EVSE (0: of all) that were told of before ``before``; or those of these ids."""

    station_id: UUID
    evse: int
    before: datetime | None = None
    tariff_ids: tuple[str, ...] | None = None


TARIFFS = upsert(
    "station_tariffs", ("station_id", "evse", "tariff_id"), TariffRow.__struct_fields__[3:], keep=()
)
TARIFFS_TOLD = upsert(
    "station_tariffs",
    ("station_id", "evse", "tariff_id"),
    TariffRow.__struct_fields__[3:],
    keep=("content",),
    name="station_tariffs told",
)
TARIFFS_GONE = RecordSink(
    "station_tariffs gone",
    b"""
    DELETE FROM station_tariffs t
    USING json_to_recordset($1::json) AS gone(station_id uuid, evse int, before timestamptz, tariff_ids jsonb)
    WHERE t.station_id = gone.station_id AND (gone.evse = 0 OR t.evse = gone.evse)
      AND (gone.before IS NULL OR t.told_at < gone.before)
      AND (gone.tariff_ids IS NULL OR gone.tariff_ids ? t.tariff_id)
    """,
)


def default_set(live: Live, command: c.SetDefaultTariff, answer: Answer, now: datetime) -> Commit:
    """SetDefaultTariff (I07): one for each EVSE; the one before is over."""
    if not answer.agreed:
        return Commit(live)
    tariff = command.tariff
    row = _row(live, command.evse, tariff.get("tariffId", ""), "DefaultTariff", tariff.get("validFrom"), now)
    row.content = tariff
    return Commit(live, rows=[(TARIFFS, row)])


def were_told(live: Live, command: c.GetTariffs, answer: Answer, now: datetime) -> Commit:
    """GetTariffs (I09): what the station keeps; NoTariff tells that there is none."""
    if not answer.agreed and answer.status != "NoTariff":
        return Commit(live)
    commit = Commit(live)
    for one in answer.data.get("tariffAssignments", ()):
        for evse in one.get("evseIds") or (command.evse,):
            row = _row(live, evse, one["tariffId"], one["tariffKind"], one.get("validFrom"), now)
            commit.rows.append((TARIFFS_TOLD, row))
    commit.rows.append((TARIFFS_GONE, TariffsGone(live.station.id, command.evse, before=now)))
    return commit


def were_cleared(live: Live, command: c.ClearTariffs, answer: Answer, _now: datetime) -> Commit:
    """ClearTariffs (I10): those of which the station says so."""
    results = answer.data.get("clearTariffsResult", ())
    done = [one for one in results if one.get("status") in ("Accepted", "NoTariff")]
    if not done:
        return Commit(live)
    ids = tuple(one["tariffId"] for one in done if "tariffId" in one) or (command.ids or None)
    return Commit(
        live, rows=[(TARIFFS_GONE, TariffsGone(live.station.id, command.evse or 0, tariff_ids=ids))]
    )


def _row(live: Live, evse: int, tariff_id: str, kind: str, since: Any, now: datetime) -> TariffRow:
    valid_from = datetime.fromisoformat(since) if isinstance(since, str) else since
    return TariffRow(
        live.station.id, evse, tariff_id, live.station.organization_id, kind, valid_from, None, now
    )
