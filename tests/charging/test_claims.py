"""One token, two stations, the same instant: one start goes first, the other sees it."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from gridlane.accounts.tokens import TokenCipher
from gridlane.charging.asking import answered
from gridlane.charging.claims import LASTS
from gridlane.charging.questions import SessionAsked
from gridlane.kernel.ids import new_id
from gridlane.ocpp.version import Version
from gridlane.stations.reports import TokenRef

CIPHER = TokenCipher(b"t" * 32)
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ORGANIZATION = new_id()


def question(station=None, *, at=NOW, claims=True, organization=ORGANIZATION):
    token = TokenRef("04AABBCC", "ISO14443")
    return SessionAsked(
        station_id=station or new_id(),
        organization_id=organization,
        at=at,
        evse=1,
        token=token,
        claims=claims,
    )


@pytest.fixture
async def connect(database_url):
    opened = []

    async def one():
        opened.append(await psycopg.AsyncConnection.connect(database_url, autocommit=True))
        return opened[-1]

    yield one
    for connection in opened:
        await connection.close()


def uses(answers):
    return [len(one.token.open_sessions) for one in answers]


async def test_of_two_questions_in_one_round_the_first_goes_first(connect):
    assert uses(await answered(await connect(), CIPHER, [question(), question()])) == [0, 1]


async def test_of_many_gateways_that_ask_at_once_just_one_sees_nobody_before_it(connect):
    connections = [await connect() for _ in range(4)]
    found = await asyncio.gather(*(answered(one, CIPHER, [question()]) for one in connections))
    assert sorted(uses(one)[0] for one in found) == [0, 1, 2, 3]


async def test_a_station_that_asks_again_keeps_its_place_and_never_stands_in_its_own_way(connect):
    first, second = question(), question()
    connection = await connect()
    await answered(connection, CIPHER, [first])
    await answered(connection, CIPHER, [second])
    assert uses(await answered(connection, CIPHER, [first])) == [0]
    assert uses(await answered(connection, CIPHER, [second])) == [1]


async def test_who_only_asks_claims_nothing_and_sees_all_claims(connect):
    connection = await connect()
    await answered(connection, CIPHER, [question(claims=False)])
    assert uses(await answered(connection, CIPHER, [question()])) == [0]
    assert uses(await answered(connection, CIPHER, [question(claims=False)])) == [1]


async def test_a_claim_of_a_gateway_that_died_is_soon_forgotten(connect):
    connection = await connect()
    await answered(connection, CIPHER, [question(at=NOW - LASTS - timedelta(seconds=1))])
    assert uses(await answered(connection, CIPHER, [question()])) == [0]


async def test_a_token_of_another_organization_is_another_token(connect):
    connection = await connect()
    await answered(connection, CIPHER, [question(organization=new_id())])
    assert uses(await answered(connection, CIPHER, [question()])) == [0]


async def test_one_card_at_two_stations_at_once_starts_at_one_and_leaves_no_claim(installation):
    await installation.issue_token("04AABBCCDD")
    stations = [await installation.station(f"CP-{number}", Version.V201) for number in (1, 2)]
    async with stations[0], stations[1]:
        for station in stations:
            await station.boot()
            await station.plug_in()
        await asyncio.gather(*(station.tap("04AABBCCDD") for station in stations))

        async def judged():
            rows = await installation.sql("SELECT verdict FROM authorizations WHERE occasion = 'start'")
            return len(rows) >= 2 and rows

        verdicts = sorted(verdict for (verdict,) in await installation.until(judged, 20))
        assert verdicts[:2] == ["accepted", "concurrent"]
        await installation.until(lambda: sum(one.evse().power > 0 for one in stations) == 1, 20)
        assert await installation.sql("SELECT 1 FROM token_claims") == []
