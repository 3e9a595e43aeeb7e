"""OCPP 2.0.1, block A: who a station proves to be, and how that changes."""

import ssl
from datetime import UTC, datetime

import pytest

from gridlane.simulator.virtual_station import VirtualStation
from gridlane.stations.development_authority import new_authority


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


# --- transport layer security ------------------------------------------------------------------------------------


async def test_tc_a_04_a_station_that_trusts_our_certificate_comes_by_tls(lab, v201):
    made = await lab.installation.register("CP-1", security_profile=2)
    async with (
        lab.tls_port() as url,
        VirtualStation(url, "CP-1", v201, password=made["password"], tls=lab.trust()) as station,
    ):
        await station.boot()
        assert await lab.seen("SELECT secure, security_profile FROM stations WHERE connected") == (True, 2)
        assert station.machine.accepted


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_tc_a_06_tls_that_is_too_old_is_refused_and_told(lab, v201):
    made = await lab.installation.register("CP-1", security_profile=2)
    async with lab.tls_port() as url:
        old = lab.trust()
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        async with VirtualStation(url, "CP-1", v201, password=made["password"], tls=old) as station:
            await lab.turned_away("", "tls_too_old")
            assert not station.machine.booted


async def test_tc_a_07_a_certificate_of_ours_lets_a_station_in_without_a_password(lab, v201):
    await lab.installation.register("CP-1", security_profile=3)
    async with (
        lab.tls_port() as url,
        VirtualStation(url, "CP-1", v201, tls=lab.trust(*lab.certificate("CP-1"))) as station,
    ):
        await station.boot()
        assert await lab.seen("SELECT secure, security_profile FROM stations WHERE connected") == (True, 3)


@pytest.mark.parametrize(
    ("whose", "reason"),
    [
        pytest.param("another station", "client_certificate_of_another_station", id="tc_a_08"),
        pytest.param("another authority", "client_certificate_untrusted", id="untrusted"),
        pytest.param("nobody", "client_certificate_missing", id="none"),
    ],
)
async def test_tc_a_08_a_certificate_that_proves_nothing_is_refused_and_told(lab, v201, whose, reason):
    await lab.installation.register("CP-1", security_profile=3)
    certificates = {
        "another station": lambda: lab.certificate("CP-2"),
        "another authority": lambda: lab.certificate(
            "CP-1", authority=new_authority("Somebody else", datetime.now(UTC))
        ),
        "nobody": lambda: (None, None),
    }
    async with lab.tls_port() as url:
        shown = lab.trust(*certificates[whose]())
        async with VirtualStation(url, "CP-1", v201, tls=shown) as station:
            await lab.turned_away("" if whose == "another authority" else "CP-1", reason)
            assert not station.machine.booted


# --- certificates and profiles -----------------------------------------------------------------------------------


async def test_tc_a_11_a_station_asked_for_it_gets_a_new_certificate_and_comes_by_it(lab, v201):
    async with lab.station(v201) as station:
        ended = await lab.ask("trigger", message="SignChargingStationCertificate")
        assert "came" in ended["evidence"]
        await station.until(lambda: station.machine.certificate_chain, "to have its certificate")
        kind, subject = await lab.seen(
            "SELECT kind, subject FROM issued_certificates WHERE status = 'accepted'"
        )
        assert (kind, station.machine.spec.serial in subject) == ("ChargingStationCertificate", True)
        machine = station.machine
        await lab.installation.sql(
            "UPDATE stations SET security_profile = 3, serial = 'V-1', changed_at = now()"
        )
        async with lab.tls_port() as url:
            shown = lab.trust(machine.certificate_chain, machine.key)
            async with VirtualStation(url, "CP-1", v201, tls=shown) as again:
                await again.boot()
                await lab.seen("SELECT 1 FROM stations WHERE connected AND secure")


async def test_tc_a_14_a_certificate_for_another_key_is_refused_by_the_station(lab, v201):
    async with lab.station(v201) as station:
        chain, _key = lab.certificate("CP-1")
        ended = await lab.ask("certificate_signed", "refused", chain=chain)
        assert ended["evidence"] == "Rejected"
        await lab.seen("SELECT 1 FROM security_events WHERE kind = 'InvalidChargingStationCertificate'")
        assert station.machine.certificate_chain is None


async def test_tc_a_19_a_station_moves_up_to_tls_and_never_back(lab, v201):
    async with lab.station(v201, tls=None) as station, lab.tls_port() as url:
        plain = station.link.url
        station.link.tls = lab.trust()
        data = {
            "ocppVersion": "OCPP20",
            "ocppTransport": "JSON",
            "ocppCsmsUrl": url,
            "messageTimeout": 30,
            "securityProfile": 2,
            "ocppInterface": "Wired0",
        }
        await lab.ask("set_network_profile", slot=1, data=data)
        await lab.seen("SELECT 1 FROM stations WHERE security_profile = 1 AND next_security_profile = 2")
        await lab.set(OCPPCommCtrlr__NetworkConfigurationPriority="1")
        await lab.ask("reset")
        assert station.link.url.startswith("wss://")
        assert await lab.seen(
            "SELECT secure, next_security_profile FROM stations WHERE security_profile = 2 AND connected"
        ) == (True, None)
        facts = "SELECT 1 FROM facts WHERE kind = 'security_profile_raised' AND fact LIKE '%%2%%'"
        await lab.seen(facts)
        await lab.installation.until(lambda: not lab.installation.keeper.directory.get("CP-1").allows(1), 20)
        station.machine.central_url = None
        station.link.url = plain
        await station.hang_up()
        await station.until(lambda: 401 in station.link.refusals, "to be refused by the old profile")
