"""A site's power as it changes, over server-sent events."""

import json

import pytest


@pytest.fixture
async def site(installation):
    await installation.register("CP-1")
    await installation.post(f"/sites/{installation.site_id}/energy", {"current": 63.0})
    return installation.site_id


async def pictured(installation, site, **picture):
    """As a controller does it: stored, then rung."""
    await installation.sql("UPDATE energy_sites SET picture = %s", json.dumps(picture))
    installation.bus.publish(f"power.{site}")


async def next_event(lines):
    """The name and the data of the next event."""
    async for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
            return name, json.loads((await anext(lines)).removeprefix("data: "))
    return None


async def test_a_screen_is_told_the_whole_picture_and_then_what_changes(installation, site):
    plugs = [{"evse_id": "a", "told": 6.0}, {"evse_id": "b", "told": 6.0}]
    await pictured(installation, site, circuits=[], evses=plugs, sharing=2)
    async with installation.http.stream("GET", f"/api/v1/sites/{site}/energy/live", timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await next_event(lines) == ("snapshot", {"circuits": [], "evses": plugs, "sharing": 2})
        after = [plugs[0], {"evse_id": "b", "told": 16.0}]
        await pictured(installation, site, circuits=[], evses=after, sharing=2)
        assert await next_event(lines) == ("diff", {"evses": [{"evse_id": "b", "told": 16.0}]})


async def test_a_site_without_circuits_has_nothing_to_watch(installation):
    answer = await installation.http.get(f"/api/v1/sites/{installation.site_id}/energy/live")
    assert (answer.status_code, answer.json()["code"]) == (404, "site_has_no_circuits")
