"""OCPP 2.0.1, block M: certificates installed in a station, listed, and deleted."""

import pytest

from gridlane.simulator.certificates import hash_data


def root(lab):
    lab.certificate("CP-1")  # makes the authority
    return (lab.installation.settings.data_dir / "tls/stations/authority.pem").read_text()


async def stored(lab):
    """What is known to be installed: (use, serial number)."""
    return await lab.installation.sql("SELECT use, serial_number FROM installed_certificates ORDER BY use")


BOTH = [
    pytest.param("CSMSRootCertificate", id="tc_m_01"),
    pytest.param("ManufacturerRootCertificate", id="tc_m_02"),
]


@pytest.mark.parametrize("use", BOTH)
async def test_tc_m_01_m_02_a_root_is_installed(lab, v201, use):
    async with lab.station(v201) as station:
        await lab.ask("install_certificate", use=use, certificate=root(lab))
        assert station.received("InstallCertificate")[0]["certificateType"] == use
        serial = hash_data(root(lab))["serialNumber"]
        assert await stored(lab) == [(use, serial)]
        assert station.machine.certificates == [(use, hash_data(root(lab)))]


async def test_tc_m_05_a_root_that_cannot_be_installed_is_not_stored(lab, v201):
    async with lab.station(v201) as station:
        station.answers["InstallCertificate"] = "Failed"
        wish = {"use": "CSMSRootCertificate", "certificate": root(lab)}
        ended = await lab.ask("install_certificate", "refused", **wish)
        assert (ended["evidence"], await stored(lab)) == ("Failed", [])
        assert len(station.received("InstallCertificate")) == 1


TWO = ("CSMSRootCertificate", "ManufacturerRootCertificate")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param(["ManufacturerRootCertificate"], TWO[1:], id="tc_m_13"),
        pytest.param([], TWO, id="tc_m_18"),
        pytest.param(["V2GRootCertificate"], (), id="tc_m_19"),
    ],
)
async def test_tc_m_13_m_18_m_19_what_is_installed_is_listed_as_the_station_tells(lab, v201, asked, told):
    async with lab.station(v201) as station:
        station.machine.certificates = [(use, hash_data(root(lab))) for use in TWO]
        ended = await lab.ask("get_installed_certificates", "verified" if told else "refused", uses=asked)
        assert ("NotFound" in (ended["evidence"] or "")) == (not told)
        assert station.received("GetInstalledCertificateIds")[0].get("certificateType", []) == asked
        assert [use for use, _serial in await stored(lab)] == list(told)
        shown = await lab.installation.get(f"/stations/{lab.id}/installed-certificates")
        assert [one["use"] for one in shown["items"]] == list(told)


async def test_tc_m_20_a_certificate_is_deleted(lab, v201):
    async with lab.station(v201) as station:
        await lab.ask("install_certificate", use=TWO[0], certificate=root(lab))
        hashed = hash_data(root(lab))
        await lab.ask("delete_certificate", hash_data=hashed)
        assert station.received("DeleteCertificate")[0]["certificateHashData"] == hashed
        assert (await stored(lab), station.machine.certificates) == ([], [])
        await lab.ask("get_installed_certificates", "refused")


async def test_tc_m_21_a_certificate_that_cannot_be_deleted_stays(lab, v201):
    async with lab.station(v201) as station:
        await lab.ask("install_certificate", use=TWO[0], certificate=root(lab))
        station.answers["DeleteCertificate"] = "Failed"
        ended = await lab.ask("delete_certificate", "refused", hash_data=hash_data(root(lab)))
        assert (ended["evidence"], len(await stored(lab))) == ("Failed", 1)
        await lab.ask("get_installed_certificates")
        assert len(await stored(lab)) == 1
