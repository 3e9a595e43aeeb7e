"""Statements that leave together: their results, their errors, and a connection that is lost."""

import asyncio

import psycopg
import pytest

from gridlane.kernel.binary_arrays import array
from gridlane.kernel.round_trip import RoundTrips, Statement

BEGIN, COMMIT = Statement("BEGIN"), Statement("COMMIT")
INSERT = Statement("INSERT INTO marks SELECT * FROM unnest($1::int4[])")
COUNT = Statement("SELECT count(*)::text FROM marks")
BIG = Statement("SELECT length($1::text)::text")


@pytest.fixture
async def trips(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS marks (number int4 CHECK (number > 0))")
        connection.execute("TRUNCATE marks")
    opened = await RoundTrips.connect(database_url)
    yield opened
    await opened.close()


def insert(*numbers):
    return INSERT, (array("int4", numbers),)


async def count(trips):
    (counted,) = await trips.run([(COUNT, ())])
    return int(counted.get_value(0, 0))


async def test_each_statement_has_its_result_also_when_it_is_run_again(trips):
    for total in (2, 4):
        _, inserted, counted, _ = await trips.run([(BEGIN, ()), insert(1, 2), (COUNT, ()), (COMMIT, ())])
        assert inserted.command_tuples == 2
        assert int(counted.get_value(0, 0)) == total


async def test_a_failed_statement_takes_its_trip_back_and_the_next_trip_goes_on(trips):
    with pytest.raises(psycopg.errors.CheckViolation):
        await trips.run([insert(1), insert(-1), insert(2)])
    assert await count(trips) == 0
    await trips.run([insert(3)])
    assert await count(trips) == 1


async def test_statements_behind_a_failed_one_are_prepared_when_they_are_needed(trips):
    wrong, behind = Statement("SELECT nothing FROM nowhere"), Statement("SELECT 'here'")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await trips.run([(wrong, ()), (behind, ())])
    (result,) = await trips.run([(behind, ())])
    assert result.get_value(0, 0) == b"here"


async def test_parameters_larger_than_the_socket_takes_at_once_arrive(trips):
    (result,) = await trips.run([(BIG, (b"x" * 30_000_000,))])
    assert result.get_value(0, 0) == b"30000000"


async def test_a_connection_lost_under_way_ends_the_trip(trips, database_url):
    sleeping = asyncio.create_task(trips.run([(Statement("SELECT pg_sleep(60)"), ())]))
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
        async with asyncio.timeout(30):
            while not await _terminate_sleeping(other):  # noqa: ASYNC110 (it is the database that is waited for)
                await asyncio.sleep(0.02)
    with pytest.raises(psycopg.OperationalError):
        await asyncio.wait_for(sleeping, 30)
    assert trips.is_closed


async def _terminate_sleeping(connection):
    found = await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'"
    )
    return await found.fetchall()


async def test_a_connection_lost_while_nothing_is_asked_is_seen(trips, database_url):
    (backend,) = await trips.run([(Statement("SELECT pg_backend_pid()::text"), ())])
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (int(backend.get_value(0, 0)),))
    async with asyncio.timeout(30):
        while not trips.is_closed:  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.01)
