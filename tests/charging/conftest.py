"""A street of one station without a socket or a database: handlers decide, a small store keeps what they commit."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg.rows import dict_row

from gridlane.accounts.organizations import Policy
from gridlane.accounts.tokens import TokenCipher, TokenRecord, last4
from gridlane.charging.asking import Answerer
from gridlane.charging.loading import load
from gridlane.charging.model import (
    AUTHORIZATIONS,
    PROGRESS,
    READING_COLUMNS,
    READINGS,
    SESSIONS,
    TRANSACTION_EVENTS,
    session_of,
)
from gridlane.charging.questions import Answered, OpenSession, SessionAsked, TokenFacts
from gridlane.charging.registers import BEGIN, Register
from gridlane.charging.state import ChargingState
from gridlane.charging.station_messages import HANDLERS
from gridlane.kernel import ownership
from gridlane.kernel.group_commit import Committer, Decision, Outcome
from gridlane.kernel.ids import new_id
from gridlane.stations.decision import Ask
from gridlane.stations.reports import MeterReported, Reading, TokenPresented, TokenRef, TransactionReported
from gridlane.stations.state import ConnectorState, Live, StationState

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
CIPHER = TokenCipher(b"s" * 32)
CARD = TokenRef("04AABBCCDD1234", "ISO14443")


def minutes(count):
    return NOON + timedelta(minutes=count)


def station(**changes):
    id_ = new_id()
    connectors = {
        (evse, 1): ConnectorState(id=new_id(), evse_id=UUID(int=evse), status="available", status_at=NOON)
        for evse in (1, 2)
    }
    given = {
        "id": id_, "organization_id": UUID(int=77), "site_id": UUID(int=78), "identity": str(id_),
        "approval": "accepted", "protocol": "ocpp2.0.1", "connectors": connectors,
    }  # fmt: skip
    return StationState(**given | changes)


class Store:
    """Keeps what was committed, as the database would, and answers from it."""

    def __init__(self):
        self.sessions, self.readings, self.events, self.authorizations = {}, [], {}, []
        self.tokens, self.policy, self.expected, self.admissions, self.spent = {}, Policy(), (), (), 0.0

    def issue(self, token=CARD, **changes):
        given = {
            "id": new_id(), "key": CIPHER.key(token), "last4": last4(token), "kind": token.kind, "person_id": None,
            "status": "active", "valid_from": None, "valid_until": None, "group_id": None, "master_pass": False,
            "sites": (), "evses": (), "concurrent": 1, "budget_energy": None, "budget_money": None,
            "budget_period": "month", "language": None,
        }  # fmt: skip
        record = TokenRecord(**given | changes)
        self.tokens[record.key] = record
        return record

    def keep(self, commit):
        for sink, row in commit.rows:
            if sink is SESSIONS:
                self.sessions[row["id"]] = row
            elif sink is PROGRESS:
                self.sessions[row.id] |= msgspec.structs.asdict(row)
            elif sink is READINGS:
                self.readings.append(dict(zip(READING_COLUMNS, row, strict=True)))
            elif sink is TRANSACTION_EVENTS:
                self.events.setdefault((row.session_id, row.phase, row.digest), row)
            elif sink is AUTHORIZATIONS:
                self.authorizations.append(row)

    def answer(self, question: SessionAsked):
        stored = [session_of(row) for row in self.sessions.values()]
        return Answered(
            expected=self.expected[0] if self.expected and question.token is None else None,
            token=self.facts(question.token) if question.token else None,
            sessions=tuple(
                one
                for one in stored
                if one.station_id == question.station_id
                and (one.transaction_id in question.transactions or one.id == question.session_id)
            ),
            followed_at=min(
                (
                    one.started_at
                    for one in stored
                    if question.followed_since is not None
                    and one.started_at > question.followed_since
                    and (one.station_id, one.evse) == (question.station_id, question.evse)
                    and one.start_digest is not None
                    and not one.refused
                ),
                default=None,
            ),
            registers={
                id_: tuple(
                    Register(row["at"], row["energy"], row["context"] == BEGIN)
                    for row in self.readings
                    if row["session_id"] == id_ and row["energy"] is not None
                )
                for id_ in question.registers_of
            },
        )

    def facts(self, token):
        key = CIPHER.key(token)
        return TokenFacts(
            key=key,
            last4=last4(token),
            kind=token.kind,
            token=self.tokens.get(key),
            policy=self.policy,
            open_sessions=tuple(
                OpenSession(
                    id=one.id, station_id=one.station_id, transaction_id=one.transaction_id, evse=one.evse,
                    received_at=one.progress.received_at, stopping=one.stopping,
                )
                for one in map(session_of, self.sessions.values())
                if one.token_key == key and one.is_open and not one.refused
            ),
            spent_energy=self.spent,
            expected=self.expected[0] if self.expected else None,
            admissions=self.admissions,
        )  # fmt: skip


def happened(report):
    """When a report was made, by the station's clock: it is received then, where a test says nothing else."""
    readings = getattr(report, "readings", ())
    return getattr(report, "at", None) or (readings[-1].at if readings else NOON)


