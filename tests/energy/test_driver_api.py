"""What a driver says about his charge, and the plan drawn for it."""

from datetime import timedelta

import pytest

from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id


@pytest.fixture
async def plug(installation):
    """A plug of a site with circuits and prices; the key of the installation charges as a person."""
    made = await installation.register("CP-1")
    await installation.sql(
        "INSERT INTO evses (id, organization_id, station_id, number, max_power, public_id) "
        "VALUES (gen_random_uuid(), %s, %s, 1, 11000, 'DE*GRL*E1')",
        installation.organization_id,
        made["id"],
    )
    site = f"/sites/{installation.site_id}"
    await installation.post(f"{site}/energy", {"current": 63.0})
    now = system_clock()
    for hour in range(-1, 26):
        await installation.sql(
            "INSERT INTO series_values (site_id, organization_id, kind, begins_at, value) VALUES (%s, %s, 'price', %s, %s)",
            installation.site_id,
            installation.organization_id,
            now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=hour),
            0.1 if hour in (3, 4) else 0.4,
        )
    return "DE*GRL*E1"


async def planned(installation, plug, **wish):
    return await installation.http.post(f"/api/v1/driver/plugs/{plug}/plan", json=wish)


async def test_the_cheapest_plan_is_drawn_over_the_prices_and_ends_before_the_departure(installation, plug):
    departs = system_clock() + timedelta(hours=8)
    answer = await planned(installation, plug, mode="cheapest", departs_at=departs.isoformat(), energy=11_000)
    plan = answer.json()
    assert plan["energy"] == pytest.approx(11_000, rel=0.02)
    assert plan["mean_price"] == pytest.approx(0.1, abs=0.03)
    assert plan["ready_at"] <= departs.isoformat().replace("+00:00", "Z")
    assert len(plan["price"]) == len(plan["power"]) == len(plan["edges"]) - 1


async def test_whoever_wants_it_now_begins_at_once(installation, plug):
    plan = (await planned(installation, plug, mode="now", energy=11_000)).json()
    assert plan["power"][0] > 10_000


async def test_a_departure_in_the_past_is_refused(installation, plug):
    answer = await planned(installation, plug, mode="ready_by", departs_at="2020-01-01T00:00:00Z")
    assert answer.status_code == 422
    assert answer.json()["code"] == "departure_wrong"


async def test_a_plug_without_circuits_has_nothing_to_plan(installation):
    answer = await planned(installation, "DE*GRL*NOWHERE", mode="cheapest")
    assert answer.status_code == 404
    assert answer.json()["code"] == "plug_not_planned"


async def test_nobody_wishes_for_somebody_elses_charge(installation, plug):
    answer = await installation.http.put(f"/api/v1/driver/charges/{new_id()}/wish", json={"mode": "cheapest"})
    assert answer.status_code in (401, 404)
