"""Tariffs from the operator's form to a session's price: versions, assignments, and what is agreed at a start.

A tariff changes by a new version that begins at an instant, never by an edit. What a driver agrees to is one frozen
tariff: the version in force, its spot prices resolved, the site's announced busy level applied.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit, facts
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.ids import new_id
from gridlane.tariffs import announcing, spot_feeds
from gridlane.tariffs.busy import with_level
from gridlane.tariffs.exchange import from_json, to_json
from gridlane.tariffs.model import tariff_assignments, tariff_versions, tariffs
from gridlane.tariffs.precedence import Assignment, Customer, Overlap, assigned, overlaps
from gridlane.tariffs.spot import frozen
from gridlane.tariffs.tariff import Dimension, Problem, Restrictions, Tariff, checked

PAST_ALLOWED = timedelta(minutes=5)
"""How late a form may arrive; further back a version would change prices that drivers have seen."""


class TariffPublished(Fact, frozen=True, kw_only=True, tag="tariff_published"):
    """A version of a tariff will be in force from an instant. Running sessions keep theirs."""

    tariff_id: UUID
    version_id: UUID
    valid_from: datetime


class TariffAssigned(Fact, frozen=True, kw_only=True, tag="tariff_assigned"):
    """A place and an audience get a tariff from an instant, or (``valid_until``) lose it at one."""

    tariff_id: UUID
    site_id: UUID | None
    station_id: UUID | None
    valid_from: datetime
    valid_until: datetime | None


class TariffUnknown(Refusal):
    code = "tariff_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no tariff {tariff}."


class AssignmentUnknown(Refusal):
    code = "tariff_assignment_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no assignment {assignment}."


class VersionInThePast(Refusal):
    code = "tariff_version_in_the_past"
    kind = Kind.INVALID
    sentence = "A version cannot begin at {valid_from}: that is past, and drivers have seen its prices."


class VersionTaken(Refusal):
    code = "tariff_version_taken"
    kind = Kind.CONFLICT
    sentence = "Another version of this tariff begins at {valid_from}; choose another instant."


class VersionBegun(Refusal):
    code = "tariff_version_begun"
    kind = Kind.CONFLICT
    sentence = "This version is in force since {valid_from}; publish a new one instead of withdrawing it."


class CurrencyFixed(Refusal):
    code = "tariff_currency_fixed"
    kind = Kind.CONFLICT
    sentence = "The tariff is in {currency}; make a new tariff for {other}."


class TariffNameTaken(Refusal):
    code = "tariff_name_taken"
    kind = Kind.CONFLICT
    sentence = "There is a tariff named {name} already."


class Version(msgspec.Struct, frozen=True):
    """A published version. ``warnings`` are told once, at publishing: odd, but allowed."""

    id: UUID
    tariff_id: UUID
    valid_from: datetime
    tariff: Tariff
    warnings: tuple[Problem, ...] = ()


class Agreed(msgspec.Struct, frozen=True):
    """What a session that begins at an instant costs: the frozen tariff and where it came from."""

    tariff_id: UUID
    version_id: UUID
    name: str
    tariff: Tariff


async def create(
    work: AsyncConnection, caller: Caller, name: str, tariff: Tariff, valid_from: datetime, now: datetime
) -> Version:
    """A new tariff with its first version. Raises TariffNameTaken, TariffInvalid, VersionInThePast."""
    caller.require(Permission.PRICES_WRITE)
    if await work.scalar(sa.select(tariffs.c.id).where(tariffs.c.name == name)):
        raise TariffNameTaken(name=name)
    tariff_id = new_id()
    await work.execute(
        sa.insert(tariffs).values(
            id=tariff_id,
            organization_id=caller.organization_id,
            name=name,
            currency=tariff.currency,
            created_at=now,
        )
    )
    return await publish(work, caller, tariff_id, tariff, valid_from, now)


async def publish(
    work: AsyncConnection,
    caller: Caller,
    tariff_id: UUID,
    tariff: Tariff,
    valid_from: datetime,
    now: datetime,
) -> Version:
    """A new version, in force from ``valid_from`` until the next one begins.

    Raises TariffUnknown, TariffInvalid, VersionInThePast, VersionTaken, CurrencyFixed.
    """
    caller.require(Permission.PRICES_WRITE)
    currency = await work.scalar(
        sa.select(tariffs.c.currency).where(tariffs.c.id == tariff_id).with_for_update()
    )
    if currency is None:
        raise TariffUnknown(tariff=tariff_id)
    _refuse_unfit(checked(tariff), currency, valid_from, now)
    taken = tariff_versions.c.tariff_id == tariff_id, tariff_versions.c.valid_from == valid_from
    if await work.scalar(sa.select(tariff_versions.c.id).where(*taken)):
        raise VersionTaken(valid_from=valid_from.isoformat())
    version = Version(new_id(), tariff_id, valid_from, tariff, tuple(warnings_about(tariff)))
    content = to_json(tariff).decode()
    await work.execute(
        sa.insert(tariff_versions).values(
            id=version.id,
            organization_id=caller.organization_id,
            tariff_id=tariff_id,
            valid_from=valid_from,
            content=content,
            published_at=now,
            published_by=caller.name,
        )
    )
    after = {"version": str(version.id), "valid_from": valid_from.isoformat(), "content": content}
    await audit.record(work, caller, "tariff.published", tariff_id, after=after)
    fact = TariffPublished(tariff_id=tariff_id, version_id=version.id, valid_from=valid_from)
    await facts.record(work, [Recorded(fact, tariff_id, caller.organization_id, now)])
    return version


def _refuse_unfit(tariff: Tariff, currency: str, valid_from: datetime, now: datetime) -> None:
    if valid_from < now - PAST_ALLOWED:
        raise VersionInThePast(valid_from=valid_from.isoformat())
    if tariff.currency != currency:
        raise CurrencyFixed(currency=currency, other=tariff.currency)


async def withdraw(work: AsyncConnection, caller: Caller, version_id: UUID, now: datetime) -> None:
    """Take back a version that has not begun. Raises TariffUnknown, VersionBegun."""
    caller.require(Permission.PRICES_WRITE)
    row = (await work.execute(sa.select(tariff_versions).where(tariff_versions.c.id == version_id))).first()
    if row is None:
        raise TariffUnknown(tariff=version_id)
    if row.valid_from <= now:
        raise VersionBegun(valid_from=row.valid_from.isoformat())
    await work.execute(sa.delete(tariff_versions).where(tariff_versions.c.id == version_id))
    before = {"version": str(version_id), "valid_from": row.valid_from.isoformat()}
    await audit.record(work, caller, "tariff.withdrawn", row.tariff_id, before=before)


async def version_at(work: AsyncConnection, tariff_id: UUID, at: datetime) -> Version | None:
    """The version in force at an instant; None before the first."""
    query = (
        sa.select(tariff_versions)
        .where(tariff_versions.c.tariff_id == tariff_id, tariff_versions.c.valid_from <= at)
        .order_by(tariff_versions.c.valid_from.desc())
        .limit(1)
    )
    row = (await work.execute(query)).first()
    return None if row is None else _version(row)


async def versions(work: AsyncConnection, tariff_id: UUID) -> list[Version]:
    """All versions of a tariff, the latest first."""
    query = (
        sa.select(tariff_versions)
        .where(tariff_versions.c.tariff_id == tariff_id)
        .order_by(tariff_versions.c.valid_from.desc())
    )
    return [_version(row) for row in await work.execute(query)]


def _version(row: Any) -> Version:
    return Version(row.id, row.tariff_id, row.valid_from, from_json(row.content))


async def assign(
    work: AsyncConnection, caller: Caller, assignment: Assignment, now: datetime
) -> list[Overlap]:
    """Let a place and an audience have a tariff; gives the overlaps it has with others, which are allowed.

    Raises TariffUnknown.
    """
    caller.require(Permission.PRICES_WRITE)
    if not await work.scalar(sa.select(tariffs.c.id).where(tariffs.c.id == assignment.tariff_id)):
        raise TariffUnknown(tariff=assignment.tariff_id)
    known = await assignments(work)
    values = msgspec.structs.asdict(assignment)
    await work.execute(sa.insert(tariff_assignments).values(organization_id=caller.organization_id, **values))
    await audit.record(work, caller, "tariff.assigned", assignment.tariff_id, after=_for_audit(assignment))
    await _tell_assigned(work, caller, assignment, now)
    found = overlaps([*known, assignment])
    return [overlap for overlap in found if assignment in (overlap.winner, overlap.loser)]


async def unassign(work: AsyncConnection, caller: Caller, assignment_id: UUID, now: datetime) -> None:
    """End an assignment now. Raises AssignmentUnknown."""
    caller.require(Permission.PRICES_WRITE)
    before = next((one for one in await assignments(work) if one.id == assignment_id), None)
    if before is None:
        raise AssignmentUnknown(assignment=assignment_id)
    after = msgspec.structs.replace(before, valid_until=max(now, before.valid_from))
    await work.execute(
        sa.update(tariff_assignments)
        .where(tariff_assignments.c.id == assignment_id)
        .values(valid_until=after.valid_until)
    )
    await audit.record(
        work,
        caller,
        "tariff.unassigned",
        before.tariff_id,
        before=_for_audit(before),
        after=_for_audit(after),
    )
    await _tell_assigned(work, caller, after, now)


async def _tell_assigned(
    work: AsyncConnection, caller: Caller, assignment: Assignment, now: datetime
) -> None:
    fact = TariffAssigned(
        tariff_id=assignment.tariff_id,
        site_id=assignment.site_id,
        station_id=assignment.station_id,
        valid_from=assignment.valid_from,
        valid_until=assignment.valid_until,
    )
    await facts.record(work, [Recorded(fact, assignment.tariff_id, caller.organization_id, now)])


async def assignments(work: AsyncConnection) -> list[Assignment]:
    """All assignments that the unit of work may see, in order of their beginning."""
    columns = [tariff_assignments.c[name] for name in Assignment.__struct_fields__]
    found = await work.execute(sa.select(*columns).order_by(tariff_assignments.c.valid_from))
    return [Assignment(**row) for row in found.mappings()]


async def agreed(
    work: AsyncConnection, station_id: UUID, site_id: UUID, customer: Customer, at: datetime
) -> Agreed:
    """The price of a session that begins at this instant. Raises TariffMissing, TariffUnknown."""
    assignment = assigned(await assignments(work), station_id, site_id, customer, at)
    version = await version_at(work, assignment.tariff_id, at)
    if version is None:
        raise TariffUnknown(tariff=assignment.tariff_id)
    name = await work.scalar(sa.select(tariffs.c.name).where(tariffs.c.id == assignment.tariff_id))
    feeds = await spot_feeds.load_for(work, version.tariff, at)
    level = await announcing.level_at(work, site_id, at)
    tariff = with_level(frozen(version.tariff, feeds, at), level)
    return Agreed(assignment.tariff_id, version.id, str(name), tariff)


def warnings_about(tariff: Tariff) -> Iterator[Problem]:
    """What is allowed and yet rarely meant."""
    for dimension in (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME):
        holding = [e for e in tariff.elements if any(c.type is dimension for c in e.price_components)]
        if holding and all(element.restrictions != Restrictions() for element in holding):
            yield "elements", f"{dimension} is free whenever no element matches; add one without restrictions"
    for index in _shadowed(tariff):
        yield f"elements[{index}]", "never used: an element before it always holds the same dimensions"
    if tariff.end_date_time or tariff.start_date_time:
        yield "start_date_time", "Gridlane goes by the version's beginning; these dates only tell partners"


def _shadowed(tariff: Tariff) -> Sequence[int]:
    always: set[Dimension] = set()
    shadowed = []
    for index, element in enumerate(tariff.elements):
        dimensions = {component.type for component in element.price_components}
        if element.restrictions.reservation is None and dimensions <= always:
            shadowed.append(index)
        if element.restrictions == Restrictions():
            always |= dimensions
    return shadowed


def _for_audit(assignment: Assignment) -> dict[str, Any]:
    return {
        name: None if value is None else str(value)
        for name, value in msgspec.structs.asdict(assignment).items()
    }
