"""Builders: a worker beside the installation, people who are signed in, a public plug."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gridlane.accounts.people import hashed, new_secret
from gridlane.app.facts import Dispatcher
from gridlane.app.worker import listeners
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id
from gridlane.kernel.jobs import Jobs


@pytest.fixture
async def working(installation):
    """The worker's listeners, as they run beside an installation."""
    database, jobs = Database(installation.url), Jobs(installation.url)
    rows = listeners(database, installation.settings, installation.bus)
    dispatcher = Dispatcher(database, installation.bus, jobs, rows)
    await jobs.open()
    tasks = [asyncio.create_task(jobs.run_worker()), asyncio.create_task(dispatcher.run())]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await jobs.close()
    await database.close()


class Person:
    """Somebody who is signed in and asks the API."""

    def __init__(self, installation, id_, secret):
        self.id, self._installation = id_, installation
        self._headers = {"cookie": f"gridlane_session={secret}", "authorization": ""}

    async def ask(self, method, path, status=None, **more):
        headers = {**self._headers, **more.pop("headers", {})}
        answer = await self._installation.http.request(method, f"/api/v1{path}", headers=headers, **more)
        assert answer.status_code == status if status else answer.status_code < 300, answer.text
        return answer.json() if answer.content and "json" in answer.headers["content-type"] else answer

    async def get(self, path, **params):
        return await self.ask("GET", path, params=params)

    async def post(self, path, body=None, status=None):
        return await self.ask("POST", path, status, json=body)


@pytest.fixture
def person(installation):
    """``await person("anna", role="driver", language="de")``."""

    async def build(name, role="driver", language="en"):
        id_, secret = new_id(), new_secret()
        await installation.sql(
            "INSERT INTO people (id, email, name, language, created_at) VALUES (%s, %s, %s, %s, now())",
            id_, f"{name}@example.org", name.title(), language,
        )  # fmt: skip
        await installation.sql(
            "INSERT INTO memberships (organization_id, person_id, role, since) VALUES (%s, %s, %s, now())",
            installation.organization_id, id_, role,
        )  # fmt: skip
        await installation.sql(
            "INSERT INTO sign_in_sessions (id, secret_hash, person_id, organization_id, created_at, last_seen_at, "
            "expires_at) VALUES (%s, %s, %s, %s, now(), now(), now() + interval '1 day')",
            new_id(), hashed(secret), id_, installation.organization_id,
        )  # fmt: skip
        return Person(installation, id_, secret)

    return build


@pytest.fixture
def public_plug(installation):
    """``async with public_plug() as station``: a station whose plug drivers can find, with a price."""

    @asynccontextmanager
    async def build(**spec):
        async with await installation.station("CP-1", meter_interval=1, **spec) as station:
            await station.boot()
            await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4, public = true")
            await installation.until(lambda: installation.sql("SELECT 1 FROM evses"))
            await installation.sql("UPDATE evses SET public_id = 'DE*GRL*E1' WHERE number = 1")
            content = {
                "currency": "EUR",
                "tax_included": "YES",
                "elements": [{"price_components": [{"type": "ENERGY", "price": 0.5, "vat": 19}]}],
            }
            made = await installation.post("/tariffs", {"name": "Public", "tariff": content})
            await installation.post("/tariff-assignments", {"tariff_id": made["tariff_id"]})
            yield station

    return build
