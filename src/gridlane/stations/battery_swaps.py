"""Batteries that change hands at swap stations (OCPP 2.1, block S)."""

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
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted
from gridlane.stations.reports import BatteriesSwapped
from gridlane.stations.state import Live

battery_swaps = sa.Table(
    "battery_swaps",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *of_station(key=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("event", sa.Text, nullable=False, comment="BatteryIn, BatteryOut, BatteryOutTimeout"),
    sa.Column("request_id", sa.BigInteger, nullable=False, comment="joins what comes in and what goes out"),
    sa.Column("token_last4", sa.Text, nullable=False),
    sa.Column(
        "batteries", JSONB, nullable=False, comment="BatteryDataType: slot, serial number, charge, health"
    ),
    sa.Index(None, "station_id", "at"),
    comment="batteries put into and taken out of swap stations",
)


class BatteriesExchanged(Fact, frozen=True, kw_only=True, tag="batteries_exchanged"):
    """Batteries were put into a swap station, or taken out of it."""

    event: str
    request_id: int
    serial_numbers: tuple[str, ...]


class SwapRow(msgspec.Struct):
    id: UUID
    organization_id: UUID | None
    station_id: UUID
    at: datetime
    event: str
    request_id: int
    token_last4: str
    batteries: Any


SWAPS = append("battery_swaps", SwapRow.__struct_fields__)


def swapped(live: Live, what: BatteriesSwapped, now: datetime, _answer: Any) -> Commit:
    """BatterySwap (S03)."""
    station = live.station
    row = SwapRow(
        new_id(),
        station.organization_id,
        station.id,
        now,
        what.event,
        what.request_id,
        what.token.value[-4:],
        what.batteries,
    )
    fact = BatteriesExchanged(
        event=what.event,
        request_id=what.request_id,
        serial_numbers=tuple(one["serialNumber"] for one in what.batteries),
    )
    return Commit(live, Noted(), [(SWAPS, row)], [report_fact(live, fact, now)])
