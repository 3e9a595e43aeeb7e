"""The handlers over the real committer and the real database, and what a new owner finds there."""

import asyncio

import pytest

from gridlane.kernel.ids import new_id


@pytest.fixture
async def street(stored_street):
    return await stored_street()


async def test_a_whole_session_is_stored_and_found_again_after_a_restart(street, make):
    number = (await street.tell(make.start16(0, meter=10.0))).reply.transaction_id
    await street.tell(make.meter(1, 200.0, transaction=number, power=11_000.0, current_l1=16.0, soc=40.0))
    before = street.live.charging.sessions[str(number)]

    await street.claim()
    after = street.live.charging.sessions[str(number)]
    assert after == make.without_memory(before)

    await street.tell(make.stop16(30, number, meter=5010.0, reason="Local"))
    (row,) = await street.rows("SELECT * FROM sessions")
    assert (row["status"], row["energy"], row["stop_reason"]) == ("ended", 5000.0, "Local")
    assert (row["token_last4"], row["verdict"]) == ("1234", "accepted")
    await street.claim()
    assert street.live.charging.sessions == {}


async def test_every_reading_is_one_row_with_all_its_samples(street, make):
    number = (await street.tell(make.start16(0))).reply.transaction_id
    rest = '[{"value":"é\\u00e9","measurand":"Power.Factor"}]'
    await street.tell(
        make.meter(1, 200.0, transaction=number, power=11_000.0, voltage=230.5, soc=41.0, rest=rest, signed=True)
    )  # fmt: skip
    row = (await street.rows("SELECT * FROM readings ORDER BY at"))[-1]
    assert (row["energy"], row["power"], row["voltage"], row["soc"]) == (200.0, 11_000.0, 230.5, 41.0)
    assert (row["rest"], row["signed"], row["evse"]) == (rest, True, 1)


async def test_the_same_start_after_a_restart_gets_the_same_id(street, make):
    first = (await street.tell(make.start16(0))).reply
    await street.tell(make.stop16(5, first.transaction_id, meter=10.0))
    await street.claim()
    again = (await street.tell(make.start16(0))).reply
    assert again.transaction_id == first.transaction_id
    assert len(await street.rows("SELECT id FROM sessions")) == 1


async def test_two_events_of_one_number_are_both_kept_and_the_session_says_so(street, make):
    await street.tell(make.event("started", 0, sequence=0, token=make.CARD))
    await street.tell(make.event("updated", 1, sequence=1))
    (row,) = await street.rows("SELECT sequence_conflict FROM sessions")
    assert not row["sequence_conflict"]
    await street.tell(make.event("updated", 2, sequence=1))
    await street.tell(make.event("updated", 2, sequence=1))
    (row,) = await street.rows("SELECT sequence_conflict FROM sessions")
    assert row["sequence_conflict"]
    assert len(await street.rows("SELECT 1 FROM transaction_events")) == 3


async def test_a_token_charging_at_another_station_is_concurrent_until_that_session_ends(
    street, make, stored_street
):
    other = await stored_street()
    number = (await street.tell(make.start16(0))).reply.transaction_id
    assert (await other.tell(make.start16(1))).reply.verdict.status == "concurrent"
    await street.tell(make.stop16(2, number, meter=10.0))
    assert (await other.tell(make.start16(3))).reply.verdict.status == "accepted"


async def test_sessions_that_follow_fast_are_never_falsely_concurrent(street, make):
    for minute in range(0, 40, 2):
        reply = (await street.tell(make.start16(minute, meter=float(minute)))).reply
        assert reply.verdict.status == "accepted"
        assert (await street.tell(make.tap(), make.minutes(minute))).reply.verdict.status == "accepted"
        await street.tell(make.stop16(minute + 1, reply.transaction_id, meter=float(minute + 1)))


async def test_a_token_blocked_a_moment_ago_does_not_start(street, make, connection):
    assert (await street.tell(make.tap())).reply.verdict.status == "accepted"
    await connection.execute("UPDATE tokens SET status = 'blocked'")
    assert (await street.tell(make.start16(1))).reply.verdict.status == "blocked"


async def test_a_used_up_budget_refuses_until_the_next_period(street, make, connection):
    await connection.execute("UPDATE tokens SET budget_energy = 3000, budget_period = 'day'")
    number = (await street.tell(make.start16(0))).reply.transaction_id
    await street.tell(make.stop16(30, number, meter=4000.0))
    assert (await street.tell(make.tap(), make.minutes(31))).reply.verdict.status == "no_credit"
    assert (await street.tell(make.tap(), make.minutes(24 * 60))).reply.verdict.status == "accepted"


async def test_a_token_of_another_organization_is_unknown(make, stored_street):
    foreign = await stored_street(organization_id=new_id())
    assert (await foreign.tell(make.tap())).reply.verdict.status == "unknown"


async def test_readings_out_of_order_are_settled_from_the_store(street, make):
    number = (await street.tell(make.start16(0))).reply.transaction_id
    await street.tell(make.meter(20, 4000.0, transaction=number))
    await street.tell(make.meter(10, 2000.0, transaction=number))
    await street.claim()
    await street.tell(make.stop16(30, number, meter=6000.0))
    (row,) = await street.rows("SELECT energy, unsettled FROM sessions")
    assert row == {"energy": 6000.0, "unsettled": False}


async def test_many_questions_at_once_are_answered_over_one_connection(street, make, parts):
    _, answerer = parts
    asked = street.street.handlers[type(make.tap())](street.live, make.tap(), make.NOON, None).question
    answers = await asyncio.gather(*(answerer(asked) for _ in range(300)))
    assert {one.token.token.last4 for one in answers} == {"1234"}
