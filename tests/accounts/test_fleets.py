"""Driver groups, fleets and vehicles, over the API and a real database."""

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from gridlane.accounts import fleets_api, organization_api
from gridlane.accounts.groups import groups_of_person
from gridlane.accounts.model import organizations
from gridlane.accounts.people import memberships, people
from gridlane.accounts.roles import permissions
from gridlane.kernel.access import Caller, system
from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id
from gridlane.web import problems


@pytest.fixture
async def world(database):
    """An operator, a foreign one, and Ada and Bob; ``client(name)`` calls as one of them."""
    ours, theirs = new_id(), new_id()
    ids = {name: new_id() for name in ("ada", "bob", "stranger")}
    now = system_clock()
    async with database.as_owner() as work:
        for id_ in (ours, theirs):
            await work.execute(sa.insert(organizations).values(id=id_, name="N", created_at=now))
        for name, id_ in ids.items():
            await work.execute(
                sa.insert(people).values(id=id_, email=f"{name}@x.org", name=name, created_at=now)
            )
            row = {"organization_id": theirs if name == "stranger" else ours, "person_id": id_}
            await work.execute(sa.insert(memberships).values(**row, role="driver", since=now))

    def person(name, role, organization=ours):
        return Caller("person", name, organization, ids[name], permissions(role))

    callers = {
        "operator": system(ours),
        "foreign": system(theirs),
        "ada": person("ada", "fleet_manager"),
        "bob": person("bob", "driver"),
    }
    app = FastAPI()
    app.state.database = database

    async def recognise(request):
        return callers[request.headers["as"]]

    app.state.recognise = recognise
    problems.register(app)
    app.include_router(fleets_api.router)
    app.include_router(organization_api.router)
    transport = httpx2.ASGITransport(app)

    def client(name):
        return httpx2.AsyncClient(transport=transport, base_url="http://test", headers={"as": name})

    client.ids = ids
    return client


async def made(client, **more):
    answer = await client.post("/driver-groups", json={"name": "Vans", "kind": "fleet", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_a_driver_is_asked_for_prices_by_the_rank_of_their_groups(world, database):
    async with world("operator") as operator:
        late, early = await made(operator), await made(operator, name="Staff", rank=1)
        for group in (late, early):
            await operator.put(f"/driver-groups/{group}/members/{world.ids['bob']}", json={})
    async with database.as_owner() as work:
        assert [str(one) for one in await groups_of_person(work, world.ids["bob"])] == [early, late]
        assert await groups_of_person(work, world.ids["ada"]) == ()
        assert await groups_of_person(work, None) == ()


async def test_two_groups_of_one_name_are_refused(world):
    async with world("operator") as operator:
        await made(operator)
        answer = await operator.post("/driver-groups", json={"name": "Vans"})
    assert (answer.status_code, answer.json()["code"]) == (409, "group_name_taken")


async def test_a_fleets_manager_looks_after_it_and_sees_no_other(world):
    async with world("operator") as operator:
        mine, other = await made(operator), await made(operator, name="Others")
        await operator.put(f"/driver-groups/{mine}/members/{world.ids['ada']}", json={"is_manager": True})
    async with world("ada") as ada:
        assert [one["id"] for one in (await ada.get("/driver-groups")).json()["items"]] == [mine]
        assert (await ada.get(f"/driver-groups/{other}")).status_code == 404
        added = await ada.put(f"/driver-groups/{mine}/members/{world.ids['bob']}", json={})
        assert added.status_code == 204
        members = (await ada.get(f"/driver-groups/{mine}/members")).json()["items"]
        assert [one["name"] for one in members] == ["ada", "bob"]
        assert (
            await ada.put(f"/driver-groups/{other}/members/{world.ids['bob']}", json={})
        ).status_code == 404
        assert (await ada.patch(f"/driver-groups/{mine}", json={"priority": 99})).status_code == 403
        raised = await ada.put(f"/driver-groups/{mine}/members/{world.ids['bob']}", json={"is_manager": True})
        assert raised.status_code == 403


async def test_nobody_of_another_organization_gets_into_a_group(world):
    async with world("operator") as operator, world("foreign") as foreign:
        group = await made(operator)
        answer = await operator.put(f"/driver-groups/{group}/members/{world.ids['stranger']}", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "person_not_in_organization")
        assert (await foreign.get(f"/driver-groups/{group}")).status_code == 404
        assert (await foreign.delete(f"/driver-groups/{group}")).status_code == 404


async def test_a_removed_fleet_takes_its_pool_cars_along_and_leaves_the_drivers_own(world):
    async with world("operator") as operator, world("bob") as bob:
        group = await made(operator)
        await operator.put(f"/driver-groups/{group}/members/{world.ids['bob']}", json={})
        pool = await operator.post(
            f"/driver-groups/{group}/vehicles", json={"name": "Van 1", "battery": 60_000}
        )
        own = await bob.post("/me/vehicles", json={"name": "Mine"})
        seen = (await bob.get("/me/vehicles")).json()["items"]
        assert {one["id"] for one in seen} == {pool.json()["id"], own.json()["id"]}
        assert (await operator.delete(f"/driver-groups/{group}")).status_code == 204
        assert [one["name"] for one in (await bob.get("/me/vehicles")).json()["items"]] == ["Mine"]


async def test_a_charging_controller_belongs_to_one_vehicle_however_it_is_spelled(world):
    async with world("bob") as bob, world("ada") as ada:
        first = await bob.post("/me/vehicles", json={"name": "Mine", "evccid": "00:1a:2B-3c.4d5e"})
        assert first.json()["evccid"] == "001A2B3C4D5E"
        again = await ada.post("/me/vehicles", json={"name": "Hers", "evccid": "001A2B3C4D5E"})
        assert (again.status_code, again.json()["code"]) == (409, "vehicle_taken")
        wrong = await ada.post("/me/vehicles", json={"name": "Hers", "evccid": "12"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "vehicle_controller_invalid")


async def test_a_driver_changes_and_removes_only_the_own_vehicle(world):
    async with world("bob") as bob, world("ada") as ada:
        vehicle = (await bob.post("/me/vehicles", json={"name": "Mine", "ac_phases": 3})).json()["id"]
        changed = (await bob.patch(f"/me/vehicles/{vehicle}", json={"plate": "B-XY 1"})).json()
        assert (changed["plate"], changed["ac_phases"]) == ("B-XY 1", 3)
        assert (await ada.patch(f"/me/vehicles/{vehicle}", json={"plate": "X"})).status_code == 404
        assert (await ada.delete(f"/me/vehicles/{vehicle}")).status_code == 404
        assert (await bob.delete(f"/me/vehicles/{vehicle}")).status_code == 204
        assert (await bob.get("/me/vehicles")).json()["items"] == []


async def test_an_organization_changes_what_its_invoices_say_and_nothing_else(world):
    async with world("operator") as operator, world("bob") as bob:
        wish = {"billing": {"street": "Weg 1", "city": "Berlin"}, "unknown_tokens": "accept"}
        shown = (await operator.patch("/organization", json=wish)).json()
        assert (shown["billing"], shown["unknown_tokens"]) == (wish["billing"], "accept")
        more = (await operator.patch("/organization", json={"billing": {"vat_number": "DE136695976"}})).json()
        assert more["billing"] == {**wish["billing"], "vat_number": "DE136695976"}
        wrong = await operator.patch("/organization", json={"time_zone": "Mars/Olympus"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "time_zone_unknown")
        assert (await bob.patch("/organization", json={"name": "Mine"})).status_code == 403
