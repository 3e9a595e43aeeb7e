"""Figures over a real installation: a station charges, the job rolls up, the API tells."""

from datetime import UTC, datetime, timedelta

import pytest


async def test_a_session_is_in_every_figure(installation, charged):
    found = (await installation.get("/insight/figures"))["figures"]
    assert found["energy"] == pytest.approx(11000)
    assert found["sessions"] == 1
    assert found["revenue"] == "5.50"
    assert found["uptime"] == pytest.approx(0.75, abs=0.001)
    assert found["utilisation"] == pytest.approx(0.25, abs=0.001)
    assert found["starts"] == {"attempts": 1, "first_time": 1, "later": 0, "refused": 0, "share": 1.0}
    assert found["carbon"] > 11 * 363


async def test_rolling_up_again_changes_nothing(installation, charged, roll_up):
    before = await installation.get("/insight/course")
    await roll_up.recent()
    await roll_up.late()
    assert await installation.get("/insight/course") == before


async def test_the_course_adds_up_to_the_figures(installation, charged):
    for step in ("hour", "day", "week", "month"):
        items = (await installation.get("/insight/course", step=step))["items"]
        assert sum(one["energy"] for one in items) == pytest.approx(11000)
        assert sum(float(one["revenue"]) for one in items) == pytest.approx(5.5)


async def test_peak_hours_places_and_waste_are_told(installation, charged):
    week = (await installation.get("/insight/week"))["items"]
    assert (len(week), len(week[0])) == (7, 24)
    assert max(max(day) for day in week) > 0
    for by in ("site", "station"):
        (place,) = (await installation.get("/insight/places", by=by))["items"]
        assert place["energy"] == pytest.approx(11000)
    waste = await installation.get("/insight/waste")
    assert waste["items"][0]["standby"] > 0
    assert waste["actions"] == []  # a cent is not worth an action


async def test_excluded_downtime_is_left_out_with_its_proof_and_can_count_again(installation, charged):
    now = datetime.now(UTC)
    wish = {
        "station_id": charged["id"], "since": (now - timedelta(hours=1)).isoformat(),
        "until": (now + timedelta(hours=1)).isoformat(), "reason": "grid_outage", "evidence": "letter of the grid",
    }  # fmt: skip
    made = await installation.post("/insight/excluded-downtime", wish, status=201)
    told = await installation.get("/insight/uptime")
    assert told["network"]["share"] == pytest.approx(1.0, abs=0.001)
    assert told["network"]["excluded"] > 0
    await installation.http.delete(f"/api/v1/insight/excluded-downtime/{made['id']}")
    assert (await installation.get("/insight/uptime"))["evses"][0]["share"] == pytest.approx(0.75, abs=0.001)
    assert (await installation.get("/insight/uptime", rule="uk"))["evses"] == []


async def test_downtime_that_ends_before_it_begins_is_refused(installation):
    wish = {
        "since": "2026-05-02T00:00:00Z", "until": "2026-05-01T00:00:00Z", "reason": "vandalism", "evidence": "police",
    }  # fmt: skip
    answer = await installation.http.post("/api/v1/insight/excluded-downtime", json=wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "exclusion_invalid")


async def test_days_that_end_before_they_begin_are_refused(installation):
    answer = await installation.http.get("/api/v1/insight/figures?since=2026-05-02&until=2026-05-01")
    assert (answer.status_code, answer.json()["code"]) == (422, "window_invalid")


async def test_costs_follow_what_is_assumed_of_a_site(installation, charged):
    before = (await installation.get("/insight/figures"))["figures"]["cost"]
    wish = {"electricity_price": "0.50"}
    answer = await installation.http.put(
        f"/api/v1/insight/assumptions?site_id={installation.site_id}", json=wish
    )
    assert answer.status_code == 204
    after = (await installation.get("/insight/figures"))["figures"]["cost"]
    assert float(after) == pytest.approx(2 * float(before), abs=0.02)
