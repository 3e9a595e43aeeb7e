"""What a station keeps of a customer (N09, N10): told on request, for a request for one's data or its removal.

It is personal: it is kept for a few days only, for whoever asked to hand it on.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from gridlane.kernel.database import Database, metadata
from gridlane.kernel.group_commit import append
from gridlane.stations.decision import Commit
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted
from gridlane.stations.reports import PartReported
from gridlane.stations.state import Live

KEPT = timedelta(days=7)

customer_reports = sa.Table(
    "customer_reports",
    metadata,
    *of_station(),
    sa.Column("request_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last", sa.Boolean, nullable=False, comment="nothing follows"),
    sa.Column("data", sa.Text, nullable=False, comment="as the station told it"),
    sa.Index(None, "at"),
    comment="what stations keep of customers, told on request; kept for a week",
)


class CustomerRow(msgspec.Struct):
    organization_id: UUID | None
    station_id: UUID
    request_id: int
    part: int
    at: datetime
    last: bool
    data: str


CUSTOMER_REPORTS = append("customer_reports", CustomerRow.__struct_fields__)


def reported(live: Live, what: PartReported, now: datetime, _answer: Any) -> Commit:
    """NotifyCustomerInformation."""
    station = live.station
    row = CustomerRow(
        station.organization_id,
        station.id,
        what.request_id or 0,
        what.part,
        now,
        what.last,
        what.text or "",
    )
    return Commit(live, Noted(), [(CUSTOMER_REPORTS, row)])


async def forget_old(database: Database, now: datetime) -> None:
    """Remove what was told longer than a week ago."""
    async with database.as_owner() as work:
        await work.execute(sa.delete(customer_reports).where(customer_reports.c.at < now - KEPT))
