"""The edge of sessions: seen by whom they concern, started and stopped from afar, corrected with a reason."""

import asyncio

import httpx2
import msgspec
import pytest
from fastapi import FastAPI

from gridlane.accounts.api import router as tokens
from gridlane.charging.api import router as sessions
from gridlane.charging.closing import instructed
from gridlane.kernel.access import Caller, Permission, system
from gridlane.kernel.bus import LocalBus
from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id
from gridlane.stations.commands import AnyCommand, StartCharging
from gridlane.stations.decision import Instructed
from gridlane.web import problems


class TestSettings:
    """The only setting these routes read."""

    __test__ = False

    def __init__(self, secret):
        self._secret = secret

    def secret(self, _name):
        return self._secret


@pytest.fixture
def callers(organization):
    driver = frozenset({Permission.CHARGE})
    return {
        "operator": system(organization),
        "driver": Caller("person", "Dora", organization, new_id(), driver),
        "stranger": Caller("person", "Sam", organization, new_id(), driver),
        "elsewhere": Caller(
            "person", "Eve", organization, None, frozenset(Permission), frozenset({new_id()})
        ),
        "foreign": system(new_id()),
    }


@pytest.fixture
async def client(database, callers, make):
    app = FastAPI()
    app.state.database, app.state.bus, app.state.settings = database, LocalBus(), TestSettings(b"s" * 32)

    async def recognise(request):
        return callers[request.headers.get("as", "operator")]

    app.state.recognise = recognise
    problems.register(app)
    app.include_router(sessions)
    app.include_router(tokens)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as opened:
        yield opened


@pytest.fixture
async def street(stored_street, connection):
    """A station that is connected, and stands in the tables as well."""
    opened = await stored_street()
    station, now = opened.live.station, system_clock()
    await connection.execute(
        "INSERT INTO sites (id, organization_id, name, created_at) VALUES (%s, %s, 'Garage', %s)",
        (station.site_id, station.organization_id, now),
    )
    await connection.execute(
        "INSERT INTO stations (id, organization_id, site_id, identity, name, connected, changed_at, created_at) "
        "VALUES (%s, %s, %s, %s, 'A', true, %s, %s)",
        (station.id, station.organization_id, station.site_id, station.identity, now, now),
    )
    for (evse, number), one in station.connectors.items():
        await connection.execute(
            "INSERT INTO evses (id, organization_id, station_id, number) VALUES (%s, %s, %s, %s)",
            (one.evse_id, station.organization_id, station.id, evse),
        )
        await connection.execute(
            "INSERT INTO connectors (id, organization_id, station_id, evse_id, evse, number, status, status_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, 'available', %s)",
            (one.id, station.organization_id, station.id, one.evse_id, evse, number, now),
        )
    return opened


async def charged(street, make):
    """A session that has ended."""
    number = (await street.tell(make.start16(0))).reply.transaction_id
    for minute in range(1, 20):
        reading = make.meter(minute, 200.0 * minute, transaction=number, power=11_000.0 + minute, soc=40.0)
        await street.tell(reading)
    await street.tell(make.stop16(20, number, meter=4000.0, reason="Local"))
    (row,) = await street.rows("SELECT id FROM sessions")
    return str(row["id"])


async def test_a_session_its_readings_and_its_events_can_be_read(client, street, make):
    id_ = await charged(street, make)
    session = (await client.get(f"/sessions/{id_}")).json()
    assert (session["status"], session["energy"], session["token_last4"]) == ("ended", 4000.0, "1234")
    assert {"token_key", "start_digest", "sequences"}.isdisjoint(session)
    readings = (await client.get(f"/sessions/{id_}/readings")).json()["items"]
    assert [one["energy"] for one in readings] == [200.0 * minute for minute in range(21)]
    events = (await client.get(f"/sessions/{id_}/events")).json()["items"]
    assert [one["phase"] for one in events] == ["started", "ended"]


