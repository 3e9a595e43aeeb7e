"""Waits over REST: real stations on sockets, real sessions."""

import pytest

from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.waiting.learning import learn


@pytest.fixture
async def place(installation):
    """A public site with one fast plug, on a running station."""
    async with await installation.station("CP-1", meter_interval=1) as station:
        await station.boot()
        await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
        await installation.sql("UPDATE evses SET public_id = 'DE*GRL*E' || number, max_power = 150000")
        yield station


async def test_a_free_place_is_said_to_be_free_and_a_full_one_to_keep_us_waiting(installation, place):
    path = f"/driver/places/{installation.site_id}/wait"

    async def wait():
        return (await installation.get(path))["wait"]

    await installation.until(lambda: _free(wait), 20)
    await installation.issue_token("04AABBCCDD")
    await place.plug_in()
    await place.tap("04AABBCCDD")
    await place.until(lambda: place.evse().power > 0, "to charge")
    await installation.until(lambda: _busy(wait), 20)
    told = await installation.get(path)
    assert told["wait"]["low"] < told["wait"]["middle"] < told["wait"]["high"]
    assert [one["public_id"] for one in told["plugs"]] == ["DE*GRL*E1"]
    assert len(told["hours"]) == 12
    ((listed),) = (await installation.get("/driver/waits"))["items"]
    assert listed["site_id"] == str(installation.site_id)


async def _free(wait):
    return (await wait())["free_chance"] > 0.9


async def _busy(wait):
    return (await wait())["free_chance"] < 0.1


async def test_nobody_waits_for_a_connector_that_is_not_there(installation, place):
    await installation.sql("UPDATE connectors SET kind = 'IEC_62196_T2_COMBO'")
    path = f"/api/v1/driver/places/{installation.site_id}/wait"
    answer = await installation.http.get(path, params={"connector": "CHADEMO"})
    assert (answer.status_code, answer.json()["code"]) == (404, "wait_unknown")


async def test_habits_are_learned_from_own_sessions_as_a_new_version(installation, place):
    await installation.sql(
        "INSERT INTO sessions (id, organization_id, station_id, transaction_id, status, evse, started_at, ended_at, "
        "received_at, first_received_at, energy) SELECT gen_random_uuid(), %s, %s, n::text, 'ended', 1, "
        "now() - n * interval '1 hour', now() - n * interval '1 hour' + interval '20 minutes', now(), now(), 9000 "
        "FROM generate_series(1, 100) n",
        installation.organization_id,
        place.id,
    )
    database = Database(installation.url, pool=2)
    try:
        await learn(database, system_clock)
        await learn(database, system_clock)
    finally:
        await database.close()
    versions = await installation.sql("SELECT version, sessions FROM wait_models ORDER BY 1")
    assert versions == [(1, 100), (2, 100)]
