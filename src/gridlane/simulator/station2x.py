"""What a station of OCPP 2.0.1 or 2.1 says and does: provisioning, authorization, transactions.

``v2x`` holds what the other functional blocks answer.
"""

import base64
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from gridlane.kernel.quantities import Watts
from gridlane.ocpp.version import Version
from gridlane.simulator.device_model import DeviceModel, standard_variables, variables_of_21
from gridlane.simulator.profiles import Installed
from gridlane.simulator.station import Evse, StationSpec, Transaction
from gridlane.simulator.v2x.blocks import Blocks2x
from gridlane.simulator.vehicle import VOLTAGE


class Station2x(Blocks2x):
    def __init__(self, spec: StationSpec) -> None:
        super().__init__(spec)
        self.model = DeviceModel(
            [
                *standard_variables(spec.evses, spec.power, spec.serial, spec.vendor, spec.model),
                *(variables_of_21() if spec.version is Version.V21 else ()),
            ]
        )
        self.model.variables["sampleddatactrlr", "txupdatedinterval", None, None].value = str(
            spec.meter_interval
        )

    # --- boot, status --------------------------------------------------------------------------------------------

    def boot(self, now: datetime) -> None:
        spec = self.spec
        payload = {
            "reason": self.boot_reason,
            "chargingStation": {
                "vendorName": spec.vendor,
                "model": spec.model[:20],
                "serialNumber": spec.serial[:25],
                "firmwareVersion": self.firmware_version[:50],
                **({"modem": {"iccid": spec.iccid}} if spec.iccid else {}),
            },
        }

        def answered(response: Any, at: datetime) -> None:
            if response is None:
                self.boot_wait = at + timedelta(seconds=30)
            else:
                self.boot_answered(response.status, response.interval, at)

        self.call("BootNotification", payload, now, answered)

    def show(self, one: Evse, now: datetime, *, always: bool = False) -> None:
        self._show(one, now, always=always)
        if self.kept_anywhere:  # one EVSE less is free: the others may be spoken for now
            for other in self.evses.values():
                self._show(other, now, always=False)

    def _show(self, one: Evse, now: datetime, *, always: bool) -> None:
        status = self._status_of(one)
        if status != one.status or always:
            one.status = status
            if self._may_send():
                payload = {
                    "timestamp": self.told_time(now),
                    "connectorStatus": status,
                    "evseId": one.number,
                    "connectorId": 1,
                }
                self.call("StatusNotification", payload, now)

    def _status_of(self, one: Evse) -> str:
        if one.error is not None:
            return "Faulted"
        if one.vehicle is not None:
            return "Occupied"
        if not one.operative:
            return "Unavailable"
        return "Reserved" if self.is_kept(one) else "Available"

    def break_connector(self, evse: int, error: str | None, now: datetime) -> None:
        super().break_connector(evse, error, now)
        if self._may_send():
            self.notify_event(
                "Connector", "Problem", "true" if error else "false", now, evse=evse, info=error
            )

    # --- people and cars -----------------------------------------------------------------------------------------

    def plugged(self, one: Evse, now: datetime) -> None:
        self.show(one, now)
        if one.transaction is not None:
            self._update(one, "CablePluggedIn", now, charging_state="EVConnected")
            self._power_path(one, now)
        elif one.token is not None or self.starts_at("EVConnected"):
            self._begin(one, "CablePluggedIn", now)

    def park(self, evse: int, now: datetime) -> None:
        """The detector of the bay sees a vehicle."""
        if self.starts_at("ParkingBayOccupancy") and self.evses[evse].transaction is None:
            self._begin(self.evses[evse], "EVDetected", now)

    def leave(self, evse: int, now: datetime) -> None:
        """The bay is empty again."""
        transaction = self.evses[evse].transaction
        if self.stops_at("ParkingBayOccupancy") and transaction is not None:
            self._finish(self.evses[evse], "EVDeparted", transaction.stop_reason or "Local", now)

    def unplugged(self, one: Evse, now: datetime) -> None:
        transaction = one.transaction
        if transaction is None:
            return
        if self.stops_at("ParkingBayOccupancy"):
            self._update(one, "EVCommunicationLost", now, charging_state="Idle")
        elif self.stops_at("EVConnected") or self._is("TxCtrlr", "StopTxOnEVSideDisconnect"):
            reason = transaction.stop_reason or "EVDisconnected"
            self._finish(
                one, "EVCommunicationLost" if transaction.stop_reason is None else "EVDeparted", reason, now
            )
        else:
            one.power = Watts(0.0)
            self._update(one, "EVCommunicationLost", now, charging_state="Idle")

    def tapped(self, one: Evse, token: str, kind: str, now: datetime) -> None:
        if one.transaction is not None and one.transaction.token is not None:
            self._tap_to_stop(one, token, kind, now)
            return
        self._authorize(token, kind, now, lambda info, at: self._authorized(one, token, kind, info, at))

    def _authorize(self, token: str, kind: str, now: datetime, then: Any) -> None:
        known = self.local_list.get(token) or self.cache.get(token)
        if not self._may_send():
            allowed = self._is("AuthCtrlr", "LocalAuthorizeOffline")
            then(known if known and allowed else {"status": "Invalid"}, now)
            return
        if known and known["status"] == "Accepted" and self._is("AuthCtrlr", "LocalPreAuthorize"):
            then(known, now)
            return

        def answered(response: Any, at: datetime) -> None:
            if response is None:
                then({"status": "Invalid"}, at)
                return
            info = msgspec.to_builtins(response.id_token_info)
            if self._is("AuthCacheCtrlr", "Enabled"):
                self.cache[token] = info
            then(info, at)

        self.call("Authorize", {"idToken": {"idToken": token, "type": kind}}, now, answered)

    def _authorized(self, one: Evse, token: str, kind: str, info: dict[str, Any], now: datetime) -> None:
        if info["status"] != "Accepted":
            return
        group = (info.get("groupIdToken") or {}).get("idToken")
        if self.is_kept(one) and not self._is_master(group) and not self.reservation_for(one, token, group):
            return
        one.token, one.group = token, group
        if self._is_master(one.group):
            one.token = None
            self.stop_all(token, kind, now)
            return
        if one.transaction is not None:
            one.transaction.token, one.transaction.group = token, one.group
            one.transaction.reservation_id = self.use_reservation(one, token, group, now)
            self._update(one, "Authorized", now, token=(token, kind))
            one.token = None
            self._power_path(one, now)
        elif one.vehicle is not None or self.starts_at("Authorized"):
            self._begin(one, "Authorized", now, kind=kind)
        if one.vehicle is None:
            one.token_until = now + timedelta(seconds=int(self.model.value("TxCtrlr", "EVConnectionTimeOut")))

    def _tap_to_stop(self, one: Evse, token: str, kind: str, now: datetime) -> None:
        transaction = one.transaction
        assert transaction is not None
        if token == transaction.token:
            self._stop_authorized(one, "StopAuthorized", "Local", now, (token, kind))
            return

        def decided(info: dict[str, Any], at: datetime) -> None:
            group = (info.get("groupIdToken") or {}).get("idToken")
            if info["status"] != "Accepted":
                return
            if self._is_master(group):
                self.stop_all(token, kind, at)
            elif group is not None and group == transaction.group and one.transaction is transaction:
                self._stop_authorized(one, "StopAuthorized", "Local", at, (token, kind))

        self._authorize(token, kind, now, decided)

    def stop_all(self, token: str, kind: str, now: datetime) -> None:
        """Master pass (C16): end everything."""
        for one in self.evses.values():
            if one.transaction is not None:
                self._stop_authorized(one, "StopAuthorized", "MasterPass", now, (token, kind))

    def token_expired(self, one: Evse, now: datetime) -> None:
        one.token = one.token_until = one.remote_start_id = None
        if one.transaction is not None and one.vehicle is None:
            self._finish(one, "EVConnectTimeout", "Timeout", now)
        self.show(one, now)

    # --- transactions --------------------------------------------------------------------------------------------

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

    def meter_value(self, one: Evse, now: datetime, context: str) -> dict[str, Any]:
        phases = self.phases_of(one)

        def sample(value: float, measurand: str, unit: str, **more: str) -> dict[str, Any]:
            return {
                "value": round(value, 3),
                "context": context,
                "measurand": measurand,
                "location": "Outlet",
                "unitOfMeasure": {"unit": unit},
                **more,
            }

        samples = [
            sample(one.register, "Energy.Active.Import.Register", "Wh") | self._signature(one),
            sample(one.power, "Power.Active.Import", "W"),
            *(sample(self.current(one), "Current.Import", "A", phase=f"L{n}") for n in range(1, phases + 1)),
            sample(VOLTAGE, "Voltage", "V", phase="L1-N"),
        ]
        if self.spec.direct and one.vehicle is not None:
            samples.append({**sample(one.vehicle.soc, "SoC", "Percent"), "location": "EV"})
        return {"timestamp": self.told_time(now), "sampledValue": samples}

    def _signature(self, one: Evse) -> dict[str, Any]:
        """A stand-in for what a calibrated meter adds to its register: the form of a signature, not its strength."""
        if not self._is("SampledDataCtrlr", "SignReadings"):
            return {}
        data = base64.b64encode(f"{self.spec.serial}:{one.register:.0f}".encode()).decode()
        signed = {"signedMeterData": data, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
        return {"signedMeterValue": signed}

    def mark_offline(self, action: str, payload: dict[str, Any]) -> None:
        if action == "TransactionEvent":
            payload["offline"] = True

    def message_attempts(self) -> int:
        return int(self.model.value("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent"))

    # --- what we are asked about charging ------------------------------------------------------------------------

    def on_request_start_transaction(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = payload.get("evseId")
        able = [e for e in self.evses.values() if e.operative and e.error is None]
        able = [e for e in able if e.transaction is None or e.transaction.token is None]
        one = next((e for e in able if wanted in (None, e.number)), None)
        token, kind = payload["idToken"]["idToken"], payload["idToken"]["type"]
        if one is None or (self.is_kept(one) and not self.reservation_for(one, token)):
            return {"status": "Rejected"}
        profile = payload.get("chargingProfile")
        if profile is not None and (
            profile["chargingProfilePurpose"] != "TxProfile" or "transactionId" in profile
        ):
            return {"status": "Rejected"}
        one.remote_start_id = payload["remoteStartId"]
        if profile is not None:
            owner = one.transaction.id if one.transaction else f"remote:{one.remote_start_id}"
            self.profiles.install(Installed(one.number, profile, owner))
        answer = {"status": "Accepted"}
        if one.transaction is not None:
            answer["transactionId"] = one.transaction.id
            one.transaction.remote_start_id = one.remote_start_id

        def after(at: datetime) -> None:
            if self._is("AuthCtrlr", "AuthorizeRemoteStart") and kind not in ("NoAuthorization", "Central"):
                self._authorize(
                    token, kind, at, lambda info, then: self._remotely(one, token, kind, info, then)
                )
            else:
                self._remotely(one, token, kind, {"status": "Accepted"}, at)

        return answer, after

    def _remotely(self, one: Evse, token: str, kind: str, info: dict[str, Any], now: datetime) -> None:
        if info["status"] != "Accepted":
            return
        if one.transaction is not None:
            one.transaction.token = token
            transaction = one.transaction
            extra = {"remoteStartId": transaction.remote_start_id}
            self._remote_update(one, extra, (token, kind), now)
            self._power_path(one, now)
            return
        one.token = token
        if one.vehicle is not None or self.starts_at("Authorized"):
            self._begin(one, "RemoteStart", now, kind=kind)
        if one.vehicle is None:
            one.token_until = now + timedelta(seconds=int(self.model.value("TxCtrlr", "EVConnectionTimeOut")))

    def _remote_update(self, one: Evse, extra: dict[str, Any], token: tuple[str, str], now: datetime) -> None:
        transaction = one.transaction
        assert transaction is not None
        payload: dict[str, Any] = {
            "eventType": "Updated",
            "timestamp": self.told_time(now),
            "triggerReason": "RemoteStart",
            "seqNo": transaction.sequence,
            "transactionInfo": {"transactionId": transaction.id, **extra},
            "evse": {"id": one.number, "connectorId": 1},
            "idToken": {"idToken": token[0], "type": token[1]},
        }
        transaction.sequence += 1
        self.enqueue(
            lambda: ("TransactionEvent", payload),
            now,
            lambda response, at: self.event_answered(one, transaction, token, response, at),
        )

    def on_request_stop_transaction(self, payload: dict[str, Any], now: datetime) -> Any:
        one = self.running(payload["transactionId"])
        if one is None:
            return {"status": "Rejected"}
        return {"status": "Accepted"}, lambda at: self._stop_authorized(one, "RemoteStop", "Remote", at)

    def on_get_transaction_status(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = payload.get("transactionId")
        queued = any(wanted is None or wanted in repr(one.build()) for one in self.queue)
        if wanted is None:
            return {"messagesInQueue": queued}
        return {"messagesInQueue": queued, "ongoingIndicator": self.running(wanted) is not None}

    def running(self, transaction: str) -> Evse | None:
        return next(
            (e for e in self.evses.values() if e.transaction and e.transaction.id == transaction), None
        )

    # --- the device model's words --------------------------------------------------------------------------------

    def starts_at(self, point: str) -> bool:
        return point in self.model.value("TxCtrlr", "TxStartPoint").split(",")

    def stops_at(self, point: str) -> bool:
        return point in self.model.value("TxCtrlr", "TxStopPoint").split(",")

    def _is(self, component: str, name: str) -> bool:
        return self.model.value(component, name) == "true"

    def _is_master(self, group: str | None) -> bool:
        master = self.model.value("AuthCtrlr", "MasterPassGroupId")
        return bool(master) and group == master


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
