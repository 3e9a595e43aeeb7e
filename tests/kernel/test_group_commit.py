import asyncio
from datetime import UTC, datetime

import psycopg
import pytest

from gridlane.kernel import ownership
from gridlane.kernel.facts import Fact, Reader, Recorded
from gridlane.kernel.group_commit import ColumnSink, Committer, Decision, Outcome
from gridlane.kernel.ids import new_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOTES = ColumnSink("notes", ("aggregate_id", "number"), ("uuid", "int4"))


class NoteTaken(Fact, tag="test_note_taken"):
    number: int


@pytest.fixture
async def connection(database_url):
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as opened:
        await opened.execute("CREATE TABLE notes (aggregate_id uuid, number int4 CHECK (number >= 0))")
        yield opened


@pytest.fixture
async def committer(database_url, connection):
    running = Committer(database_url)
    running.start()
    yield running
    await running.stop()


async def submit(committer, aggregate, epoch, number, *, fact=False):
    settled = asyncio.get_running_loop().create_future()
    facts = [Recorded(NoteTaken(number=number), aggregate, None, NOW)] if fact else []
    committer.submit(Decision(aggregate, epoch, [(NOTES, (aggregate, number))], facts, settled.set_result))
    return await settled


async def numbers(connection):
    cursor = await connection.execute("SELECT number FROM notes ORDER BY number")
    return [row[0] for row in await cursor.fetchall()]


async def claimed(connection, count=1):
    ids = [new_id() for _ in range(count)]
    epochs = await ownership.claim(connection, ids, "node-1", NOW)
    return ids, epochs


async def test_a_decision_is_settled_only_after_its_rows_can_be_read(committer, connection):
    (station,), epochs = await claimed(connection)
    assert await submit(committer, station, epochs[station], 7) is Outcome.COMMITTED
    assert await numbers(connection) == [7]


async def test_a_stale_owner_writes_nothing_and_is_told_so(committer, connection):
    (station,), epochs = await claimed(connection)
    await ownership.claim(connection, [station], "node-2", NOW)
    assert await submit(committer, station, epochs[station], 7) is Outcome.FENCED
    assert await numbers(connection) == []


async def test_a_refused_decision_takes_no_neighbour_down(committer, connection):
    ids, epochs = await claimed(connection, 9)
    outcomes = await asyncio.gather(
        *(submit(committer, one, epochs[one], -1 if index == 4 else index) for index, one in enumerate(ids))
    )
    assert [outcome is Outcome.COMMITTED for outcome in outcomes] == [index != 4 for index in range(9)]
    assert await numbers(connection) == [0, 1, 2, 3, 5, 6, 7, 8]


async def test_a_lost_connection_loses_and_doubles_nothing(committer, connection):
    ids, epochs = await claimed(connection, 40)

    async def cut():
        for _ in range(8):
            await asyncio.sleep(0.01)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    async def many(station, first):
        for number in range(first, first + 20):
            assert await submit(committer, station, epochs[station], number) is Outcome.COMMITTED

    await asyncio.gather(cut(), *(many(one, index * 20) for index, one in enumerate(ids)))
    assert await numbers(connection) == list(range(800))


async def test_facts_are_read_in_order_and_again_after_a_crash(committer, connection, database_url):
    (station,), epochs = await claimed(connection)
    for number in range(5):
        await submit(committer, station, epochs[station], number, fact=True)
    reader = Reader("test", [NoteTaken])

    async with await psycopg.AsyncConnection.connect(database_url) as reading:
        first = await reader.next(reading)
        await reading.rollback()
        again = await reader.next(reading)
        await reading.commit()
        assert await reader.next(reading) == []
    assert [one.recorded.fact.number for one in first] == [0, 1, 2, 3, 4]
    assert again == first


async def test_facts_that_nobody_here_knows_are_passed_over(committer, connection, database_url):
    (station,), epochs = await claimed(connection)
    await connection.execute(
        "INSERT INTO facts (id, aggregate_id, kind, at, fact) "
        "SELECT gen_random_uuid(), %s, 'of_another_release', now(), '{}' FROM generate_series(1, 7)",
        (station,),
    )
    await submit(committer, station, epochs[station], 1, fact=True)
    reader = Reader("test", [NoteTaken])
    async with await psycopg.AsyncConnection.connect(database_url) as reading:
        assert [one.recorded.fact.number for one in await reader.next(reading, limit=2)] == [1]
        assert await reader.next(reading) == []


async def test_a_reader_waits_for_an_open_transaction_instead_of_skipping_it(
    committer, connection, database_url
):
    (station,), epochs = await claimed(connection)
    reader = Reader("test", [NoteTaken])
    async with await psycopg.AsyncConnection.connect(database_url) as slow:
        await slow.execute(
            "INSERT INTO facts (id, aggregate_id, kind, at, fact) "
            'VALUES (gen_random_uuid(), %s, \'test_note_taken\', now(), \'{"type":"test_note_taken","number":1}\')',
            (new_id(),),
        )
        await submit(committer, station, epochs[station], 2, fact=True)
        async with await psycopg.AsyncConnection.connect(database_url) as reading:
            assert await reader.next(reading) == []
            await reading.commit()
            await slow.commit()
            assert [one.recorded.fact.number for one in await reader.next(reading)] == [1, 2]


async def test_a_value_that_cannot_be_written_is_refused_like_a_row_the_database_refuses(
    committer, connection
):
    ids, epochs = await claimed(connection, 3)
    outcomes = await asyncio.gather(
        *(submit(committer, one, epochs[one], number) for one, number in zip(ids, (1, 2**40, 3), strict=True))
    )
    assert outcomes == [Outcome.COMMITTED, Outcome.REFUSED, Outcome.COMMITTED]
    assert await numbers(connection) == [1, 3]
