"""A charging day of a station that is not ours: the client of the ``ocpp`` package, which checks every message of both sides
against the official schemas by itself.
"""

import asyncio
from base64 import b64encode
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest
import websockets
from ocpp.routing import on
from websockets.typing import Subprotocol

from ocpp import v16, v21, v201

CARD = "04AABBCCDDEE80"


def now():
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Station16(v16.ChargePoint):
    """Answers what a central system may ask, and keeps what it was asked."""

    subprotocol = "ocpp1.6"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.asked = asyncio.Queue()

    @on("RemoteStartTransaction")
    def remote_start(self, **asked):
        self.asked.put_nowait(("RemoteStartTransaction", asked))
        return v16.call_result.RemoteStartTransaction("Accepted")

    @on("RemoteStopTransaction")
    def remote_stop(self, **asked):
        self.asked.put_nowait(("RemoteStopTransaction", asked))
        return v16.call_result.RemoteStopTransaction("Accepted")

    @on("Reset")
    def reset(self, **asked):
        self.asked.put_nowait(("Reset", asked))
        return v16.call_result.Reset("Accepted")

    @on("GetConfiguration")
    def configuration(self, **_):
        known = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
        return v16.call_result.GetConfiguration(configuration_key=[known])

    @on("ChangeConfiguration")
    def change(self, **_):
        return v16.call_result.ChangeConfiguration("Accepted")

    @on("TriggerMessage")
    def trigger(self, **_):
        return v16.call_result.TriggerMessage("Accepted")

    @on("GetLocalListVersion")
    def list_version(self, **_):
        return v16.call_result.GetLocalListVersion(0)

    @on("SendLocalList")
    def send_list(self, **_):
        return v16.call_result.SendLocalList("Accepted")

    async def boot(self):
        answer = await self.call(v16.call.BootNotification("Model", "Vendor"), suppress=False)
        for connector in (0, 1):
            await self.status("Available", connector)
        return answer

    async def status(self, word, connector=1):
        told = v16.call.StatusNotification(connector, "NoError", word, timestamp=now())
        await self.call(told, suppress=False)

    async def charge(self):
        await self.status("Preparing")
        asked = await self.call(v16.call.Authorize(CARD), suppress=False)
        started = await self.call(v16.call.StartTransaction(1, CARD, 1000, now()), suppress=False)
        await self.status("Charging")
        sample = {"value": "1500", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
        values = [{"timestamp": now(), "sampled_value": [sample]}]
        await self.call(v16.call.MeterValues(1, values, started.transaction_id), suppress=False)
        self.transaction = started.transaction_id
        return asked.id_tag_info["status"], started.id_tag_info["status"]

    async def end(self):
        told = v16.call.StopTransaction(2500, now(), self.transaction, reason="Remote")
        await self.call(told, suppress=False)
        await self.status("Available")


class Station2x:
    """What stations of 2.0.1 and 2.1 have in common; ``words`` is the package's module of the version."""

    @on("RequestStartTransaction")
    def remote_start(self, **asked):
        self.asked.put_nowait(("RequestStartTransaction", asked))
        return self.words.call_result.RequestStartTransaction("Accepted")

    @on("RequestStopTransaction")
    def remote_stop(self, **asked):
        self.asked.put_nowait(("RequestStopTransaction", asked))
        return self.words.call_result.RequestStopTransaction("Accepted")

    @on("Reset")
    def reset(self, **asked):
        self.asked.put_nowait(("Reset", asked))
        return self.words.call_result.Reset("Accepted")

    @on("GetBaseReport")
    def report(self, **_):
        return self.words.call_result.GetBaseReport("NotSupported")

    @on("SetVariables")
    def set_variables(self, set_variable_data, **_):
        results = [
            {"attribute_status": "Accepted", "component": one["component"], "variable": one["variable"]}
            for one in set_variable_data
        ]
        return self.words.call_result.SetVariables(results)

    @on("GetVariables")
    def get_variables(self, get_variable_data, **_):
        results = [
            {
                "attribute_status": "UnknownVariable",
                "component": one["component"],
                "variable": one["variable"],
            }
            for one in get_variable_data
        ]
        return self.words.call_result.GetVariables(results)

    @on("GetLocalListVersion")
    def list_version(self, **_):
        return self.words.call_result.GetLocalListVersion(0)

    @on("SendLocalList")
    def send_list(self, **_):
        return self.words.call_result.SendLocalList("Accepted")

    @on("TriggerMessage")
    def trigger(self, **_):
        return self.words.call_result.TriggerMessage("Accepted")

    async def boot(self):
        about = {"model": "Model", "vendor_name": "Vendor"}
        answer = await self.call(
            self.words.call.BootNotification(charging_station=about, reason="PowerUp"), suppress=False
        )
        await self.status("Available")
        return answer

    async def status(self, word):
        told = self.words.call.StatusNotification(
            timestamp=now(), connector_status=word, evse_id=1, connector_id=1
        )
        await self.call(told, suppress=False)

    async def charge(self):
        token = {"id_token": CARD, "type": "ISO14443"}
        self.transaction, self.sequence = f"T-{now()}", 0
        await self.status("Occupied")
        asked = await self.call(self.words.call.Authorize(id_token=token), suppress=False)
        started = await self.event("Started", "Authorized", 1000, id_token=token)
        await self.event("Updated", "MeterValuePeriodic", 1500)
        return asked.id_token_info["status"], started.id_token_info["status"]

    async def end(self):
        await self.event("Ended", "RemoteStop", 2500)
        await self.status("Available")

    async def event(self, kind, trigger, register, **more):
        sample = {"value": register, "measurand": "Energy.Active.Import.Register"}
        about = {"transaction_id": self.transaction}
        if kind != "Ended":
            about["charging_state"] = "Charging"
        else:
            about["stopped_reason"] = "Remote"
        told = self.words.call.TransactionEvent(
            event_type=kind, timestamp=now(), trigger_reason=trigger, seq_no=self.sequence, transaction_info=about, evse={"id": 1, "connector_id": 1},
            meter_value=[{"timestamp": now(), "sampled_value": [sample]}], **more,
        )  # fmt: skip
        self.sequence += 1
        return await self.call(told, suppress=False)


class Station201(Station2x, v201.ChargePoint):
    subprotocol, words = "ocpp2.0.1", v201

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.asked = asyncio.Queue()


class Station21(Station2x, v21.ChargePoint):
    subprotocol, words = "ocpp2.1", v21

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.asked = asyncio.Queue()


@asynccontextmanager
async def connected(installation, kind, made):
    basic = b64encode(f"CP-1:{made['password']}".encode()).decode()
    async with websockets.connect(
        f"{installation.station_url}/CP-1",
        subprotocols=[Subprotocol(kind.subprotocol)],
        additional_headers={"Authorization": f"Basic {basic}"},
    ) as socket:
        station = kind("CP-1", socket)
        reading = asyncio.create_task(station.start())
        try:
            yield station
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, websockets.ConnectionClosed):
                await reading


