"""Circuits by REST: made, changed, refused."""

import pytest


@pytest.fixture
async def site(installation):
    """A site with two stations of one EVSE each; gives its path."""
    for identity in ("CP-1", "CP-2"):
        made = await installation.register(identity)
        await installation.sql(
            "INSERT INTO evses (id, organization_id, station_id, number, max_power) "
            "VALUES (gen_random_uuid(), %s, %s, 1, 22000)",
            installation.organization_id,
            made["id"],
        )
    return f"/sites/{installation.site_id}"


async def begun(installation, site, **connection):
    return await installation.post(f"{site}/energy", {"current": 63.0, **connection})


async def test_a_site_begins_with_its_grid_connection_and_all_its_evses_on_it(installation, site):
    made = await begun(installation, site)
    shown = await installation.get(f"{site}/energy")
    assert made["evses"] == 2
    assert [each["name"] for each in shown["circuits"]] == ["Grid connection"]
    assert {each["rating"] for each in shown["evses"]} == {31.9}
    assert {each["fallback"] for each in shown["evses"]} == {0.0}


async def test_a_second_grid_connection_is_refused_and_nothing_is_changed(installation, site):
    await begun(installation, site)
    answer = await installation.http.post(
        f"/api/v1{site}/circuits", json={"name": "Another", "current": 16.0}
    )
    assert answer.status_code == 422
    assert "exactly one circuit has no parent" in answer.text
    assert len((await installation.get(f"{site}/energy"))["circuits"]) == 1


async def test_fallbacks_that_do_not_fit_a_circuit_together_are_refused(installation, site):
    made = await begun(installation, site, current=20.0, reserve=0.0)
    evses = [each["evse_id"] for each in (await installation.get(f"{site}/energy"))["evses"]]
    answers = [
        await installation.http.put(
            f"/api/v1{site}/circuit-evses/{evse}", json={"circuit_id": made["circuit_id"], "fallback": 12.0}
        )
        for evse in evses
    ]
    assert [each.status_code for each in answers] == [200, 422]
    assert "keep 24 A without us" in answers[1].text


async def test_a_circuit_that_feeds_something_is_not_removed(installation, site):
    made = await begun(installation, site)
    answer = await installation.http.delete(f"/api/v1{site}/circuits/{made['circuit_id']}")
    assert answer.status_code == 409
    assert answer.json()["code"] == "circuit_in_use"


async def test_an_evse_moves_to_a_circuit_below(installation, site):
    made = await begun(installation, site)
    feeder = await installation.post(
        f"{site}/circuits",
        {"name": "Garage", "kind": "feeder", "parent_id": made["circuit_id"], "current": 32.0},
    )
    evse = (await installation.get(f"{site}/energy"))["evses"][0]["evse_id"]
    answer = await installation.http.put(
        f"/api/v1{site}/circuit-evses/{evse}", json={"circuit_id": feeder["id"], "rotation": "STR"}
    )
    assert answer.json()["circuit_id"] == feeder["id"]
    assert answer.json()["rotation"] == "STR"
    assert answer.json()["rating"] == 31.9


async def test_a_plug_that_came_later_hangs_nowhere_until_somebody_says_where(installation, site):
    made = await begun(installation, site)
    later = await installation.register("CP-3")
    await installation.sql(
        "INSERT INTO evses (id, organization_id, station_id, number) VALUES (gen_random_uuid(), %s, %s, 1)",
        installation.organization_id,
        later["id"],
    )
    loose = (await installation.get(f"{site}/energy"))["loose"]
    assert [each["name"] for each in loose] == ["CP-3 / 1"]
    await installation.post(f"{site}/circuits/{made['circuit_id']}/connect-all")
    assert (await installation.get(f"{site}/energy"))["loose"] == []


async def test_a_site_without_circuits_says_what_to_do(installation, site):
    answer = await installation.http.get(f"/api/v1{site}/energy")
    assert answer.status_code == 404
    assert "grid connection" in answer.json()["title"]


async def test_a_secret_of_a_source_is_kept_and_never_shown(installation, site):
    made = await begun(installation, site)
    meter = {
        "kind": "mqtt", "circuit": made["circuit_id"],
        "settings": {"host": "broker", "topics": ["a"], "password": "hidden"},
    }  # fmt: skip
    answer = await installation.http.patch(f"/api/v1{site}/energy", json={"meters": [meter]})
    assert answer.status_code == 200, answer.text
    shown = answer.json()["meters"][0]
    assert "hidden" not in answer.text
    again = await installation.http.patch(f"/api/v1{site}/energy", json={"meters": [shown], "policy": "cost"})
    assert again.json()["policy"] == "cost"
    ((settings,),) = await installation.sql("SELECT settings FROM energy_sites")
    assert settings["meters"][0]["settings"]["password"] == "hidden"


async def test_an_unknown_source_is_refused_with_the_ones_there_are(installation, site):
    await begun(installation, site)
    answer = await installation.http.patch(f"/api/v1{site}/energy", json={"price": {"kind": "oracle"}})
    assert answer.status_code == 422
    assert "csv, daily, http" in answer.json()["title"]


async def test_the_grid_operators_limit_ends_after_it_begins(installation, site):
    made = await begun(installation, site)
    word = {"circuit_id": made["circuit_id"], "power": 4_200.0, "until": "2020-01-01T00:00:00Z"}
    answer = await installation.http.post(f"/api/v1{site}/dimmings", json=word)
    assert answer.status_code == 422
    assert answer.json()["code"] == "dimming_ends_before"


async def test_who_may_only_read_changes_nothing(installation, site):
    await begun(installation, site)
    await installation.sql("UPDATE api_keys SET permissions = '[\"energy:read\"]'")
    assert (await installation.http.get(f"/api/v1{site}/energy")).status_code in (200, 404)
    answer = await installation.http.patch(f"/api/v1{site}/energy", json={"policy": "cost"})
    assert answer.status_code == 403
