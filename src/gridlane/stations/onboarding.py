"""Letting stations in: registering them beforehand, or approving those that knocked.

A password is generated, shown once, and kept only as a keyed verifier. The gateway's directory learns of every change
by the column ``changed_at``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.clock import system_clock
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded, record
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings
from gridlane.stations import credentials, places
from gridlane.stations.model import connectors, evses, stations
from gridlane.stations.reasons import REASONS

if TYPE_CHECKING:  # the ORM comes with it, and a gateway that starts again must not wait for that
    from sqlalchemy.ext.asyncio import AsyncConnection

KEY = "stations"  # the installation's secret that verifiers are keyed with


class IdentityTaken(Refusal):
    code = "identity_taken"
    kind = Kind.CONFLICT
    sentence = "There is a station with the identity {identity} already."


class StationNotWaiting(Refusal):
    code = "station_not_waiting"
    kind = Kind.CONFLICT
    sentence = "The station {station} does not wait for approval."


class StationRegistered(Fact, frozen=True, kw_only=True, tag="station_registered"):
    """A station was entered by an operator, before or after it first knocked."""

    identity: str
    site_id: str | None


async def register(
    work: AsyncConnection,
    caller: Caller,
    settings: Settings,
    *,
    identity: str,
    name: str | None = None,
    site_id: UUID | None = None,
    security_profile: int = 2,
    password: str | None = None,
) -> dict[str, Any]:
    """Enter a station; the answer holds its password and where to point it, this once.

    Raises SiteUnknown, IdentityTaken.
    """
    if site_id is not None:
        await places.site(work, caller, site_id)
    now = system_clock()
    secret = password or credentials.new_password()
    station: dict[str, Any] = {
        "id": new_id(),
        "organization_id": caller.organization_id,
        "site_id": site_id,
        "identity": identity,
        "name": name or identity,
        "approval": "accepted",
        "security_profile": security_profile,
        "verifiers": [_verifier(settings, identity, secret)] if security_profile in (1, 2) else [],
        "changed_at": now,
        "created_at": now,
    }
    try:
        async with work.begin_nested():
            await work.execute(sa.insert(stations).values(station))
    except sa.exc.IntegrityError:
        raise IdentityTaken(identity=identity) from None
    await _tell(work, caller, station["id"], identity, site_id)
    shown = {key: value for key, value in station.items() if key not in ("verifiers", "changed_at")}
    return {**shown, **_how_to_connect(settings, identity, secret if security_profile in (1, 2) else None)}


async def approve(
    work: AsyncConnection,
    caller: Caller,
    settings: Settings,
    station_id: UUID,
    *,
    site_id: UUID | None = None,
    name: str | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """Let a waiting station in. The password it came with stays; one that came without gets a new one to be given.

    Runs as the owner of the tables: a waiting station is nobody's yet. Raises StationNotWaiting, SiteUnknown.
    """
    if site_id is not None:
        found = await places.site(work, caller, site_id)
        if found["organization_id"] != caller.organization_id:
            raise places.SiteUnknown(site=site_id)
    waiting = await _waiting(work, station_id)
    secret = None if waiting["verifiers"] or waiting["security_profile"] == 3 else credentials.new_password()
    values: dict[str, Any] = {
        "approval": "accepted",
        "organization_id": caller.organization_id,
        "site_id": site_id,
        "name": name or waiting["identity"],
        "changed_at": system_clock(),
    }
    if secret is not None:
        values["verifiers"] = [_verifier(settings, waiting["identity"], secret)]
        values["security_profile"] = 2 if waiting["secure"] else 1
    await work.execute(sa.update(stations).where(stations.c.id == station_id).values(values))
    for table in (evses, connectors):
        await work.execute(
            sa.update(table)
            .where(table.c.station_id == station_id)
            .values(organization_id=caller.organization_id)
        )
    await audit.record(work, caller, "station.approved", station_id, reason=reason)
    await _tell(work, caller, station_id, waiting["identity"], site_id)
    return {
        "id": station_id,
        "identity": waiting["identity"],
        **_how_to_connect(settings, waiting["identity"], secret),
    }


async def reject(work: AsyncConnection, caller: Caller, station_id: UUID, reason: str | None) -> None:
    """Raises StationNotWaiting."""
    await _waiting(work, station_id)
    await work.execute(
        sa.update(stations)
        .where(stations.c.id == station_id)
        .values(approval="rejected", changed_at=system_clock())
    )
    await audit.record(work, caller, "station.rejected", station_id, reason=reason)


async def change(
    work: AsyncConnection, caller: Caller, station_id: UUID, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Raises StationUnknown, SiteUnknown."""
    before = await places.station(work, caller, station_id)
    if changes.get("site_id") is not None:
        await places.site(work, caller, changes["site_id"])
    if changes:
        await work.execute(
            sa.update(stations)
            .where(stations.c.id == station_id)
            .values(**changes, changed_at=system_clock())
        )
        await audit.record(
            work,
            caller,
            "station.changed",
            station_id,
            before={key: str(before[key]) for key in changes},
            after={key: str(value) for key, value in changes.items()},
        )
    return await places.station(work, caller, station_id)


