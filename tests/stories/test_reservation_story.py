"""Stories of reservations: booked by app, honoured at the plug, paid when they are over."""

import asyncio
from datetime import timedelta

import pytest

from gridlane.kernel.clock import system_clock
from gridlane.ocpp.version import Version


@pytest.fixture
async def bookings(installation):
    """The address to reserve at, at a site that takes reservations."""
    rules = {"reservations": True, "fee": "2.00", "no_show_fee": "5.00"}
    path = f"/api/v1/sites/{installation.site_id}/waiting"
    answer = await installation.http.put(path, json=rules)
    assert answer.status_code == 200, answer.text
    await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
    return f"/driver/places/{installation.site_id}/reservations"


async def _free(installation):
    return await installation.sql(
        "SELECT 1 FROM availability_intervals WHERE until IS NULL AND state = 'available'"
    )


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
async def test_a_reservation_is_honoured_at_the_plug(installation, driver, keeper, bookings, version):
    anna, ben = [await driver(card) for card in ("04AA0001", "04AA0002")]
    async with await installation.station("CP-1", version, meter_interval=1, evses=1) as station:
        await station.boot()
        await installation.until(lambda: _free(installation), 20)
        made = await anna.ask("POST", bookings, {"minutes": 60}, status=201)
        assert made["status"] == "booked"
        await station.plug_in()
        await station.tap(ben.card)
        await installation.until(
            lambda: installation.sql("SELECT 1 FROM authorizations WHERE verdict = 'not_at_this_time'"), 20
        )
        await station.until(lambda: station.evse().transaction is None, "to end what was refused")
        await station.unplug()
        await installation.until(lambda: _free(installation), 20)
        await station.plug_in()
        await station.tap(anna.card)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await installation.until(
            lambda: installation.sql(
                "SELECT 1 FROM sessions WHERE status = 'active' AND verdict = 'accepted'"
            ),
            20,
        )
        await keeper()
        (now,) = (await anna.ask("GET", "/driver/reservations"))["items"]
        assert (now["status"], now["owed"]) == ("used", "2.00")


async def test_two_people_who_book_the_same_plug_at_the_same_moment_get_it_once(
    installation, driver, bookings
):
    people = [await driver(f"04AA000{number}") for number in range(4)]
    async with await installation.station("CP-1", evses=1) as station:
        await station.boot()
        await installation.until(lambda: _free(installation), 20)
        wish = {"begins_at": (system_clock() + timedelta(hours=5)).isoformat(), "minutes": 60}
        path = f"/api/v1{bookings}"
        answers = await asyncio.gather(*(one.http.post(path, json=wish) for one in people))
        assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
        later = {**wish, "begins_at": (system_clock() + timedelta(hours=6, minutes=1)).isoformat()}
        late = next(one for one, answer in zip(people, answers, strict=True) if answer.status_code == 409)
        await late.ask("POST", bookings, later, status=201)


async def test_the_database_itself_takes_no_double_booking(installation, driver, bookings):
    anna = await driver("04AA0001")
    async with await installation.station("CP-1", evses=1) as station:
        await station.boot()
        await installation.until(lambda: _free(installation), 20)
        await anna.ask("POST", bookings, {"minutes": 60}, status=201)
        with pytest.raises(Exception, match="no_double_booking"):
            await installation.sql(
                "INSERT INTO reservations (id, organization_id, site_id, evse_id, person_id, begins_at, ends_at, "
                "status, made_at, changed_at) SELECT gen_random_uuid(), organization_id, site_id, evse_id, person_id, "
                "begins_at + interval '10 minutes', ends_at, status, made_at, changed_at FROM reservations"
            )


async def test_whoever_does_not_come_pays_and_the_plug_is_everybodys_again(
    installation, driver, keeper, bookings
):
    anna, ben = [await driver(card) for card in ("04AA0001", "04AA0002")]
    async with await installation.station("CP-1", meter_interval=1, evses=1) as station:
        await station.boot()
        await installation.until(lambda: _free(installation), 20)
        await anna.ask("POST", bookings, {"minutes": 60}, status=201)
        await keeper(minutes=16)
        (over,) = (await anna.ask("GET", "/driver/reservations"))["items"]
        assert (over["status"], over["owed"]) == ("no_show", "7.00")
        await station.plug_in()
        await station.tap(ben.card)
        await station.until(lambda: station.evse().power > 0, "to charge")


async def test_a_reservation_moves_to_another_plug_when_its_own_breaks(
    installation, driver, keeper, bookings
):
    anna = await driver("04AA0001")
    async with await installation.station("CP-1", evses=2) as station:
        await station.boot()
        await installation.until(lambda: _both_free(installation), 20)
        await installation.sql("UPDATE evses SET public_id = 'E' || number")
        made = await anna.ask("POST", bookings, {"minutes": 60, "plug": "E1"}, status=201)
        assert made["public_id"] == "E1"
        await station.fault(1)
        await installation.until(lambda: _faulted(installation), 20)
        await keeper()
        (moved,) = (await anna.ask("GET", "/driver/reservations"))["items"]
        assert (moved["status"], moved["public_id"]) == ("booked", "E2")


async def _both_free(installation):
    return len(await _free(installation)) == 2


async def _faulted(installation):
    return await installation.sql(
        "SELECT 1 FROM availability_intervals WHERE until IS NULL AND state = 'faulted'"
    )


async def test_a_late_cancellation_costs_the_fee_and_an_operator_cancels_for_nothing(
    installation, driver, bookings
):
    anna = await driver("04AA0001")
    async with await installation.station("CP-1", evses=1) as station:
        await station.boot()
        await installation.until(lambda: _free(installation), 20)
        first = await anna.ask("POST", bookings, {"minutes": 60}, status=201)
        await anna.ask("DELETE", f"/driver/reservations/{first['id']}", status=204)
        second = await anna.ask("POST", bookings, {"minutes": 60}, status=201)
        answer = await installation.http.delete(f"/api/v1/driver/reservations/{second['id']}")
        assert answer.status_code == 204
        items = (await anna.ask("GET", "/driver/reservations"))["items"]
        owed = {one["id"]: (one["status"], one["owed"]) for one in items}
        assert owed == {first["id"]: ("cancelled", "2.00"), second["id"]: ("cancelled", "0.00")}


async def test_whoever_asked_is_told_of_a_free_plug_once(installation, driver, keeper):
    anna = await driver("04AA0001")
    await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
    async with await installation.station("CP-1", evses=1) as station:
        await station.boot()
        await installation.until(lambda: _free(installation), 20)
        await anna.ask("PUT", f"/driver/places/{installation.site_id}/notice", {}, status=200)
        assert len((await anna.ask("GET", "/driver/notices"))["items"]) == 1
        await keeper()
        assert (await anna.ask("GET", "/driver/notices"))["items"] == []
        await keeper()
        told = await installation.sql("SELECT 1 FROM facts WHERE kind = 'plug_freed'")
        assert len(told) == 1
        news = await installation.sql("SELECT topic, link FROM inbox_messages")
        assert news == [("waiting", f"/places/{installation.site_id}")]
