"""A transaction of a 2.x station from its start to its end, and the events that tell of it (block E)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from gridlane.kernel.quantities import Watts
from gridlane.simulator.station import Evse, Transaction
from gridlane.simulator.v2x.metering import Metering2x


class Transactions2x(Metering2x):
    def _begin(self, one: Evse, trigger: str, now: datetime, kind: str = "ISO14443") -> None:
        transaction = Transaction(uuid4().hex, one.number, one.token, now, one.register, group=one.group)
        transaction.remote_start_id, one.remote_start_id = one.remote_start_id, None
        transaction.authorized = one.token is not None
        if one.token is not None:
            transaction.reservation_id = self.use_reservation(one, one.token, one.group, now)
        one.transaction = transaction
        token = (one.token, kind) if one.token is not None else None
        if one.vehicle is not None:
            one.token, one.token_until = None, None
        for installed in self.profiles.installed:
            if installed.transaction == f"remote:{transaction.remote_start_id}":
                installed.transaction = transaction.id
        self._started(one, transaction, trigger, token, now)
        interval = int(self.model.value("SampledDataCtrlr", "TxUpdatedInterval"))
        if interval:
            self.spec.meter_interval = interval
            self.next_meter[one.number] = now + timedelta(seconds=interval)
        self._power_path(one, now)

    def _started(
        self, one: Evse, transaction: Transaction, trigger: str, token: tuple[str, str] | None, now: datetime
    ) -> None:
        """Tell of the start: what made it is a cable, a driver, or what only follows from both."""
        state = "EVConnected" if one.vehicle is not None else "Idle"
        if one.vehicle is not None and token is not None:
            if self.starts_at("EnergyTransfer"):
                trigger, state = "ChargingStateChanged", "Charging"
            elif self.starts_at("DataSigned"):
                trigger = "SignedDataReceived"
        self._event(one, transaction, "Started", trigger, now, token=token, charging_state=state)

    def _power_path(self, one: Evse, now: datetime) -> None:
        """Both a cable and a driver: the contactor may close."""
        transaction = one.transaction
        if transaction is None or one.vehicle is None or transaction.token is None:
            return
        transaction.authorized = True
        one.token_until = None
        if one.vehicle.is_satisfied:
            self._update(one, "ChargingStateChanged", now, charging_state="SuspendedEV")
        self.advance(now)

    def _update(
        self,
        one: Evse,
        trigger: str,
        now: datetime,
        *,
        token: tuple[str, str] | None = None,
        charging_state: str | None = None,
    ) -> None:
        assert one.transaction is not None
        self._event(one, one.transaction, "Updated", trigger, now, token=token, charging_state=charging_state)

    def _stop_authorized(
        self, one: Evse, trigger: str, reason: str, now: datetime, token: tuple[str, str] | None = None
    ) -> None:
        transaction = one.transaction
        assert transaction is not None
        transaction.stop_reason = reason
        transaction.authorized = False
        one.power = Watts(0.0)
        if self.stops_at("Authorized") or self.stops_at("PowerPathClosed") or self.stops_at("EnergyTransfer"):
            self._finish(one, trigger, reason, now, token)
        else:
            self._update(one, trigger, now, token=token, charging_state="EVConnected")

    def end_transaction(self, one: Evse, reason: str, now: datetime) -> None:
        trigger = {
            "Remote": "RemoteStop",
            "DeAuthorized": "Deauthorized",
            "ImmediateReset": "ResetCommand",
        }.get(reason, "AbnormalCondition")
        self._finish(one, trigger, reason if reason != "HardReset" else "ImmediateReset", now)

    def _finish(
        self, one: Evse, trigger: str, reason: str, now: datetime, token: tuple[str, str] | None = None
    ) -> None:
        transaction = one.transaction
        assert transaction is not None
        transaction.stop_reason = reason
        one.power = Watts(0.0)
        state = (
            "EVConnected"
            if one.vehicle is not None and trigger not in ("EVDeparted", "EVCommunicationLost")
            else "Idle"
        )
        self._event(one, transaction, "Ended", trigger, now, token=token, charging_state=state)
        one.transaction = None
        self.next_meter.pop(one.number, None)
        self.profiles.end_transaction(transaction.id)
        if one.change_when_idle is not None:
            one.operative, one.change_when_idle = one.change_when_idle, None
            self.show(one, now)
        self.idle(now)

    def flow_changed(self, one: Evse, now: datetime) -> None:
        if one.transaction is None or one.transaction.stop_reason is not None:
            return
        if one.power > 0:
            state = "Charging"
        elif one.vehicle is not None and one.vehicle.is_satisfied:
            state = "SuspendedEV"
        else:
            state = "SuspendedEVSE"
        if state == "SuspendedEV" and self.stops_at("EnergyTransfer"):
            self._finish(one, "ChargingStateChanged", "StoppedByEV", now)
            return
        self._update(one, "ChargingStateChanged", now, charging_state=state)

    def meter(self, one: Evse, now: datetime, trigger: str = "MeterValuePeriodic") -> None:
        if one.transaction is not None:
            self._update(one, trigger, now)

    def _event(
        self,
        one: Evse,
        transaction: Transaction,
        event: str,
        trigger: str,
        now: datetime,
        *,
        token: tuple[str, str] | None = None,
        charging_state: str | None = None,
    ) -> None:
        info: dict[str, Any] = {"transactionId": transaction.id}
        if charging_state is not None:
            info["chargingState"] = charging_state
        if event == "Ended" and transaction.stop_reason is not None:
            info["stoppedReason"] = transaction.stop_reason
        if transaction.remote_start_id is not None and event == "Started":
            info["remoteStartId"] = transaction.remote_start_id
        payload: dict[str, Any] = {
            "eventType": event,
            "timestamp": self.told_time(now),
            "triggerReason": trigger,
            "seqNo": transaction.sequence,
            "transactionInfo": info,
            "evse": {"id": one.number, "connectorId": 1},
            "meterValue": [self.meter_value(one, now, _CONTEXT.get((event, trigger), "Sample.Periodic"))],
        }
        transaction.sequence += 1
        if token is not None:
            payload["idToken"] = {"idToken": token[0], "type": token[1]}
        if transaction.reservation_id is not None and (event == "Started" or trigger == "Authorized"):
            payload["reservationId"] = transaction.reservation_id

        def answered(response: Any, at: datetime) -> None:
            self.event_answered(one, transaction, token, response, at)

        self.enqueue(lambda: ("TransactionEvent", payload), now, answered)

    def event_answered(
        self, one: Evse, transaction: Transaction, token: tuple[str, str] | None, response: Any, now: datetime
    ) -> None:
        info = response.id_token_info
        if info is msgspec.UNSET or token is None:
            return
        told = msgspec.to_builtins(info)
        self.cache[token[0]] = told
        if told["status"] == "Accepted":
            transaction.group = (told.get("groupIdToken") or {}).get("idToken") or transaction.group
        elif one.transaction is transaction and transaction.stop_reason is None:
            transaction.authorized = False
            if self._is("TxCtrlr", "StopTxOnInvalidId"):
                self._finish(one, "Deauthorized", "DeAuthorized", now)
            else:
                self.advance(now)

    def mark_offline(self, action: str, payload: dict[str, Any]) -> None:
        if action == "TransactionEvent":
            payload["offline"] = True

    def message_attempts(self) -> int:
        return int(self.model.value("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent"))


_CONTEXT = {
    ("Started", "CablePluggedIn"): "Transaction.Begin",
    ("Started", "Authorized"): "Transaction.Begin",
    ("Started", "RemoteStart"): "Transaction.Begin",
    ("Started", "EVDetected"): "Transaction.Begin",
    ("Started", "ChargingStateChanged"): "Transaction.Begin",
    ("Started", "SignedDataReceived"): "Transaction.Begin",
    ("Updated", "Trigger"): "Trigger",
    ("Updated", "MeterValueClock"): "Sample.Clock",
} | {
    ("Ended", trigger): "Transaction.End"
    for trigger in (
        "EVDeparted", "EVCommunicationLost", "StopAuthorized", "RemoteStop", "Deauthorized", "EVConnectTimeout",
        "ResetCommand", "AbnormalCondition", "ChargingStateChanged",
    )
}  # fmt: skip
