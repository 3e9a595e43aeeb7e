"""Campaigns against simulated stations over real sockets: only what they report counts."""

from contextlib import AsyncExitStack

import pytest

from gridlane.campaigns.configuration import TemplateWatch
from gridlane.campaigns.firmware import Stepper
from gridlane.kernel.database import Database
from gridlane.ocpp.version import Version

SIGNED = {"certificate": "PEM", "signature": "c2lnbmVk"}
HASTY = {"canary": 1, "waves": [1.0], "soak": 0, "patience": 60}


@pytest.fixture
async def database_of(installation):
    database = Database(installation.url, pool=3)
    yield database
    await database.close()


@pytest.fixture
async def stepped(installation, database_of):
    """Steps the campaigns until this one is in one of the states."""
    stepper = Stepper(database_of, installation.bus)

    async def until(campaign_id, *states):
        async def there():
            await stepper.run()
            found = await installation.get(f"/campaigns/{campaign_id}")
            return found if found["state"] in states else None

        return await installation.until(there, 40, lambda: f"not {states}")

    return until


@pytest.fixture
async def stations(installation):
    async with AsyncExitStack() as entered:

        async def made(*versions):
            fleet = []
            for number, version in enumerate(versions):
                station = await entered.enter_async_context(
                    await installation.station(f"CP-{number}", version, speed=8)
                )
                await station.boot()
                fleet.append(station)
            return fleet

        yield made


async def test_a_campaign_reaches_every_station_and_believes_what_they_run(installation, stations, stepped):
    fleet = await stations(Version.V16, Version.V201)
    wish = {
        "name": "2.0", "station_ids": [one.id for one in fleet], "location": "https://example.org/fw-2.0",
        "version": "fw-2.0", "plan": HASTY, **SIGNED,
    }  # fmt: skip
    made = await installation.post("/campaigns", wish, status=201)
    found = await stepped(made["id"], "done", "aborted")
    assert (found["state"], found["why"]) == ("done", "2 of 2 stations run it")
    assert {one["firmware"] for one in found["targets"]} == {"fw-2.0"}


async def test_a_canary_that_fails_leaves_the_others_alone(installation, stations, stepped):
    fleet = await stations(Version.V201, Version.V201)
    wish = {
        "name": "bad", "station_ids": [one.id for one in fleet], "location": "https://example.org/fail-install",
        "version": "3.0", "plan": HASTY, **SIGNED,
    }  # fmt: skip
    made = await installation.post("/campaigns", wish)
    found = await stepped(made["id"], "done", "aborted")
    assert found["state"] == "aborted"
    assert [one["state"] for one in found["targets"]] == ["failed", "waiting"]
    assert "InstallationFailed" in found["targets"][0]["evidence"]
    (listed,) = (await installation.get("/campaigns"))["items"]
    assert listed["stations"] == {"failed": 1, "waiting": 1}


async def test_unsigned_firmware_is_refused_unless_it_is_said(installation):
    station = await installation.register("CP-1")
    wish = {"name": "x", "station_ids": [station["id"]], "location": "https://example.org/x"}
    answer = await installation.http.post("/api/v1/campaigns", json=wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "firmware_unsigned")
    await installation.post("/campaigns", {**wish, "unsigned_accepted": True}, status=201)
    again = await installation.http.post("/api/v1/campaigns", json={**wish, "unsigned_accepted": True})
    assert (again.status_code, again.json()["code"]) == (409, "station_updating")


async def test_a_campaign_that_is_called_off_asks_nobody_any_more(installation, stepped, database_of):
    station = await installation.register("CP-1")
    wish = {"name": "x", "station_ids": [station["id"]], "location": "https://example.org/x", **SIGNED}
    made = await installation.post("/campaigns", wish)
    await installation.post(f"/campaigns/{made['id']}/state", {"state": "aborted"}, status=204)
    await Stepper(database_of, installation.bus).run()
    assert (await installation.get("/operations"))["items"] == []
    answer = await installation.http.post(f"/api/v1/campaigns/{made['id']}/state", json={"state": "running"})
    assert (answer.status_code, answer.json()["code"]) == (409, "campaign_over")


@pytest.mark.parametrize(
    ("version", "setting"),
    [
        (Version.V16, {"variable": "HeartbeatInterval", "value": "77"}),
        (Version.V201, {"component": "OCPPCommCtrlr", "variable": "HeartbeatInterval", "value": "77"}),
    ],
)
async def test_drift_is_seen_and_mended(installation, stations, version, setting):
    await stations(version)
    made = await installation.post("/configuration-templates", {"name": "usual", "settings": [setting]})
    path = f"/configuration-templates/{made['id']}"

    async def differences():
        (item,) = (await installation.get(f"{path}/stations"))["items"]
        return [one["found"] for one in item["differences"]]

    assert await differences() == [None]
    for operation in (await installation.post(f"{path}/look", {}))["operations"]:
        await installation.operation({"id": operation, "kind": "look"})
    (found,) = await differences()
    assert found not in (None, "77")
    for operation in (await installation.post(f"{path}/repair", {}))["operations"]:
        done = await installation.operation({"id": operation, "kind": "repair"})
        assert done["status"] == "verified"
    await installation.until(lambda: _none(differences))


async def _none(differences):
    return await differences() == []


async def test_a_template_that_repairs_mends_without_being_asked(installation, stations, database_of):
    await stations(Version.V201)
    setting = {"component": "OCPPCommCtrlr", "variable": "HeartbeatInterval", "value": "99"}
    wish = {"name": "usual", "settings": [setting], "repairs": True}
    await installation.post("/configuration-templates", wish)
    await TemplateWatch(database_of, installation.bus).ask_all()
    await TemplateWatch(database_of, installation.bus).mend_all()

    kinds = {one["kind"] for one in (await installation.get("/operations"))["items"]}
    assert kinds == {"get_variables", "set_variables"}


async def test_a_template_holds_no_secret_and_its_name_once(installation):
    secret = {"name": "x", "settings": [{"variable": "AuthorizationKey", "value": "1"}]}
    answer = await installation.http.post("/api/v1/configuration-templates", json=secret)
    assert (answer.status_code, answer.json()["code"]) == (422, "secret_in_template")
    wish = {"name": "x", "settings": [{"variable": "HeartbeatInterval", "value": "1"}]}
    await installation.post("/configuration-templates", wish, status=201)
    answer = await installation.http.post("/api/v1/configuration-templates", json=wish)
    assert (answer.status_code, answer.json()["code"]) == (409, "template_name_taken")


async def test_a_batch_is_followed_and_called_back_as_one(installation):
    ids = [(await installation.register(f"CP-{n}"))["id"] for n in range(3)]
    wish = {"kind": "reset", "station_ids": ids, "spread": 600}
    made = await installation.post("/operations", wish)
    (batch,) = (await installation.get("/operation-batches"))["items"]
    assert (batch["id"], batch["states"]) == (made["batch_id"], {"queued": 3})
    answer = await installation.http.delete(f"/api/v1/operation-batches/{made['batch_id']}")
    assert answer.json() == {"called_back": 3}
    (batch,) = (await installation.get("/operation-batches"))["items"]
    assert batch["states"] == {"cancelled": 3}
    unknown = await installation.http.delete("/api/v1/operation-batches/00000000-0000-0000-0000-000000000000")
    assert unknown.json()["code"] == "batch_unknown"
