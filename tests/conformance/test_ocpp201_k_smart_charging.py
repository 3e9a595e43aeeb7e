"""OCPP 2.0.1, block K: limits that are set, replaced, told, cleared, and kept by what charges."""

from datetime import UTC, datetime, timedelta

import pytest

from gridlane.kernel.quantities import WattHours
from gridlane.simulator.vehicle import Vehicle


def profile(amperes=10.0, purpose="TxDefaultProfile", number=5, **more):
    periods = [{"start": 0, "limit": amperes}]
    wanted = {"id": number, "stack_level": 0, "purpose": purpose, "kind": "Relative", "periods": periods}
    return wanted | more


def thirsty():
    return Vehicle(delay=0.0, wanted=WattHours(1e6), capacity=WattHours(1e6))


def watts(amperes):
    return amperes * 3 * 230


async def stored(lab):
    """The profiles that are known to be in the station: (EVSE, id, purpose, level, source)."""
    return await lab.installation.sql(
        "SELECT evse, profile_id, purpose, stack_level, source FROM station_profiles ORDER BY evse, profile_id"
    )


async def charges_at(lab, station, amperes, evse=1):
    """A thirsty vehicle takes just the limit, and the session shows it."""
    if station.evse(evse).transaction is None:
        await station.plug_in(evse, thirsty())
        await station.tap(lab.card, evse)
    await station.until(lambda: station.evse(evse).power == pytest.approx(watts(amperes)), "to obey")
    await lab.seen(
        "SELECT 1 FROM sessions WHERE status = 'active' AND power BETWEEN %s AND %s",
        watts(amperes) - 60,
        watts(amperes) + 60,
    )


# --- set ---------------------------------------------------------------------------------------------------------


async def test_tc_k_01_a_default_limit_of_an_evse(lab, v201):
    async with lab.station(v201, evses=2) as station:
        await lab.ask("set_charging_profile", evse=1, profile=profile(8.0))
        assert station.received("SetChargingProfile")[0]["evseId"] == 1
        assert await stored(lab) == [(1, 5, "TxDefaultProfile", 0, "CSO")]
        await charges_at(lab, station, 8.0)
        assert station.machine.limit_of(station.evse(2), datetime.now(UTC)) == 22_000


async def test_tc_k_03_a_maximum_of_the_station(lab, v201):
    async with lab.station(v201) as station:
        limit = profile(7.0, "ChargingStationMaxProfile", kind="Absolute", start="2026-01-01T00:00:00Z")
        await lab.ask("set_charging_profile", evse=0, profile=limit)
        (asked,) = station.received("SetChargingProfile")
        assert (asked["evseId"], "transactionId" in asked["chargingProfile"]) == (0, False)
        assert await stored(lab) == [(0, 5, "ChargingStationMaxProfile", 0, "CSO")]
        await charges_at(lab, station, 7.0)


async def test_tc_k_04_a_limit_is_replaced_by_one_of_its_number(lab, v201):
    async with lab.station(v201) as station:
        await lab.ask("set_charging_profile", evse=1, profile=profile(8.0))
        await lab.ask("set_charging_profile", evse=1, profile=profile(9.0, stack_level=1))
        assert await stored(lab) == [(1, 5, "TxDefaultProfile", 1, "CSO")]
        assert len(station.machine.profiles.installed) == 1
        await charges_at(lab, station, 9.0)


async def test_tc_k_10_a_default_limit_of_every_evse(lab, v201):
    async with lab.station(v201, evses=2) as station:
        await lab.ask("set_charging_profile", evse=0, profile=profile(10.0))
        assert await stored(lab) == [(0, 5, "TxDefaultProfile", 0, "CSO")]
        await charges_at(lab, station, 10.0, evse=2)


