"""The owner on a real committer: one decision at a time, and what goes wrong stays with its input."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest

from gridlane.kernel import ownership
from gridlane.kernel.group_commit import Committer
from gridlane.stations.decision import Commit
from gridlane.stations.model import SEEN, SeenRow
from gridlane.stations.owner import Input, Owner, OwnerParts
from gridlane.stations.replies import Noted
from gridlane.stations.reports import Alive, Booted, OtherReported

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def alive(live, _what, now, _answer):
    return Commit(live, Noted(), rows=[(SEEN, SeenRow(live.station.id, now))])


def failing(_live, _what, _now, _answer):
    raise ZeroDivisionError


@pytest.fixture
async def owner(street, database_url):
    live = street.station(available=1)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        epoch = (await ownership.claim(connection, [live.station.id], "n", NOW))[live.station.id]
    committer = Committer(database_url)
    committer.start()

    async def reload(_station_id):
        return live

    parts = OwnerParts(
        committer=committer,
        handlers={Alive: alive, Booted: failing},
        answerers={},
        reload=reload,
        changed=lambda _owner: None,
        fenced=lambda _owner: None,
    )
    yield Owner(parts, live, epoch)
    await committer.stop()


async def decided(owner, what, raw=b""):
    done = asyncio.get_running_loop().create_future()
    owner.put(Input(what, NOW, None, done.set_result, raw))
    return await done


async def test_an_input_that_cannot_be_decided_is_kept_with_its_bytes_and_the_next_goes_on(
    owner, database_url
):
    assert await decided(owner, Booted(vendor="v", model="m"), b"the frame") is None
    assert await decided(owner, Alive()) is not None
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        cursor = await connection.execute("SELECT frame, reason FROM quarantined_messages")
        assert await cursor.fetchall() == [(b"the frame", "ZeroDivisionError()")]


async def test_a_message_nobody_decides_about_is_answered_all_the_same(owner):
    commit = await decided(owner, OtherReported(action="Nonsense", payload={}))
    assert isinstance(commit.reply, Noted)


async def test_what_a_listener_does_with_its_outcome_does_not_stop_the_others(owner):
    def broken(_commit):
        raise ZeroDivisionError

    owner.put(Input(Alive(), NOW, None, broken))
    assert await decided(owner, Alive()) is not None


async def test_a_stale_owner_is_told_and_decides_nothing_more(owner, database_url):
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await ownership.claim(connection, [owner.station_id], "another", NOW)
    assert await decided(owner, Alive()) is None
    assert owner.is_fenced
    assert await decided(owner, Alive()) is None