class Street:
    """One station. ``tell`` decides, keeps what is committed, and gives the commit."""

    def __init__(self, store=None, handlers=HANDLERS, **changes):
        self.store = store or Store()
        self.live = Live(station(**changes), ChargingState({}, {1: 22_000.0, 2: 22_000.0}))
        self.handlers = handlers
        self.facts = []
        self.questions = 0

    def tell(self, report, now=None):
        now = now or happened(report)
        answer, decided = None, None
        for _ in range(4):
            decided = self.handlers[type(report)](self.live, report, now, answer)
            if not isinstance(decided, Ask):
                break
            self.questions += 1
            answer = self.store.answer(decided.question)
        assert not isinstance(decided, Ask), "asks for ever"
        self.keep(decided)
        return decided

    def keep(self, commit):
        self.store.keep(commit)
        self.live = commit.live
        self.facts += [one.fact for one in commit.facts]

    def restart(self):
        """Forget everything but what was stored, as a new owner does."""
        stored = [session_of(row) for row in self.store.sessions.values()]
        mine = {
            one.transaction_id: one
            for one in stored
            if one.station_id == self.live.station.id and one.is_open
        }
        self.live = Live(self.live.station, ChargingState(mine, self.live.charging.max_power))

    def sessions(self):
        mine = [
            session_of(row)
            for row in self.store.sessions.values()
            if row["station_id"] == self.live.station.id
        ]
        return sorted(mine, key=lambda one: one.started_at)

    def session(self):
        (only,) = self.sessions()
        return only

    def facts_of(self, kind):
        return [fact for fact in self.facts if isinstance(fact, kind)]


def digest(*content):
    return hashlib.sha256(repr(content).encode()).digest()[:16]


def reading(minute, energy=None, **more):
    return Reading(at=minutes(minute), energy=energy, **more)


def event(phase, minute, *, transaction="T-1", sequence=None, evse=1, energy=None, **more):
    """A TransactionEvent of 2.x."""
    context = {"started": "Transaction.Begin", "ended": "Transaction.End"}.get(phase, "Sample.Periodic")
    readings = more.pop("readings", ()) if energy is None else (reading(minute, energy, context=context),)
    content = (phase, minute, transaction, sequence, evse, energy, sorted(more.items(), key=str), readings)
    return TransactionReported(
        phase=phase, transaction=transaction, at=minutes(minute), digest=digest(content), evse=evse, connector=1,
        sequence=sequence, readings=readings, **more,
    )  # fmt: skip


