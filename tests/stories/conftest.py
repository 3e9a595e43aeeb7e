"""People of stories: signed in by app, with a card; and turns of the queues when a story wants them."""

from datetime import timedelta

import httpx2
import pytest

from gridlane.accounts.people import hashed, new_secret
from gridlane.accounts.recognising import COOKIE
from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id
from gridlane.waiting.keeper import Keeper


class Driver:
    """A person with a card, signed in by app."""

    def __init__(self, http, card):
        self.http = http
        self.card = card

    async def ask(self, method, path, body=None, status=None):
        answer = await self.http.request(method, f"/api/v1{path}", json=body)
        assert answer.status_code == (status or answer.status_code), answer.text
        assert status or answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def place(self):
        return (await self.ask("GET", "/driver/queue"))["items"][0]


@pytest.fixture
async def driver(installation):
    """``await driver("04AA...")``: a new person of the organization with this card, signed in."""
    opened = []

    async def build(card):
        person_id, secret = new_id(), new_secret()
        await installation.sql(
            "INSERT INTO people (id, email, name, created_at) VALUES (%s, %s, 'Anna', now())",
            person_id,
            f"{card}@example.org",
        )
        await installation.sql(
            "INSERT INTO memberships (organization_id, person_id, role, since) VALUES (%s, %s, 'driver', now())",
            installation.organization_id,
            person_id,
        )
        await installation.sql(
            "INSERT INTO sign_in_sessions (id, secret_hash, person_id, organization_id, created_at, last_seen_at, "
            "expires_at) VALUES (%s, %s, %s, %s, now(), now(), now() + interval '1 day')",
            new_id(),
            hashed(secret),
            person_id,
            installation.organization_id,
        )
        await installation.issue_token(card, person_id=person_id)
        cookies = {COOKIE: secret}
        http = httpx2.AsyncClient(base_url=installation.settings.address(), cookies=cookies, timeout=20)
        opened.append(http)
        return Driver(http, card)

    yield build
    for http in opened:
        await http.aclose()


@pytest.fixture
async def keeper(installation):
    """``await keeper()``: a turn of every queue, as if so many ``minutes`` had passed."""
    database = Database(installation.url, pool=2)
    cipher = TokenCipher(installation.settings.secret(SECRET))

    async def turn(minutes=0):
        later = timedelta(minutes=minutes)
        return await Keeper(database, installation.bus, cipher, lambda: system_clock() + later).once()

    yield turn
    await database.close()
