"""What a station says it is made of: components, their variables, and the values it told of last.

Over OCPP 1.6 a configuration key is a variable without a component. Secrets are in no table, whatever a station tells.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import RecordSink, Sink
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.decision import Commit
from gridlane.stations.dialects.configuration_keys import key_of, variable_of
from gridlane.stations.learned_connectors import learned
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted
from gridlane.stations.report_parts import forgetting, stale
from gridlane.stations.reports import PartReported, VariableReported
from gridlane.stations.state import Live

station_variables = sa.Table(
    "station_variables",
    metadata,
    *of_station(),
    sa.Column("component", sa.Text, primary_key=True, comment="empty over OCPP 1.6"),
    sa.Column("component_instance", sa.Text, primary_key=True),
    sa.Column("evse", sa.Integer, primary_key=True, comment="0: of no EVSE"),
    sa.Column("connector", sa.Integer, primary_key=True, comment="0: of no connector"),
    sa.Column("variable", sa.Text, primary_key=True),
    sa.Column("variable_instance", sa.Text, primary_key=True),
    sa.Column("attribute", sa.Text, primary_key=True, comment="Actual, Target, MinSet, MaxSet"),
    sa.Column("value", sa.Text, nullable=True),
    sa.Column("mutability", sa.Text, nullable=True, comment="ReadOnly, WriteOnly, ReadWrite"),
    sa.Column("persistent", sa.Boolean, nullable=True),
    sa.Column("constant", sa.Boolean, nullable=True),
    sa.Column("characteristics", JSONB, nullable=True, comment="unit, data type, limits, list of values"),
    sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
    comment="the device model as each station told it last",
)


class VariableRow(msgspec.Struct):
    organization_id: UUID | None
    station_id: UUID
    component: str
    component_instance: str
    evse: int
    connector: int
    variable: str
    variable_instance: str
    attribute: str
    value: str | None
    mutability: str | None
    persistent: bool | None
    constant: bool | None
    characteristics: dict[str, Any] | None
    reported_at: datetime


# What only a full report tells (mutability, characteristics) stays when a value alone is read.
VARIABLES = RecordSink(
    "station_variables",
    b"""
    INSERT INTO station_variables AS old
    SELECT * FROM json_populate_recordset(null::station_variables, $1::json)
    ON CONFLICT (station_id, component, component_instance, evse, connector, variable, variable_instance, attribute)
    DO UPDATE SET organization_id = excluded.organization_id, value = excluded.value,
      mutability = coalesce(excluded.mutability, old.mutability),
      persistent = coalesce(excluded.persistent, old.persistent),
      constant = coalesce(excluded.constant, old.constant),
      characteristics = coalesce(excluded.characteristics, old.characteristics), reported_at = excluded.reported_at
    """,
)
GONE = forgetting("station_variables")

SECRETS = frozenset(("AuthorizationKey", "BasicAuthPassword", "VpnPassword", "APNPassword"))


def reported(live: Live, what: PartReported, now: datetime, _answer: Any) -> Commit:
    """NotifyReport (B07, B08): store the part; the last part of a full inventory removes what is no more."""
    changed, plugs = learned(live, what.variables)
    rows = [*variable_rows(live, what.variables, now), *plugs]
    rows += stale(live, what, "get_report", _is_full, GONE)
    return Commit(changed, Noted(), rows)


def _is_full(command: c.GetReport) -> bool:
    return command.base == "FullInventory"


def read(live: Live, _command: c.GetVariables, answer: Answer, now: datetime) -> Commit:
    """GetVariables, GetConfiguration: the values that could be read."""
    return Commit(live, rows=variable_rows(live, answer.variables, now))


def written(live: Live, command: c.SetVariables, answer: Answer, now: datetime) -> Commit:
    """SetVariables, ChangeConfiguration: the values that the station took."""
    taken = [_told(one) for one in _taken(command, answer)]
    return Commit(live, rows=variable_rows(live, taken, now))


def _taken(command: c.SetVariables, answer: Answer) -> Iterator["_Place"]:
    """2.x answers each variable, in any order; 1.6 the one there is."""
    results = answer.data.get("results")
    if results is None:
        if answer.agreed:
            yield from (
                _asked(one, component="", variable=key_of(one.component, one.variable))
                for one in command.variables
            )
        return
    done = {_answered(one) for one in results if one.get("attributeStatus") in _TAKEN}
    for one in command.variables:
        component, variable = variable_of(one.component, one.variable)
        place = _asked(one, component=component, variable=variable)
        if place._replace(value=None) in done:
            yield place


_TAKEN = ("Accepted", "RebootRequired")


class _Place(NamedTuple):
    """An attribute of a variable, and the value it was given."""

    component: str
    component_instance: str | None
    evse: int | None
    connector: int | None
    variable: str
    variable_instance: str | None
    attribute: str
    value: str | None = None


def _asked(one: c.VariableRef, *, component: str, variable: str) -> _Place:
    return _Place(
        component,
        one.component_instance,
        one.evse,
        one.connector,
        variable,
        one.variable_instance,
        one.attribute or "Actual",
        one.value,
    )


def _answered(result: dict[str, Any]) -> _Place:
    component, variable = result["component"], result["variable"]
    evse = component.get("evse") or {}
    return _Place(
        component["name"],
        component.get("instance"),
        evse.get("id"),
        evse.get("connectorId"),
        variable["name"],
        variable.get("instance"),
        result.get("attributeType") or "Actual",
    )


def _told(place: _Place) -> VariableReported:
    return VariableReported(
        component=place.component,
        variable=place.variable,
        component_instance=place.component_instance,
        variable_instance=place.variable_instance,
        evse=place.evse,
        connector=place.connector,
        attributes=({"type": place.attribute, "value": place.value},),
    )


def variable_rows(
    live: Live, variables: Iterable[VariableReported], now: datetime
) -> list[tuple[Sink, VariableRow]]:
    """A row for each attribute; of one told twice the later counts."""
    rows: dict[tuple[Any, ...], VariableRow] = {}
    for variable in variables:
        for attribute in variable.attributes:
            row = _row(live, variable, attribute, now)
            rows[_key(row)] = row
    return [(VARIABLES, row) for row in rows.values()]


def _key(row: VariableRow) -> tuple[Any, ...]:
    return (
        row.component,
        row.component_instance,
        row.evse,
        row.connector,
        row.variable,
        row.variable_instance,
        row.attribute,
    )


def _row(live: Live, variable: VariableReported, attribute: dict[str, Any], now: datetime) -> VariableRow:
    return VariableRow(
        organization_id=live.station.organization_id,
        station_id=live.station.id,
        component=variable.component,
        component_instance=variable.component_instance or "",
        evse=variable.evse or 0,
        connector=variable.connector or 0,
        variable=variable.variable,
        variable_instance=variable.variable_instance or "",
        attribute=attribute.get("type") or "Actual",
        value=None if variable.variable in SECRETS else attribute.get("value"),
        mutability=attribute.get("mutability"),
        persistent=attribute.get("persistent"),
        constant=attribute.get("constant"),
        characteristics=variable.characteristics,
        reported_at=now,
    )
