"""Contracts with hosts and employers, fleets' months and billing details, over the API and a real database."""

from datetime import UTC, date, datetime

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from gridlane.accounts.model import driver_groups, group_members
from gridlane.accounts.people import memberships
from gridlane.billing import contracts_api, issuing, paying_out
from gridlane.billing.agreeing import agree
from gridlane.kernel.access import Caller, Permission, system
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Scope
from gridlane.kernel.ids import new_id
from gridlane.tariffs import publishing
from gridlane.tariffs.precedence import Assignment
from gridlane.web import problems


@pytest.fixture
def client(world):
    app = FastAPI()
    app.state.database = world.database
    problems.register(app)
    app.include_router(contracts_api.router)

    def of(caller):
        async def recognise(_request):
            return caller

        app.state.recognise = recognise
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test")

    return of


def host(world, **more):
    wish = {"site_id": str(world.site), "host_id": str(new_id()), "percent": "10", "since": "2026-01-01"}
    return wish | more


async def test_a_host_contract_is_agreed_once_for_a_time_and_ended_with_a_month(client, world):
    async with client(system(world.organization)) as operator:
        first = await operator.post("/host-contracts", json=host(world))
        assert first.status_code == 201, first.text
        again = await operator.post("/host-contracts", json=host(world))
        assert (again.status_code, again.json()["code"]) == (409, "contract_overlaps")
        path = f"/host-contracts/{first.json()['id']}/end"
        odd = await operator.post(path, json={"until": "2026-03-15"})
        assert (odd.status_code, odd.json()["code"]) == (422, "contract_not_of_months")
        assert (await operator.post(path, json={"until": "2026-04-01"})).status_code == 204
        after = await operator.post("/host-contracts", json=host(world, since="2026-04-01"))
        assert after.status_code == 201
        nowhere = await operator.post("/host-contracts", json=host(world, site_id=str(new_id())))
        assert (nowhere.status_code, nowhere.json()["code"]) == (404, "contract_site_unknown")


async def test_a_closed_month_is_stated_to_the_host(client, world):
    async with client(system(world.organization)) as operator:
        made = await operator.post("/host-contracts", json=host(world, monthly_minimum="25.00"))
        await paying_out.close_month(world.database, system_clock, month=date(2026, 2, 1))
        (payout,) = (await operator.get("/payouts", params={"contract_id": made.json()["id"]})).json()[
            "items"
        ]
        assert (payout["month"], payout["total"], payout["topped_up"]) == ("2026-02-01", "25.00", "25.00")
        statement = await operator.get(f"/payouts/{payout['id']}.csv")
        assert statement.headers["content-type"].startswith("text/csv")
        assert statement.text.splitlines()[-1] == "total,,,25.00,EUR"
        assert (await operator.get(f"/payouts/{new_id()}.csv")).status_code == 404


async def test_only_an_employee_of_the_organization_is_reimbursed(client, world):
    employee = await member(world)
    wish = {
        "site_id": str(world.site), "employer_id": str(new_id()), "employee_id": str(employee),
        "per_kilowatt_hour": "0.30", "since": "2026-01-01",
    }  # fmt: skip
    async with client(system(world.organization)) as operator:
        stranger = await operator.post("/home-agreements", json=wish | {"employee_id": str(new_id())})
        assert (stranger.status_code, stranger.json()["code"]) == (404, "employee_unknown")
        made = await operator.post("/home-agreements", json=wish)
        assert made.status_code == 201, made.text
        await paying_out.close_month(world.database, system_clock, month=date(2026, 2, 1))
        listed = (await operator.get("/reimbursements")).json()["items"]
        assert [one["employee_id"] for one in listed] == [str(employee)]
    async with client(driver(world, employee)) as mine:
        assert len((await mine.get("/me/reimbursements")).json()["items"]) == 1
    async with client(driver(world, new_id())) as other:
        assert (await other.get("/me/reimbursements")).json()["items"] == []


