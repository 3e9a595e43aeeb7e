"""Stories of charges that end at their driver's limit, and of charges that begin at a time, on every OCPP version."""

from datetime import timedelta

import pytest

from gridlane.billing.limit_watch import LimitWatch
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.ocpp.version import Version
from gridlane.simulator.vehicle import Vehicle

VERSIONS = [Version.V16, Version.V201, Version.V21]


@pytest.fixture
async def watch(installation):
    """``await watch()``: a look at every limit, as if so many ``minutes`` had passed; by a new process each time."""
    database = Database(installation.url, pool=2)

    async def look(minutes=0):
        later = timedelta(minutes=minutes)
        return await LimitWatch(database, installation.bus, lambda: system_clock() + later).once()

    yield look
    await database.close()


async def _plug(installation, station):
    await station.boot()
    await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
    await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
    await installation.sql("UPDATE evses SET public_id = 'E1', max_power = 22000")


async def _charging(installation, station, anna, limits, vehicle=None):
    """Anna charges, with these limits; gives the charge's id."""
    made = await anna.ask("POST", "/driver/charges", {"plug": "E1", "limits": limits}, status=202)
    await station.plug_in(vehicle=vehicle)
    await station.until(lambda: station.evse().power > 0, "to charge")
    joined = "SELECT 1 FROM sessions WHERE status = 'active' AND request_id IS NOT NULL AND energy > 0"
    await installation.until(lambda: installation.sql(joined), 30)
    return made["id"]


async def _stopped_once(installation, station):
    await station.until(lambda: station.evse().transaction is None, "to stop")
    await installation.until(lambda: installation.sql("SELECT 1 FROM sessions WHERE status = 'ended'"), 30)
    ended = "SELECT 1 FROM operations WHERE kind = 'stop_charging' AND status = 'verified'"
    await installation.until(lambda: installation.sql(ended), 30)
    asked = await installation.sql("SELECT 1 FROM operations WHERE kind = 'stop_charging'")
    assert len(asked) == 1


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
async def test_a_charge_stops_by_itself_at_its_energy(installation, driver, watch, version):
    anna = await driver("04AA0001")
    async with await installation.station("CP-1", version, meter_interval=1, evses=1) as station:
        await _plug(installation, station)
        charge = await _charging(installation, station, anna, {"max_energy": 1})
        assert await installation.until(watch, 30) == 1
        assert await watch() == 0  # it was asked, and has its time, also for who starts anew
        await _stopped_once(installation, station)
        shown = await anna.ask("GET", f"/driver/charges/{charge}")
    assert (shown["limits"], shown["limit_reached"]) == ({"energy": 1.0}, "energy")
    assert (shown["state"], shown["energy"] >= 1) == ("ended", True)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_charge_stops_by_itself_after_its_time(installation, driver, watch, version):
    anna = await driver("04AA0001")
    async with await installation.station("CP-1", version, meter_interval=1, evses=1) as station:
        await _plug(installation, station)
        await _charging(installation, station, anna, {"max_time": 3600})
        assert await watch(minutes=50) == 0
        assert await watch(minutes=61) == 1
        await _stopped_once(installation, station)


async def test_a_charge_stops_by_itself_at_its_cost(installation, driver, watch):
    anna = await driver("04AA0001")
    price = {"price_components": [{"type": "TIME", "price": 6, "vat": 19}]}
    content = {"currency": "EUR", "tax_included": "YES", "elements": [price]}
    made = await installation.post("/tariffs", {"name": "By the hour", "tariff": content})
    await installation.post("/tariff-assignments", {"tariff_id": made["tariff_id"]})
    async with await installation.station("CP-1", meter_interval=1, evses=1) as station:
        await _plug(installation, station)
        await _charging(installation, station, anna, {"max_cost": 3})
        (session,) = (await installation.sql("SELECT id FROM sessions"))[0]
        await _agree(installation, session)
        assert await watch(minutes=20) == 0
        assert await watch(minutes=31) == 1
        await _stopped_once(installation, station)


