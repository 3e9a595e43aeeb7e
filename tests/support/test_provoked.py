"""Causes provoked at a simulated station over a real socket, and told to driver and agent."""

from datetime import UTC, datetime

import pytest

from gridlane.ocpp.version import Version
from installation import running


@pytest.fixture
async def installation(database_url, tmp_path):
    """One that does not wait long for a station's answer."""
    async with running(database_url, tmp_path, station_call_seconds=4) as impatient:
        yield impatient


def now():
    return datetime.now(UTC).isoformat()


async def why_of_session(installation, transaction):
    async def there():
        return await installation.sql(
            "SELECT id FROM sessions WHERE transaction_id = %s AND status <> 'active'", transaction
        )

    ((session_id,),) = await installation.until(there, 30)
    return await installation.get(f"/explanations/{session_id}")


ENDS = {
    "EmergencyStop": "emergency_stop",
    "GroundFault": "electrical_fault",
    "PowerLoss": "power_cut",
    "Reboot": "station_restarted",
    "EVDisconnected": "cable_pulled",
    "Timeout": "car_timed_out",
    "DeAuthorized": "stopped_for_card",
    "Remote": "stopped_remotely",
    "Local": "stopped_here",
}
STATES = {"SuspendedEV": "car_took_nothing", "SuspendedEVSE": "no_power_given"}


async def test_what_ends_a_charge_without_energy_is_told_by_its_reason(installation, public_plug):
    await installation.issue_token("04AABBCCDD")
    async with public_plug() as station:
        for number, (reason, code) in enumerate(ENDS.items()):
            await one_transaction(station, f"tx-{number}", reason, "EVConnected")
            answer = await why_of_session(installation, f"tx-{number}")
            assert (answer["code"], answer["energy"]) == (code, 0.0)
        for state, code in STATES.items():
            await one_transaction(station, f"tx-{state}", "Local", state)
            assert (await why_of_session(installation, f"tx-{state}"))["code"] == code


async def one_transaction(station, transaction, reason, state):
    """A transaction that gives nothing, as the station tells of it."""
    token = {"idToken": "04AABBCCDD", "type": "ISO14443"}
    common = {"timestamp": now(), "evse": {"id": 1, "connectorId": 1}}
    info = {"transactionId": transaction}
    started = {"eventType": "Started", "triggerReason": "Authorized", "seqNo": 0, "idToken": token}
    await station.call(
        "TransactionEvent", common | started | {"transactionInfo": info | {"chargingState": state}}
    )
    over = {"eventType": "Ended", "triggerReason": "StopAuthorized", "seqNo": 1}
    await station.call(
        "TransactionEvent", common | over | {"transactionInfo": info | {"stoppedReason": reason}}
    )


CARDS = {
    "blocked": ({"status": "blocked"}, "token_blocked"),
    "expired": ({"valid_until": datetime(2020, 1, 1, tzinfo=UTC)}, "token_expired"),
    "not yet": ({"valid_from": datetime(2099, 1, 1, tzinfo=UTC)}, "token_not_yet_valid"),
    "poor": ({"budget_energy": 0.0}, "no_credit"),
}


async def test_a_card_that_is_not_let_in_is_found_by_station_and_time_with_its_reason(
    installation, public_plug
):
    for number, (columns, _) in enumerate(CARDS.values()):
        await installation.issue_token(f"04AABBCC0{number}", **columns)
    async with public_plug() as station:
        for number in range(len(CARDS)):
            await present(station, f"04AABBCC0{number}")
        await present(station, "04FFFFFFFF")
        path = {"at": now(), "station_id": station.id}
        expected = {code for _, code in CARDS.values()} | {"token_unknown"}
        found = {}

        async def all_there():
            found.update(
                {one["code"]: one for one in (await installation.get("/support/attempts", **path))["items"]}
            )
            return expected <= set(found)

        await installation.until(all_there, 30, lambda: str(found))
        subject = found["token_unknown"]["subject"]
        told = await installation.get(f"/explanations/{subject}", language="de")
    assert told["what"] == "Die Karte ist hier nicht bekannt."
    assert "sie ist unbekannt" in told["timeline"][-1]["text"]


async def present(station, token):
    await station.call("Authorize", {"idToken": {"idToken": token, "type": "ISO14443"}})


@pytest.mark.parametrize(("answer", "code"), [("Rejected", "station_refused"), ("silence", "station_silent")])
async def test_a_start_that_the_station_does_not_take_is_told_to_driver_and_agent_alike(
    installation, person, public_plug, answer, code
):
    anna = await person("anna", language="de")
    async with public_plug(version=Version.V201) as station:
        station.answers["RequestStartTransaction"] = answer
        charge = await anna.post("/driver/charges", {"plug": "DE*GRL*E1"})
        path = f"/driver/charges/{charge['id']}/why"

        async def told():
            found = await anna.get(path)
            return found if found["code"] == code else None

        found = await installation.until(told, 30)
        agent = await installation.get(f"/explanations/{charge['id']}")
        other = await person("berta")
        await other.ask("GET", path, 404)
    assert found == agent
    assert found["side"] == "station"
    assert [line["kind"] for line in found["timeline"]][:2] in (["state", "message"], ["message", "state"])


async def test_who_never_plugs_in_is_told_to_plug_in_first(installation, person, public_plug):
    anna = await person("anna")
    async with public_plug() as station:
        charge = await anna.post("/driver/charges", {"plug": "DE*GRL*E1"})
        path = f"/driver/charges/{charge['id']}/why"
        assert (await anna.get(path))["code"] == "under_way"

        async def told():
            # A station may open its transaction before the cable is in; both are told in the same sense.
            await installation.sql("UPDATE start_requests SET expires_at = now() - interval '1 second'")
            await installation.sql("UPDATE sessions SET started_at = now() - interval '10 minutes'")
            seen.append((await anna.get(path))["code"])
            return seen[-1] in ("not_plugged_in", "no_cable")

        seen: list[str] = []
        await installation.until(told, 30, lambda: str(seen[-3:]))
        await station.hang_up(stay_offline=True)


async def test_a_charge_that_works_is_told_as_one(installation, person, public_plug):
    anna = await person("anna")
    async with public_plug() as station:
        await station.plug_in()
        charge = await anna.post("/driver/charges", {"plug": "DE*GRL*E1"})

        async def charged():
            found = await anna.get(f"/driver/charges/{charge['id']}/why")
            return found if found["code"] == "charged" else None

        found = await installation.until(charged, 30)
    assert found["side"] == "nobody"
    assert found["session_id"] is not None
