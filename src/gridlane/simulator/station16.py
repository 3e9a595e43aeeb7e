"""What a station of OCPP 1.6 says and does (OCPP-J 1.6 edition 2 and the security white paper).

``v16`` holds what it answers.
"""

from datetime import datetime, timedelta
from typing import Any

from gridlane.simulator.profiles import Installed
from gridlane.simulator.station import Evse, Transaction
from gridlane.simulator.v16.core import Core16
from gridlane.simulator.v16.holdings import Holdings16
from gridlane.simulator.v16.security import Security16
from gridlane.simulator.v16.smart_charging import SmartCharging16
from gridlane.simulator.v16.upkeep import Upkeep16
from gridlane.simulator.vehicle import VOLTAGE


class Station16(Core16, Upkeep16, Holdings16, SmartCharging16, Security16):
    # --- what we say ---------------------------------------------------------------------------------------------

    def boot(self, now: datetime) -> None:
        spec = self.spec
        payload = {
            "chargePointVendor": spec.vendor[:20],
            "chargePointModel": spec.model[:20],
            "chargePointSerialNumber": spec.serial[:25],
            "firmwareVersion": self.firmware_version[:50],
            **({"iccid": spec.iccid} if spec.iccid else {}),
        }

        def answered(response: Any, at: datetime) -> None:
            if response is None:
                self.boot_wait = at + timedelta(seconds=30)
            else:
                self.boot_answered(response.status, response.interval, at)

        self.call("BootNotification", payload, now, answered)

    def report_all(self, now: datetime) -> None:
        self.call("StatusNotification", self._status(0, "Available", None, now), now)
        super().report_all(now)

    def show(self, one: Evse, now: datetime, *, always: bool = False) -> None:
        status = self._status_of(one)
        if status != one.status or always:
            one.status = status
            if self._may_send():
                self.call("StatusNotification", self._status(one.number, status, one.error, now), now)

    def _status(self, connector: int, status: str, error: str | None, now: datetime) -> dict[str, Any]:
        return {
            "connectorId": connector,
            "errorCode": error or "NoError",
            "status": status,
            "timestamp": self.told_time(now),
        }

    def _status_of(self, one: Evse) -> str:
        if one.error is not None:
            return "Faulted"
        if one.transaction is not None:
            if one.transaction.stop_reason is not None:
                return "Finishing"
            if one.power > 0:
                return "Charging"
            return "SuspendedEV" if one.vehicle is not None and one.vehicle.is_satisfied else "SuspendedEVSE"
        if not one.operative:
            return "Unavailable"
        if one.vehicle is not None or one.token is not None:
            return (
                "Finishing"
                if one.vehicle is not None and one.status in ("Charging", "Finishing", "SuspendedEV")
                else "Preparing"
            )
        return "Reserved" if one.reservation is not None else "Available"

    # --- people and cars -----------------------------------------------------------------------------------------

    def plugged(self, one: Evse, now: datetime) -> None:
        self.show(one, now)
        if one.token is not None:
            self._start(one, now)

    def unplugged(self, one: Evse, now: datetime) -> None:
        if one.transaction is not None and self.configuration["StopTransactionOnEVSideDisconnect"] == "true":
            self.end_transaction(one, "EVDisconnected", now)

    def tapped(self, one: Evse, token: str, kind: str, now: datetime) -> None:
        if one.transaction is not None:
            self._tap_to_stop(one, token, now)
            return
        if one.reservation is not None and not self._fits_reservation(one, token):
            return
        self._authorize(token, now, lambda info, at: self._authorized(one, token, info, at))

    def _authorize(self, token: str, now: datetime, then: Any) -> None:
        known = self.local_list.get(token) or self.cache.get(token)
        if not self._may_send():
            allowed = self.configuration["LocalAuthorizeOffline"] == "true"
            then(known if known and allowed else {"status": "Invalid"}, now)
            return
        if known and known["status"] == "Accepted" and self.configuration["LocalPreAuthorize"] == "true":
            then(known, now)
            return

        def answered(response: Any, at: datetime) -> None:
            if response is None:
                then({"status": "Invalid"}, at)
                return
            info = _info(response.id_tag_info)
            self.cache[token] = info
            then(info, at)

        self.call("Authorize", {"idTag": token}, now, answered)

    def _authorized(self, one: Evse, token: str, info: dict[str, Any], now: datetime) -> None:
        if info["status"] != "Accepted" or one.transaction is not None:
            return
        one.token, one.group = token, info.get("parentIdTag")
        if one.vehicle is not None:
            self._start(one, now)
        else:
            one.token_until = now + timedelta(seconds=int(self.configuration["ConnectionTimeOut"]))
            self.show(one, now)

    def _tap_to_stop(self, one: Evse, token: str, now: datetime) -> None:
        transaction = one.transaction
        assert transaction is not None
        if token == transaction.token:
            self.end_transaction(one, "Local", now, token)
            return

        def decided(info: dict[str, Any], at: datetime) -> None:
            same_group = info.get("parentIdTag") is not None and info.get("parentIdTag") == transaction.group
            if info["status"] == "Accepted" and same_group and one.transaction is transaction:
                self.end_transaction(one, "Local", at, token)

        self._authorize(token, now, decided)

    def token_expired(self, one: Evse, now: datetime) -> None:
        one.token = one.token_until = one.remote_start_id = None
        self.show(one, now)

    # --- transactions --------------------------------------------------------------------------------------------

    def _start(self, one: Evse, now: datetime) -> None:
        token = one.token or ""
        transaction = Transaction("", one.number, token, now, one.register, group=one.group)
        if one.reservation is not None:
            transaction.reservation_id = one.reservation["reservationId"]
            one.reservation = None
        one.transaction, one.token, one.token_until = transaction, None, None
        payload = {
            "connectorId": one.number,
            "idTag": token,
            "meterStart": round(one.register),
            "timestamp": self.told_time(now),
        }
        if transaction.reservation_id is not None:
            payload["reservationId"] = transaction.reservation_id

        def answered(response: Any, at: datetime) -> None:
            transaction.id = str(response.transaction_id)
            for installed in self.profiles.installed:
                if installed.transaction == transaction.local_key:
                    installed.transaction = transaction.id
            info = _info(response.id_tag_info)
            self.cache[token] = info
            transaction.group = info.get("parentIdTag") or transaction.group
            if info["status"] != "Accepted":
                transaction.authorized = False
                if (
                    self.configuration["StopTransactionOnInvalidId"] == "true"
                    and one.transaction is transaction
                ):
                    self.end_transaction(one, "DeAuthorized", at)

        self.enqueue(lambda: ("StartTransaction", payload), now, answered)
        self.next_meter[one.number] = now + timedelta(seconds=self.spec.meter_interval)
        self.advance(now)
        self.show(one, now)

    def end_transaction(self, one: Evse, reason: str, now: datetime, token: str | None = None) -> None:
        transaction = one.transaction
        assert transaction is not None
        transaction.stop_reason = reason
        one.transaction = None
        one.power = type(one.power)(0.0)
        self.next_meter.pop(one.number, None)
        stopped_at, meter_stop = self.told_time(now), round(one.register)

        def build() -> tuple[str, dict[str, Any]]:
            payload: dict[str, Any] = {
                "transactionId": int(transaction.id or -1),
                "meterStop": meter_stop,
                "timestamp": stopped_at,
            }
            if reason != "Local":
                payload["reason"] = reason
            if token is not None:
                payload["idTag"] = token
            return "StopTransaction", payload

        self.enqueue(build, now)
        self.profiles.end_transaction(transaction.id)
        if one.change_when_idle is not None:
            one.operative, one.change_when_idle = one.change_when_idle, None
        self.show(one, now)

    def meter(self, one: Evse, now: datetime, context: str = "Sample.Periodic") -> None:
        transaction = one.transaction
        values = self._samples(one, context)
        at = self.told_time(now)

        def build() -> tuple[str, dict[str, Any]]:
            payload: dict[str, Any] = {
                "connectorId": one.number,
                "meterValue": [{"timestamp": at, "sampledValue": values}],
            }
            if transaction is not None:
                payload["transactionId"] = int(transaction.id or -1)
            return "MeterValues", payload

        self.enqueue(build, now)

    def _samples(self, one: Evse, context: str) -> list[dict[str, Any]]:
        asked = self.configuration["MeterValuesSampledData"].split(",")
        samples: list[dict[str, Any]] = []
        for measurand in asked:
            for sample in self._measure(one, measurand):
                samples.append({"context": context, "measurand": measurand, "location": "Outlet", **sample})
        return samples

    def _measure(self, one: Evse, measurand: str) -> list[dict[str, Any]]:
        match measurand:
            case "Energy.Active.Import.Register":
                return [{"value": f"{one.register:.1f}", "unit": "Wh"}]
            case "Power.Active.Import":
                return [{"value": f"{one.power:.1f}", "unit": "W"}]
            case "Current.Import":
                phases = self.phases_of(one)
                return [
                    {"value": f"{self.current(one):.2f}", "unit": "A", "phase": f"L{phase}"}
                    for phase in range(1, phases + 1)
                ]
            case "Voltage":
                return [{"value": f"{VOLTAGE:.1f}", "unit": "V", "phase": "L1-N"}]
            case "SoC" if one.vehicle is not None:
                return [{"value": f"{one.vehicle.soc:.1f}", "unit": "Percent"}]
            case _:
                return []

    def flow_changed(self, one: Evse, now: datetime) -> None:
        self.show(one, now)

    def message_attempts(self) -> int:
        return int(self.configuration["TransactionMessageAttempts"])

    # --- starts and stops from afar ------------------------------------------------------------------------------

    def on_remote_start_transaction(self, payload: dict[str, Any], now: datetime) -> Any:
        connector = payload.get("connectorId")
        free = [
            one
            for one in self.evses.values()
            if one.transaction is None and one.operative and one.error is None
        ]
        chosen = next((one for one in free if connector in (None, one.number)), None)
        token = payload["idTag"]
        if chosen is None or (chosen.reservation is not None and not self._fits_reservation(chosen, token)):
            return {"status": "Rejected"}
        profile = payload.get("chargingProfile")
        if profile is not None and profile["chargingProfilePurpose"] != "TxProfile":
            return {"status": "Rejected"}

        def after(at: datetime) -> None:
            if profile is not None:
                self.profiles.install(Installed(chosen.number, profile))
            if self.configuration["AuthorizeRemoteTxRequests"] == "true":
                self._authorize(token, at, lambda info, then: self._authorized(chosen, token, info, then))
            else:
                self._authorized(chosen, token, {"status": "Accepted"}, at)

        return {"status": "Accepted"}, after

    def on_remote_stop_transaction(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = str(payload["transactionId"])
        one = next((e for e in self.evses.values() if e.transaction and e.transaction.id == wanted), None)
        if one is None:
            return {"status": "Rejected"}
        return {"status": "Accepted"}, lambda at: self.end_transaction(one, "Remote", at)


def _info(info: Any) -> dict[str, Any]:
    """An idTagInfo as a dictionary of the wire."""
    import msgspec

    return dict(msgspec.to_builtins(info))