@pytest.mark.parametrize("answer", ["Rejected", "NotSupported"])
async def test_tc_k_15_a_station_without_smart_charging_says_so(lab, v201, answer):
    async with lab.station(v201) as station:
        if answer == "Rejected":
            await lab.set(SmartChargingCtrlr__Enabled="false")
            ended = await lab.ask("set_charging_profile", "refused", evse=1, profile=profile(8.0))
        else:
            station.machine.unknown = {"SetChargingProfile"}
            ended = await lab.ask("set_charging_profile", "failed", evse=1, profile=profile(8.0))
        assert answer in ended["evidence"]
        assert await stored(lab) == []
        await charges_at(lab, station, 11_000 / watts(1))


async def test_tc_k_19_a_limit_that_comes_back_every_day(lab, v201):
    async with lab.station(v201) as station:
        yesterday = (datetime.now(UTC) - timedelta(days=1, minutes=1)).isoformat()
        daily = profile(9.0, kind="Recurring", recurrency="Daily", start=yesterday, duration=3600)
        await lab.ask("set_charging_profile", evse=1, profile=daily)
        assert await lab.seen("SELECT kind, schedules->0->>'duration' FROM station_profiles") == (
            "Recurring",
            "3600",
        )
        assert station.received("SetChargingProfile")[0]["chargingProfile"]["recurrencyKind"] == "Daily"
        await charges_at(lab, station, 9.0)


async def test_tc_k_37_a_start_by_api_brings_its_limit(lab, v201):
    async with lab.station(v201) as station:
        await station.plug_in(vehicle=thirsty())
        wish = profile(9.0, "TxProfile")
        await lab.ask("start_charging", token=lab.token(), evse=1, profile=wish)
        (asked,) = station.received("RequestStartTransaction")
        assert "transactionId" not in asked["chargingProfile"]
        await charges_at(lab, station, 9.0)
        await lab.ask("get_charging_profiles", evse=1, criteria={"chargingProfilePurpose": "TxProfile"})
        assert await stored(lab) == [(1, 5, "TxProfile", 0, "CSO")]


async def test_tc_k_60_a_limit_of_the_running_transaction(lab, v201):
    async with lab.station(v201) as station:
        await charges_at(lab, station, 11_000 / watts(1))
        transaction = station.evse().transaction.id
        limit = profile(8.0, "TxProfile", transaction=transaction)
        await lab.ask("set_charging_profile", evse=1, profile=limit)
        assert await lab.seen("SELECT transaction FROM station_profiles") == (transaction,)
        await charges_at(lab, station, 8.0)
        other = profile(7.0, "TxProfile", number=6, transaction="another")
        ended = await lab.ask("set_charging_profile", "refused", evse=1, profile=other)
        assert "TxNotFound" in ended["evidence"]
        assert await stored(lab) == [(1, 5, "TxProfile", 0, "CSO")]


async def test_tc_k_70_several_limits_and_the_tightest_counts(lab, v201):
    async with lab.station(v201) as station:
        most = profile(9.0, "ChargingStationMaxProfile", 1, kind="Absolute", start="2026-01-01T00:00:00Z")
        await lab.ask("set_charging_profile", evse=0, profile=most)
        await lab.ask("set_charging_profile", evse=1, profile=profile(12.0, number=2))
        await lab.ask("set_charging_profile", evse=1, profile=profile(10.0, number=3, stack_level=1))
        assert [row[1] for row in await stored(lab)] == [1, 2, 3]
        await charges_at(lab, station, 9.0)
        await lab.ask("clear_charging_profile", profile_id=1)
        await charges_at(lab, station, 10.0)


# --- cleared -----------------------------------------------------------------------------------------------------

CRITERIA = {"purpose": "TxDefaultProfile", "stack_level": 0, "evse": 1}


@pytest.mark.parametrize(
    "which", [pytest.param({"profile_id": 5}, id="tc_k_05"), pytest.param(CRITERIA, id="tc_k_06")]
)
async def test_tc_k_05_k_06_a_limit_is_cleared_and_the_current_rises(lab, v201, which):
    async with lab.station(v201) as station:
        await lab.ask("set_charging_profile", evse=1, profile=profile(8.0))
        await lab.ask("set_charging_profile", evse=1, profile=profile(9.0, number=6, stack_level=1))
        await charges_at(lab, station, 9.0)
        await lab.ask("clear_charging_profile", profile_id=6)
        await charges_at(lab, station, 8.0)
        await lab.ask("clear_charging_profile", **which)
        assert await stored(lab) == []
        await charges_at(lab, station, 11_000 / watts(1))


