"""What the guests' pages show, gathered: a plug with a guest's price, a checkout with its live charge."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.model import organizations
from gridlane.billing.agreeing import free_vend_at
from gridlane.billing.checkout import Shown, Step
from gridlane.billing.model import documents
from gridlane.billing.running_cost import cost_so_far
from gridlane.charging.model import sessions
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, Scope
from gridlane.stations.model import evses, sites, stations
from gridlane.tariffs import publishing
from gridlane.tariffs.precedence import Customer, TariffMissing
from gridlane.tariffs.preview import drawn
from gridlane.tariffs.tariff import Dimension, Tariff
from gridlane.web.places import Plug, plug_named
from gridlane.web.public import wording
from gridlane.web.public.wording import Words

AHEAD = timedelta(hours=24)
MINUTES = Decimal(60)
_UNUSABLE = ("unavailable", "faulted", "offline")


class PriceLine(msgspec.Struct, frozen=True):
    """One row of the price list: ``€0.49``, ``per kWh``."""

    amount: str
    per: str


class PlugShown(msgspec.Struct, frozen=True, kw_only=True):
    """A plug as its page shows it. ``hold`` is what a guest's card is asked for; None where nothing is held."""

    plug: Plug
    place: str
    address: str
    prices: tuple[PriceLine, ...]
    later: tuple[str, ...]
    taxes_inside: bool
    gift: str | None
    is_priced: bool
    phone: str = ""

    @property
    def is_usable(self) -> bool:
        return self.plug.state not in _UNUSABLE


class ChargeShown(msgspec.Struct, frozen=True, kw_only=True):
    """A guest's charge in figures; empty strings where nothing is known yet."""

    place: str
    plug: str
    public_id: str | None
    prices: tuple[PriceLine, ...]
    hold: str
    energy: str = ""
    power: str = ""
    duration: str = ""
    cost: str = ""
    paid: str = ""
    is_over: bool = False
    waits_for_cable: bool = False
    waits_for_power: bool = False
    is_stopping: bool = False


async def plug_shown(database: Database, public_id: str, words: Words) -> PlugShown:
    """Raises PlugUnknown."""
    now = system_clock()
    site_id, plug = await plug_named(database, public_id)
    async with database.as_owner() as work:
        site = (await work.execute(sa.select(sites).where(sites.c.id == site_id))).mappings().one()
    async with database.unit_of_work(Scope(site["organization_id"])) as work:
        tariff = await _guest_tariff(work, plug.station_id, site_id, now)
        gift = await free_vend_at(work, site_id, now)
        details = await work.scalar(
            sa.select(organizations.c.details).where(organizations.c.id == site["organization_id"])
        )
    prices = tuple(_prices(tariff, site["time_zone"], now, words)) if tariff else ()
    return PlugShown(
        plug=plug,
        place=site["name"],
        address=", ".join(part for part in (site["address"], site["city"]) if part),
        prices=prices,
        later=tuple(_later(tariff, site["time_zone"], now, words)) if tariff else (),
        taxes_inside=tariff is not None and tariff.tax_included.value != "N/A",
        gift=gift.reason if gift and gift.energy is None else None,
        is_priced=tariff is not None,
        phone=(details or {}).get("support", {}).get("phone", ""),
    )


async def charge_shown(database: Database, shown: Shown, words: Words) -> ChargeShown:
    """The figures of a checkout's charge."""
    now, language, agreement = system_clock(), words.language, shown.agreement
    async with database.unit_of_work(Scope(agreement.organization_id)) as work:
        place = await _place(work, shown)
        live = await _live(work, shown, now, language)
    return ChargeShown(
        **place,
        **live,
        prices=tuple(_prices(agreement.tariff, agreement.time_zone, now, words)),
        hold=wording.money(shown.hold.amount, shown.hold.currency, language),
    )


async def _guest_tariff(
    work: AsyncConnection, station_id: UUID, site_id: UUID, now: datetime
) -> Tariff | None:
    try:
        return (await publishing.agreed(work, station_id, site_id, Customer(is_guest=True), now)).tariff
    except (TariffMissing, publishing.TariffUnknown):
        return None


_IN_ORDER = (
    (Dimension.ENERGY, "per_kwh", Decimal(1)),
    (Dimension.TIME, "per_minute", MINUTES),
    (Dimension.PARKING_TIME, "per_minute_idle", MINUTES),
    (Dimension.FLAT, "per_session", Decimal(1)),
)
"""The order in which European law wants a price to be shown: per kWh, per minute, per session (AFIR, article 5)."""


def _prices(tariff: Tariff, time_zone: str, now: datetime, words: Words) -> Iterator[PriceLine]:
    points = drawn(tariff, time_zone, now, now + timedelta(seconds=1))
    for dimension, per, divided in _IN_ORDER:
        point = points[dimension][0]
        price = point.after_taxes if point.after_taxes is not None else point.before_taxes
        if price is not None and price != 0:
            yield PriceLine(
                wording.money(price / divided, tariff.currency, words.language), getattr(words, per)
            )


def _later(tariff: Tariff, time_zone: str, now: datetime, words: Words) -> Iterator[str]:
    """What a kWh will cost in the next hours, where that changes."""
    for point in drawn(tariff, time_zone, now, now + AHEAD)[Dimension.ENERGY][1:4]:
        price = point.after_taxes if point.after_taxes is not None else point.before_taxes
        if price is not None:
            at = wording.time_at(point.since, time_zone, words.language)
            yield words.then.format(at=at, price=wording.money(price, tariff.currency, words.language))


async def _place(work: AsyncConnection, shown: Shown) -> dict[str, Any]:
    query = (
        sa.select(sites.c.name, evses.c.label, evses.c.public_id)
        .join_from(evses, stations, stations.c.id == evses.c.station_id)
        .join(sites, sites.c.id == stations.c.site_id)
        .where(evses.c.station_id == shown.station_id, evses.c.number == shown.evse)
    )
    row = (await work.execute(query)).first()
    if row is None:
        return {"place": "", "plug": str(shown.evse), "public_id": None}
    return {
        "place": row.name,
        "plug": row.public_id or row.label or str(shown.evse),
        "public_id": row.public_id,
    }


async def _live(work: AsyncConnection, shown: Shown, now: datetime, language: str) -> dict[str, Any]:
    if shown.session_id is None:
        return {}
    query = sa.select(sessions).where(sessions.c.id == shown.session_id)
    session = (await work.execute(query)).mappings().one()
    end = session["ended_at"] or session["presumed_end"]
    waits = session["energy"] <= 0 and end is None
    figures: dict[str, Any] = {
        "energy": wording.kilowatt_hours(session["energy"], language),
        "power": "" if session["power"] is None else wording.kilowatts(session["power"], language),
        "duration": wording.lasting((end or now) - session["started_at"]),
        "is_over": end is not None,
        "waits_for_cable": waits and session["charging_state"] == "Idle",
        "waits_for_power": waits and session["charging_state"] != "Idle",
        "is_stopping": bool(session["stopping"]),
    }
    if shown.step is Step.DONE and shown.document_id is not None:
        paper = sa.select(documents.c.gross, documents.c.currency).where(documents.c.id == shown.document_id)
        gross, currency = (await work.execute(paper)).one()
        return figures | {"paid": wording.money(gross, currency, language)}
    bill = await cost_so_far(work, shown.session_id, now)
    if bill is not None:
        figures["cost"] = wording.money(bill.gross.amount, bill.gross.currency, language)
    return figures
