"""One person in several organizations goes over from one to another."""

import sqlalchemy as sa

from gridlane.accounts.people import memberships, people
from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id


async def another(house, address, role="technician"):
    """A second organization that somebody belongs to."""
    id_ = new_id()
    async with house.database.as_owner() as work:
        person = await work.scalar(sa.select(people.c.id).where(people.c.email == address))
        await work.execute(
            sa.text("INSERT INTO organizations (id, name, created_at) VALUES (:id, 'Other', now())"),
            {"id": id_},
        )
        row = {"organization_id": id_, "person_id": person, "role": role, "since": system_clock()}
        await work.execute(sa.insert(memberships).values(row))
    return str(id_)


async def test_a_person_goes_over_to_another_organization_with_the_role_there(house):
    olga = await house.owner()
    other = await another(house, "olga@example.org")
    me = (await olga.get("/me")).json()
    assert [(one["name"], one["role"]) for one in me["organizations"]] == [
        ("Grid", "owner"),
        ("Other", "technician"),
    ]

    answer = await olga.post("/me/organization", json={"organization_id": other})

    assert answer.status_code == 204, answer.text
    there = (await olga.get("/me")).json()
    assert there["organization"]["id"] == other
    assert "money:write" not in there["permissions"]
    assert "stations:operate" in there["permissions"]


async def test_the_session_is_a_new_one_and_the_one_before_is_over(house):
    olga = await house.owner()
    other = await another(house, "olga@example.org")
    before = olga.cookies["gridlane_session"]
    await olga.post("/me/organization", json={"organization_id": other})
    assert olga.cookies["gridlane_session"] != before
    thief = house.visitor()
    thief.cookies.set("gridlane_session", before)
    assert (await thief.get("/me")).status_code == 401


async def test_nobody_goes_over_to_where_they_do_not_belong(house):
    olga = await house.owner()
    other = await another(house, "olga@example.org")
    ada = await house.driver()
    answer = await ada.post("/me/organization", json={"organization_id": other})
    assert answer.json()["code"] == "person_not_in_organization"
    assert (await olga.get("/me")).json()["organization"]["name"] == "Grid"


async def test_a_session_through_a_provider_stays_where_it_is(house):
    olga = await house.owner()
    other = await another(house, "olga@example.org")
    async with house.database.as_owner() as work:
        await work.execute(sa.text("UPDATE sign_in_sessions SET is_bound = true"))
    answer = await olga.post("/me/organization", json={"organization_id": other})
    assert answer.json()["code"] == "session_bound"
    assert (await olga.get("/me")).json()["organizations"] == []
