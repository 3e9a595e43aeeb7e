"""OCPP 2.0.1, block N: logs that arrive, and what a station keeps of customers."""

import asyncio
from contextlib import asynccontextmanager

import pytest


@pytest.mark.parametrize(
    "log", [pytest.param("DiagnosticsLog", id="tc_n_25"), pytest.param("SecurityLog", id="tc_n_35")]
)
async def test_tc_n_25_n_35_a_log_really_arrives(lab, v201, log):
    async with lab.station(v201) as station:
        asked = await lab.installation.post(f"/stations/{lab.id}/logs", {"log": log})
        ended = await lab.installation.operation(asked, patience=20)
        assert (ended["status"], ended["evidence"]) == ("verified", "log uploaded")
        assert station.received("GetLog")[0]["logType"] == log
        (kept,) = (await lab.installation.get(f"/stations/{lab.id}/logs"))["items"]
        assert (kept["kind"], kept["status"]) == (log, "Uploaded")
        file = await lab.installation.http.get(f"/api/v1/logs/{kept['id']}")
        assert b"BootNotification" in file.content
        told = [one["status"] for one in station.acknowledged("LogStatusNotification")]
        assert told[0] == "Uploading"


async def test_tc_n_34_a_log_that_is_refused_never_comes(lab, v201):
    async with lab.station(v201) as station:
        station.answers["GetLog"] = "Rejected"
        asked = await lab.installation.post(f"/stations/{lab.id}/logs", {})
        ended = await lab.installation.operation(asked)
        assert (ended["status"], ended["evidence"]) == ("refused", "Rejected")
        (kept,) = (await lab.installation.get(f"/stations/{lab.id}/logs"))["items"]
        assert (kept["received_at"], kept["status"]) == (None, None)
        assert station.machine.uploads == []


@asynccontextmanager
async def slow_server():
    """Where an upload takes for ever."""
    begun = []
    server = await asyncio.start_server(lambda _reader, writer: begun.append(writer), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/first"
    finally:
        server.close()
        for writer in begun:
            writer.close()


async def test_tc_n_36_a_second_log_takes_the_place_of_the_first(lab, v201):
    async with slow_server() as location, lab.station(v201) as station:
        first = await lab.agreed("get_log", location=location)
        second = await lab.installation.post(f"/stations/{lab.id}/logs", {})
        ended = await lab.installation.operation(second, patience=20)
        assert (ended["status"], "AcceptedCanceled" in ended["answer"]) == ("verified", True)
        over = await lab.installation.operation(first)
        assert (over["status"], over["evidence"]) == ("unverified", "log status AcceptedCanceled")
        numbers = [one["requestId"] for one in station.received("GetLog")]
        said = [(one["status"], one["requestId"]) for one in station.sent("LogStatusNotification")]
        assert ("AcceptedCanceled", numbers[0]) in said
        assert said[-1] == ("Uploaded", numbers[1])
        statuses = dict(await lab.installation.sql("SELECT id::text, status FROM log_uploads"))
        assert statuses == {first["id"]: "AcceptedCanceled", second["id"]: "Uploaded"}


# --- customers ---------------------------------------------------------------------------------------------------


async def told(lab):
    """What the station told, as it is stored and shown to those who may see people."""
    shown = (await lab.installation.get(f"/stations/{lab.id}/customer-reports"))["items"]
    return [one["data"] for one in shown]


@pytest.mark.parametrize(
    ("clear", "known"),
    [
        pytest.param(False, "Ada Lovelace", id="tc_n_27"),
        pytest.param(False, "", id="tc_n_28"),
        pytest.param(True, "Ada Lovelace", id="tc_n_30"),
        pytest.param(True, "", id="tc_n_31"),
    ],
)
async def test_tc_n_27_n_28_n_30_n_31_what_is_known_of_a_card_is_told_and_forgotten(lab, v201, clear, known):
    async with lab.station(v201) as station:
        if known:
            station.machine.customers[lab.card] = known
        ended = await lab.ask("customer_information", report=True, clear=clear, token=lab.token())
        assert ended["evidence"] == "last part came"
        (asked,) = station.received("CustomerInformation")
        assert asked["idToken"] == {"idToken": lab.card, "type": "ISO14443"}
        assert await told(lab) == [known]
        assert (lab.card in station.machine.customers) == (bool(known) and not clear)


async def test_tc_n_29_a_station_that_does_not_tell_says_so(lab, v201):
    async with lab.station(v201) as station:
        station.answers["CustomerInformation"] = "Invalid"
        ended = await lab.ask("customer_information", "refused", report=True, clear=False, token=lab.token())
        assert ended["evidence"] == "Invalid"
        assert (await told(lab), station.sent("NotifyCustomerInformation")) == ([], [])


async def test_tc_n_32_a_card_is_forgotten_without_a_report(lab, v201):
    async with lab.station(v201) as station:
        station.machine.customers[lab.card] = "Ada Lovelace"
        await lab.ask("customer_information", report=False, clear=True, token=lab.token())
        assert (await told(lab), station.machine.customers) == ([""], {})


async def test_tc_n_62_a_customer_is_forgotten_by_the_identifier(lab, v201):
    async with lab.station(v201) as station:
        station.machine.customers["customer 7"] = "Charles Babbage"
        wish = {"report": True, "clear": True, "customer_identifier": "customer 7"}
        await lab.ask("customer_information", **wish)
        assert station.received("CustomerInformation")[0]["customerIdentifier"] == "customer 7"
        assert (await told(lab), station.machine.customers) == (["Charles Babbage"], {})