async def _agree(installation, session_id):
    """What the worker does when a session is let in."""
    from gridlane.billing.agreeing import agree_for_session
    from gridlane.kernel.database import Scope

    database = Database(installation.url, pool=1)
    async with database.unit_of_work(Scope(installation.organization_id)) as work:
        await agree_for_session(work, session_id)
    await database.close()


async def test_a_charge_stops_by_itself_at_a_battery_level_where_the_station_tells_it(
    installation, driver, watch
):
    anna = await driver("04AA0001")
    async with await installation.station("CP-1", meter_interval=1, evses=1, direct=True) as station:
        await _plug(installation, station)
        half_full = Vehicle(charge=30_000.0)
        await _charging(installation, station, anna, {"max_soc": 45}, half_full)
        assert await installation.until(watch, 30) == 1
        await _stopped_once(installation, station)


async def test_a_station_that_refuses_to_stop_is_asked_again_later(installation, driver, watch):
    anna = await driver("04AA0001")
    async with await installation.station("CP-1", meter_interval=1, evses=1) as station:
        await _plug(installation, station)
        await _charging(installation, station, anna, {"max_energy": 1})
        station.answers["RequestStopTransaction"] = "Rejected"
        assert await installation.until(watch, 30) == 1
        refused = "SELECT 1 FROM operations WHERE kind = 'stop_charging' AND status = 'refused'"
        await installation.until(lambda: installation.sql(refused), 30)
        assert await watch() == 0
        del station.answers["RequestStopTransaction"]
        assert await watch(minutes=2) == 1
        await station.until(lambda: station.evse().transaction is None, "to stop")


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_charge_begins_at_its_time_and_not_before(installation, driver, version):
    anna = await driver("04AA0001")
    async with await installation.station("CP-1", version, meter_interval=1, evses=1) as station:
        await _plug(installation, station)
        await station.plug_in()
        wish = {"plug": "E1", "begins_at": (system_clock() + timedelta(hours=5)).isoformat()}
        made = await anna.ask("POST", "/driver/charges", wish, status=202)
        shown = await anna.ask("GET", f"/driver/charges/{made['id']}")
        assert shown["state"] == "later"
        (listed,) = (await anna.ask("GET", "/driver/charges/later"))["items"]
        assert listed["id"] == made["id"]
        assert await installation.sql("SELECT status FROM operations WHERE kind = 'start_charging'") == [
            ("queued",)
        ]
        await installation.sql("UPDATE operations SET not_before = now()")  # the time has come
        await installation.sql("UPDATE start_requests SET begins_at = now()")
        await station.until(lambda: station.evse().power > 0, "to charge")
        joined = "SELECT 1 FROM sessions WHERE request_id = %s AND NOT refused"
        await installation.until(lambda: installation.sql(joined, made["id"]), 30)


async def test_a_charge_for_later_is_called_off_and_a_time_too_far_is_refused(installation, driver):
    anna, ben = [await driver(card) for card in ("04AA0001", "04AA0002")]
    async with await installation.station("CP-1", evses=1) as station:
        await _plug(installation, station)
        later = {"plug": "E1", "begins_at": (system_clock() + timedelta(hours=5)).isoformat()}
        made = await anna.ask("POST", "/driver/charges", later, status=202)
        assert await ben.ask("POST", f"/driver/charges/{made['id']}/stop", status=404)
        await anna.ask("POST", f"/driver/charges/{made['id']}/stop", status=202)
        shown = await anna.ask("GET", f"/driver/charges/{made['id']}")
        assert (shown["state"], shown["why"]) == ("failed", "called_off")
        again = await anna.ask("POST", f"/driver/charges/{made['id']}/stop", status=409)
        assert again["code"] == "start_under_way"
        for hours in (-1, 25):
            wrong = {"plug": "E1", "begins_at": (system_clock() + timedelta(hours=hours)).isoformat()}
            answer = await anna.ask("POST", "/driver/charges", wrong, status=422)
            assert answer["code"] == "start_time_wrong"
