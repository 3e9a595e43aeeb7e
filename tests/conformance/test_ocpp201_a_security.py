"""OCPP 2.0.1, block A: who a station proves to be, and how that changes."""

import pytest

from gridlane.simulator.virtual_station import VirtualStation


async def test_tc_a_01_the_right_password_lets_in(lab, v201):
    async with lab.station(v201) as station:
        assert station.machine.accepted
        await lab.seen("SELECT 1 FROM stations WHERE connected AND protocol = 'ocpp2.0.1'")


@pytest.mark.parametrize("case", ["tc_a_02", "tc_a_03"])
async def test_tc_a_02_a_03_a_wrong_name_or_password_is_refused_and_told_the_operator(
    installation, v201, case
):
    made = await installation.register("CP-1")
    identity, password = ("CP-2", made["password"]) if case == "tc_a_02" else ("CP-1", "0" * 40)
    async with VirtualStation(installation.station_url, identity, v201, password=password) as station:
        if case == "tc_a_02":
            station.link.url = station.link.url.replace("CP-2", "CP-1")
        await station.until(lambda: station.link.refusals, "to be refused")
        assert station.link.refusals[0] == 401

    async def told():
        return (await installation.get("/handshakes"))["items"]

    (failure, *_more) = await installation.until(told)
    assert failure["identity"] == "CP-1"
    assert await installation.sql("SELECT 1 FROM stations WHERE connected") == []


async def test_tc_a_09_a_new_password_holds_and_the_old_one_no_longer(lab, v201):
    async with lab.station(v201) as station:
        old = station.link.password
        await lab.ask("set_password")
        await station.until(
            lambda: station.link.password != old and station.link.connected.is_set(), "to return"
        )
        await lab.seen("SELECT 1 FROM stations WHERE jsonb_array_length(verifiers) = 1")
        (params,) = await lab.seen("SELECT params FROM operations")
        assert station.machine.password not in params


async def test_tc_a_10_a_rejected_password_changes_nothing(lab, v201):
    async with lab.station(v201) as station:
        station.answers["SetVariables"] = lambda payload: {
            "setVariableResult": [
                {"attributeStatus": "Rejected", "component": one["component"], "variable": one["variable"]}
                for one in payload["setVariableData"]
            ]
        }
        await lab.ask("set_password", "refused")
        await lab.seen("SELECT 1 FROM stations WHERE jsonb_array_length(verifiers) = 1")
        await station.hang_up()
        await station.until(station.link.connected.is_set, "to come in with the old one")
