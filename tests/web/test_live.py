"""The live picture: differences only, the same for all who watch, and what runs already when one begins to watch."""

import asyncio
import json
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from gridlane.web.live import Picture

STATION = st.sampled_from(["a", "b", "c"])
FIELDS = st.dictionaries(
    st.sampled_from(["connected", "evses", "sessions"]), st.integers(0, 3), min_size=1
).map(lambda fields: fields | {"site_id": "here"})


@given(st.lists(st.dictionaries(STATION, FIELDS, min_size=1), min_size=1), st.data())
def test_who_joins_the_differences_has_the_whole_picture(told, data):
    picture, watched, version = Picture(), {}, 0
    for stations in told:
        picture.apply(stations)
        if data.draw(st.booleans()):
            continue  # a slow screen
        for id_, fresh in picture.since(version).items():
            watched.setdefault(id_, {}).update(fresh)
        version = picture.version
    for id_, fresh in picture.since(version).items():
        watched.setdefault(id_, {}).update(fresh)
    assert watched == picture.stations


def test_what_is_as_it_was_is_no_news():
    picture = Picture()
    picture.apply({"a": {"connected": True, "power": 5}})
    before = picture.version
    picture.apply({"a": {"connected": True}})
    assert picture.version == before
    picture.apply({"a": {"connected": True, "power": 6}})
    assert picture.since(before) == {"a": {"power": 6}}


def test_two_who_watch_get_the_very_same_bytes_and_a_third_of_another_site_none():
    picture = Picture()
    here, there = str(uuid4()), str(uuid4())
    picture.apply({"a": {"site_id": here, "power": 1}})
    version = picture.version
    picture.apply({"a": {"power": 2}})
    assert picture.event(version, None, packed=True) is picture.event(version, None, packed=True)
    assert picture.event(version, frozenset([there]), packed=False) == b""


def test_a_station_that_comes_into_sight_is_told_whole():
    picture = Picture()
    picture.apply({"a": {"site_id": "there", "name": "A"}})
    version = picture.version
    picture.apply({"a": {"site_id": "here"}})
    assert picture.since(version, frozenset(["here"])) == {"a": {"site_id": "here", "name": "A"}}


async def test_the_stream_begins_with_all_and_goes_on_with_what_changes(installation):
    async with await installation.station("CP-1", meter_interval=1) as station:
        await installation.issue_token("04A1B2C3")
        await station.boot()
        await station.plug_in()
        await station.tap("04A1B2C3")
        await installation.until(lambda: installation.sql("SELECT 1 FROM sessions WHERE power > 0"), 30)
        async with installation.http.stream("GET", "/api/v1/live") as answer:
            assert answer.headers["content-encoding"] == "gzip"
            events = told(answer)
            name, stations = await anext(events)
            assert (name, [one["name"] for one in stations.values()]) == ("snapshot", ["CP-1"])
            (session,) = stations[station.id]["sessions"]
            assert session["power"] > 0
            name, stations = await anext(events)
            assert (name, list(stations[station.id])) == ("diff", ["sessions"])


async def test_a_station_that_comes_or_is_renamed_while_one_watches_has_its_name(installation):
    async with installation.http.stream("GET", "/api/v1/live") as answer:
        events = told(answer)
        assert (await anext(events))[0] == "snapshot"
        async with await installation.station("CP-1") as station:
            await station.boot()
            await heard(events, station.id, name="CP-1")
            path = f"/api/v1/stations/{station.id}"
            await installation.http.patch(path, json={"name": "By the bakery"})
            await heard(events, station.id, name="By the bakery")


async def heard(events, id_, **fields):
    """Wait for a difference that tells these fields of a station."""
    async with asyncio.timeout(30):
        async for _, stations in events:
            if fields.items() <= stations.get(id_, {}).items():
                return


async def told(answer):
    """The events of a stream, as they come."""
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))["stations"]
