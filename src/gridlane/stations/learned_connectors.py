"""EVSEs and connectors as a station's own report describes them: how many, which plug, how much power.

What an operator said of an EVSE or a connector stays; a report fills in only what nobody said.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gridlane.kernel.group_commit import RecordSink, Sink
from gridlane.kernel.ids import new_id
from gridlane.stations.model import CONNECTORS, EVSES, ConnectorRow, EvseRow
from gridlane.stations.reports import VariableReported
from gridlane.stations.state import ConnectorState, Live, StationState

NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""When a connector's status was told that was never told: any StatusNotification is newer."""

MOST = 200
"""More EVSEs than any station has."""

PLUGS = {
    "cCCS1": "IEC_62196_T1_COMBO", "cCCS2": "IEC_62196_T2_COMBO", "cG105": "CHADEMO", "cTesla": "TESLA_S",
    "cType1": "IEC_62196_T1", "cType2": "IEC_62196_T2", "sType2": "IEC_62196_T2", "sType3": "IEC_62196_T3A",
    "s309-1P-16A": "IEC_60309_2_single_16", "s309-3P-16A": "IEC_60309_2_three_16",
    "s309-3P-32A": "IEC_60309_2_three_32", "sBS1361": "DOMESTIC_G", "sCEE-7-7": "DOMESTIC_F",
    "cNACS": "SAE_J3400", "cLECCS": "LECCS", "cMCS": "MCS", "cGBT-DC": "GBT_DC", "cChaoJi": "CHAOJI",
}  # fmt: skip
"""OCPP's word for a connector (ConnectorEnumType) -> OCPI's ConnectorType."""


class PlugRow(msgspec.Struct):
    station_id: UUID
    evse: int
    number: int
    kind: str


class PowerRow(msgspec.Struct):
    station_id: UUID
    number: int
    max_power: float | None = None
    phases: int | None = None


LEARNED_PLUGS = RecordSink(
    "connectors learned",
    b"""
    UPDATE connectors c SET kind = coalesce(c.kind, told.kind)
    FROM json_to_recordset($1::json) AS told(station_id uuid, evse int, number int, kind text)
    WHERE c.station_id = told.station_id AND c.evse = told.evse AND c.number = told.number
    """,
)
LEARNED_POWER = RecordSink(
    "evses learned",
    b"""
    UPDATE evses e SET max_power = coalesce(e.max_power, told.max_power), phases = coalesce(told.phases, e.phases)
    FROM json_to_recordset($1::json) AS told(station_id uuid, number int, max_power float, phases int)
    WHERE e.station_id = told.station_id AND e.number = told.number
    """,
)


def learned(live: Live, variables: Iterable[VariableReported]) -> tuple[Live, list[tuple[Sink, Any]]]:
    """The state with the EVSEs and connectors a report names, and the rows for what is new about them."""
    station = live.station
    rows: list[tuple[Sink, Any]] = []
    plugs: dict[tuple[int, int], str] = {}
    power: dict[int, PowerRow] = {}
    for one in variables:
        if not one.evse or not 0 < one.evse <= MOST:
            continue
        station, new = _known(station, one.evse, one.connector or 0)
        rows += new
        _learn(station.id, one, plugs, power)
    rows += [(LEARNED_PLUGS, PlugRow(station.id, *key, kind)) for key, kind in plugs.items()]
    rows += [(LEARNED_POWER, row) for row in power.values()]
    return (live if station is live.station else Live(station, live.charging)), rows


def _known(station: StationState, evse: int, connector: int) -> tuple[StationState, list[tuple[Sink, Any]]]:
    rows: list[tuple[Sink, Any]] = []
    evse_id = station.evses.get(evse)
    if evse_id is None:
        evse_id = new_id()
        rows.append((EVSES, EvseRow(station.id, evse, evse_id, station.organization_id)))
        station = replace(station, evses={**station.evses, evse: evse_id})
    key = (evse, connector)
    if 0 < connector <= MOST and key not in station.connectors:
        state = ConnectorState(id=new_id(), evse_id=evse_id, status="unavailable", status_at=NEVER)
        row = ConnectorRow(
            station.id, *key, state.id, station.organization_id, evse_id, state.status, NEVER, None, True
        )
        rows.append((CONNECTORS, row))
        station = replace(station, connectors={**station.connectors, key: state})
    return station, rows


def _learn(
    station_id: UUID, one: VariableReported, plugs: dict[tuple[int, int], str], power: dict[int, PowerRow]
) -> None:
    assert one.evse is not None
    value = next((a.get("value") for a in one.attributes if a.get("type", "Actual") == "Actual"), None)
    match one.component, one.variable:
        case "Connector", "ConnectorType" if one.connector and value in PLUGS:
            plugs[one.evse, one.connector] = PLUGS[value]
        case "EVSE", "Power":
            most = _number((one.characteristics or {}).get("maxLimit"))
            if most:
                row = power.setdefault(one.evse, PowerRow(station_id, one.evse))
                row.max_power = most
        case "EVSE", "SupplyPhases":
            phases = _number(value)
            if phases in (1.0, 3.0):
                power.setdefault(one.evse, PowerRow(station_id, one.evse)).phases = int(phases)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
