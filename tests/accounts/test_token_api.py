import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from gridlane.accounts.api import router
from gridlane.accounts.model import organizations, tokens
from gridlane.accounts.tokens import TokenCipher
from gridlane.kernel.access import Caller, Permission, system
from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id
from gridlane.stations.reports import TokenRef
from gridlane.web import problems

SECRET = b"s" * 32
CARD = {"number": "04AABBCCDD1234", "kind": "ISO14443", "name": "Ada's card"}


class Settings:
    def secret(self, _name):
        return SECRET


@pytest.fixture
async def client(database):
    ours, theirs = new_id(), new_id()
    async with database.as_owner() as work:
        for id_ in (ours, theirs):
            await work.execute(sa.insert(organizations).values(id=id_, name="N", created_at=system_clock()))
    callers = {
        "operator": system(ours),
        "reader": Caller("person", "Rob", ours, permissions=frozenset({Permission.TOKENS_READ})),
        "foreign": system(theirs),
    }
    app = FastAPI()
    app.state.database, app.state.settings = database, Settings()

    async def recognise(request):
        return callers[request.headers.get("as", "operator")]

    app.state.recognise = recognise
    problems.register(app)
    app.include_router(router)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as opened:
        yield opened


async def issue(client, **changes):
    return (await client.post("/tokens", json=CARD | changes)).json()


async def test_a_token_is_issued_and_shows_only_its_last_four(client, database):
    answer = await client.post("/tokens", json=CARD)
    made = answer.json()
    assert (answer.status_code, made["last4"], made["status"]) == (201, "1234", "active")
    listed = (await client.get("/tokens")).text + answer.text
    assert "04AABB" not in listed
    assert not {"key", "sealed", "number"} & made.keys()
    async with database.as_owner() as work:
        sealed = await work.scalar(sa.select(tokens.c.sealed))
    assert TokenCipher(SECRET).unseal(sealed, "ISO14443") == TokenRef("04AABBCCDD1234", "ISO14443")


async def test_a_number_is_issued_once_in_an_organization_however_it_is_spelled(client):
    made = await issue(client)
    again = await client.post("/tokens", json=CARD | {"number": "04aabbccdd1234"})
    assert (again.status_code, again.json()["code"]) == (409, "token_taken")
    assert made["id"] in again.json()["title"]
    elsewhere = await client.post("/tokens", json=CARD, headers={"as": "foreign"})
    assert elsewhere.status_code == 201


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("ISO14443", "04AABB"),
        ("ISO14443", "xyz"),
        ("ISO15693", "04AABBCC"),
        ("eMAID", "DE8"),
        ("Central", "\n"),
    ],
)
async def test_a_number_that_cannot_be_is_refused_with_what_it_should_be(client, kind, number):
    answer = await client.post("/tokens", json={"kind": kind, "number": number})
    assert (answer.status_code, answer.json()["code"]) == (422, "token_number_invalid")


async def test_a_change_touches_only_the_fields_given(client):
    made = await issue(client, group_id="FLEET", concurrent=3)
    changed = (await client.patch(f"/tokens/{made['id']}", json={"status": "blocked"})).json()
    assert (changed["status"], changed["group_id"], changed["concurrent"]) == ("blocked", "FLEET", 3)


async def test_tokens_are_found_by_name_group_and_last_four(client):
    made = await issue(client, group_id="FLEET")
    for query in ("search=ada", "search=1234", "group_id=FLEET", "status=active"):
        found = (await client.get(f"/tokens?{query}")).json()["items"]
        assert [one["id"] for one in found] == [made["id"]]
    assert (await client.get("/tokens?search=%25")).json()["items"] == []


async def test_another_organization_sees_and_changes_nothing(client):
    made = await issue(client)
    path, foreign = f"/tokens/{made['id']}", {"as": "foreign"}
    assert (await client.get("/tokens", headers=foreign)).json()["items"] == []
    assert (await client.get(path, headers=foreign)).status_code == 404
    assert (await client.patch(path, json={"name": "mine"}, headers=foreign)).status_code == 404
    assert (await client.delete(path, headers=foreign)).status_code == 404


async def test_whoever_only_reads_changes_nothing(client):
    made = await issue(client)
    reader = {"as": "reader"}
    assert (await client.get(f"/tokens/{made['id']}", headers=reader)).status_code == 200
    assert (await client.post("/tokens", json=CARD, headers=reader)).status_code == 403
    assert (await client.delete(f"/tokens/{made['id']}", headers=reader)).status_code == 403


async def test_what_was_done_to_a_token_is_in_the_audit_log_without_its_number(client, database):
    made = await issue(client)
    await client.patch(f"/tokens/{made['id']}", json={"status": "blocked"})
    await client.delete(f"/tokens/{made['id']}")
    async with database.as_owner() as work:
        rows = (
            await work.execute(sa.text("SELECT action, before, after FROM audit_entries ORDER BY id"))
        ).all()
        kinds = (await work.execute(sa.text("SELECT kind FROM facts ORDER BY position"))).scalars().all()
    assert [row.action for row in rows] == ["token.issued", "token.changed", "token.withdrawn"]
    assert kinds == ["token_issued", "token_changed", "token_withdrawn"]
    assert "04AABB" not in str(rows)