def start16(minute, *, token=CARD, connector=1, meter=0.0, **more):
    """A StartTransaction of 1.6."""
    return TransactionReported(
        phase="started", transaction=None, at=minutes(minute), digest=digest(minute, token, connector, meter),
        evse=connector, connector=1, token=token, readings=(reading(minute, meter, context="Transaction.Begin"),),
        **more,
    )  # fmt: skip


def stop16(minute, transaction, *, meter, token=None, reason=None, **more):
    """A StopTransaction of 1.6."""
    return TransactionReported(
        phase="ended", transaction=str(transaction), at=minutes(minute), stopped_reason=reason,
        digest=digest(minute, transaction, meter, token, reason), token=token,
        readings=(reading(minute, meter, context="Transaction.End"),), **more,
    )  # fmt: skip


def meter(minute, energy=None, *, transaction=None, evse=1, **more):
    """MeterValues of one instant."""
    return MeterReported(
        evse=evse, transaction=str(transaction) if transaction else None, readings=(reading(minute, energy, **more),)
    )  # fmt: skip


def tap(token=CARD):
    return TokenPresented(token=token)


def without_memory(session):
    """The session as it is stored."""
    return msgspec.structs.replace(session, latest=None, recent=())


@pytest.fixture
def street():
    opened = Street()
    opened.store.issue()
    return opened


@pytest.fixture(scope="session")
def make():
    """The builders above, for tests (test folders are no packages)."""
    import sys

    return sys.modules[__name__]


# --- over PostgreSQL ---------------------------------------------------------------------------------------------


class StoredStreet:
    """As ``Street``, over PostgreSQL."""

    def __init__(self, connection, committer, answerer, **changes):
        self.connection, self.committer, self.answerer = connection, committer, answerer
        self.street = Street(**changes)
        self.epoch = 0

    @property
    def live(self):
        return self.street.live

    async def claim(self):
        id_ = self.live.station.id
        self.epoch = (await ownership.claim(self.connection, [id_], "node", NOON))[id_]
        charging = (await load(self.connection, [id_]))[id_]
        self.street.live = Live(self.live.station, charging)
        return self

    async def tell(self, report, now=None):
        now = now or happened(report)
        decided = self.street.handlers[type(report)](self.live, report, now, None)
        while isinstance(decided, Ask):
            answer = await self.answerer(decided.question)
            decided = self.street.handlers[type(report)](self.live, report, now, answer)
        settled = asyncio.get_running_loop().create_future()
        decision = Decision(self.live.station.id, self.epoch, decided.rows, decided.facts, settled.set_result)
        self.committer.submit(decision)
        assert await settled is Outcome.COMMITTED
        self.street.live = decided.live
        return decided

    async def rows(self, query):
        cursor = self.connection.cursor(row_factory=dict_row)
        return await (await cursor.execute(query)).fetchall()


@pytest.fixture
async def connection(database_url):
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
async def organization(connection):
    id_ = station().organization_id
    await connection.execute(
        "INSERT INTO organizations (id, name, created_at) VALUES (%s, 'Nord', now())", (id_,)
    )
    return id_


@pytest.fixture
async def issue(connection, organization):
    async def issued(token=CARD, **changes):
        columns = {
            "id": new_id(), "organization_id": organization, "key": CIPHER.key(token),
            "sealed": CIPHER.seal(token), "last4": last4(token), "kind": token.kind,
            "created_at": NOON, "changed_at": NOON,
        } | changes  # fmt: skip
        await connection.execute(
            f"INSERT INTO tokens ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",  # noqa: S608 (our own names)
            tuple(columns.values()),
        )
        return columns["id"]

    return issued


@pytest.fixture
async def parts(database_url):
    committer, answerer = Committer(database_url), Answerer(database_url, CIPHER)
    committer.start()
    yield committer, answerer
    await committer.stop()
    await answerer.close()


@pytest.fixture
async def stored_street(connection, parts, issue):
    await issue()

    async def opened(**changes):
        return await StoredStreet(connection, *parts, **changes).claim()

    return opened
