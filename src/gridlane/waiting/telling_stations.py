"""Holds told to the stations that can keep a plug themselves (ReserveNow), so that their display says so too.

It is a courtesy: the plug is kept by authorization anyway, at every station. A station compares one token (or its
group), so it is told only where the driver's tokens are one, or share a group; else it would turn away the right card.
"""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.issuing import number_of
from gridlane.accounts.model import tokens
from gridlane.accounts.tokens import TokenCipher
from gridlane.kernel.access import system
from gridlane.stations import asking_operations
from gridlane.stations.commands import CancelReservation, Reserve
from gridlane.stations.device_model import station_variables
from gridlane.stations.reports import TokenRef

NAME = "waiting"


class Told(NamedTuple):
    """A reservation as a station holds it."""

    station_id: UUID
    number: int


class Hold(NamedTuple):
    """A plug kept for somebody."""

    station_id: UUID
    evse: int
    person_id: UUID
    until: datetime


async def tell(work: AsyncConnection, cipher: TokenCipher, organization_id: UUID, hold: Hold) -> Told | None:
    """Ask a station to reserve; None where it cannot, or where no single token stands for the driver."""
    if hold.station_id not in await able(work, [hold.station_id]):
        return None
    token_id, group = await _token(work, hold.person_id)
    if token_id is None:
        return None
    number = secrets.randbelow(2**31 - 1) + 1
    command = Reserve(
        reservation_id=number,
        token=await number_of(work, cipher, token_id),
        expires=hold.until,
        evse=hold.evse,
        group=TokenRef(group, "Central") if group else None,
    )
    await asking_operations.put(work, system(organization_id, NAME), [hold.station_id], command)
    return Told(hold.station_id, number)


async def untell(work: AsyncConnection, organization_id: UUID, told: Told) -> None:
    """Ask a station to let a reservation go."""
    command = CancelReservation(reservation_id=told.number)
    await asking_operations.put(work, system(organization_id, NAME), [told.station_id], command)


async def able(work: AsyncConnection, station_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Stations that told us they take reservations."""
    says = station_variables.c
    query = sa.select(says.station_id).where(
        says.station_id.in_(list(station_ids)),
        sa.or_(
            sa.and_(says.component == "ReservationCtrlr", says.variable == "Enabled", says.value == "true"),
            sa.and_(says.variable == "SupportedFeatureProfiles", says.value.contains("Reservation")),
        ),
    )
    return frozenset((await work.scalars(query)).all())


async def _token(work: AsyncConnection, person_id: UUID) -> tuple[UUID | None, str | None]:
    """The token, and the group, that stand for all of a person's tokens."""
    query = sa.select(tokens.c.id, tokens.c.kind, tokens.c.group_id).where(
        tokens.c.person_id == person_id, tokens.c.status != "blocked"
    )
    mine: Mapping[UUID, str | None] = {row.id: row.group_id for row in await work.execute(query)}
    groups = set(mine.values())
    if not mine or (len(mine) > 1 and (None in groups or len(groups) > 1)):
        return None, None
    token_id, group = next(iter(mine.items()))
    return token_id, group
