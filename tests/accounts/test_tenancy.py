"""The tenant matrix: every endpoint of the API, as every role, at objects that are not theirs. Nothing may leak.

It is made of the OpenAPI description and of the tables, so a new endpoint and a new table are covered by being there.
A stranger's organization has one row in every table, and all its ids are the same one, ``THEIRS``: whatever an endpoint
asks for by id, there is a stranger's object with it. The stranger's texts hold a mark; no answer may hold the mark, and
no row of the stranger may have changed when everybody has asked for everything.
"""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from gridlane.accounts.people import people
from gridlane.accounts.roles import ROLES, permissions
from gridlane.app import tables  # noqa: F401 (so that every table is known)
from gridlane.kernel.access import Caller, NotSignedIn, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import metadata
from sowing import KEPT_ASIDE, sow

OURS, THEIRS = UUID(int=0xA << 120 | 1), UUID(int=0xB << 120 | 2)
ME, NEIGHBOUR = UUID(int=0xA << 120 | 3), UUID(int=0xA << 120 | 4)
MARK = "stranger-danger"
MOST_OUTSIDE = 0.25
"""Tables whose own rules refuse a made-up row; their packages' tests look after them."""


PUBLIC = {
    "GET /api/v1/driver/places": "where one can charge, on the map of everybody",
    "GET /api/v1/driver/places/{site_id}": "what stands there and what it costs",
    "GET /api/v1/sign-in/providers": "the buttons of the sign-in page",
    "GET /api/v1/sign-up": "whose driver one may become",
    "POST /api/v1/sign-up": "asks a stranger's organization for an account: that is what it is for",
}
"""What is meant for everybody, and why."""


class Answer:
    def __init__(self) -> None:
        self.status, self.body = 0, b""


