import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from gridlane.kernel.access import Caller, NotAllowed, Permission, system
from gridlane.kernel.audit import audit_entries
from gridlane.kernel.facts import facts
from gridlane.kernel.ids import new_id
from gridlane.stations.model import connectors, evses, sites, stations
from gridlane.tariffs import announcing, spot_feeds
from gridlane.tariffs.busy import BusyLevel, BusyRule
from gridlane.tariffs.model import tariff_versions
from gridlane.tariffs.precedence import Assignment, Customer, TariffMissing
from gridlane.tariffs.publishing import (
    AssignmentUnknown,
    CurrencyFixed,
    TariffNameTaken,
    TariffUnknown,
    VersionBegun,
    VersionInThePast,
    VersionTaken,
    agreed,
    assign,
    create,
    publish,
    unassign,
    version_at,
    versions,
    warnings_about,
    withdraw,
)
from gridlane.tariffs.spot import SpotPrice, SpotSeries

NOW = datetime(2026, 1, 12, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STATION, SITE = new_id(), new_id()


@pytest.fixture
def caller():
    return system(new_id())


@pytest.fixture
async def work(database, caller):
    async with database.unit_of_work(caller.scope) as connection:
        yield connection


def everywhere(version, **given):
    fields = {"id": new_id(), "tariff_id": version.tariff_id, "valid_from": NOW} | given
    return Assignment(**fields)


async def test_a_new_version_is_in_force_from_its_instant_and_not_before(work, caller, tariff, element):
    first = await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    second = await publish(work, caller, first.tariff_id, tariff(element(ENERGY=0.6)), NOW + HOUR, NOW)
    assert (await version_at(work, first.tariff_id, NOW + HOUR - timedelta(seconds=1))).id == first.id
    assert (await version_at(work, first.tariff_id, NOW + HOUR)).id == second.id
    assert await version_at(work, first.tariff_id, NOW - HOUR) is None
    assert [v.id for v in await versions(work, first.tariff_id)] == [second.id, first.id]


async def test_what_is_published_leaves_a_fact_and_an_audit_entry(work, caller, tariff, element):
    version = await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    kinds = (
        await work.execute(sa.select(facts.c.kind).where(facts.c.aggregate_id == version.tariff_id))
    ).scalars()
    assert list(kinds) == ["tariff_published"]
    entry = (await work.execute(sa.select(audit_entries))).mappings().one()
    assert json.loads(entry["after"])["version"] == str(version.id)


async def test_a_published_version_cannot_be_changed_by_anybody_of_the_application(
    work, caller, tariff, element
):
    await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    with pytest.raises(ProgrammingError, match="permission denied"):
        await work.execute(sa.update(tariff_versions).values(content="{}"))


async def test_a_version_that_waits_can_be_withdrawn_and_one_in_force_cannot(work, caller, tariff, element):
    first = await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    second = await publish(work, caller, first.tariff_id, tariff(element(ENERGY=0.6)), NOW + HOUR, NOW)
    await withdraw(work, caller, second.id, NOW)
    assert len(await versions(work, first.tariff_id)) == 1
    with pytest.raises(VersionBegun):
        await withdraw(work, caller, first.id, NOW)


async def test_what_cannot_be_published_is_refused(work, caller, tariff, element):
    first = await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    with pytest.raises(TariffNameTaken):
        await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    with pytest.raises(VersionInThePast):
        await publish(work, caller, first.tariff_id, first.tariff, NOW - HOUR, NOW)
    with pytest.raises(VersionTaken):
        await publish(work, caller, first.tariff_id, first.tariff, NOW, NOW)
    with pytest.raises(CurrencyFixed):
        await publish(
            work, caller, first.tariff_id, tariff(element(ENERGY=1), currency="CHF"), NOW + HOUR, NOW
        )
    with pytest.raises(TariffUnknown):
        await publish(work, caller, new_id(), first.tariff, NOW, NOW)
    reader = Caller("person", "Ada", caller.organization_id, permissions=frozenset({Permission.PRICES_READ}))
    with pytest.raises(NotAllowed):
        await publish(work, reader, first.tariff_id, first.tariff, NOW + HOUR, NOW)


async def test_a_session_gets_the_assigned_tariff_of_its_start(work, caller, tariff, element):
    public = await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    special = await create(work, caller, "Station", tariff(element(ENERGY=0.4)), NOW, NOW)
    with pytest.raises(TariffMissing):
        await agreed(work, STATION, SITE, Customer(), NOW)
    assert await assign(work, caller, everywhere(public), NOW) == []
    await assign(work, caller, everywhere(special, station_id=STATION), NOW)
    assert (await agreed(work, STATION, SITE, Customer(), NOW)).name == "Station"
    assert (await agreed(work, new_id(), SITE, Customer(), NOW)).version_id == public.id


async def test_an_ended_assignment_counts_no_more(work, caller, tariff, element):
    public = await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    assignment = everywhere(public)
    await assign(work, caller, assignment, NOW)
    await unassign(work, caller, assignment.id, NOW + HOUR)
    assert await agreed(work, STATION, SITE, Customer(), NOW)
    with pytest.raises(TariffMissing):
        await agreed(work, STATION, SITE, Customer(), NOW + HOUR)
    with pytest.raises(AssignmentUnknown):
        await unassign(work, caller, new_id(), NOW)


async def test_an_overlap_is_told_when_it_is_made(work, caller, tariff, element):
    public = await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    await assign(work, caller, everywhere(public, site_id=SITE), NOW)
    (overlap,) = await assign(work, caller, everywhere(public, site_id=SITE, valid_from=NOW + HOUR), NOW)
    assert overlap.since == NOW + HOUR


async def test_another_organization_sees_nothing_of_it(database, work, caller, tariff, element):
    public = await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    await assign(work, caller, everywhere(public), NOW)
    await work.commit()
    async with database.unit_of_work(system(new_id()).scope) as foreign:
        assert await versions(foreign, public.tariff_id) == []
        with pytest.raises(TariffMissing):
            await agreed(foreign, STATION, SITE, Customer(), NOW)


async def test_spot_prices_are_frozen_as_they_are_known(work, caller, tariff, element):
    energy = element(ENERGY=0)
    energy["price_components"][0]["spot"] = {"feed": "NL", "fallback": 0.45, "fee": 0.1}
    dynamic = await create(work, caller, "Dynamic", tariff(energy), NOW, NOW)
    await assign(work, caller, everywhere(dynamic), NOW)
    await spot_feeds.store(work, SpotSeries("NL", "EUR", (SpotPrice(NOW, NOW + HOUR, Decimal("0.2")),)), NOW)
    at_start = await agreed(work, STATION, SITE, Customer(), NOW + HOUR / 2)
    schedule = at_start.tariff.elements[0].price_components[0].schedule
    assert [str(entry.price) for entry in schedule] == ["0.3000", "0.45"]
    later = SpotSeries("NL", "EUR", (SpotPrice(NOW, NOW + HOUR, Decimal("0.9")),))
    await spot_feeds.store(work, later, NOW)
    assert (await spot_feeds.load(work, "NL", NOW, NOW + HOUR)).prices[0].price == Decimal("0.9")
    assert [str(entry.price) for entry in schedule] == ["0.3000", "0.45"]


async def test_a_busy_site_charges_what_it_announced(work, caller, tariff, element):
    await _site_with_taken_evses(work, caller, taken=3, of=4)
    public = await create(work, caller, "Public", tariff(element(ENERGY=0.5)), NOW, NOW)
    await assign(work, caller, everywhere(public), NOW)
    level = BusyLevel(occupied=Decimal("0.7"), energy_fee=Decimal("0.1"))
    await announcing.set_rule(work, caller, SITE, BusyRule(levels=(level,)))
    announcement = await announcing.announce(work, SITE, caller.organization_id, NOW)
    assert announcement.level == level
    assert (
        str((await agreed(work, STATION, SITE, Customer(), NOW)).tariff.elements[0].price_components[0].price)
        == "0.6"
    )
    after = await agreed(work, STATION, SITE, Customer(), announcement.until)
    assert str(after.tariff.elements[0].price_components[0].price) == "0.5"
    await announcing.set_rule(work, caller, SITE, None)
    assert await announcing.announce(work, SITE, caller.organization_id, announcement.until) is None


async def _site_with_taken_evses(work, caller, taken, of):
    common = {"organization_id": caller.organization_id}
    await work.execute(sa.insert(sites).values(id=SITE, name="Garage", created_at=NOW, **common))
    station = {"id": STATION, "site_id": SITE, "identity": str(STATION), "name": "A", "changed_at": NOW}
    await work.execute(sa.insert(stations).values(created_at=NOW, **station, **common))
    for number in range(1, of + 1):
        evse = new_id()
        of_station = {"station_id": STATION, "number": number}
        await work.execute(sa.insert(evses).values(id=evse, **of_station, **common))
        status = "charging" if number <= taken else "available"
        connector = {"id": new_id(), "evse_id": evse, "evse": number, "status": status, "status_at": NOW}
        await work.execute(sa.insert(connectors).values(station_id=STATION, number=1, **connector, **common))


def test_what_is_rarely_meant_is_warned_about(tariff, element):
    odd = tariff(
        element(ENERGY=0.5, start_time="08:00"), element(TIME=1), element(TIME=2, start_time="10:00")
    )
    assert [path for path, _ in warnings_about(odd)] == ["elements", "elements[2]"]
    assert list(warnings_about(tariff(element(ENERGY=0.6, start_time="17:00"), element(ENERGY=0.5)))) == []
