"""Stories of the queue: people who wait, stations on sockets, and the queue kept at the plug."""

import pytest

from gridlane.ocpp.version import Version

VERSIONS = [Version.V16, Version.V201, Version.V21]


@pytest.fixture
async def queue(installation):
    """The address of the site's queue, which is open."""
    path = f"/sites/{installation.site_id}/waiting"
    answer = await installation.http.put(f"/api/v1{path}", json={"queue": True})
    assert answer.status_code == 200, answer.text
    await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
    return f"/driver/places/{installation.site_id}/queue"


async def _charging(installation, station, card, *, evse=1):
    """Somebody with this card charges."""
    await station.plug_in(evse)
    await station.tap(card, evse)
    await station.until(lambda: station.evse(evse).transaction and station.evse(evse).power > 0, "to charge")
    await installation.until(lambda: _active(installation), 20)


async def _active(installation):
    return await installation.sql("SELECT 1 FROM sessions WHERE status = 'active' AND verdict = 'accepted'")


async def _gone(installation, station, card, *, evse=1):
    await station.tap(card, evse)
    await station.until(lambda: station.evse(evse).transaction is None, "to stop")
    await station.unplug(evse)
    await installation.until(lambda: _is_free(installation), 20)


async def _is_free(installation):
    found = await installation.sql("SELECT 1 FROM sessions WHERE status = 'active' AND NOT refused")
    free = await installation.sql(
        "SELECT 1 FROM availability_intervals WHERE until IS NULL AND state = 'available'"
    )
    return free and not found


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_first_in_line_charges_next_and_nobody_jumps_the_queue_at_the_plug(
    installation, driver, keeper, queue, version
):
    anna, ben, eve = [await driver(card) for card in ("04AA0001", "04AA0002", "04AA0003")]
    async with await installation.station("CP-1", version, meter_interval=1, evses=1) as station:
        await station.boot()
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses"), 20)
        await _charging(installation, station, eve.card)
        first = await anna.ask("POST", queue, {}, status=201)
        assert (first["status"], first["ahead"]) == ("waiting", 0)
        assert first["wait"]["low"] <= first["wait"]["middle"] <= first["wait"]["high"]
        second = await ben.ask("POST", queue, {}, status=201)
        assert (second["status"], second["ahead"]) == ("waiting", 1)
        await _gone(installation, station, eve.card)

        # even before the next turn the plug is kept for the first in line
        await station.plug_in()
        await station.tap(eve.card)
        await installation.until(lambda: _refused(installation), 20)
        assert station.evse().power == 0
        await station.until(lambda: station.evse().transaction is None, "to end what was refused")
        await station.unplug()
        await installation.until(lambda: _is_free(installation), 20)

        await keeper()
        held = await anna.place()
        assert (held["status"], (await ben.place())["status"]) == ("held", "waiting")
        assert held["held_until"] is not None
        await _charging(installation, station, anna.card)
        await keeper()
        assert (await anna.place())["status"] == "charging"
        assert (await ben.place())["ahead"] == 0


async def _refused(installation):
    return await installation.sql(
        "SELECT 1 FROM authorizations WHERE reason = 'the EVSE is reserved for somebody else'"
    )


async def test_who_does_not_come_in_time_gives_the_plug_to_the_next(installation, driver, keeper, queue):
    anna, ben = [await driver(card) for card in ("04AA0001", "04AA0002")]
    async with await installation.station("CP-1", evses=1) as station:
        await station.boot()
        await installation.until(lambda: _is_free(installation), 20)
        assert (await anna.ask("POST", queue, {}, status=201))["status"] == "held"
        assert (await ben.ask("POST", queue, {}, status=201))["status"] == "waiting"
        await keeper(minutes=9)
        assert (await anna.place())["status"] == "waiting"
        assert (await ben.place())["status"] == "held"
        titles = await installation.sql("SELECT title FROM inbox_messages")
        assert titles == [("It is your turn",), ("It is your turn",)]


async def test_places_are_put_off_blocked_and_left_without_losing_anybody(
    installation, driver, keeper, queue
):
    anna, ben = [await driver(card) for card in ("04AA0001", "04AA0002")]
    async with await installation.station("CP-1", evses=1) as station:
        await station.boot()
        await installation.until(lambda: _is_free(installation), 20)
        place = await anna.ask("POST", queue, {}, status=201)
        await ben.ask("POST", queue, {}, status=201)
        asleep = await anna.ask("POST", f"/driver/queue/{place['id']}/snooze")
        assert (asleep["status"], (await ben.place())["status"]) == ("snoozed", "held")
        awake = await anna.ask("POST", f"/driver/queue/{place['id']}/wake")
        assert awake["status"] == "waiting"
        after = await ben.ask("POST", f"/driver/queue/{(await ben.place())['id']}/blocked")
        assert (after["status"], after["plug"]) == ("waiting", None)  # the only bay is blocked
        await anna.ask("DELETE", f"/driver/queue/{place['id']}", status=204)
        assert (await anna.place())["status"] == "left"
        told = await installation.get(f"/sites/{installation.site_id}/waiting")
        assert [one["status"] for one in told["queue"]] == ["waiting"]


async def test_a_queue_refuses_clearly(installation, driver, queue):
    anna = await driver("04AA0001")
    async with await installation.station("CP-1", evses=1) as station:
        await station.boot()
        await installation.until(lambda: _is_free(installation), 20)
        await anna.ask("POST", queue, {}, status=201)
        assert (await anna.ask("POST", queue, {}, status=409))["code"] == "already_queued"
        picky = {"connectors": ["CHADEMO"]}
        await installation.sql("UPDATE connectors SET kind = 'IEC_62196_T2'")
        ben = await driver("04AA0002")
        assert (await ben.ask("POST", queue, picky, status=409))["code"] == "no_plug_fits"
        await installation.http.put(f"/api/v1/sites/{installation.site_id}/waiting", json={"queue": False})
        assert (await ben.ask("POST", queue, {}, status=409))["code"] == "queue_closed"


async def test_a_station_that_takes_reservations_is_told_of_a_hold_and_of_its_end(
    installation, driver, keeper, queue
):
    anna = await driver("04AA0001")
    async with await installation.station("CP-1", Version.V201, evses=1) as station:
        await station.boot()
        await installation.until(lambda: _is_free(installation), 20)
        await installation.sql(
            "INSERT INTO station_variables (organization_id, station_id, component, component_instance, evse, connector, "
            "variable, variable_instance, attribute, value, reported_at) "
            "VALUES (%s, %s, 'ReservationCtrlr', '', 0, 0, 'Enabled', '', 'Actual', 'true', now()) ON CONFLICT DO NOTHING",
            installation.organization_id,
            station.id,
        )
        place = await anna.ask("POST", queue, {}, status=201)
        assert place["status"] == "held"
        await installation.until(lambda: _told(installation, "active"), 20)
        await anna.ask("DELETE", f"/driver/queue/{place['id']}", status=204)
        await installation.until(lambda: _told(installation, "cancelled"), 20)


async def _told(installation, status):
    return await installation.sql("SELECT 1 FROM station_reservations WHERE status = %s", status)
