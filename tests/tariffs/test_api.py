from datetime import UTC, datetime

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from gridlane.kernel.access import Caller, Permission, system
from gridlane.kernel.ids import new_id
from gridlane.stations.model import sites, stations
from gridlane.tariffs.api import router
from gridlane.web import problems

CONTENT = {
    "currency": "EUR",
    "tax_included": "YES",
    "elements": [
        {
            "price_components": [{"type": "ENERGY", "price": 0.59, "vat": 19}],
            "restrictions": {"start_time": "17:00"},
        },
        {"price_components": [{"type": "ENERGY", "price": 0.49, "vat": 19}]},
    ],
}


@pytest.fixture
def organization():
    return new_id()


@pytest.fixture
async def client(database, organization):
    app = FastAPI()
    app.state.database = database

    async def recognise(request):
        if request.headers.get("as") == "reader":
            return Caller("person", "Ada", organization, permissions=frozenset({Permission.PRICES_READ}))
        return system(organization)

    app.state.recognise = recognise
    problems.register(app)
    app.include_router(router)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as opened:
        yield opened


@pytest.fixture
async def station(database, organization):
    site, made = new_id(), new_id()
    at = {"created_at": datetime.now(UTC), "organization_id": organization}
    async with database.as_owner() as work:
        await work.execute(sa.insert(sites).values(id=site, name="Garage", **at))
        row = {"id": made, "site_id": site, "identity": "A", "name": "A", "changed_at": at["created_at"]}
        await work.execute(sa.insert(stations).values(**row, **at))
    return made


async def test_an_operator_publishes_assigns_and_a_driver_sees_the_price(client, station):
    made = (await client.post("/tariffs", json={"name": "Public", "tariff": CONTENT})).json()
    answer = await client.post("/tariff-assignments", json={"tariff_id": made["tariff_id"]})
    assert answer.status_code == 201
    assert answer.json()["overlaps"] == []
    price = (await client.get(f"/stations/{station}/price")).json()
    assert price["name"] == "Public"
    assert {point["after_taxes"] for point in price["prices"]["ENERGY"]} == {"0.59", "0.49"}
    listed = (await client.get("/tariffs")).json()["items"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert [row["name"] for row in listed] == ["Public"]
    versions = (await client.get(f"/tariffs/{made['tariff_id']}/versions")).json()["items"]
    assert versions[0]["tariff"]["elements"][0]["price_components"][0]["price"] == 0.59


async def test_a_form_with_mistakes_gets_each_of_them_named(client):
    wrong = CONTENT | {"elements": [{"price_components": [{"type": "ENERGY", "price": 0.5, "vat": 190}]}]}
    answer = await client.post("/tariffs", json={"name": "Public", "tariff": wrong})
    assert answer.status_code == 422
    assert answer.json()["code"] == "tariff_invalid"
    assert list(answer.json()["details"]["problems"]) == ["elements[0].price_components[0].vat"]


async def test_a_preview_prices_a_made_up_session(client):
    asked = {
        "tariff": CONTENT,
        "start": "2026-01-12T15:30:00Z",
        "energy": 11_000,
        "power": 11_000,
        "language": "de",
    }
    answer = (await client.post("/tariffs/preview", json=asked)).json()
    assert answer["gross"] == "5.95"
    assert [line["reason"] for line in answer["lines"]] == [
        "ab 17:00, 5.5 kWh x 0.59 EUR/kWh",
        "5.5 kWh x 0.49 EUR/kWh",
    ]


async def test_a_week_is_drawn_with_the_spot_prices_that_are_known(client):
    energy = {"type": "ENERGY", "price": 0, "spot": {"feed": "NL", "fallback": 0.4}}
    csv = "utc,price\n2026-01-12T00:00Z,100\n2026-01-12T01:00Z,200\n"
    assert (
        await client.put("/spot-prices/NL", content=csv, headers={"content-type": "text/csv"})
    ).status_code == 204
    asked = {
        "tariff": CONTENT | {"elements": [{"price_components": [energy]}]},
        "since": "2026-01-12T00:00:00Z",
    }
    points = (await client.post("/tariffs/week", json=asked)).json()["ENERGY"]
    assert [point["before_taxes"] for point in points] == ["0.1", "0.2", "0.4"]
    known = (
        await client.get(
            "/spot-prices/NL", params={"since": "2026-01-12T00:30:00Z", "until": "2026-01-12T00:45:00Z"}
        )
    ).json()
    assert [row["price"] for row in known["prices"]] == ["0.1"]


async def test_a_wrong_line_of_spot_prices_is_named(client):
    answer = await client.put("/spot-prices/NL", content="a,b\nx,1\n", headers={"content-type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (422, "spot_prices_invalid")


async def test_busy_prices_are_set_and_taken_away(client, station, database):
    async with database.as_owner() as work:
        site = await work.scalar(sa.select(stations.c.site_id))
    rule = {"levels": [{"occupied": "0.7", "energy_fee": "0.1"}]}
    assert (await client.put(f"/sites/{site}/busy-prices", json=rule)).status_code == 204
    assert (await client.get(f"/sites/{site}/busy-prices")).json()["rule"]["levels"][0]["energy_fee"] == "0.1"
    for wrong in ({"levels": []}, {"levels": [{"occupied": "much"}]}):
        assert (await client.put(f"/sites/{site}/busy-prices", json=wrong)).status_code == 422
    assert (await client.put(f"/sites/{site}/busy-prices")).status_code == 204
    assert (await client.get(f"/sites/{site}/busy-prices")).json()["rule"] is None


async def test_a_partners_tariff_is_taken_over(client):
    raw = CONTENT | {
        "country_code": "NL",
        "party_id": "ABC",
        "id": "7",
        "last_updated": "2026-01-01T00:00:00Z",
    }
    answer = await client.post("/tariffs/import", params={"name": "From ABC"}, json=raw)
    assert answer.status_code == 201


async def test_a_reader_may_look_and_not_publish(client):
    made = (await client.post("/tariffs", json={"name": "Public", "tariff": CONTENT})).json()
    reader = {"as": "reader"}
    assert (await client.get(f"/tariffs/{made['tariff_id']}/versions", headers=reader)).status_code == 200
    for verb, path, body in (
        ("POST", "/tariffs", {"name": "X", "tariff": CONTENT}),
        ("POST", f"/tariffs/{made['tariff_id']}/versions", {"tariff": CONTENT}),
        ("POST", "/tariff-assignments", {"tariff_id": made["tariff_id"]}),
        ("DELETE", f"/tariff-versions/{made['version_id']}", None),
    ):
        assert (await client.request(verb, path, json=body, headers=reader)).status_code == 403


async def test_what_is_not_there_is_not_found(client):
    missing = new_id()
    assert (await client.get(f"/tariffs/{missing}/versions")).status_code == 404
    assert (await client.get(f"/stations/{missing}/price")).status_code == 404
    assert (await client.post("/tariff-assignments", json={"tariff_id": str(missing)})).status_code == 404
    assert (await client.delete(f"/tariff-assignments/{missing}")).status_code == 404
