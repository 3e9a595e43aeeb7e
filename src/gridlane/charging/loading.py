"""What the owner of a station starts from: its open sessions, and what its EVSEs can deliver."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from gridlane.charging.model import SESSION_COLUMNS, session_of
from gridlane.charging.state import ChargingState

_OPEN = f"SELECT {SESSION_COLUMNS} FROM sessions WHERE station_id = ANY(%s) AND status = 'active' ORDER BY id"  # noqa: S608 (our own columns)
_POWER = (
    "SELECT station_id, number, max_power FROM evses WHERE station_id = ANY(%s) AND max_power IS NOT NULL"
)


async def load(connection: AsyncConnection[Any], station_ids: Sequence[UUID]) -> dict[UUID, ChargingState]:
    """The charging state of each station, in the claim's transaction."""
    states = {id_: ChargingState({}, {}) for id_ in station_ids}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_OPEN, (list(station_ids),))
        for row in await cursor.fetchall():
            states[row["station_id"]].sessions[row["transaction_id"]] = session_of(row)
        await cursor.execute(_POWER, (list(station_ids),))
        for row in await cursor.fetchall():
            states[row["station_id"]].max_power[row["number"]] = row["max_power"]
    return states
