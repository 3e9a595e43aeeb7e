"""OCPP 1.6 with the security extension: passwords, certificates, logs, signed firmware, TLS, subprotocols."""

from datetime import UTC, datetime, timedelta

import pytest

from gridlane.simulator.certificates import hash_data
from gridlane.simulator.virtual_station import VirtualStation


def soon(**delta):
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


def root(lab):
    lab.certificate("CP-1")  # makes the authority
    return (lab.installation.settings.data_dir / "tls/stations/authority.pem").read_text()


@pytest.mark.parametrize(
    ("log", "action"),
    [
        pytest.param("DiagnosticsLog", "GetDiagnostics", id="tc16_045_1"),
        pytest.param("SecurityLog", "GetLog", id="tc16_079"),
    ],
)
async def test_tc16_045_1_079_a_log_really_arrives(lab, v16, log, action):
    async with lab.station(v16) as station:
        asked = await lab.installation.post(f"/stations/{lab.id}/logs", {"log": log})
        ended = await lab.installation.operation(asked, patience=20)
        assert (ended["status"], ended["evidence"]) == ("verified", "log uploaded")
        assert len(station.received(action)) == 1
        (kept,) = (await lab.installation.get(f"/stations/{lab.id}/logs"))["items"]
        file = await lab.installation.http.get(f"/api/v1/logs/{kept['id']}")
        assert b"BootNotification" in file.content


async def test_tc16_073_a_new_password_holds_and_the_old_one_no_longer(lab, v16):
    async with lab.station(v16) as station:
        old = station.link.password
        await lab.ask("set_password")
        (asked,) = station.received("ChangeConfiguration")
        assert asked["key"] == "AuthorizationKey"
        await station.until(
            lambda: station.link.password != old and station.link.connected.is_set(), "to return"
        )
        await lab.seen("SELECT 1 FROM stations WHERE jsonb_array_length(verifiers) = 1")
        assert (
            await lab.installation.sql("SELECT 1 FROM operations WHERE params LIKE %s", f"%{asked['value']}%")
            == []
        )


async def test_tc16_074_a_station_asked_for_it_gets_a_new_certificate(lab, v16):
    async with lab.station(v16) as station:
        ended = await lab.ask("trigger", message="SignChargePointCertificate")
        assert "came" in ended["evidence"]
        await station.until(lambda: getattr(station.machine, "certificate_chain", None), "to have it")
        (chain,) = await lab.seen("SELECT chain FROM issued_certificates WHERE status = 'accepted'")
        assert station.machine.certificate_chain == chain
        assert len(station.received("CertificateSigned")) == 1


USES = [
    pytest.param("ManufacturerRootCertificate", "ManufacturerRootCertificate", id="tc16_075_1"),
    pytest.param("CSMSRootCertificate", "CentralSystemRootCertificate", id="tc16_075_2"),
]


@pytest.mark.parametrize(("use", "word"), USES)
async def test_tc16_075_1_075_2_a_root_is_installed_and_listed(lab, v16, use, word):
    async with lab.station(v16) as station:
        await lab.ask("install_certificate", use=use, certificate=root(lab))
        assert station.machine.certificates == [(word, hash_data(root(lab)))]
        await lab.ask("get_installed_certificates", uses=[use])
        shown = await lab.installation.get(f"/stations/{lab.id}/installed-certificates")
        assert [one["serial_number"] for one in shown["items"]] == [hash_data(root(lab))["serialNumber"]]


async def test_tc16_076_a_certificate_is_deleted(lab, v16):
    async with lab.station(v16) as station:
        await lab.ask("install_certificate", use="CSMSRootCertificate", certificate=root(lab))
        await lab.ask("delete_certificate", hash_data=hash_data(root(lab)))
        assert station.machine.certificates == []
        assert await lab.installation.sql("SELECT 1 FROM installed_certificates") == []


async def test_tc16_077_a_certificate_for_another_key_is_refused_and_told(lab, v16):
    async with lab.station(v16) as station:
        chain, _key = lab.certificate("CP-1")
        await lab.ask("certificate_signed", "refused", chain=chain)
        await lab.seen("SELECT 1 FROM security_events WHERE kind = 'InvalidChargePointCertificate'")
        await station.until(lambda: station.acknowledged("SecurityEventNotification"), "to be heard")


