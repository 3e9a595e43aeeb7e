"""Stories of faults: over real sockets, noticed by the watch, seen by the API."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from gridlane.kernel.clock import system_clock
from gridlane.kernel.quantities import Watts
from gridlane.maintenance.watching import Watch
from gridlane.ocpp.version import Version


class Watcher:
    """The watch, looking when told to, if need be with a clock that is ahead."""

    def __init__(self, database, bus):
        self.ahead = timedelta(0)
        self.watch = Watch(database, bus, lambda: system_clock() + self.ahead)

    async def look(self, *, later=0.0):
        self.ahead += timedelta(seconds=later)
        return await self.watch.once()

    async def sees(self, installation, status="open", **filters):
        """The incidents in this state, once there are some; the watch looks again until then."""
        found = []

        async def some():
            nonlocal found
            await self.look()
            found = (await installation.get("/incidents", status=status, **filters))["items"]
            return found

        await installation.until(some, 20)
        return found


@pytest.fixture
def watcher(database, installation):
    return Watcher(database, installation.bus)


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
async def test_a_broken_plug_becomes_an_incident_and_is_over_when_it_is_whole(installation, watcher, version):
    async with await installation.station("CP-1", version) as station:
        await station.boot()
        await station.fault(error="GroundFailure")
        (incident,) = await watcher.sees(installation)
        assert (incident["rule"], incident["cause"], incident["severity"]) == (
            "ground_failure", "connector", "critical",
        )  # fmt: skip
        assert [one["name"] for one in incident["at"]] == ["CP-1"]
        assert "electrician" in incident["next_step"]
        await station.fault(error=None)

        async def whole():
            (plugs,) = (await installation.get(f"/stations/{station.id}/evses"))["items"]
            return plugs["connectors"][0]["status"] == "available"

        await installation.until(whole, 20)
        await watcher.look()
        await watcher.look(later=40)
        (over,) = await watcher.sees(installation, "resolved")
        assert (over["id"], over["resolution"]) == (incident["id"], "by_itself")
        assert over["seconds_to_repair"] is not None
        story = (await installation.get(f"/incidents/{incident['id']}"))["steps"]
        assert [one["kind"] for one in story] == ["opened", "escalated", "symptom_went", "resolved"]


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
async def test_a_meter_is_silent_by_the_pace_of_its_own_station(installation, watcher, version):
    await installation.issue_token("04A1B2C3")
    async with await installation.station("CP-1", version, meter_interval=2) as station:
        await station.boot()
        await station.plug_in()
        await station.tap("04A1B2C3")
        told = "SELECT 1 FROM readings WHERE context = 'Sample.Periodic' AND power > 0 OFFSET 2"
        await installation.until(lambda: installation.sql(told), 30)
        station.machine.evses[1].silent_meter = True
        slow = "UPDATE readings SET context = 'Trigger' WHERE received_at > (SELECT min(received_at) FROM readings)"
        await installation.sql("CREATE TABLE kept AS SELECT received_at, context FROM readings")
        await installation.sql(slow)  # nobody knows its pace yet
        await watcher.look(later=50)
        assert (await installation.get("/incidents"))["items"] == []
        known = (
            "UPDATE readings r SET context = kept.context FROM kept WHERE kept.received_at = r.received_at"
        )
        await installation.sql(known)
        (incident,) = await watcher.sees(installation)
    assert incident["rule"] == "silent_meter"


async def test_a_site_that_goes_dark_is_one_incident(installation, watcher):
    await installation.post("/sites", {"name": "Elsewhere"})
    async with AsyncExitStack() as street:
        stations = [
            await street.enter_async_context(await installation.station(f"CP-{number}"))
            for number in range(3)
        ]
        for station in stations:
            await station.boot()
        for station in stations:
            await station.hang_up(stay_offline=True)

        async def gone():
            return all(not one["connected"] for one in (await installation.get("/stations"))["items"])

        await installation.until(gone, 20)
        await watcher.look()
        assert (await installation.get("/incidents"))["items"] == []  # a moment without a link is no fault
        await watcher.look(later=60)
        (incident,) = await watcher.sees(installation)
        assert (incident["cause"], incident["stations"]) == ("site_network", 3)
        assert incident["site_id"] == str(installation.site_id)
        for station in stations:
            station.go_online()
            await station.until(lambda station=station: station.link.connected.is_set(), "to come back", 30)

        async def back():
            await watcher.look(later=1)
            return (await installation.get("/incidents", status="resolved"))["items"]

        await installation.until(back, 60)
        figures = await installation.get("/incidents/figures")
        assert (figures["incidents"], figures["open"], figures["resolved"]) == (1, 0, 1)


async def test_a_dark_site_whose_stations_start_anew_had_lost_its_power(installation, watcher):
    async with AsyncExitStack() as street:
        stations = [
            await street.enter_async_context(await installation.station(f"CP-{number}"))
            for number in range(2)
        ]
        for station in stations:
            await station.boot()
            await station.hang_up(stay_offline=True)

        async def gone():
            return all(not one["connected"] for one in (await installation.get("/stations"))["items"])

        await installation.until(gone, 20)
        await watcher.look(later=60)
        (incident,) = await watcher.sees(installation)
        assert incident["cause"] == "site_network"
        for station in stations:
            station.machine.power_cycle(station.link.clock.now())
            station.go_online()

        async def over():
            await watcher.look(later=1)
            return (await installation.get("/incidents", status="resolved"))["items"]

        (ended,) = await installation.until(over, 60)
        assert ended["cause"] == "site_power"


async def test_tampering_is_settled_by_a_person_alone(installation, watcher):
    async with await installation.station("CP-1") as station:
        await station.boot()
        told = {"type": "TamperDetectionActivated", "timestamp": datetime.now(UTC).isoformat()}
        await station.call("SecurityEventNotification", told)
        (incident,) = await watcher.sees(installation)
        assert (incident["rule"], incident["cause"]) == ("tampering", "tampering")
        acknowledged = await installation.post(f"/incidents/{incident['id']}/acknowledge")
        assert acknowledged["acknowledged_by"].endswith("test")
        await installation.post(
            f"/incidents/{incident['id']}/notes", {"note": "Door was open, nothing taken."}
        )
        await installation.post(f"/incidents/{incident['id']}/resolve", {"note": "inspected"})
        await watcher.look()
        assert (await installation.get("/incidents", status="open"))["items"] == []
        whole = await installation.get(f"/incidents/{incident['id']}")
        kinds = [one["kind"] for one in whole["steps"]]
        assert kinds == ["opened", "escalated", "acknowledged", "note", "resolved"]
        await installation.post(f"/incidents/{incident['id']}/resolve", {}, status=409)


async def test_what_a_station_still_shows_cannot_be_called_resolved(installation, watcher):
    async with await installation.station("CP-1", Version.V16) as station:
        await station.boot()
        await station.fault(error="PowerMeterFailure")
        (incident,) = await watcher.sees(installation)
        refused = await installation.post(f"/incidents/{incident['id']}/resolve", {}, status=409)
        assert refused["code"] == "incident_still_going"
        assert (await installation.get("/incidents", station_id=station.id))["items"] != []


async def test_a_station_that_is_turned_away_is_explained(installation, watcher):
    made = await installation.register("CP-1")
    station = await installation.station("CP-2")
    async with station:
        await station.boot()
    station.link.password = "not-the-right-one"
    assert made["id"] != station.id
    async with station:
        station.link.password = "not-the-right-one"

        async def turned_away():
            await watcher.look(later=1)
            found = (await installation.get("/incidents", status="open"))["items"]
            return [one for one in found if one["cause"] == "credentials"]

        (incident,) = await installation.until(turned_away, 30)
        assert "password" in incident["why"]


async def steps_of(installation, incident):
    whole = await installation.get(f"/incidents/{incident['id']}")
    return [one["kind"] for one in whole["steps"]]


async def test_a_station_that_a_restart_mends_is_healed_without_a_person(installation, watcher):
    async with await installation.station("CP-1", Version.V16) as station:
        await station.boot()
        await station.fault(error="InternalError")
        (incident,) = await watcher.sees(installation)
        await watcher.look()
        await station.until(lambda: station.received("Reset"), "to be restarted", 30)
        assert (await installation.get(f"/incidents/{incident['id']}"))["care"] == "trying"
        await station.fault(error=None)

        async def helped():
            await watcher.look()
            return "helped" in await steps_of(installation, incident)

        await installation.until(helped, 30)
        await watcher.look(later=60)
        (over,) = await watcher.sees(installation, "resolved")
        assert over["resolution"] == "playbook"
        (tally,) = (
            one for one in (await installation.get("/playbooks"))["items"] if one["name"] == "restart"
        )
        assert (tally["runs"], tally["helped"]) == (1, 1)


async def test_when_no_restart_helps_a_person_is_called(installation, watcher):
    async with await installation.station("CP-1", Version.V16) as station:
        await station.boot()
        station.answers["Reset"] = {"status": "Rejected"}
        await station.fault(error="InternalError")
        (incident,) = await watcher.sees(installation)

        async def needs_person():
            await watcher.look()
            found = await installation.get(f"/incidents/{incident['id']}")
            return found["care"] == "needs_person"

        await installation.until(needs_person, 30)
        assert [one["type"] for one in station.received("Reset")] == ["Soft", "Hard"]
        kinds = await steps_of(installation, incident)
        assert kinds == ["opened", "tried", "in_vain", "tried", "in_vain", "escalated"]


async def test_nothing_is_tried_where_the_operator_wants_to_be_asked(installation, watcher):
    async with await installation.station("CP-1", Version.V16) as station:
        await station.boot()
        await installation.http.put("/api/v1/playbooks/restart", json={"automatic": False})
        await station.fault(error="InternalError")
        (incident,) = await watcher.sees(installation)
        assert (await installation.get(f"/incidents/{incident['id']}"))["care"] == "needs_person"
        await installation.post(f"/incidents/{incident['id']}/playbook")
        await watcher.look()
        await station.until(lambda: station.received("Reset"), "to be restarted", 30)
        await installation.post(f"/incidents/{incident['id']}/playbook", status=409)


async def test_every_charge_teaches_how_its_plug_is_doing(installation, watcher):
    await installation.issue_token("04A1B2C3")
    async with await installation.station("CP-1", Version.V16, speed=20.0) as station:
        await station.boot()
        await station.plug_in()
        await station.tap("04A1B2C3")
        await station.until(lambda: station.evse().register > 100, "to deliver energy", 30)
        await station.tap("04A1B2C3")
        await station.unplug()

        async def learned():
            await watcher.look()
            return (await installation.get("/health-scores"))["items"]

        (plug,) = await installation.until(learned, 30)
        assert (plug["station"], plug["evse"], plug["score"], plug["taken"]) == ("CP-1", 1, 100, {})


async def test_a_charge_that_was_held_back_by_our_own_limit_says_nothing_of_the_plug(installation, watcher):
    await installation.issue_token("04A1B2C3")
    async with await installation.station("CP-1", Version.V16, speed=20.0, power=Watts(22_000.0)) as station:
        await station.boot()
        await installation.until(lambda: installation.sql("SELECT 1 FROM evses WHERE number = 1"))
        await installation.sql("UPDATE evses SET max_power = 22000")
        profile = {
            "id": 3, "stack_level": 0, "purpose": "TxDefaultProfile", "unit": "A", "kind": "Relative",
            "periods": [{"start": 0, "limit": 8.0}],
        }  # fmt: skip
        asked = await installation.command(station.id, "set_charging_profile", evse=1, profile=profile)
        await installation.operation(asked)
        await station.plug_in()
        await station.tap("04A1B2C3")
        await station.until(lambda: station.evse().register > 100, "to deliver energy", 30)
        await station.tap("04A1B2C3")
        await station.unplug()

        async def learned():
            await watcher.look()
            return await installation.sql("SELECT signals FROM connector_health")

        ((signals,),) = await installation.until(learned, 30)
        assert (signals["starts"]["recent"], signals["power"]["taken"]) == (1.0, [])
