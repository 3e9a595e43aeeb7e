"""Stations' local lists follow the tokens by themselves: whole lists, differences, refusals, and cards that charge offline."""

from datetime import UTC, datetime, timedelta

import pytest

from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.charging import local_lists
from gridlane.charging.local_lists import KEEPS_NONE, Holder, Listed, Step, entry_of, step, wait_after, wanted
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id
from gridlane.ocpp.version import Version
from gridlane.stations.commands import GetListVersion, SendList

ALL = [Version.V16, Version.V201, Version.V21]
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


# --- rules -------------------------------------------------------------------------------------------------------


def token(number, **more):
    known = {"status": "active", "valid_until": None, "group_id": None, "language": None, "kind": "ISO14443"}
    sites, evses = more.pop("sites", ()), more.pop("evses", ())
    return Listed(entry=entry_of(known | more, number), sites=sites, evses=evses, is_wanted=True)


def holder(**more):
    known = {"version": 0, "entries": {}, "per_message": 2, "most": None, "evses": {}, "site_id": None}
    return Holder(station_id=new_id(), organization_id=new_id(), **(known | more))


def test_a_station_never_asked_is_asked_for_its_version_first():
    assert step(holder(version=None), [token("A")]) == GetListVersion()


def test_a_list_longer_than_a_message_goes_part_by_part():
    first = step(holder(), [token("A"), token("B"), token("C")])
    assert isinstance(first, SendList)
    assert (first.version, len(first.entries)) == (1, 2)


def test_after_a_failure_the_version_is_asked_and_then_the_whole_list_is_sent():
    listed = [token("A")]
    held = {local_lists.local_list.token_digest(listed[0].entry): "another"}
    assert step(holder(version=7, entries=held, tries=1), listed) == GetListVersion()
    after = Step("get_local_list_version", "verified")
    sent = step(holder(version=7, entries=held, tries=1, last=after), listed)
    assert (sent.full, sent.version) == (True, 8)


def test_a_token_of_another_place_is_not_listed_and_one_of_some_evses_says_so():
    site, evse = new_id(), new_id()
    listed = [token("A", sites=(new_id(),)), token("B", evses=(evse,)), token("C", evses=(new_id(),))]
    (one,) = wanted(holder(site_id=site, evses={evse: 2}), listed)
    assert (one["idToken"]["idToken"], one["idTokenInfo"]["evseId"]) == ("B", [2])


def test_a_station_that_refuses_is_asked_later_and_later_and_one_without_a_list_seldom():
    failed = Step("send_local_list", "refused", "Failed")
    waits = [wait_after(failed, tries) for tries in range(1, 20)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=5), timedelta(days=1))
    assert wait_after(Step("get_local_list_version", "refused", "NotSupported: no list"), 1) == KEEPS_NONE
    assert wait_after(Step("get_local_list_version", "failed", "NotImplemented: "), 1) == KEEPS_NONE


# --- over sockets ------------------------------------------------------------------------------------------------


class Keeper:
    """Runs rounds against an installation."""

    def __init__(self, installation):
        self.installation = installation
        self.database = Database(installation.url)
        self.cipher = TokenCipher(installation.settings.secret(SECRET))

    async def round(self, later=timedelta(0)):
        """One round, and the end of what it asked for; gives how many stations were asked."""
        asked = await local_lists.keep_in_step(
            self.database, self.installation.bus, self.cipher, system_clock() + later
        )

        async def ended():
            open_ones = "SELECT 1 FROM operations WHERE status IN ('queued', 'sent', 'agreed')"
            return not await self.installation.sql(open_ones)

        await self.installation.until(ended, 20)
        return asked

    async def until_in_step(self, later=timedelta(0)):
        for _ in range(20):
            if not await self.round(later):
                return
        raise AssertionError("never in step")

    async def kinds(self):
        rows = await self.installation.sql("SELECT kind, status FROM operations ORDER BY created_at, id")
        return [f"{kind} {status}" for kind, status in rows]


@pytest.fixture
async def keeper(installation):
    one = Keeper(installation)
    yield one
    await one.database.close()


