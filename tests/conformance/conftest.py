"""What the published test cases ask of a central system, played with a virtual station on real sockets.

A case is passed only when its test asserts what is stored and what the station does next, not just an answer.
"""

import ssl
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from gridlane.app.supervisor import free_port
from gridlane.ocpp.version import Version
from gridlane.stations.development_authority import issue_station_certificate, key_pem, new_key
from gridlane.stations.listeners import open_listeners
from gridlane.stations.station_authority import station_authority

sys.path.append(str(Path(__file__).parent))  # cases.py, not_tested.py, counting.py

CARD, FRIEND, STRANGER = "04AABBCCDDEE80", "04AABBCCDDEE81", "04AABBCCDDEE99"


class Lab:
    """One installation and one station of a version, with a valid card and what the stored rows say."""

    card, friend, stranger = CARD, FRIEND, STRANGER

    def __init__(self, installation):
        self.installation = installation
        self.id = None

    @asynccontextmanager
    async def station(self, version, *, boot=True, **spec):
        await self.installation.issue_token(CARD, group_id="FAMILY", concurrent=0)
        station = await self.installation.station("CP-1", version, **{"meter_interval": 1, **spec})
        self.id = station.id
        async with station:
            if boot:
                await station.boot()
                await self.seen("SELECT 1 FROM stations WHERE booted_at IS NOT NULL")
            yield station

    # --- what is stored ------------------------------------------------------------------------------------------

    async def seen(self, statement, *parameters, patience=20.0):
        """The first row of a query, once there is one."""

        async def rows():
            return await self.installation.sql(statement, *parameters)

        return (await self.installation.until(rows, patience, lambda: f"never stored: {statement}"))[0]

    async def session(self, status="ended"):
        """The newest session, once it is in this state: (transaction_id, energy, stop reason, refused)."""
        return await self.seen(
            "SELECT transaction_id, energy, stop_reason, refused FROM sessions WHERE status = %s ORDER BY id DESC LIMIT 1",
            status,
        )

    async def connector(self, status, evse=1):
        await self.seen("SELECT 1 FROM connectors WHERE evse = %s AND status = %s", evse, status)

    async def logged(self, action, pattern="%"):
        return await self.seen(
            "SELECT payload, answer FROM messages WHERE action = %s AND payload LIKE %s ORDER BY at DESC",
            action,
            pattern,
        )

    async def event(self, phase, trigger, **columns):
        """A stored event of a transaction: (token's last four, charging state, stopped reason, sequence)."""
        more = "".join(f" AND {name} = %s" for name in columns)
        return await self.seen(
            "SELECT token_last4, charging_state, stopped_reason, sequence FROM transaction_events "  # noqa: S608
            f"WHERE phase = %s AND trigger = %s{more} ORDER BY at DESC",
            phase,
            trigger,
            *columns.values(),
        )

    async def verdicts(self):
        """What was decided about tokens, oldest first: (occasion, last four, verdict)."""
        return await self.installation.sql(
            "SELECT occasion, token_last4, verdict FROM authorizations ORDER BY id"
        )

    # --- what an operator does -----------------------------------------------------------------------------------

    async def ask(self, kind, status="verified", **params):
        """Send a command and wait until it has ended like this."""
        operation = await self.installation.command(self.id, kind, **params)
        ended = await self.installation.operation(operation, patience=15)
        assert ended["status"] == status, ended
        return ended

    async def agreed(self, kind, **params):
        """Send a command and wait until the station has agreed (its effect is still to come)."""
        operation = await self.installation.command(self.id, kind, **params)
        await self.installation.operation(operation, "agreed", "verified")
        return operation

    def token(self, number=CARD, kind="ISO14443"):
        return {"value": number, "kind": kind}

    async def set(self, **variables):
        """Set variables of a 2.x station: ``set(TxCtrlr__TxStartPoint="Authorized")``."""
        wanted = [
            {"component": name.split("__")[0], "variable": name.split("__")[1], "value": value}
            for name, value in variables.items()
        ]
        return await self.ask("set_variables", variables=wanted)

    # --- transport layer security --------------------------------------------------------------------------------

    @asynccontextmanager
    async def tls_port(self):
        """A listener with TLS beside the plain one; gives its address for stations."""
        settings = self.installation.settings
        opening = settings.model_copy(update={"station_port": 0, "station_tls_port": free_port()})
        (listener,) = await open_listeners(opening, self.installation.keeper.door)
        try:
            yield f"wss://localhost:{opening.station_tls_port}/ocpp"
        finally:
            await listener.close()

    def trust(self, chain=None, key=None):
        """What a station trusts, and the certificate it shows."""
        folder = self.installation.settings.data_dir
        context = ssl.create_default_context(cafile=folder / "tls" / "authority.pem")
        if chain is not None:
            shown = folder / f"{uuid4().hex}.pem"
            shown.write_text(key_pem(key).decode() + chain)
            context.load_cert_chain(shown)
        return context

    def certificate(self, name, *, authority=None):
        """A station's certificate (PEM) and its key, of our own authority or another."""
        now = datetime.now(UTC)
        signer, key = authority or station_authority(self.installation.settings, now), new_key()
        made = issue_station_certificate(signer, key.public_key(), name, "Gridlane", now)
        return made.public_bytes(Encoding.PEM).decode(), key

    async def turned_away(self, identity, reason):
        """A handshake that failed for this reason is shown to the operator, who sees no such station connected."""

        async def shown():
            found = (await self.installation.get("/handshakes"))["items"]
            return [
                one for one in found if (one["identity"] or "") == identity and one["reason_code"] == reason
            ]

        await self.installation.until(shown, 20)
        assert await self.installation.sql("SELECT 1 FROM stations WHERE connected") == []

    # --- stories -------------------------------------------------------------------------------------------------

    async def charge(self, station, *, card=CARD, plug_first=True):
        """From plug (or card) to flowing energy; gives the transaction."""
        if plug_first:
            await station.plug_in()
            await station.tap(card)
        else:
            await station.tap(card)
            await station.until(lambda: station.evse().token == card, "to know the card")
            await station.plug_in()
        await station.until(lambda: station.evse().transaction and station.evse().power > 0, "to charge")
        transaction = station.evse().transaction
        await station.until(lambda: transaction.id, "to know the transaction's id")
        await self.seen(
            "SELECT 1 FROM sessions WHERE transaction_id = %s AND status = 'active'", transaction.id
        )
        return transaction

    async def quiet(self, station):
        """Until everything the station had to say was acknowledged."""
        await station.until(
            lambda: not station.machine.queue and station.machine.in_flight is None, "to be heard"
        )


@pytest.fixture
def lab(installation):
    return Lab(installation)


@pytest.fixture
def v16():
    return Version.V16


@pytest.fixture
def v201():
    return Version.V201
