"""Stories of what stations tell beyond charging: over real sockets, seen by the API."""

import pytest

from gridlane.ocpp.version import Version

TWO = [Version.V201, Version.V21]


@pytest.mark.parametrize("version", TWO)
async def test_a_full_inventory_is_read_part_by_part_and_seen_by_api(installation, version):
    async with await installation.station("CP-1", version) as station:
        await station.boot()
        asked = await installation.command(station.id, "get_report", base="FullInventory")
        assert (await installation.operation(asked))["status"] == "verified"
        told = len(station.machine.model.variables)
        found = await installation.get(f"/stations/{station.id}/variables", limit=500)
        assert len(found["items"]) == told
        searched = await installation.get(f"/stations/{station.id}/variables", search="HeartbeatInterval")
        assert searched["items"][0]["value"] == "300"


async def test_configuration_keys_of_an_old_station_are_read_and_seen(installation):
    async with await installation.station("CP-1", Version.V16) as station:
        await station.boot()
        asked = await installation.command(station.id, "get_variables")
        assert (await installation.operation(asked))["status"] == "verified"
        found = await installation.get(f"/stations/{station.id}/variables", search="MeterValueSampleInterval")
        assert [one["component"] for one in found["items"]] == [""]


@pytest.mark.parametrize("version", [Version.V16, *TWO])
async def test_a_firmware_update_is_followed_to_its_end(installation, version):
    async with await installation.station("CP-1", version, speed=20.0) as station:
        await station.boot()
        wish = {"location": "http://firmware.example/2.0.1", "retrieve": "2026-01-01T00:00:00Z"}
        asked = await installation.command(station.id, "update_firmware", **wish)
        assert (await installation.operation(asked, patience=30))["status"] == "verified"
        steps = await installation.get(f"/stations/{station.id}/firmware")
        assert steps["items"][0]["status"] == "Installed"
        shown = await installation.get(f"/stations/{station.id}")
        assert shown["firmware_status"] == "Installed"