@pytest.mark.parametrize("version", ALL)
async def test_the_list_follows_the_tokens(installation, keeper, version):
    await installation.issue_token("04AA01", group_id="FAMILY")
    await installation.issue_token("04AA02", status="blocked")
    await installation.issue_token("04AA03", local_list=False)
    async with await installation.station("CP-1", version) as station:
        await station.boot()
        await keeper.until_in_step()
        machine = station.machine
        assert {number: info["status"] for number, info in machine.local_list.items()} == {
            "04AA01": "Accepted",
            "04AA02": "Blocked",
        }
        assert await keeper.kinds() == ["get_local_list_version verified", "send_local_list verified"]
        assert await keeper.round() == 0

        await installation.issue_token("04AA04")
        gone = "UPDATE tokens SET local_list = false, changed_at = clock_timestamp() WHERE last4 = 'AA01'"
        await installation.sql(gone)
        await keeper.until_in_step()
        assert machine.local_list.keys() == {"04AA02", "04AA04"}
        last = station.received("SendLocalList")[-1]
        assert (last["updateType"], len(last["localAuthorizationList"])) == ("Differential", 2)


async def test_a_list_longer_than_the_station_takes_at_once_comes_in_parts(installation, keeper):
    for number in range(5):
        await installation.issue_token(f"04BB0{number}")
    async with await installation.station("CP-1", Version.V16) as station:
        await station.boot()
        station.machine.configuration["SendLocalListMaxLength"] = "2"
        asked = await installation.command(station.id, "get_variables")
        await installation.operation(asked, "verified")
        await keeper.until_in_step()
        sizes = [len(one["localAuthorizationList"]) for one in station.received("SendLocalList")]
        assert sizes == [2, 2, 1]
        assert (len(station.machine.local_list), station.machine.local_list_version) == (5, 3)


async def test_a_list_that_somebody_else_changed_is_sent_whole(installation, keeper):
    await installation.issue_token("04AA01")
    async with await installation.station("CP-1", Version.V201) as station:
        await station.boot()
        await keeper.until_in_step()
        station.machine.local_list, station.machine.local_list_version = {"04FF": {"status": "Accepted"}}, 40
        await installation.issue_token("04AA02")
        await keeper.round()
        assert station.machine.local_list_version == 40
        assert await keeper.round() == 0
        assert await keeper.round(later=timedelta(minutes=1)) == 0
        await keeper.until_in_step(later=timedelta(minutes=6))
        assert station.machine.local_list.keys() == {"04AA01", "04AA02"}
        assert [one["updateType"] for one in station.received("SendLocalList")] == [
            "Full",
            "Differential",
            "Full",
        ]


async def test_a_station_without_a_list_is_left_alone(installation, keeper):
    await installation.issue_token("04AA01")
    async with await installation.station("CP-1", Version.V16) as station:
        await station.boot()
        station.machine.configuration["LocalAuthListEnabled"] = "false"
        await keeper.round()
        assert await keeper.round() == 0
        assert await keeper.round(later=timedelta(days=1)) == 0
        assert await keeper.kinds() == ["get_local_list_version refused"]


async def test_a_listed_card_charges_while_the_station_is_offline(installation, keeper):
    await installation.issue_token("04AA01")
    async with await installation.station("CP-1", Version.V201, meter_interval=1) as station:
        await station.boot()
        await keeper.until_in_step()
        await station.hang_up(stay_offline=True)
        await station.until(lambda: not station.machine.is_connected, "to be offline")
        await station.plug_in()
        await station.tap("04AA01")
        await station.until(lambda: station.evse().power > 0, "to charge")
        station.go_online()

        async def known():
            return await installation.sql(
                "SELECT 1 FROM sessions WHERE status = 'active' AND verdict = 'accepted'"
            )

        await installation.until(known, 20)


async def test_the_audit_log_keeps_no_numbers_of_cards(installation, keeper):
    await installation.issue_token("04AA010203")
    async with await installation.station("CP-1", Version.V201) as station:
        await station.boot()
        await keeper.until_in_step()
        kept = await installation.sql("SELECT audit_entries::text FROM audit_entries")
        assert any("send_local_list" in row for (row,) in kept)
        assert not any("04AA010203" in row for (row,) in kept)
