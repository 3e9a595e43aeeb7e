"""OCPP 2.0.1, block L: signed firmware, installed, refused, failed, by appointment, cancelled."""

from datetime import UTC, datetime, timedelta

import pytest

GOOD = "https://files.example/2.0"


def soon(**delta):
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


def signed(location=GOOD, **more):
    return {
        "location": location,
        "retrieve": soon(seconds=-1),
        "certificate": "-----BEGIN CERTIFICATE-----",
        "signature": "c2lnbmVk",
        **more,
    }


async def steps(lab):
    """The stored steps, oldest first."""
    return [row[0] for row in await lab.installation.sql("SELECT status FROM firmware_reports ORDER BY id")]


WHOLE = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting", "Installed"]


async def installed(lab, station, operation, version="2.0"):
    ended = await lab.installation.operation(operation, patience=30)
    assert (ended["status"], ended["evidence"]) == ("verified", "firmware installed")
    await lab.seen("SELECT 1 FROM stations WHERE firmware = %s", version, patience=30)
    assert station.acknowledged("BootNotification")[-1]["reason"] == "FirmwareUpdate"


async def test_tc_l_01_signed_firmware_is_installed(lab, v201):
    async with lab.station(v201, speed=5.0, meter_interval=60) as station:
        await installed(lab, station, await lab.installation.command(lab.id, "update_firmware", **signed()))
        (asked,) = station.received("UpdateFirmware")
        assert (asked["firmware"]["signature"], "signingCertificate" in asked["firmware"]) == (
            "c2lnbmVk",
            True,
        )
        assert await steps(lab) == WHOLE


@pytest.mark.parametrize(
    ("when", "step"),
    [
        pytest.param({"install": 20}, "InstallScheduled", id="tc_l_02"),
        pytest.param({"retrieve": 20}, "DownloadScheduled", id="tc_l_03"),
    ],
)
async def test_tc_l_02_l_03_firmware_by_appointment(lab, v201, when, step):
    async with lab.station(v201, speed=10.0, meter_interval=60) as station:
        wish = signed(**{name: soon(seconds=seconds) for name, seconds in when.items()})
        await installed(lab, station, await lab.installation.command(lab.id, "update_firmware", **wish))
        told = await steps(lab)
        assert step in told
        assert [one for one in told if one != step] == WHOLE


@pytest.mark.parametrize(
    ("certificate", "status"),
    [
        pytest.param("REVOKED", "RevokedCertificate", id="tc_l_04"),
        pytest.param("INVALID", "InvalidCertificate", id="tc_l_05"),
    ],
)
async def test_tc_l_04_l_05_firmware_whose_certificate_is_no_good(lab, v201, certificate, status):
    async with lab.station(v201) as station:
        ended = await lab.ask("update_firmware", "refused", **signed(certificate=certificate))
        assert ended["evidence"] == status
        await lab.seen("SELECT 1 FROM security_events WHERE kind = 'InvalidFirmwareSigningCertificate'")
        assert (await steps(lab), station.machine.firmware_version) == ([], "1.0.0")


FAILURES = [
    pytest.param(signed(signature="INVALID"), "InvalidSignature", id="tc_l_06"),
    pytest.param(signed("https://files.example/fail-download"), "DownloadFailed", id="tc_l_07"),
    pytest.param(
        signed("https://files.example/fail-verification"), "InstallVerificationFailed", id="tc_l_08"
    ),
    pytest.param(signed("https://files.example/fail-install"), "InstallationFailed", id="tc_l_09"),
]


@pytest.mark.parametrize(("wish", "last"), FAILURES)
async def test_tc_l_06_l_07_l_08_l_09_firmware_that_fails_on_its_way(lab, v201, wish, last):
    async with lab.station(v201, speed=5.0, meter_interval=60) as station:
        ended = await lab.ask("update_firmware", "unverified", **wish)
        assert ended["evidence"] == f"firmware status {last}"
        assert (await steps(lab))[-1] == last
        assert await lab.seen("SELECT firmware_status, firmware FROM stations") == (last, "1.0.0")
        failed = (
            "SELECT 1 FROM facts WHERE kind = 'firmware_status_reported' AND fact::jsonb->'failed' = 'true'"
        )
        await lab.seen(failed)
        if last == "InvalidSignature":
            await lab.seen("SELECT 1 FROM security_events WHERE kind = 'InvalidFirmwareSignature'")
        assert len(station.acknowledged("BootNotification")) == 1


async def test_tc_l_10_a_newer_update_takes_the_place_of_one_under_way(lab, v201):
    async with lab.station(v201, speed=5.0, meter_interval=60) as station:
        first = await lab.agreed("update_firmware", **signed(retrieve=soon(minutes=10)))
        await station.until(lambda: station.sent("FirmwareStatusNotification"), "to have begun")
        second = await lab.agreed("update_firmware", **signed("https://files.example/3.0"))
        ended = await lab.installation.operation(first)
        assert (ended["status"], ended["evidence"]) == ("unverified", "a newer one took its place")
        await installed(lab, station, second, "3.0")
        assert "AcceptedCanceled" in (await lab.installation.operation(second))["answer"]


async def test_tc_l_11_an_update_that_is_being_installed_cannot_be_replaced(lab, v201):
    async with lab.station(v201, speed=2.0, meter_interval=60) as station:
        first = await lab.agreed("update_firmware", **signed())
        installing = {"status": "Installing"}
        await station.until(
            lambda: any(
                installing.items() <= one.items() for one in station.sent("FirmwareStatusNotification")
            )
        )
        ended = await lab.ask("update_firmware", "refused", **signed("https://files.example/3.0"))
        assert ended["evidence"] == "Rejected"
        await installed(lab, station, first)


async def test_tc_l_13_firmware_waits_for_the_transaction_and_lets_no_other_begin(lab, v201):
    async with lab.station(v201, evses=2, speed=3.0, meter_interval=60) as station:
        transaction = await lab.charge(station)
        operation = await lab.agreed("update_firmware", **signed())
        await lab.connector("unavailable", 2)
        await station.until(lambda: station.machine.firmware_status == "InstallScheduled", "to wait")
        assert station.evse().power > 0
        await station.tap(lab.card)
        await station.until(lambda: station.evse().transaction is None, "to stop")
        await station.unplug()
        await installed(lab, station, operation)
        assert (await lab.session())[0] == transaction.id
        for evse in (1, 2):
            await lab.connector("available", evse)
