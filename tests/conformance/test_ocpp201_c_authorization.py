"""OCPP 2.0.1, block C: who may charge, what the station remembers of it, and who may stop whom."""

from datetime import UTC, datetime, timedelta

import pytest

PAST = datetime.now(UTC) - timedelta(days=1)

REFUSED = [
    pytest.param({}, "unknown", id="tc_c_02"),
    pytest.param({"status": "blocked"}, "blocked", id="tc_c_06"),
    pytest.param({"valid_until": PAST}, "expired", id="tc_c_07"),
]


@pytest.mark.parametrize(("token", "verdict"), REFUSED)
async def test_tc_c_02_c_06_c_07_a_card_that_may_not_charge(lab, v201, token, verdict):
    async with lab.station(v201) as station:
        if token:
            await lab.installation.issue_token(lab.stranger, **token)
        await station.plug_in()
        await station.tap(lab.stranger)
        await station.until(lambda: station.acknowledged("Authorize"), "to hear about the card")
        assert await lab.verdicts() == [("authorize", lab.stranger[-4:], verdict)]
        assert station.machine.cache[lab.stranger]["status"].casefold() == verdict
        assert station.evse().power == 0
        assert await lab.installation.sql("SELECT verdict, token_last4 FROM sessions") == [(None, None)]


async def test_tc_c_08_a_card_in_the_cache_starts_at_once(lab, v201):
    async with lab.station(v201) as station:
        station.machine.cache[lab.card] = {"status": "Accepted"}
        await lab.set(AuthCtrlr__LocalPreAuthorize="true")
        await lab.charge(station)
        await lab.quiet(station)
        assert station.sent("Authorize") == []
        assert await lab.verdicts() == [("start", lab.card[-4:], "accepted")]
        assert station.machine.cache[lab.card]["groupIdToken"]["idToken"] == "FAMILY"


async def test_tc_c_20_a_card_remembered_as_invalid_is_asked_about_again(lab, v201):
    async with lab.station(v201) as station:
        station.machine.cache[lab.card] = {"status": "Invalid"}
        station.machine.cache[lab.stranger] = {"status": "Invalid"}
        await lab.set(AuthCtrlr__LocalPreAuthorize="true")
        await station.plug_in()
        await station.tap(lab.stranger)
        await station.until(lambda: station.acknowledged("Authorize"), "to hear about the card")
        assert station.evse().power == 0
        await station.tap(lab.card)
        await station.until(lambda: station.evse().power > 0, "to charge")
        assert (await lab.verdicts())[:2] == [
            ("authorize", lab.stranger[-4:], "unknown"),
            ("authorize", lab.card[-4:], "accepted"),
        ]


async def test_tc_c_37_the_cache_is_cleared(lab, v201):
    async with lab.station(v201) as station:
        station.machine.cache[lab.stranger] = {"status": "Accepted"}
        await lab.set(AuthCtrlr__LocalPreAuthorize="true")
        await lab.ask("clear_cache")
        assert station.machine.cache == {}
        await station.plug_in()
        await station.tap(lab.stranger)
        await station.until(lambda: station.acknowledged("Authorize"), "to hear about the card")
        assert station.evse().power == 0


async def test_tc_c_38_a_station_without_a_cache_refuses_to_clear_it(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(AuthCacheCtrlr__Enabled="false")
        ended = await lab.ask("clear_cache", "refused")
        assert (ended["evidence"], len(station.received("ClearCache"))) == ("Rejected", 1)


async def test_tc_c_39_a_card_of_the_same_group_stops(lab, v201):
    async with lab.station(v201) as station:
        await lab.installation.issue_token(lab.friend, group_id="FAMILY")
        transaction = await lab.charge(station)
        await station.tap(lab.friend)
        await station.until(lambda: station.evse().transaction is None, "to stop")
        await lab.quiet(station)
        assert (await lab.event("ended", "StopAuthorized"))[0] == lab.friend[-4:]
        assert (await lab.session())[::2] == (transaction.id, "Local")
        assert await lab.seen("SELECT token_last4, stop_token_last4 FROM sessions") == (
            lab.card[-4:],
            lab.friend[-4:],
        )


# --- the master pass ---------------------------------------------------------------------------------------------

MASTER = "04AABBCCDDEE70"


async def two_charging(lab, station):
    """Both EVSEs charge, and the station knows the group of the master pass."""
    await lab.installation.issue_token(MASTER, group_id="MASTER", master_pass=True)
    await lab.set(AuthCtrlr__MasterPassGroupId="MASTER")
    transactions = []
    for evse in (1, 2):
        await station.plug_in(evse)
        await station.tap(lab.card, evse)
        await station.until(lambda evse=evse: station.evse(evse).power > 0, "to charge")
        transactions.append(station.evse(evse).transaction.id)
    return transactions


async def stopped_by_master(lab, station, transactions):
    for transaction in transactions:
        assert await lab.seen(
            "SELECT stop_reason, stop_token_last4 FROM sessions WHERE status = 'ended' AND transaction_id = %s",
            transaction,
        ) == ("MasterPass", MASTER[-4:])
    await lab.quiet(station)
    assert ("stop", MASTER[-4:], "accepted") in await lab.verdicts()


@pytest.mark.parametrize("evse", [pytest.param(1, id="tc_c_47"), pytest.param(2, id="tc_c_49")])
async def test_tc_c_47_c_49_a_master_pass_stops_everything(lab, v201, evse):
    async with lab.station(v201, evses=2) as station:
        transactions = await two_charging(lab, station)
        await station.tap(MASTER, evse)
        await station.until(lambda: not station.evse(1).transaction and not station.evse(2).transaction)
        await stopped_by_master(lab, station, transactions)


async def test_tc_c_48_a_master_pass_stops_one_of_two(lab, v201):
    async with lab.station(v201, evses=2) as station:
        first, second = await two_charging(lab, station)
        told = await station.call("Authorize", {"idToken": {"idToken": MASTER, "type": "ISO14443"}})
        assert (told.id_token_info.status, told.id_token_info.group_id_token.id_token) == (
            "Accepted",
            "MASTER",
        )
        chosen = station.evse(2)
        await station.link.do(
            lambda now: station.machine._stop_authorized(
                chosen, "StopAuthorized", "MasterPass", now, (MASTER, "ISO14443")
            )
        )
        await stopped_by_master(lab, station, [second])
        assert await lab.installation.sql("SELECT transaction_id FROM sessions WHERE status = 'active'") == [
            (first,)
        ]
        assert station.evse(1).power > 0