async def test_a_reading_sent_twice_is_shown_once(client, street, make):
    number = (await street.tell(make.start16(0))).reply.transaction_id
    for _ in range(2):
        await street.tell(make.meter(1, 100.0, transaction=number))
    (row,) = await street.rows("SELECT id FROM sessions")
    readings = (await client.get(f"/sessions/{row['id']}/readings")).json()["items"]
    assert [one["energy"] for one in readings] == [0.0, 100.0]


async def test_a_long_session_is_drawn_by_few_points(client, street, make):
    id_ = await charged(street, make)
    points = (await client.get(f"/sessions/{id_}/readings?points=5")).json()["items"]
    assert 5 <= len(points) <= 6
    assert points[-1]["energy"] == 4000.0
    assert points[1]["power"] == pytest.approx(11_005.5)


async def test_sessions_come_in_pages_newest_first_and_by_filters(client, street, make):
    for minute in range(0, 50, 10):
        reply = (await street.tell(make.start16(minute))).reply
        await street.tell(make.stop16(minute + 5, reply.transaction_id, meter=10.0))
    first = (await client.get("/sessions?limit=3")).json()
    second = (await client.get("/sessions", params={"limit": 3, "cursor": first["next"]})).json()
    starts = [one["started_at"] for one in first["items"] + second["items"]]
    assert starts == sorted(starts, reverse=True)
    assert (len(starts), second["next"]) == (5, None)
    assert (await client.get("/sessions?status=active")).json()["items"] == []
    since = make.minutes(25).isoformat()
    assert len((await client.get("/sessions", params={"since": since})).json()["items"]) == 2


@pytest.mark.parametrize("who", ["stranger", "elsewhere", "foreign"])
async def test_a_session_is_not_there_for_whom_it_does_not_concern(client, street, make, who):
    id_ = await charged(street, make)
    for path in (f"/sessions/{id_}", f"/sessions/{id_}/readings", f"/sessions/{id_}/events"):
        answer = await client.get(path, headers={"as": who})
        assert (answer.status_code, answer.json()["code"]) == (404, "session_unknown")
    assert (await client.get("/sessions", headers={"as": who})).json()["items"] == []


async def start(client, street, *, who="operator", key=None, **wish):
    headers = {"as": who} | ({"Idempotency-Key": key} if key else {})
    (token,) = await street.rows("SELECT id FROM tokens")
    body = {"station_id": str(street.live.station.id), "token_id": str(token["id"]), "evse": 1} | wish
    return await client.post("/sessions", json=body, headers=headers)


async def test_a_start_from_afar_becomes_the_session_that_answers_it(client, street, make):
    made = (await start(client, street)).json()
    (operation,) = await street.rows("SELECT params FROM operations")
    command = msgspec.json.decode(operation["params"], type=AnyCommand)
    assert isinstance(command, StartCharging)
    assert (command.token, command.evse) == (make.CARD, 1)

    begun = msgspec.structs.replace(
        make.event("started", 0, sequence=0, token=make.CARD, remote_start_id=command.remote_start_id),
        at=system_clock(),
    )
    await street.tell(begun)
    shown = (await client.get(f"/start-requests/{made['id']}")).json()
    (session,) = await street.rows("SELECT id, request_id FROM sessions")
    assert shown["session_id"] == str(session["id"])
    assert str(session["request_id"]) == made["id"]


async def test_a_start_over_1_6_is_joined_by_its_token(client, street, make):
    made = (await start(client, street)).json()
    await street.tell(msgspec.structs.replace(make.start16(0), at=system_clock()))
    shown = (await client.get(f"/start-requests/{made['id']}")).json()
    assert shown["session_id"] is not None


async def test_a_forged_remote_start_id_lets_no_stranger_in(client, street, make):
    await start(client, street)
    (operation,) = await street.rows("SELECT params FROM operations")
    command = msgspec.json.decode(operation["params"], type=AnyCommand)
    stranger = make.TokenRef("04DEADBEEF", "ISO14443")
    forged = make.event("started", 0, token=stranger, remote_start_id=command.remote_start_id)
    reply = (await street.tell(msgspec.structs.replace(forged, at=system_clock()))).reply
    assert reply.verdict.status == "unknown"