async def test_an_invoice_names_the_company_that_a_driver_gave(client, world):
    person = await member(world)
    async with client(driver(world, person)) as mine:
        assert (await mine.get("/me/billing-details")).json() is None
        wrong = await mine.put(
            "/me/billing-details", json={"name": "Ada GmbH", "country": "DE", "vat_number": "DE1"}
        )
        assert (wrong.status_code, wrong.json()["code"]) == (422, "vat_number_invalid")
        details = {"name": "Ada GmbH", "country": "DE", "city": "Berlin", "vat_number": "DE 136,695 976"}
        assert (await mine.put("/me/billing-details", json=details)).status_code == 204
        assert (await mine.get("/me/billing-details")).json()["vat_number"] == "DE136695976"
        async with world.database.unit_of_work(Scope(world.organization)) as work:
            buyer = await issuing.buyer(work, person, "DE", "Guest")
        assert (buyer.name, buyer.vat_number) == ("Ada GmbH", "DE136695976")
        await mine.delete("/me/billing-details")
        async with world.database.unit_of_work(Scope(world.organization)) as work:
            assert (await issuing.buyer(work, person, "DE", "Guest")).name != "Ada GmbH"


async def test_a_member_of_a_driver_group_gets_its_tariff(world, tariff):
    person, group = await member(world), new_id()
    now = datetime(2026, 1, 12, 13, tzinfo=UTC)
    async with world.database.as_owner() as work:
        row = {"organization_id": world.organization}
        await work.execute(
            sa.insert(driver_groups).values(id=group, name="Staff", kind="group", created_at=now, **row)
        )
        await work.execute(
            sa.insert(group_members).values(group_id=group, person_id=person, since=now, **row)
        )
    special, caller = tariff(ENERGY=0.1), system(world.organization)
    async with world.database.unit_of_work(caller.scope) as work:
        version = await publishing.create(work, caller, "Staff", special, now, now)
        assignment = Assignment(id=new_id(), tariff_id=version.tariff_id, valid_from=now, group_id=group)
        await publishing.assign(work, caller, assignment, now)
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        theirs = await agree(work, world.station, now, person_id=person, session_id=new_id())
        others = await agree(work, world.station, now, person_id=new_id(), session_id=new_id())
    assert theirs.tariff != others.tariff
    assert theirs.tariff.elements == special.elements


async def test_a_fleets_month_counts_only_its_members(client, world):
    group = new_id()
    async with world.database.as_owner() as work:
        values = {"id": group, "name": "Vans", "kind": "fleet", "organization_id": world.organization}
        await work.execute(sa.insert(driver_groups).values(created_at=system_clock(), **values))
    async with client(system(world.organization)) as operator:
        answer = await operator.get(f"/driver-groups/{group}/sessions", params={"month": "2026-02"})
        assert answer.json() == {"items": [], "drivers": []}
        wrong = await operator.get(f"/driver-groups/{group}/sessions", params={"month": "2026-13"})
        assert wrong.status_code == 422
        assert (await operator.get(f"/driver-groups/{new_id()}/sessions?month=2026-02")).status_code == 404


def driver(world, person):
    return Caller("person", "Ada", world.organization, person, frozenset({Permission.CHARGE}))


async def member(world):
    person = await world.person()
    async with world.database.as_owner() as work:
        row = {"organization_id": world.organization, "person_id": person}
        await work.execute(sa.insert(memberships).values(role="driver", since=system_clock(), **row))
    return person


async def test_a_host_is_known_by_name_and_keeps_its_account_over_contracts(client, world):
    async with client(system(world.organization)) as operator:
        wish = host(world, host="Markt GmbH") | {"host_id": None}
        made = (await operator.post("/host-contracts", json=wish)).json()["id"]
        (kept,) = (await operator.get("/host-contracts")).json()["items"]
        assert kept["content"]["host"] == "Markt GmbH"
        assert kept["content"]["host_id"] is not None
        await operator.post(f"/host-contracts/{made}/end", json={"until": "2026-04-01"})
        again = host(world, host_id=kept["content"]["host_id"], since="2026-04-01")
        assert (await operator.post("/host-contracts", json=again)).status_code == 201