async def test_tc16_078_a_root_that_is_none_is_refused_and_told(lab, v16):
    async with lab.station(v16) as station:
        wish = {"use": "CSMSRootCertificate", "certificate": "no certificate"}
        await lab.ask("install_certificate", "refused", **wish)
        await lab.seen("SELECT 1 FROM security_events WHERE kind = 'InvalidCentralSystemCertificate'")
        assert await lab.installation.sql("SELECT 1 FROM installed_certificates") == []
        await station.until(lambda: station.acknowledged("SecurityEventNotification"), "to be heard")


@pytest.mark.parametrize(
    ("signature", "last"),
    [
        pytest.param("c2lnbmVk", "Installed", id="tc16_080"),
        pytest.param("INVALID", "InvalidSignature", id="tc16_081"),
    ],
)
async def test_tc16_080_081_signed_firmware_is_installed_or_refused(lab, v16, signature, last):
    wish = {
        "location": "https://files.example/2.0",
        "retrieve": soon(seconds=-1),
        "certificate": "-----BEGIN CERTIFICATE-----",
        "signature": signature,
    }
    async with lab.station(v16, speed=5.0, meter_interval=60) as station:
        await lab.ask("update_firmware", "verified" if last == "Installed" else "unverified", **wish)
        assert len(station.received("SignedUpdateFirmware")) == 1
        await lab.seen("SELECT 1 FROM firmware_reports WHERE status = %s", last)
        if last == "Installed":
            await lab.seen("SELECT 1 FROM stations WHERE firmware = '2.0'", patience=20)
        else:
            await lab.seen("SELECT 1 FROM security_events WHERE kind = 'InvalidFirmwareSignature'")
            await lab.seen("SELECT 1 FROM stations WHERE firmware = '1.0.0'")


async def test_tc16_083_a_station_moves_up_to_tls_and_never_back(lab, v16):
    async with lab.station(v16) as station, lab.tls_port() as url:
        plain = station.link.url
        await lab.ask("set_variables", variables=[{"variable": "SecurityProfile", "value": "2"}])
        await lab.seen("SELECT 1 FROM stations WHERE security_profile = 1 AND next_security_profile = 2")
        station.link.tls, station.machine.central_url = lab.trust(), url
        await lab.ask("reset", immediate=True)
        await lab.seen("SELECT 1 FROM stations WHERE security_profile = 2 AND connected AND secure")
        assert station.link.url.startswith("wss://")
        await lab.installation.until(lambda: not lab.installation.keeper.directory.get("CP-1").allows(1), 20)
        station.machine.central_url, station.link.url = None, plain
        await station.hang_up()
        await station.until(lambda: 401 in station.link.refusals, "to be refused by the old profile")


@pytest.mark.parametrize("password", [None, "0" * 40], ids=["right", "wrong"])
async def test_tc16_085_the_right_password_lets_in_and_no_other(lab, v16, password):
    made = await lab.installation.register("CP-1")
    url = lab.installation.station_url
    async with VirtualStation(url, "CP-1", v16, password=password or made["password"]) as station:
        if password is None:
            await station.boot()
            await lab.seen("SELECT 1 FROM stations WHERE connected AND protocol = 'ocpp1.6'")
        else:
            await lab.turned_away("CP-1", "password_wrong")
            assert station.link.refusals[0] == 401


@pytest.mark.parametrize("profile", [pytest.param(2, id="tc16_086"), pytest.param(3, id="tc16_087")])
async def test_tc16_086_087_a_station_comes_by_tls_with_a_password_or_a_certificate(lab, v16, profile):
    made = await lab.installation.register("CP-1", security_profile=profile)
    async with lab.tls_port() as url:
        shown = lab.trust(*(lab.certificate("CP-1") if profile == 3 else ()))
        async with VirtualStation(url, "CP-1", v16, password=made["password"], tls=shown) as station:
            await station.boot()
            assert await lab.seen("SELECT secure, security_profile FROM stations WHERE connected") == (
                True,
                profile,
            )


@pytest.mark.parametrize("offered", [["ocpp1.6"], ["ocpp0.9"]], ids=["known", "unknown"])
async def test_tc16_088_a_station_gets_the_version_it_offers_or_is_sent_away(lab, v16, offered):
    made = await lab.installation.register("CP-1")
    url = lab.installation.station_url
    async with VirtualStation(url, "CP-1", v16, password=made["password"], subprotocols=offered) as station:
        if offered == ["ocpp1.6"]:
            await station.boot()
            await lab.seen("SELECT 1 FROM stations WHERE connected AND protocol = 'ocpp1.6'")
        else:
            await lab.turned_away("CP-1", "no_common_version")
            assert (station.machine.accepted, station.link.refusals) == (False, [])
