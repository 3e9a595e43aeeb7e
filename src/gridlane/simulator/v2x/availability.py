"""Resets, EVSEs out of service, unlocking, and messages that are asked for (B11, B12, F05, F06, G03, G04)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from gridlane.simulator.station import Evse
from gridlane.simulator.v2x.asked import Asked2x, Speak


class Availability2x(Asked2x):
    def on_reset(self, payload: dict[str, Any], now: datetime) -> Any:
        immediate = payload["type"] != "OnIdle"
        number = payload.get("evseId")
        if number is not None and number not in self.evses:
            return {"status": "Rejected"}
        busy = [e for e in self.evses.values() if number in (None, e.number) and e.transaction is not None]
        if busy and not immediate:
            self.pending_reset = str(number or "")
            return {"status": "Scheduled"}

        def after(at: datetime) -> None:
            for one in busy:
                self.end_transaction(one, "ImmediateReset", at)
            self.at(at + timedelta(seconds=1), lambda then: self._reset(number, then))

        return {"status": "Accepted"}, after

    def _reset(self, number: int | None, now: datetime) -> None:
        if number is None:
            self.power_cycle(now, "RemoteReset")
        else:
            self.show(self.evses[number], now, always=True)

    def idle(self, now: datetime) -> None:
        """A transaction ended: a reset that waited for it may go on."""
        if self.pending_reset is None:
            return
        number = int(self.pending_reset or 0) or None
        if all(e.transaction is None for e in self.evses.values() if number in (None, e.number)):
            self.pending_reset = None
            self.boot_reason = "ScheduledReset"
            self.at(now + timedelta(seconds=1), lambda at: self._reset(number, at))

    def on_change_availability(self, payload: dict[str, Any], now: datetime) -> Any:
        operative = payload["operationalStatus"] == "Operative"
        number = (payload.get("evse") or {}).get("id", 0)
        if number and number not in self.evses:
            return {"status": "Rejected"}
        chosen = [one for one in self.evses.values() if number in (0, one.number)]
        scheduled = False
        for one in chosen:
            if one.transaction is not None:
                one.change_when_idle, scheduled = operative, True
            else:
                one.operative = operative

        def after(at: datetime) -> None:
            for one in chosen:
                self.show(one, at)

        return {"status": "Scheduled" if scheduled else "Accepted"}, after

    def on_unlock_connector(self, payload: dict[str, Any], now: datetime) -> Any:
        one = self.evses.get(payload["evseId"])
        if one is None or payload["connectorId"] != 1:
            return {"status": "UnknownConnector"}
        if one.transaction is not None and one.transaction.authorized:
            return {"status": "OngoingAuthorizedTransaction"}
        one.locked = False
        return {"status": "Unlocked"}

    def on_trigger_message(self, payload: dict[str, Any], now: datetime) -> Any:
        message = payload["requestedMessage"]
        number = (payload.get("evse") or {}).get("id")
        if number is not None and number not in self.evses:
            return {"status": "Rejected"}
        speak = self.triggers().get(message)
        if speak is None:
            return {"status": "NotImplemented"}
        chosen = [one for one in self.evses.values() if number in (None, one.number)]
        if message == "TransactionEvent" and not any(one.transaction for one in chosen):
            return {"status": "Rejected"}
        return {"status": "Accepted"}, lambda at: speak(chosen, at)

    def triggers(self) -> dict[str, Speak]:
        return super().triggers() | {
            "BootNotification": lambda _chosen, at: self._boot_again(at),
            "Heartbeat": lambda _chosen, at: self._heartbeat(at),
            "StatusNotification": lambda chosen, at: _each(
                chosen, lambda one: self.show(one, at, always=True)
            ),
            "MeterValues": lambda chosen, at: _each(
                chosen, lambda one: self.meter_values(one, at, "Trigger")
            ),
            "TransactionEvent": lambda chosen, at: _each(chosen, lambda one: self.meter(one, at, "Trigger")),
        }

    def _heartbeat(self, now: datetime) -> None:
        self.call("Heartbeat", {}, now)

    def meter(self, one: Evse, now: datetime, trigger: str = "MeterValuePeriodic") -> None:
        raise NotImplementedError

    def meter_value(self, one: Evse, now: datetime, context: str) -> dict[str, Any]:
        raise NotImplementedError

    def meter_values(self, one: Evse, now: datetime, context: str = "Sample.Clock") -> None:
        self.call(
            "MeterValues", {"evseId": one.number, "meterValue": [self.meter_value(one, now, context)]}, now
        )

    def _boot_again(self, now: datetime) -> None:
        self.boot_reason = "Triggered"
        self.boot(now)


def _each(evses: list[Evse], do: Callable[[Evse], None]) -> None:
    for one in evses:
        do(one)
