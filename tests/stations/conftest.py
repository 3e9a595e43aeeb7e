import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from gridlane.app import handlers
from gridlane.kernel import ownership
from gridlane.kernel.group_commit import Committer, Decision, Outcome
from gridlane.kernel.ids import new_id
from gridlane.stations.decision import Ask, OperationAnswered, OperationDue
from gridlane.stations.state import ConnectorState, Live, StationState

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Street:
    """Builds stations' states in a sentence."""

    now = NOW

    @staticmethod
    def later(**delta):
        return NOW + timedelta(**delta)

    @staticmethod
    def station(*, approval="accepted", connected=True, **connectors):
        """``station(available=2)``: a station with two connectors in that state, each on its EVSE."""
        plugs = {}
        for status, count in connectors.items():
            for _ in range(count):
                evse = len(plugs) + 1
                plugs[evse, 1] = ConnectorState(id=new_id(), evse_id=new_id(), status=status, status_at=NOW)
        station = StationState(
            id=new_id(),
            organization_id=new_id(),
            site_id=None,
            identity="CP-1",
            approval=approval,
            protocol="ocpp2.0.1",
            connected_at=NOW if connected else None,
            connectors=plugs,
        )
        return Live(station, None)


@pytest.fixture
def street():
    return Street


class StoredStation:
    """A station in the database, told things through the real table of handlers and the real committer."""

    def __init__(self, url, committer, live):
        self.url, self.committer, self.live = url, committer, live
        self.handlers = handlers.table()
        self.answerers = {}

    @property
    def id(self):
        return self.live.station.id

    async def tell(self, what, now=NOW):
        decided = self.handlers[type(what)](self.live, what, now, None)
        if isinstance(decided, Ask):
            told = await self.answerers[type(decided.question)](decided.question)
            decided = self.handlers[type(what)](self.live, what, now, told)
        settled = asyncio.get_running_loop().create_future()
        decision = Decision(self.id, 1, decided.rows, decided.facts, settled.set_result)
        self.committer.submit(decision)
        assert await settled is Outcome.COMMITTED
        self.live = decided.live
        return decided

    async def ask(self, command, answer=None, now=NOW):
        """Send a command, and (with ``answer``) let the station answer it."""
        operation = new_id()
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            await connection.execute(
                "INSERT INTO operations (id, station_id, kind, params, actor, created_at, not_before, expires_at) "
                "VALUES (%s, %s, %s, '{}', 'test', %s, %s, %s)",
                (operation, self.id, str(command.__struct_config__.tag), now, now, now),
            )
        due = OperationDue(id=operation, command=command, expires_at=now + timedelta(minutes=5))
        sent = await self.tell(due, now)
        if answer is not None:
            await self.tell(OperationAnswered(id=operation, answer=answer), now)
        return sent.calls[0].command

    async def rows(self, statement, *parameters):
        async with await psycopg.AsyncConnection.connect(self.url, row_factory=dict_row) as connection:
            return await (await connection.execute(statement, parameters)).fetchall()


@pytest.fixture
async def stored_station(street, database_url):
    """Makes a station that is stored: ``await stored_station(available=2)``."""
    committer = Committer(database_url)
    committer.start()

    async def opened(**connectors):
        live = street.station(**connectors)
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await _store(connection, live)
            await ownership.claim(connection, [live.station.id], "test", NOW)
        return StoredStation(database_url, committer, live)

    yield opened
    await committer.stop()


async def _store(connection, live):
    station = live.station
    await connection.execute(
        "INSERT INTO stations (id, organization_id, identity, name, serial, changed_at, created_at) "
        "VALUES (%s, %s, %s, 'Station', 'SN-1', now(), now())",
        (station.id, station.organization_id, station.identity),
    )
    for (evse, number), plug in station.connectors.items():
        station.evses[evse] = plug.evse_id
        await connection.execute(
            "INSERT INTO evses (id, station_id, number) VALUES (%s, %s, %s)", (plug.evse_id, station.id, evse)
        )
        await connection.execute(
            "INSERT INTO connectors (id, station_id, evse_id, evse, number, status, status_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, now())",
            (plug.id, station.id, plug.evse_id, evse, number, plug.status),
        )
