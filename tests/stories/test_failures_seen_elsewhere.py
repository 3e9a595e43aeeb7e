"""Failures that were seen in other central systems under load, each as a test that ours does not have them."""

import asyncio
import contextlib
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

TOKEN = "04AABBCCDD"


async def socket(installation, made, identity):
    """A plain socket of a registered station (1.6), without any manners."""
    from base64 import b64encode

    basic = b64encode(f"{identity}:{made['password']}".encode()).decode()
    return await connect(
        f"{installation.station_url}/{identity}",
        subprotocols=["ocpp1.6"],
        additional_headers={"Authorization": f"Basic {basic}"},
        compression=None,
    )


def call(message_id, action, payload):
    return json.dumps([2, message_id, action, payload])


async def answers(link, count):
    return [json.loads(await asyncio.wait_for(link.recv(), 15)) for _ in range(count)]


def start(at="2026-11-24T10:00:00Z"):
    return {"connectorId": 1, "idTag": TOKEN, "meterStart": 0, "timestamp": at}


BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


async def test_everything_said_before_the_claim_is_done_is_answered_in_order(installation):
    link = await socket(installation, await installation.register("CP-1"), "CP-1")
    ids = [f"m{number}" for number in range(60)]
    for message_id in ids:
        await link.send(call(message_id, "Heartbeat", {}))
    assert [answer[1] for answer in await answers(link, len(ids))] == ids
    await link.close()


async def test_many_stations_that_start_at_once_do_not_wait_for_each_other(installation):
    numbers = range(25)
    made = [await installation.register(f"CP-{number}") for number in numbers]
    for number in numbers:
        await installation.issue_token(f"{number:08X}")
    links = [
        await socket(installation, one, f"CP-{number}") for number, one in zip(numbers, made, strict=True)
    ]
    for number, link in zip(numbers, links, strict=True):
        await link.send(call("start", "StartTransaction", start() | {"idTag": f"{number:08X}"}))
    found = [(await answers(link, 1))[0] for link in links]
    assert [answer[2]["idTagInfo"]["status"] for answer in found] == ["Accepted"] * len(found)
    assert len({answer[2]["transactionId"] for answer in found}) == len(found)
    for link in links:
        await link.close()


async def test_an_answer_for_a_first_socket_never_leaves_on_the_second(installation):
    made = await installation.register("CP-1")
    first = await socket(installation, made, "CP-1")
    await first.send(call("boot", "BootNotification", BOOT))
    await answers(first, 1)
    for number in range(20):
        await first.send(call(f"first-{number}", "Heartbeat", {}))
    second = await socket(installation, made, "CP-1")
    await second.send(call("second", "Heartbeat", {}))
    ((kind, message_id, _),) = await answers(second, 1)
    assert (kind, message_id) == (3, "second")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.recv(), 0.5)
    with pytest.raises(ConnectionClosed):
        await answers(first, 100)
    await second.close()


async def test_a_message_id_used_again_after_a_reboot_gets_an_answer_of_its_own(installation):
    made = await installation.register("CP-1")
    await installation.issue_token(TOKEN)
    found = []
    for action, payload in (("Heartbeat", {}), ("BootNotification", BOOT), ("StartTransaction", start())):
        link = await socket(installation, made, "CP-1")
        await link.send(call("1", action, payload))
        found += await answers(link, 1)
        await link.close()
    assert ["currentTime" in found[0][2], found[1][2]["status"], found[2][2]["idTagInfo"]["status"]] == [
        True,
        "Accepted",
        "Accepted",
    ]


async def test_a_frame_of_twenty_megabytes_closes_its_own_socket_only(installation):
    first = await socket(installation, await installation.register("CP-1"), "CP-1")
    second = await socket(installation, await installation.register("CP-2"), "CP-2")
    with contextlib.suppress(ConnectionClosed):
        await first.send(call("big", "DataTransfer", {"vendorId": "v", "data": "x" * 20_000_000}))
    with pytest.raises(ConnectionClosed):
        await answers(first, 1)
    await second.send(call("small", "Heartbeat", {}))
    assert (await answers(second, 1))[0][0] == 3
    await second.close()


async def test_a_card_is_accepted_again_at_once_after_its_session_has_ended(installation):
    await installation.issue_token(TOKEN)
    link = await socket(installation, await installation.register("CP-1"), "CP-1")
    for hour in range(10, 15):
        await link.send(call(f"start-{hour}", "StartTransaction", start(f"2026-11-24T{hour}:00:00Z")))
        ((_, _, begun),) = await answers(link, 1)
        assert begun["idTagInfo"]["status"] == "Accepted"
        stop = {"transactionId": begun["transactionId"], "meterStop": 0, "idTag": TOKEN}
        stop["timestamp"] = f"2026-11-24T{hour}:30:00Z"
        await link.send(call(f"stop-{hour}", "StopTransaction", stop))
        await answers(link, 1)
    await link.close()


@pytest.mark.kill
async def test_while_postgresql_restarts_a_gateway_waits_and_then_answers(installation, postgres):
    """Every backend is ended, as a restart does: nothing is refused, nothing is lost, no SQL reaches the station."""
    link = await socket(installation, await installation.register("CP-1"), "CP-1")
    await link.send(call("boot", "BootNotification", BOOT))
    await answers(link, 1)
    for number in range(30):
        await link.send(call(f"m{number}", "MeterValues", _values(number)))
        if number % 10 == 5:
            await installation.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    assert [answer[:2] for answer in await answers(link, 30)] == [[3, f"m{number}"] for number in range(30)]
    assert await installation.sql("SELECT count(*) FROM readings") == [(30,)]
    await link.close()


def _values(number):
    at = f"2026-11-24T10:00:{number:02d}Z"
    return {"connectorId": 1, "meterValue": [{"timestamp": at, "sampledValue": [{"value": str(number)}]}]}