async def asked(station, action):
    """What the station was asked to do, once it is this."""
    while True:
        found, what = await asyncio.wait_for(station.asked.get(), 30)
        if found == action:
            return what


KINDS = pytest.mark.parametrize("kind", [Station16, Station201, Station21], ids=lambda one: one.subprotocol)


@KINDS
async def test_a_foreign_station_boots_charges_and_is_billed_by_its_register(installation, kind):
    await installation.issue_token(CARD)
    made = await installation.register("CP-1")
    async with connected(installation, kind, made) as station:
        answer = await station.boot()
        assert (answer.status, answer.interval > 0) == ("Accepted", True)
        assert await station.charge() == ("Accepted", "Accepted")
        await station.end()
        ended = "SELECT energy, stop_reason FROM sessions WHERE status = 'ended'"
        rows = await installation.until(lambda: installation.sql(ended), 20)
    assert rows == [(1500.0, "Remote")]


@KINDS
async def test_a_foreign_station_is_started_stopped_and_reset_from_afar(installation, kind):
    await installation.issue_token(CARD)
    made = await installation.register("CP-1")
    remote_start = "RemoteStartTransaction" if kind is Station16 else "RequestStartTransaction"
    async with connected(installation, kind, made) as station:
        await station.boot()
        token = {"value": CARD, "kind": "ISO14443"}
        start = await installation.command(made["id"], "start_charging", evse=1, token=token)
        await asked(station, remote_start)
        await station.charge()
        await installation.operation(start, "verified", patience=20)
        stop = await installation.command(made["id"], "stop_charging", transaction=str(station.transaction))
        await asked(station, remote_start.replace("Start", "Stop"))
        await station.end()
        await installation.operation(stop, "verified", patience=20)
        reset = await installation.command(made["id"], "reset")
        await asked(station, "Reset")
    async with connected(installation, kind, made) as station:
        await station.boot()
        await installation.operation(reset, "verified", patience=20)


@KINDS
async def test_a_foreign_station_gets_a_schema_true_refusal_of_an_unknown_card(installation, kind):
    made = await installation.register("CP-1")
    async with connected(installation, kind, made) as station:
        await station.boot()
        verdicts = await station.charge()
    assert verdicts[0] in ("Invalid", "Unknown")
    assert verdicts[1] in ("Invalid", "Unknown")