async def test_the_same_idempotency_key_starts_once(client, street):
    first, second = (
        (await start(client, street, key="tap")).json(),
        (await start(client, street, key="tap")).json(),
    )
    assert first == second
    assert len(await street.rows("SELECT 1 FROM operations")) == 1


async def test_a_blocked_token_is_told_why_it_does_not_start(client, street, connection):
    await connection.execute("UPDATE tokens SET status = 'blocked'")
    answer = await start(client, street)
    assert (answer.status_code, answer.json()["code"]) == (409, "start_refused")
    assert "blocked" in answer.json()["title"]


async def test_a_station_that_is_away_or_has_no_such_evse_is_not_started(client, street, connection):
    assert (await start(client, street, evse=9)).json()["code"] == "evse_unknown"
    await connection.execute("UPDATE connectors SET status = 'faulted'")
    assert (await start(client, street)).json()["code"] == "evse_unusable"
    await connection.execute("UPDATE stations SET connected = false")
    assert (await start(client, street)).status_code == 503


async def test_a_driver_starts_and_stops_with_their_own_token_alone(
    client, street, connection, callers, make
):
    await connection.execute("UPDATE tokens SET person_id = %s", (callers["driver"].person_id,))
    assert (await start(client, street, who="stranger")).status_code == 403
    assert (await start(client, street, who="driver")).status_code == 202
    await street.tell(msgspec.structs.replace(make.start16(0), at=system_clock()))
    (session,) = await street.rows("SELECT id FROM sessions")
    stop = f"/sessions/{session['id']}/stop"
    assert (await client.post(stop, headers={"as": "stranger"})).status_code == 404
    assert (await client.post(stop, headers={"as": "driver"})).status_code == 202
    mine = (await client.get("/sessions", headers={"as": "driver"})).json()["items"]
    assert [one["id"] for one in mine] == [str(session["id"])]


async def test_a_session_that_is_over_is_not_stopped(client, street, make):
    id_ = await charged(street, make)
    answer = await client.post(f"/sessions/{id_}/stop")
    assert (answer.status_code, answer.json()["code"]) == (409, "session_over")


async def test_a_stuck_session_is_closed_by_its_owner_with_a_reason(client, street, make):
    await street.tell(make.start16(0))
    (session,) = await street.rows("SELECT id FROM sessions")
    path = f"/sessions/{session['id']}/close"
    assert (await client.post(path, json={})).status_code == 422
    operation = (await client.post(path, json={"reason": "cable cut"})).json()
    wish = msgspec.json.decode(operation["params"], type=AnyCommand)
    street.street.handlers = {**street.street.handlers, Instructed: instructed}
    await street.tell(
        Instructed(what=wish.what, params=wish.params, actor="gridlane", id=msgspec.convert(operation["id"], type(new_id())))
    )  # fmt: skip
    shown = (await client.get(f"/sessions/{session['id']}")).json()
    assert (shown["status"], shown["closed_by"]) == ("ended", "gridlane")
    (row,) = await street.rows("SELECT status FROM operations")
    assert row["status"] == "verified"


async def test_the_log_of_authorizations_tells_the_rule_and_not_the_number(client, street, make):
    await street.tell(make.tap(make.TokenRef("04DEADBEEF00AA", "ISO14443")))
    (entry,) = (await client.get("/authorizations")).json()["items"]
    assert (entry["verdict"], entry["reason"], entry["token_last4"]) == (
        "unknown",
        "nobody knows the token",
        "00AA",
    )
    assert "token_key" not in entry
    assert (await client.get("/authorizations", headers={"as": "elsewhere"})).json()["items"] == []


async def test_many_starts_at_once_deadlock_nothing(client, street, connection):
    await connection.execute("UPDATE tokens SET concurrent = 0")
    answers = await asyncio.gather(*(start(client, street) for _ in range(12)))
    assert {one.status_code for one in answers} == {202}