async def ask(app, caller: str, method: str, path: str, query: str, body: Any) -> Answer:
    """One request straight to the application; a stream is heard for a moment."""
    answer, content = Answer(), json.dumps(body).encode()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "server": ("localhost", 80), "client": ("192.0.2.1", 1), "state": {},
        "headers": [(b"host", b"localhost"), (b"as", caller.encode()), (b"content-type", b"application/json")],
    }  # fmt: skip
    asked, streams = False, asyncio.Event()

    async def receive():
        nonlocal asked
        if asked:
            await asyncio.Event().wait()  # nobody hangs up
        asked = True
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            if any(b"event-stream" in value for _, value in message["headers"]):
                streams.set()
        else:
            answer.body += message.get("body", b"")

    answering, streaming = asyncio.create_task(app(scope, receive, send)), asyncio.create_task(streams.wait())
    await asyncio.wait({answering, streaming}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
    if not answering.done():
        await asyncio.wait({answering}, timeout=0.3)
    answering.cancel()
    streaming.cancel()
    await asyncio.gather(answering, streaming, return_exceptions=True)
    return answer


def example(schema: dict[str, Any], whole: dict[str, Any], depth: int = 0) -> Any:
    """A value that a schema allows, with the stranger's id wherever an id may stand."""
    if "$ref" in schema:
        return example(whole["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], whole, depth)
    if schema.get("const", schema.get("default")):
        return schema.get("const", schema.get("default"))
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return example(next(one for one in schema[key] if one.get("type") != "null"), whole, depth)
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, whole, depth)
    if kind == "array":
        return [example(schema.get("items", {}), whole, depth + 1)] if depth < 3 else []
    if kind == "string":
        return _text(schema)
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    return {"integer": int(least), "number": least, "boolean": False}.get(str(kind), {})


def _object(schema: dict[str, Any], whole: dict[str, Any], depth: int) -> dict[str, Any]:
    """Every field that must be there, and every field that may name an object."""
    wanted = set(schema.get("required", ()))
    return {
        name: example(one, whole, depth + 1)
        for name, one in schema.get("properties", {}).items()
        if name in wanted or (depth < 2 and "uuid" in json.dumps(one))
    }


def _text(schema: dict[str, Any]) -> str:
    formats = {
        "uuid": str(THEIRS),
        "date-time": "2026-01-01T00:00:00Z",
        "date": "2026-01-01",
        "uri": "https://example.org",
    }
    if schema.get("format") in formats:
        return formats[schema["format"]]
    if "@" in schema.get("pattern", ""):
        return "someone@example.org"
    return (
        "EUR"
        if "[A-Z]{3}" in schema.get("pattern", "")
        else "words" * max(1, schema.get("minLength", 1) // 5 + 1)
    )


def endpoints(whole: dict[str, Any]):
    """(method, path with the stranger's ids, query with the stranger's ids, body) of everything there is."""
    for template, methods in whole["paths"].items():
        for method, operation in methods.items():
            path, query = template, []
            for one in operation.get("parameters", []):
                filling = _filling(one)
                if one["in"] == "path":
                    path = path.replace("{" + one["name"] + "}", filling)
                elif one["in"] == "query" and (one.get("required") or "uuid" in json.dumps(one["schema"])):
                    query.append(f"{one['name']}={filling}")
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            if f"{method.upper()} {template}" in PUBLIC:
                continue
            yield method.upper(), path, "&".join(query), example(schema, whole)


def _filling(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    if "date" in schema.get("format", ""):
        return "2026-01-01T00:00:00Z"
    if "enum" in schema:
        return str(schema["enum"][0])
    if schema.get("type") == "integer":
        return "1"
    return str(THEIRS) if "uuid" in json.dumps(schema) else MARK[:8]


async def rows_of(database, organization: UUID) -> dict[str, str]:
    """What every table holds of an organization, as text."""
    found = {}
    async with database.as_owner() as work:
        for table in metadata.sorted_tables:
            column = table.c.get("organization_id", table.c.get("id"))
            if table.name in KEPT_ASIDE or column is None or not isinstance(column.type, sa.Uuid):
                continue
            query = sa.select(sa.func.string_agg(sa.cast(table.table_valued(), sa.Text), "|"))
            found[table.name] = await work.scalar(query.select_from(table).where(column == organization))
    return found


@pytest.fixture
async def matrix(house):
    """The application with everybody known by a header, ours and the stranger's organization full of rows."""
    callers = {role: Caller("person", f"{role}@example.org", OURS, ME, permissions(role)) for role in ROLES}
    callers["key"] = Caller("key", "a key", OURS, None, frozenset(Permission))
    callers["one site"] = Caller("person", "one", OURS, ME, permissions("owner"), frozenset({UUID(int=7)}))

    async def recognise(request):
        name = request.headers.get("as")
        if name not in callers:
            raise NotSignedIn
        return callers[name]

    house.app.state.recognise = recognise
    house.sown = await sow(house.database, THEIRS, THEIRS, MARK)
    await sow(house.database, OURS, NEIGHBOUR, "ours", personal="neighbour-secret")
    async with house.database.as_owner() as work:
        now = system_clock()
        await work.execute(sa.insert(people).values(id=ME, email="me@example.org", created_at=now))
    house.callers = callers
    return house


async def test_no_endpoint_gives_any_role_a_strangers_object(matrix, capsys):
    ownable = [one.name for one in metadata.sorted_tables if one.name not in KEPT_ASIDE]
    outside = sorted(set(ownable) - matrix.sown)
    assert len(outside) <= MOST_OUTSIDE * len(ownable), outside
    before = await rows_of(matrix.database, THEIRS)
    assert any(MARK in (text or "") for text in before.values())
    checks, taken, leaks, failed = 0, 0, [], {}
    everything = list(endpoints(matrix.app.openapi()))
    asking = [(*one, name) for one in everything for name in (*matrix.callers, "nobody")]
    with capture_logs():
        answers = [await ask(matrix.app, name, *one) for *one, name in asking]
    for (method, path, _, _, name), answer in zip(asking, answers, strict=True):
        checks += 1
        taken += answer.status < 300
        if MARK in answer.body.decode(errors="replace"):
            leaks.append(f"{name}: {method} {path} told {answer.body[:300]!r}")
        if answer.status == 500:
            failed[f"{method} {path}"] = answer.body[:300]
    after = await rows_of(matrix.database, THEIRS)
    leaks += [f"{table} of the stranger was changed" for table in before if before[table] != after[table]]
    with capsys.disabled():
        print(  # noqa: T201 (how much was checked is part of the result)
            f"\ntenant matrix: {checks} checks ({len(everything)} endpoints, {len(matrix.callers) + 1} callers, "
            f"{len(matrix.sown)} tables), {taken} answered, {len(leaks)} leaks, {len(failed)} failures"
        )
    assert leaks == [], "\n".join(leaks)
    assert failed == {}, "\n".join(f"{where}: {why!r}" for where, why in failed.items())


async def test_no_driver_sees_what_is_another_drivers(matrix):
    told = []
    with capture_logs():
        for method, path, query, _ in endpoints(matrix.app.openapi()):
            if method != "GET":
                continue
            for id_ in (OURS, NEIGHBOUR):
                here, asked = path.replace(str(THEIRS), str(id_)), query.replace(str(THEIRS), str(id_))
                answer = await ask(matrix.app, "driver", method, here, asked, None)
                if "neighbour-secret" in answer.body.decode(errors="replace"):
                    told.append(f"GET {here}: {answer.body[:300]!r}")
    assert told == [], "\n".join(told)


def test_a_made_up_body_satisfies_its_schema():
    whole = {
        "components": {
            "schemas": {
                "Inner": {"type": "object", "properties": {"id": {"type": "string", "format": "uuid"}}}
            }
        }
    }
    schema = {
        "type": "object",
        "required": ["name", "inner"],
        "properties": {
            "name": {"type": "string", "minLength": 3},
            "inner": {"$ref": "#/components/schemas/Inner"},
            "at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        },
    }
    assert example(schema, whole) == {"name": "words", "inner": {"id": str(THEIRS)}}