async def retire(work: AsyncConnection, caller: Caller, station_id: UUID) -> None:
    """Take a station out of service: it is refused from now on. Raises StationUnknown."""
    await places.station(work, caller, station_id)
    await work.execute(
        sa.update(stations)
        .where(stations.c.id == station_id)
        .values(approval="rejected", verifiers=[], certificate_serials=[], changed_at=system_clock())
    )
    await audit.record(work, caller, "station.retired", station_id)


async def replace_password(
    work: AsyncConnection, caller: Caller, settings: Settings, station_id: UUID
) -> dict[str, Any]:
    """Raises StationUnknown."""
    station = await places.station(work, caller, station_id)
    secret = credentials.new_password()
    await work.execute(
        sa.update(stations)
        .where(stations.c.id == station_id)
        .values(verifiers=[_verifier(settings, station["identity"], secret)], changed_at=system_clock())
    )
    await audit.record(work, caller, "station.password_replaced", station_id)
    return _how_to_connect(settings, station["identity"], secret)


def doctor(reason_code: str) -> str:
    """Why a handshake failed, and what to do, in a sentence."""
    reason = REASONS.get(reason_code)
    return f"{reason.sentence} {reason.remedy}" if reason else reason_code


def _verifier(settings: Settings, identity: str, password: str) -> str:
    keys = credentials.VerifierKeys((settings.secret(KEY),))
    return credentials.verifier_of(password.encode(), identity, keys)


def _how_to_connect(settings: Settings, identity: str, password: str | None) -> dict[str, Any]:
    """Where to point a station, and with which password."""
    urls = []
    if settings.station_tls_port:
        urls.append(f"wss://{settings.station_host}:{settings.station_tls_port}/{identity}")
    if settings.station_port:
        urls.append(f"ws://{settings.station_host}:{settings.station_port}/{identity}")
    return {"urls": urls, "password": password}


async def _waiting(work: AsyncConnection, station_id: UUID) -> dict[str, Any]:
    row = (
        (await work.execute(sa.select(stations).where(stations.c.id == station_id).with_for_update()))
        .mappings()
        .first()
    )
    if row is None or row["approval"] != "pending" or row["organization_id"] is not None:
        raise StationNotWaiting(station=station_id)
    return dict(row)


async def _tell(
    work: AsyncConnection, caller: Caller, station_id: UUID, identity: str, site_id: UUID | None
) -> None:
    fact = StationRegistered(identity=identity, site_id=str(site_id) if site_id else None)
    await record(work, [Recorded(fact, station_id, caller.organization_id, system_clock())])
    await audit.record(work, caller, "station.registered", station_id, after={"identity": identity})
