"""What people know of an EVSE and no station tells, or tells wrongly: its number, its bay, its power, its plugs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.errors import Kind, Refusal
from gridlane.stations import places
from gridlane.stations.model import connectors, evses

_OWN_NUMBER = re.compile(r"E[0-9A-HJKMNP-TV-Z]{6}")
"""The form of the numbers that EVSEs get by themselves (``plug_number`` in the database)."""


class EvseUnknown(Refusal):
    code = "evse_unknown"
    kind = Kind.NOT_FOUND
    sentence = "The station has no EVSE {evse}. An EVSE appears when its station first tells of it."


class ConnectorUnknown(Refusal):
    code = "connector_unknown"
    kind = Kind.NOT_FOUND
    sentence = "EVSE {evse} has no connector {number}."


class PlugNumberTaken(Refusal):
    code = "plug_number_taken"
    kind = Kind.CONFLICT
    sentence = "Another EVSE has the number {public_id}. Each stands on one sticker only."


class PlugNumberOfOurs(Refusal):
    code = "plug_number_of_ours"
    kind = Kind.INVALID
    sentence = "{public_id} has the form of the numbers that are given by themselves. Take another form."


async def listed(work: AsyncConnection, station_id: UUID) -> list[dict[str, Any]]:
    """A station's EVSEs with their connectors, by number."""
    by_evse: dict[UUID, list[dict[str, Any]]] = {}
    plugs = sa.select(connectors).where(connectors.c.station_id == station_id).order_by(connectors.c.number)
    for plug in (await work.execute(plugs)).mappings():
        by_evse.setdefault(plug["evse_id"], []).append(dict(plug))
    found = sa.select(evses).where(evses.c.station_id == station_id).order_by(evses.c.number)
    return [
        {**row, "connectors": by_evse.get(row["id"], [])} for row in (await work.execute(found)).mappings()
    ]


async def describe(
    work: AsyncConnection,
    caller: Caller,
    station_id: UUID,
    number: int,
    changes: Mapping[str, Any],
    plugs: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Change what is known of an EVSE and, by their numbers, of its connectors; gives it as it is then.

    What a station tells later fills only what is still unknown. Raises StationUnknown, EvseUnknown, ConnectorUnknown,
    PlugNumberTaken, PlugNumberOfOurs.
    """
    await places.station(work, caller, station_id)
    query = sa.select(evses).where(evses.c.station_id == station_id, evses.c.number == number)
    before = (await work.execute(query.with_for_update())).mappings().first()
    if before is None:
        raise EvseUnknown(evse=number)
    if changes:
        await _change(work, dict(before), changes)
    for plug in plugs:
        await _change_connector(work, before["id"], number, plug)
    after = next(one for one in await listed(work, station_id) if one["number"] == number)
    told = dict(changes) | ({"connectors": list(plugs)} if plugs else {})
    known = {name: before[name] for name in changes}
    await audit.record(work, caller, "evse.described", before["id"], before=known, after=told)
    return after


async def _change(work: AsyncConnection, before: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    public_id = changes.get("public_id")
    if public_id is not None and public_id != before["public_id"] and _OWN_NUMBER.fullmatch(public_id):
        raise PlugNumberOfOurs(public_id=public_id)
    try:
        async with work.begin_nested():
            await work.execute(sa.update(evses).where(evses.c.id == before["id"]).values(**changes))
    except sa.exc.IntegrityError:  # of another organization even, which this one cannot see
        raise PlugNumberTaken(public_id=public_id) from None


async def _change_connector(work: AsyncConnection, evse_id: UUID, evse: int, plug: Mapping[str, Any]) -> None:
    changes = {name: value for name, value in plug.items() if name != "number"}
    this = sa.and_(connectors.c.evse_id == evse_id, connectors.c.number == plug["number"])
    found = await work.scalar(sa.update(connectors).where(this).values(**changes).returning(connectors.c.id))
    if found is None:
        raise ConnectorUnknown(evse=evse, number=plug["number"])
