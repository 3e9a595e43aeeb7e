"""Stories of shared power: stations of three versions behind a small circuit, and what goes wrong there."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from gridlane.energy.control import Control
from gridlane.energy.pacing import Pace
from gridlane.energy.steering import Rhythm
from gridlane.energy.worst_case import Timing
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.quantities import Amperes, WattHours, Watts
from gridlane.ocpp.version import Version
from gridlane.simulator.vehicle import Vehicle

VERSIONS = [Version.V16, Version.V201, Version.V21]
PATIENCE = 60
EFFICIENCY = 0.94
CONNECTION = 63.0
MIXED = [
    (Version.V16, False),
    (Version.V201, False),
    (Version.V21, False),
    (Version.V201, True),
    (Version.V16, False),
]
QUICK = Rhythm(
    timing=Timing(
        skew=timedelta(seconds=2),
        late=timedelta(seconds=2),
        settle=timedelta(seconds=1),
        deadline=timedelta(seconds=4),
    ),
    pace=Pace(apart=timedelta(seconds=0), burst=1000.0),
    ask_fallback_every=timedelta(seconds=1),
)


class Street:
    """Stations behind one circuit, and what truly flows there."""

    def __init__(self, installation, stations):
        self.installation, self.stations = installation, stations
        self.worst = [0.0, 0.0, 0.0]
        self.watched = self.pictured = 0

    def currents(self):
        """A of each phase, as physics has it."""
        flows = [0.0, 0.0, 0.0]
        for station in self.stations:
            for evse in station.machine.evses.values():
                if evse.vehicle is None or evse.power <= 0:
                    continue
                if station.machine.spec.direct:  # a converter takes its losses too, from all phases
                    flows = [flow + evse.power / EFFICIENCY / (3 * 230.0) for flow in flows]
                    continue
                for phase in range(evse.vehicle.phases):
                    flows[phase] += station.machine.current(evse)
        return flows

    async def watch(self):
        while True:
            self.worst = [max(pair) for pair in zip(self.worst, self.currents(), strict=True)]
            self.watched += 1
            await asyncio.sleep(0.02)

    @asynccontextmanager
    async def pictures(self):
        """Meanwhile no picture may show more than its limit."""
        too_much = []

        async def look():
            while True:
                now = (await self.installation.get(f"/sites/{self.installation.site_id}/energy"))["now"]
                for circuit in now["circuits"] if now else ():
                    self.pictured += 1
                    if max(circuit["drawn"]) > min(circuit["limit"]) + 0.1:
                        too_much.append(now)
                await asyncio.sleep(0.05)

        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        assert not too_much, too_much[0]

    def flowing(self):
        return [station for station in self.stations if station.evse().power > 0]

    async def ready(self):
        """Every station has taken its fallback and read it back; what flowed before does not count."""
        await self.until(self._ready, "all are ready")
        self.worst = [0.0, 0.0, 0.0]

    async def _ready(self):
        now = (await self.installation.get(f"/sites/{self.installation.site_id}/energy"))["now"]
        return now and all(each["because"] == "nobody_here" for each in now["evses"])

    async def until(self, what, words):
        await self.installation.until(
            what, PATIENCE, lambda: f"{words}: {self.currents()}, worst {self.worst}"
        )


@asynccontextmanager
async def control(installation, node="worker-1"):
    database = Database(installation.url, pool=4)
    loop = Control(database, installation.bus, system_clock, node, QUICK)
    running = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()


@asynccontextmanager
async def street(installation, versions, *, current, power=22_000.0):
    """One station for each of the versions behind ``current`` A, in contact, with cards that are let in."""
    await installation.issue_token("04AABBCCDD", concurrent=0)
    stations = [
        await installation.station(f"CP-{number}", version, meter_interval=1, power=Watts(power))
        for number, version in enumerate(versions, start=1)
    ]
    try:
        for station in stations:
            await station.__aenter__()
            await station.boot()
        rows = await installation.until(lambda: _all_evses(installation, len(stations)), PATIENCE)
        site = f"/sites/{installation.site_id}"
        made = await installation.post(f"{site}/energy", {"current": current, "reserve": 0.0})
        assert made["evses"] == len(rows)
        here = Street(installation, stations)
        here.circuit_id = made["circuit_id"]
        watching = asyncio.create_task(here.watch())
        yield here
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    finally:
        for station in stations:
            await station.__aexit__(None, None, None)


@asynccontextmanager
async def mixed_street(installation):
    """Four AC stations and a fast charger behind one connection; each has kept its fallback since it was put up."""
    await installation.issue_token("04AABBCCDD", concurrent=0)
    stations = [
        await installation.station(
            f"CP-{number}", version, meter_interval=300, power=Watts(50_000.0 if direct else 22_000.0),
            direct=direct, standing=Amperes(0.0 if direct else 6.0),
        )
        for number, (version, direct) in enumerate(MIXED, start=1)
    ]  # fmt: skip
    async with AsyncExitStack() as stack:
        for station in stations:
            await stack.enter_async_context(station)
            await station.boot()
        await installation.until(lambda: _all_evses(installation, len(stations)), PATIENCE)
        site = f"/sites/{installation.site_id}"
        made = await installation.post(f"{site}/energy", {"current": CONNECTION, "reserve": 0.05})
        for station in stations:
            how = {"circuit_id": made["circuit_id"], "fallback": 6.0}
            if station.machine.spec.direct:
                converter = {"converter_power": 50_000.0, "converter_efficiency": EFFICIENCY}
                how |= {"rating": 77.1, "minimum": 1.0, "fallback": 0.0, **converter}
            ((evse,),) = await installation.sql("SELECT id FROM evses WHERE station_id = %s", station.id)
            answer = await installation.http.put(f"/api/v1{site}/circuit-evses/{evse}", json=how)
            assert answer.status_code == 200, answer.text
        here = Street(installation, stations)
        watching = asyncio.create_task(here.watch())
        yield here
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _all_evses(installation, count):
    rows = await installation.sql("SELECT id FROM evses")
    return rows if len(rows) == count else None


def car(phases=3, watts=22_000.0):
    return Vehicle(
        capacity=WattHours(80_000.0),
        wanted=WattHours(60_000.0),
        ac_power=Watts(watts),
        phases=phases,
        delay=0.0,
    )


async def charge(station, vehicle=None):
    await station.plug_in(1, vehicle or car())
    await station.tap("04AABBCCDD")


async def test_stations_of_three_versions_share_a_small_circuit_and_half_of_them_lose_the_network(
    installation,
):
    async with street(installation, VERSIONS * 2, current=40.0) as here, control(installation):
        await here.ready()
        for station in here.stations:
            await charge(station)
        await here.until(lambda: len(here.flowing()) == 6, "all charge")
        await here.until(lambda: min(here.currents()) > 35.0, "the circuit is used")
        gone, kept = here.stations[:3], here.stations[3:]
        for station in gone:
            await station.hang_up(stay_offline=True)
        await kept[0].unplug()
        await here.until(lambda: kept[1].evse().power > 0 and kept[2].evse().power > 0, "the others go on")
        await asyncio.sleep(2)
        assert len(here.flowing()) == 5
    assert max(here.worst) <= 40.0 + 1e-6
    assert here.watched > 20


async def test_nothing_is_overloaded_from_the_first_second_where_ac_and_dc_share_and_the_picture_says_so(
    installation,
):
    """Vehicles wait already when the controller comes up; meters speak seldom, so that what was measured is soon old."""
    async with mixed_street(installation) as here:
        for station in here.stations[:3]:
            await charge(station, car(phases=1, watts=7_360.0) if station is here.stations[2] else car())
        async with control(installation), here.pictures():
            await here.until(lambda: here.currents()[0] > 50.0, "the circuit is used")
            await charge(here.stations[3])
            await here.until(lambda: here.stations[3].evse().power > 5_000.0, "the fast charger has a share")
            await here.stations[0].unplug()
            await charge(here.stations[4])
            await here.until(lambda: here.stations[4].evse().power > 4_500.0, "the newcomer has more")
            await here.until(lambda: here.currents()[0] > 50.0, "the circuit is used again")
        assert max(here.worst) <= CONNECTION * 0.95 + 1e-6
        assert here.pictured > 0


async def test_a_controller_that_dies_is_followed_by_one_that_counts_what_was_promised(installation):
    async with street(installation, VERSIONS, current=32.0) as here:
        async with control(installation, "worker-1"):
            await here.ready()
            for station in here.stations[:2]:
                await charge(station)
            await here.until(lambda: min(here.currents()) > 28.0, "two share")
        await charge(here.stations[2])
        async with control(installation, "worker-2"):
            await here.until(lambda: len(here.flowing()) == 3, "the third charges")
            await here.until(lambda: min(here.currents()) > 28.0, "three share")
    assert max(here.worst) <= 32.0 + 1e-6


async def test_the_picture_says_of_every_station_what_it_has_and_why(installation):
    async with street(installation, VERSIONS, current=20.0) as here, control(installation):
        await here.ready()
        for station in here.stations:
            await charge(station)
        await here.until(lambda: len(here.flowing()) == 3, "all charge")

        async def explained():
            shown = await installation.get(f"/sites/{installation.site_id}/energy")
            now = shown["now"]
            told = {each["because"] for each in now["evses"]}
            return now if told == {"circuit_full"} and now["circuits"][0]["drawn"][0] > 15 else None

        now = await installation.until(explained, PATIENCE)
        assert "3 vehicles share it" in now["evses"][0]["reason"]["en"]
        assert now["circuits"][0]["limit"][0] == 20.0
        assert now["sharing"] == 3


async def test_who_leaves_late_waits_for_the_cheap_hours_and_whoever_wants_it_now_has_it(installation):
    """At noon it costs a fifth of what it costs now; the plan of the one vehicle is drawn, and kept."""
    async with street(installation, [Version.V201, Version.V21], current=32.0) as here, control(installation):
        await here.ready()
        hour = system_clock().hour
        dear_now = [0.10 if (each - hour) % 24 in (4, 5, 6) else 0.50 for each in range(24)]
        price = {"kind": "daily", "settings": {"values": dear_now, "time_zone": "UTC"}}
        path = f"/api/v1/sites/{installation.site_id}/energy"
        assert (await installation.http.patch(path, json={"price": price})).status_code == 200
        patient, hasty = here.stations
        for station in here.stations:
            await charge(station)
        await here.until(lambda: len(here.flowing()) == 2, "both charge")
        ((session,),) = await installation.sql(
            "SELECT s.id FROM sessions s JOIN stations t ON t.id = s.station_id WHERE t.identity = 'CP-1'"
        )
        await installation.sql(
            "INSERT INTO charging_wishes (charge_id, organization_id, mode, departs_at, energy, wished_at) "
            "VALUES (%s, %s, 'cheapest', now() + interval '10 hours', 12000, now())",
            session,
            installation.organization_id,
        )
        await here.until(
            lambda: patient.evse().power == 0 and hasty.evse().power > 0, "one waits, one has it"
        )
        shown = await installation.get(f"/sites/{installation.site_id}/energy")
        waiting = next(each for each in shown["now"]["evses"] if each["mode"] == "cheapest")
        assert waiting["because"] == "waits_for_price"
        row = shown["plan"]["power"][waiting["evse_id"]]
        cheap = [price for price, watts in zip(shown["plan"]["price"], row, strict=True) if watts > 0]
        assert set(cheap) == {0.1}


async def test_a_station_that_takes_dynamic_profiles_is_told_new_limits_without_writing_its_memory(
    installation,
):
    """OCPP 2.1, K28: one profile for each vehicle; then only its limit changes, at once, and is proven all the same."""
    async with street(installation, [Version.V21, Version.V21], current=40.0) as here:
        await installation.sql(
            "INSERT INTO station_variables (station_id, organization_id, component, variable, attribute, evse, "
            "  connector, component_instance, variable_instance, value, reported_at) "
            "SELECT id, organization_id, 'SmartChargingCtrlr', 'SupportsDynamicProfiles', 'Actual', 0, 0, '', '', "
            "  'true', now() FROM stations"
        )
        first, second = here.stations
        async with control(installation):
            await here.ready()
            await charge(first)
            await here.until(lambda: here.currents()[0] > 30.0, "the first has it all")
            await charge(second)
            await here.until(lambda: len(here.flowing()) == 2 and here.currents()[0] > 38.0, "both share")
            await first.unplug()
            await here.until(lambda: second.evse().power > 20_000.0, "the second has it all")
        told = [each["chargingProfile"] for each in first.received("SetChargingProfile")]
        kinds = {each["chargingProfilePurpose"]: each["chargingProfileKind"] for each in told}
        assert kinds["TxProfile"] == "Dynamic"
        assert first.received("UpdateDynamicSchedule")
    assert max(here.worst) <= 40.0 + 1e-6


async def test_a_driver_who_asks_at_the_station_for_priority_goes_first(installation):
    """OCPP 2.1, K21: NotifyPriorityCharging. The other keeps the minimum, until priority is given back."""
    async with street(installation, [Version.V21, Version.V201], current=40.0) as here, control(installation):
        await here.ready()
        first, other = here.stations
        for station in here.stations:
            await charge(station)
        await here.until(lambda: len(here.flowing()) == 2 and here.currents()[0] > 38.0, "both share")
        wish = {"transactionId": first.evse().transaction.id, "activated": True}
        await first.call("NotifyPriorityCharging", wish)
        await here.until(lambda: first.machine.current(first.evse()) > 30.0, "it goes first")
        assert other.evse().power > 0
        await first.call("NotifyPriorityCharging", wish | {"activated": False})
        await here.until(lambda: first.machine.current(first.evse()) < 21.0, "they share again")
    assert max(here.worst) <= 40.0 + 1e-6


async def test_a_lower_limit_of_a_circuit_takes_back_what_was_promised(installation):
    async with street(installation, VERSIONS, current=60.0) as here, control(installation):
        await here.ready()
        for station in here.stations:
            await charge(station)
        await here.until(lambda: min(here.currents()) > 50.0, "all charge")
        path = f"/api/v1/sites/{installation.site_id}/circuits/{here.circuit_id}"
        answer = await installation.http.patch(path, json={"current": 24.0})
        assert answer.status_code == 200, answer.text
        await here.until(lambda: max(here.currents()) <= 24.0, "they give")
        await here.until(lambda: len(here.flowing()) == 3, "all still charge")


async def test_a_station_that_accepts_and_does_not_obey_is_found_and_counted_at_its_rating(installation):
    async with street(installation, VERSIONS, current=64.0) as here, control(installation):
        await here.ready()
        bad, good, other = here.stations
        for station in here.stations:
            await charge(station)
        await here.until(lambda: len(here.flowing()) == 3, "all charge")
        bad.machine.obeys = False

        async def found_out():
            shown = await installation.get(f"/sites/{installation.site_id}/energy")
            by_name = {each["name"]: each for each in shown["now"]["evses"]}
            return by_name["CP-1 / 1"]["because"] == "not_trusted"

        await here.until(found_out, "it is found out")
        await here.until(lambda: max(here.currents()) <= 64.0, "the others give way")
        assert good.machine.current(good.evse()) + other.machine.current(
            other.evse()
        ) <= 64.0 - 31.0 + Amperes(1.0)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_station_that_refuses_its_fallback_is_never_raised(installation, version):
    async with street(installation, [version], current=32.0) as here, control(installation):
        station = here.stations[0]
        station.answers["SetChargingProfile"] = "Rejected"
        await charge(station)

        async def not_trusted():
            shown = await installation.get(f"/sites/{installation.site_id}/energy")
            return shown["now"] and shown["now"]["evses"][0]["because"] == "not_trusted"

        await here.until(not_trusted, "it is not believed")
