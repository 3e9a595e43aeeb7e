"""OCPP 2.0.1, block D and what follows from it: the local list a station holds, and whom it lets in by it."""

import pytest

from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.charging import local_lists
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.stations.local_list import digests


def entry(number, status="Accepted", group=None):
    info = {"status": status} | ({"groupIdToken": {"idToken": group, "type": "Central"}} if group else {})
    return {"idToken": {"idToken": number, "type": "ISO14443"}, "idTokenInfo": info}


def removed(number):
    return {"idToken": {"idToken": number, "type": "ISO14443"}}


async def held(lab, version, entries):
    """What is stored of the station's list, by digests alone."""
    await lab.seen("SELECT 1 FROM station_local_lists WHERE version = %s", version)
    (row,) = await lab.installation.sql("SELECT entries FROM station_local_lists")
    assert row[0] == digests(entries)


async def starts_unasked(lab, station, number):
    """The station lets a listed card in without asking, and we agree."""
    await station.plug_in()
    await station.tap(number)
    await station.until(lambda: station.evse().power > 0, "to charge")
    await lab.quiet(station)
    assert station.sent("Authorize") == []
    await lab.seen("SELECT 1 FROM sessions WHERE verdict = 'accepted' AND token_last4 = %s", number[-4:])


async def test_tc_d_01_a_full_list_is_taken_and_used(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(AuthCtrlr__LocalPreAuthorize="true")
        listed = [entry(lab.card), entry(lab.stranger, "Blocked")]
        await lab.ask("send_local_list", version=1, full=True, entries=listed)
        assert station.machine.local_list_version == 1
        await held(lab, 1, listed)
        await starts_unasked(lab, station, lab.card)


async def test_tc_d_02_a_differential_update_adds_and_changes(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(AuthCtrlr__LocalPreAuthorize="true")
        await lab.ask("send_local_list", version=1, full=True, entries=[entry(lab.card, "Blocked")])
        change = [entry(lab.card), entry(lab.friend)]
        await lab.ask("send_local_list", version=2, full=False, entries=change)
        assert station.received("SendLocalList")[1]["updateType"] == "Differential"
        await held(lab, 2, change)
        await starts_unasked(lab, station, lab.card)


async def test_tc_d_03_a_differential_update_removes(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(AuthCtrlr__LocalPreAuthorize="true")
        first = [entry(lab.card), entry(lab.friend)]
        await lab.ask("send_local_list", version=1, full=True, entries=first)
        await lab.ask("send_local_list", version=2, full=False, entries=[removed(lab.card)])
        assert "idTokenInfo" not in station.received("SendLocalList")[1]["localAuthorizationList"][0]
        await held(lab, 2, first[1:])
        await station.plug_in()
        await station.tap(lab.card)
        await station.until(lambda: station.evse().power > 0, "to charge")
        assert len(station.acknowledged("Authorize")) == 1  # it has to ask now


async def test_tc_d_04_an_empty_full_list_empties(lab, v201):
    async with lab.station(v201) as station:
        await lab.ask("send_local_list", version=1, full=True, entries=[entry(lab.card)])
        await lab.ask("send_local_list", version=2, full=True, entries=[])
        assert "localAuthorizationList" not in station.received("SendLocalList")[1]
        assert (station.machine.local_list, station.machine.local_list_version) == ({}, 2)
        await held(lab, 2, [])


@pytest.mark.parametrize("version", [pytest.param(3, id="tc_d_08"), pytest.param(0, id="tc_d_09")])
async def test_tc_d_08_d_09_the_version_of_the_list_or_that_there_is_none(lab, v201, version):
    async with lab.station(v201) as station:
        if version:
            await lab.ask("send_local_list", version=version, full=True, entries=[entry(lab.card)])
        ended = await lab.ask("get_local_list_version")
        assert f'"version":{version}' in ended["answer"]
        await held(lab, version, [entry(lab.card)] if version else [])
        shown = await lab.installation.get(f"/stations/{lab.id}/local-list")
        assert [one["version"] for one in shown["items"]] == [version]
        assert len(station.received("GetLocalListVersion")) == 1


async def test_tc_c_40_a_listed_card_of_the_same_group_stops(lab, v201):
    async with lab.station(v201) as station:
        await lab.installation.issue_token(lab.friend, group_id="FAMILY")
        await lab.set(AuthCtrlr__LocalPreAuthorize="true")
        listed = [entry(lab.card, group="FAMILY"), entry(lab.friend, group="FAMILY")]
        await lab.ask("send_local_list", version=1, full=True, entries=listed)
        await starts_unasked(lab, station, lab.card)
        await station.tap(lab.friend)
        await station.until(lambda: station.evse().transaction is None, "to stop")
        await lab.quiet(station)
        assert station.sent("Authorize") == []
        assert (await lab.session())[2] == "Local"
        stopped = await lab.seen("SELECT token_last4, stop_token_last4 FROM sessions")
        assert stopped == (lab.card[-4:], lab.friend[-4:])


async def test_tc_c_43_a_listed_card_that_is_not_valid_stops_nothing_though_its_group_would(lab, v201):
    async with lab.station(v201) as station:
        await lab.installation.issue_token(lab.friend, group_id="FAMILY", status="blocked")
        await lab.set(AuthCtrlr__LocalPreAuthorize="true")
        listed = [entry(lab.card, group="FAMILY"), entry(lab.friend, "Invalid", group="FAMILY")]
        await lab.ask("send_local_list", version=1, full=True, entries=listed)
        await starts_unasked(lab, station, lab.card)
        await station.tap(lab.friend)
        await station.until(lambda: station.acknowledged("Authorize"), "to ask about the card")
        assert ("authorize", lab.friend[-4:], "blocked") in await lab.verdicts()
        assert station.evse().power > 0
        await lab.session("active")


@pytest.fixture
async def database(installation):
    database = Database(installation.url)
    yield database
    await database.close()


async def test_tc_n_46_a_customer_is_forgotten_by_the_station_and_by_its_list(lab, v201, database):
    async with lab.station(v201) as station:
        installation = lab.installation
        cipher = TokenCipher(installation.settings.secret(SECRET))

        async def kept_in_step():
            for _ in range(4):
                await local_lists.keep_in_step(database, installation.bus, cipher, system_clock())
                await installation.until(nothing_open)

        async def nothing_open():
            waiting = "SELECT 1 FROM operations WHERE status IN ('queued', 'sent', 'agreed')"
            return not await installation.sql(waiting)

        await kept_in_step()
        assert lab.card in station.machine.local_list
        station.machine.customers[lab.card] = "Ada Lovelace"
        await lab.ask("customer_information", report=True, clear=True, token=lab.token())
        assert station.machine.customers == {}
        assert await lab.seen("SELECT data FROM customer_reports") == ("Ada Lovelace",)
        await installation.sql("UPDATE tokens SET local_list = false, changed_at = clock_timestamp()")
        await kept_in_step()
        assert (station.machine.local_list, station.received("SendLocalList")[-1]["updateType"]) == (
            {},
            "Full",
        )
        await held(lab, station.machine.local_list_version, [])