async def test_tc_k_08_where_no_limit_is_there_is_none_to_clear(lab, v201):
    async with lab.station(v201) as station:
        ended = await lab.ask("clear_charging_profile", "refused", profile_id=5)
        assert ended["evidence"] == "Unknown"
        assert (await stored(lab), len(station.received("ClearChargingProfile"))) == ([], 1)


# --- told --------------------------------------------------------------------------------------------------------

ASKED = [
    pytest.param(0, {"chargingLimitSource": ["CSO"]}, {1}, id="tc_k_29"),
    pytest.param(1, {"chargingLimitSource": ["CSO"]}, {2, 3}, id="tc_k_30"),
    pytest.param(None, {"chargingLimitSource": ["CSO"]}, {1, 2, 3}, id="tc_k_31"),
    pytest.param(None, {"chargingProfileId": [3]}, {3}, id="tc_k_32"),
    pytest.param(1, {"stackLevel": 1}, {3}, id="tc_k_33"),
    pytest.param(1, {"chargingLimitSource": ["CSO", "EMS"]}, {2, 3}, id="tc_k_34"),
    pytest.param(1, {"chargingProfilePurpose": "TxDefaultProfile"}, {2, 3}, id="tc_k_35"),
    pytest.param(1, {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0}, {2}, id="tc_k_36"),
]


@pytest.mark.parametrize(("evse", "criteria", "numbers"), ASKED)
async def test_tc_k_29_k_30_k_31_k_32_k_33_k_34_k_35_k_36_profiles_are_told_and_stored(
    lab, v201, evse, criteria, numbers
):
    async with lab.station(v201, evses=2) as station:
        most = profile(9.0, "ChargingStationMaxProfile", 1, kind="Absolute", start="2026-01-01T00:00:00Z")
        await lab.ask("set_charging_profile", evse=0, profile=most)
        await lab.ask("set_charging_profile", evse=1, profile=profile(12.0, number=2))
        await lab.ask("set_charging_profile", evse=1, profile=profile(10.0, number=3, stack_level=1))
        await lab.installation.sql("DELETE FROM station_profiles")
        ended = await lab.ask("get_charging_profiles", evse=evse, criteria=criteria)
        assert ended["evidence"] == "last part came"
        assert station.received("GetChargingProfiles")[0].get("evseId") == evse
        assert {row[1] for row in await stored(lab)} == numbers
        shown = await lab.installation.get(f"/stations/{lab.id}/profiles")
        assert {one["profile_id"] for one in shown["items"]} == numbers
        assert {one["tbc"] for one in station.sent("ReportChargingProfiles")[-1:]} == {False}


@pytest.mark.parametrize("evse", [pytest.param(1, id="tc_k_43"), pytest.param(0, id="tc_k_44")])
async def test_tc_k_43_k_44_what_all_limits_make_together(lab, v201, evse):
    async with lab.station(v201) as station:
        await lab.ask("set_charging_profile", evse=1, profile=profile(12.0, number=2))
        most = profile(8.0, "ChargingStationMaxProfile", 1, kind="Absolute", start="2026-01-01T00:00:00Z")
        await lab.ask("set_charging_profile", evse=0, profile=most)
        await lab.ask("get_composite_schedule", evse=evse, duration=600, unit="A")
        assert station.received("GetCompositeSchedule")[0] == {
            "evseId": evse,
            "duration": 600,
            "chargingRateUnit": "A",
        }
        told = await lab.seen("SELECT schedule FROM composite_schedules WHERE evse = %s", evse)
        assert [one["limit"] for one in told[0]["periods"]] == [8.0]
        await charges_at(lab, station, 8.0)
