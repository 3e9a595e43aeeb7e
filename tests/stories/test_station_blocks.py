"""Stories of what stations tell beyond charging: over real sockets, seen by the API."""

import json

import pytest

from gridlane.ocpp.version import Version
from installation import running

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
    async with await installation.station("CP-1", version, speed=4.0) as station:
        await station.boot()
        wish = {"location": "http://firmware.example/2.0.1", "retrieve": "2026-01-01T00:00:00Z"}
        asked = await installation.command(station.id, "update_firmware", **wish)
        assert (await installation.operation(asked, patience=30))["status"] == "verified"
        steps = await installation.get(f"/stations/{station.id}/firmware")
        assert steps["items"][0]["status"] == "Installed"
        shown = await installation.get(f"/stations/{station.id}")
        assert shown["firmware_status"] == "Installed"


@pytest.mark.parametrize("version", [Version.V16, *TWO])
async def test_a_log_that_was_asked_for_really_arrives_and_its_address_takes_no_second_file(
    installation, version
):
    async with await installation.station("CP-1", version, speed=4.0) as station:
        await station.boot()
        asked = await installation.post(f"/stations/{station.id}/logs", {"log": "DiagnosticsLog"})
        assert (await installation.operation(asked, patience=30))["status"] == "verified"
        (log,) = (await installation.get(f"/stations/{station.id}/logs"))["items"]
        assert log["status"] == "Uploaded"
        file = await installation.http.get(f"/api/v1/logs/{log['id']}")
        assert file.status_code == 200
        assert len(file.content) == log["size"] > 0
        assert file.headers["content-type"] == "application/octet-stream"
        location = json.loads(asked["params"])["location"]
        assert (await installation.http.put(location, content=b"again")).status_code == 404


async def test_a_file_may_come_as_a_form_and_only_to_an_address_that_waits(installation):
    station = await installation.register("CP-1")
    asked = await installation.post(f"/stations/{station['id']}/logs", {})
    location = json.loads(asked["params"])["location"]
    stranger = await installation.http.put(location[:-4] + "AAAA", content=b"x")
    assert (stranger.status_code, stranger.json()["code"]) == (404, "upload_unknown")
    sent = await installation.http.post(location, files={"file": ("diag.tar.gz", b"\x00\x01bytes")})
    assert sent.status_code == 201
    file = await installation.http.get(f"/api/v1/logs/{asked['id']}")
    assert file.content == b"\x00\x01bytes"
    assert file.headers["content-disposition"].endswith('.tar.gz"')


async def test_a_file_beyond_the_limit_leaves_nothing_behind_and_the_station_may_try_again(
    database_url, tmp_path
):
    async with running(database_url, tmp_path, upload_bytes=1000) as installation:
        station = await installation.register("CP-1")
        asked = await installation.post(f"/stations/{station['id']}/logs", {})
        location = json.loads(asked["params"])["location"]
        for body in ({"content": b"x" * 2000}, {"files": {"file": ("a.log", b"x" * 20_000)}}):
            refused = await installation.http.post(location, **body)
            assert (refused.status_code, refused.json()["code"]) == (422, "upload_too_large")
        assert not any((tmp_path / "uploads").glob("*"))
        assert (await installation.http.put(location, content=b"x" * 1000)).status_code == 201
        assert oct(next((tmp_path / "uploads").iterdir()).stat().st_mode)[-3:] == "600"


@pytest.mark.parametrize("version", TWO)
async def test_what_a_station_holds_is_seen_by_api(installation, version):
    async with await installation.station("CP-1", version) as station:
        await station.boot()
        profile = {
            "id": 3,
            "stack_level": 0,
            "purpose": "TxDefaultProfile",
            "periods": [{"start": 0, "limit": 10}],
        }
        message = {"id": 1, "priority": "NormalCycle", "message": {"format": "UTF8", "content": "Hello"}}
        token = {"value": "04AABBCCDD", "kind": "ISO14443"}
        for kind, wish in (
            ("set_charging_profile", {"evse": 1, "profile": profile}),
            ("get_charging_profiles", {}),
            ("set_display_message", {"message": message}),
            ("get_display_messages", {}),
            ("get_composite_schedule", {"evse": 1, "duration": 600}),
            ("reserve", {"reservation_id": 8, "token": token, "expires": "2099-01-01T00:00:00Z", "evse": 1}),
            ("get_local_list_version", {}),
        ):
            asked = await installation.command(station.id, kind, **wish)
            assert (await installation.operation(asked))["status"] == "verified", kind
        for path, field, value in (
            ("profiles", "profile_id", 3),
            ("displays", "content", "Hello"),
            ("composite-schedules", "evse", 1),
            ("reservations", "status", "active"),
            ("local-list", "version", 0),
        ):
            (one,) = (await installation.get(f"/stations/{station.id}/{path}"))["items"]
            assert one[field] == value


@pytest.mark.parametrize("version", [Version.V16, *TWO])
async def test_a_station_asked_for_it_gets_its_certificate_and_lists_what_is_installed(installation, version):
    async with await installation.station("CP-1", version) as station:
        await station.boot()
        word = "SignChargingStationCertificate"
        asked = await installation.command(station.id, "trigger", message=word)
        assert (await installation.operation(asked))["status"] == "verified"
        await station.until(lambda: station.machine.certificate_chain, "to have its certificate")

        async def taken():
            issued = await installation.get(f"/stations/{station.id}/certificates")
            return [one["status"] for one in issued["items"]] == ["accepted"]

        await installation.until(taken)
        root = (installation.settings.data_dir / "tls/stations/authority.pem").read_text()
        wish = {"use": "CSMSRootCertificate", "certificate": root}
        installed = await installation.command(station.id, "install_certificate", **wish)
        assert (await installation.operation(installed))["status"] == "verified"
        listed = await installation.command(
            station.id, "get_installed_certificates", uses=["CSMSRootCertificate"]
        )
        assert (await installation.operation(listed))["status"] == "verified"
        found = await installation.get(f"/stations/{station.id}/installed-certificates")
        assert len(found["items"]) == 1
