"""Which sessions a fleet pays for: decided when the price of a session is agreed, and never again."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.model import driver_groups, group_members, tokens, vehicles
from gridlane.billing.model import agreements, fleet_accounts


async def account_for(
    work: AsyncConnection, person_id: UUID | None, token_id: UUID | None, at: datetime, currency: str
) -> UUID | None:
    """The fleet that pays for a session that begins now: that of the token's vehicle, else of the driver."""
    in_force = sa.and_(
        fleet_accounts.c.currency == currency,
        fleet_accounts.c.opened_at <= at,
        sa.or_(fleet_accounts.c.closed_at.is_(None), fleet_accounts.c.closed_at > at),
    )
    of_vehicle = (
        sa.select(fleet_accounts.c.group_id)
        .join(vehicles, vehicles.c.group_id == fleet_accounts.c.group_id)
        .join(tokens, tokens.c.vehicle_id == vehicles.c.id)
        .where(tokens.c.id == token_id, in_force)
    )
    found: UUID | None = await work.scalar(of_vehicle) if token_id else None
    if found is not None or person_id is None:
        return found
    of_driver = (
        sa.select(fleet_accounts.c.group_id)
        .join(group_members, group_members.c.group_id == fleet_accounts.c.group_id)
        .join(driver_groups, driver_groups.c.id == fleet_accounts.c.group_id)
        .where(
            group_members.c.person_id == person_id,
            group_members.c.since <= at,
            fleet_accounts.c.covers_drivers,
            in_force,
        )
        .order_by(driver_groups.c.rank, driver_groups.c.created_at, driver_groups.c.id)
        .limit(1)
    )
    payer: UUID | None = await work.scalar(of_driver)
    return payer


async def account_of_session(work: AsyncConnection, session_id: UUID) -> UUID | None:
    """The fleet whose account pays for a session, as it was agreed at its start."""
    query = sa.select(agreements.c.account_id).where(agreements.c.session_id == session_id)
    found: UUID | None = await work.scalar(query)
    return found
