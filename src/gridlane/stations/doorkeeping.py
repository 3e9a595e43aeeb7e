"""Keeping the door's memory: who may knock, loaded from the database and kept fresh; who knocked in vain, written down.

The door itself decides from memory alone. Everything slow it wants (a fresher directory, an argon2 check, a verifier to
store) is done here, beside the sockets.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from psycopg import AsyncConnection, OperationalError
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock
from gridlane.kernel.doorbell import Doorbell
from gridlane.kernel.ids import new_id
from gridlane.stations import directory
from gridlane.stations.credentials import VerifierKeys
from gridlane.stations.directory import Directory
from gridlane.stations.door import DoorParts, DoorRules, StationDoor, Visitor
from gridlane.stations.imported_passwords import ImportedPasswords
from gridlane.stations.knocks import Knock, Knocks
from gridlane.stations.reasons import Step
from gridlane.stations.transport.link import Receiver

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0

_GONE = """
SELECT DISTINCT g.identity FROM gone_identities g
WHERE g.at > %s - interval '10 seconds' AND NOT EXISTS (SELECT FROM stations s WHERE s.identity = g.identity)
"""


class Doorkeeper:
    """One for a gateway: owns the directory and the door."""

    def __init__(
        self,
        owner_url: str,
        bus: Bus,
        clock: Clock,
        keys: VerifierKeys,
        rules: DoorRules,
        receive: Callable[[Visitor], Receiver],
    ) -> None:
        self._url = owner_url
        self._bus = bus
        self._clock = clock
        self._receive = receive
        self._imported = ImportedPasswords(
            keys, lambda entry, verifier: self._store(entry.identity, [verifier])
        )
        self.directory = Directory()
        self.knocks = Knocks()
        self.door = StationDoor(
            DoorParts(
                directory=self.directory,
                keys=keys,
                receive=self._let_in,
                note=self._note,
                missed=lambda _identity: self._bell.ring(),
                check_slowly=self._imported.check,
                clock=clock,
            ),
            rules,
        )
        self._bell = Doorbell()
        self._loaded_until = datetime(2000, 1, 1, tzinfo=UTC)
        self._failures: Counter[tuple[str, str, str]] = Counter()
        self._verifiers: dict[str, list[str]] = {}  # identity -> what to store
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the whole directory, then keep it fresh. Waits for the database."""
        while True:
            try:
                async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await self._refresh(connection)
                break
            except (OperationalError, OSError) as trouble:
                log.warning("database away", reason=str(trouble).strip())
                await asyncio.sleep(0.5)
        await self._bus.subscribe("directory", lambda _subject, _payload: self._bell.ring())
        self._running = asyncio.create_task(self._run(), name="directory")

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                    while True:
                        await self._bell.answered(LOOK_SECONDS)
                        await self._refresh(connection)
                        await self._store_verifiers(connection)
                        await self._write_failures(connection)
            except (OperationalError, OSError) as trouble:
                log.warning("database away", reason=str(trouble).strip())
                await asyncio.sleep(0.5)

    async def _refresh(self, connection: AsyncConnection[Any]) -> None:
        """Entries that changed since the last look, with a little overlap for transactions that were still open."""
        looked_at = self._clock()
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(
                f"SELECT {', '.join(directory.COLUMNS)} FROM stations "  # noqa: S608 (our own columns)
                "WHERE changed_at > %s - interval '10 seconds'",
                (self._loaded_until,),
            )
            rows = await cursor.fetchall()
            gone = await (await cursor.execute(_GONE, (self._loaded_until,))).fetchall()
        self._loaded_until = looked_at
        self.directory.apply(directory.load(rows), [row["identity"] for row in gone])

    # --- what the door wants -------------------------------------------------------------------------------------

    def _let_in(self, visitor: Visitor) -> Receiver:
        entry = visitor.entry
        if entry is not None and visitor.verifier is not None:
            self._store(entry.identity, [visitor.verifier])
        return self._receive(visitor)

    def _store(self, identity: str, verifiers: list[str]) -> None:
        self._verifiers[identity] = verifiers
        self._bell.ring()

    def _note(self, knock: Knock) -> None:
        self.knocks.note(knock)
        if knock.reason.step is not Step.ADMITTED and len(self._failures) < 5000:
            self._failures[knock.identity or "", knock.address, knock.reason_code] += 1

    # --- writing down --------------------------------------------------------------------------------------------

    async def _store_verifiers(self, connection: AsyncConnection[Any]) -> None:
        while self._verifiers:
            identity, verifiers = self._verifiers.popitem()
            await connection.execute(
                "UPDATE stations SET verifiers = %s, changed_at = %s WHERE identity = %s",
                (Jsonb(verifiers), self._clock(), identity),
            )

    async def _write_failures(self, connection: AsyncConnection[Any]) -> None:
        failures, self._failures = self._failures, Counter()
        now = self._clock()
        for (identity, address, reason_code), count in failures.items():
            entry = self.directory.get(identity)
            await connection.execute(
                "INSERT INTO handshake_failures (id, organization_id, identity, address, at, count, reason_code) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    new_id(),
                    entry.organization_id if entry else None,
                    identity,
                    address,
                    now,
                    count,
                    reason_code,
                ),
            )
