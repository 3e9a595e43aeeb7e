"""What a station of OCPP 1.6 says and does (OCPP-J 1.6 edition 2 and the security white paper)."""

from datetime import datetime, timedelta
from typing import Any

from gridlane.simulator.files import Upload
from gridlane.simulator.profiles import Installed
from gridlane.simulator.station import Evse, Station, StationSpec, Transaction
from gridlane.simulator.vehicle import VOLTAGE

DEFAULTS: dict[str, tuple[str, bool]] = {
    "AuthorizeRemoteTxRequests": ("false", False),
    "AuthorizationCacheEnabled": ("true", False),
    "AuthorizationKey": ("", False),
    "ClockAlignedDataInterval": ("0", False),
    "ConnectionTimeOut": ("60", False),
    "GetConfigurationMaxKeys": ("100", True),
    "HeartbeatInterval": ("300", False),
    "LocalAuthListEnabled": ("true", False),
    "LocalAuthListMaxLength": ("1000", True),
    "LocalAuthorizeOffline": ("true", False),
    "LocalPreAuthorize": ("false", False),
    "MeterValuesSampledData": (
        "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage",
        False,
    ),
    "MeterValueSampleInterval": ("60", False),
    "NumberOfConnectors": ("1", True),
    "SecurityProfile": ("1", False),
    "SendLocalListMaxLength": ("1000", True),
    "StopTransactionOnEVSideDisconnect": ("true", False),
    "StopTransactionOnInvalidId": ("true", False),
    "SupportedFeatureProfiles": (
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
        True,
    ),
    "ChargeProfileMaxStackLevel": ("10", True),
    "ChargingScheduleAllowedChargingRateUnit": ("Current,Power", True),
    "ChargingScheduleMaxPeriods": ("24", True),
    "MaxChargingProfilesInstalled": ("20", True),
    "TransactionMessageAttempts": ("5", False),
    "TransactionMessageRetryInterval": ("5", False),
    "UnlockConnectorOnEVSideDisconnect": ("true", False),
    "WebSocketPingInterval": ("60", False),
    "CpoName": ("Gridlane", False),
}
_HIDDEN = {"AuthorizationKey"}
_NUMBERS = {
    "ClockAlignedDataInterval", "ConnectionTimeOut", "HeartbeatInterval", "MeterValueSampleInterval", "SecurityProfile",
    "TransactionMessageAttempts", "TransactionMessageRetryInterval", "WebSocketPingInterval",
}  # fmt: skip
_BOOLEANS = {name for name, (value, _) in DEFAULTS.items() if value in ("true", "false")}


class Station16(Station):
    def __init__(self, spec: StationSpec) -> None:
        super().__init__(spec)
        self.configuration = {name: value for name, (value, _) in DEFAULTS.items()}
        self.configuration["NumberOfConnectors"] = str(spec.evses)
        self.configuration["MeterValueSampleInterval"] = str(spec.meter_interval)
        self.certificates: list[tuple[str, dict[str, str]]] = []
        self.firmware_status = "Idle"
        self.diagnostics_status = "Idle"
        self.password: str | None = None
        self.station_status = "Available"

    # --- what we say ---------------------------------------------------------------------------------------------

    def boot(self, now: datetime) -> None:
        spec = self.spec
        payload = {
            "chargePointVendor": spec.vendor[:20],
            "chargePointModel": spec.model[:20],
            "chargePointSerialNumber": spec.serial[:25],
            "firmwareVersion": self.firmware_version[:50],
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
                phases = one.vehicle.phases if one.vehicle is not None else 3
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

    # --- what we are asked: core ---------------------------------------------------------------------------------

    def on_change_availability(self, payload: dict[str, Any], now: datetime) -> Any:
        operative = payload["type"] == "Operative"
        connector = payload["connectorId"]
        if connector > len(self.evses):
            return {"status": "Rejected"}
        chosen = self.evses.values() if connector == 0 else [self.evses[connector]]
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

    def on_change_configuration(self, payload: dict[str, Any], now: datetime) -> Any:
        key, value = payload["key"], payload["value"]
        if key not in self.configuration:
            return {"status": "NotSupported"}
        if DEFAULTS[key][1]:
            return {"status": "Rejected"}
        if (key in _NUMBERS and not value.isdigit()) or (
            key in _BOOLEANS and value.lower() not in ("true", "false")
        ):
            return {"status": "Rejected"}
        if key == "SecurityProfile" and int(value) < int(self.configuration[key]):
            return {"status": "Rejected"}
        self.configuration[key] = value.lower() if key in _BOOLEANS else value
        if key == "HeartbeatInterval":
            self.heartbeat_interval = int(value)
            self._plan_heartbeat(now)
        if key == "MeterValueSampleInterval":
            self.spec.meter_interval = int(value)
        if key == "AuthorizationKey":
            self.password = value
            return {"status": "Accepted"}, lambda at: setattr(self, "wants_reconnect", True)
        return {"status": "RebootRequired" if key == "SecurityProfile" else "Accepted"}

    def on_get_configuration(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = payload.get("key") or sorted(self.configuration)
        known = [
            {"key": key, "readonly": DEFAULTS[key][1]}
            | ({} if key in _HIDDEN else {"value": self.configuration[key]})
            for key in wanted
            if key in self.configuration
        ]
        unknown = [key for key in wanted if key not in self.configuration]
        return {"configurationKey": known} | ({"unknownKey": unknown} if unknown else {})

    def on_clear_cache(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.configuration["AuthorizationCacheEnabled"] != "true":
            return {"status": "Rejected"}
        self.cache.clear()
        return {"status": "Accepted"}

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

    def on_reset(self, payload: dict[str, Any], now: datetime) -> Any:
        hard = payload["type"] == "Hard"

        def after(at: datetime) -> None:
            for one in self.evses.values():
                if one.transaction is not None:
                    self.end_transaction(one, "HardReset" if hard else "SoftReset", at)
            self.at(at + timedelta(seconds=1), lambda then: self.power_cycle(then, "RemoteReset"))

        return {"status": "Accepted"}, after

    def on_unlock_connector(self, payload: dict[str, Any], now: datetime) -> Any:
        one = self.evses.get(payload["connectorId"])
        if one is None:
            return {"status": "NotSupported"}

        def after(at: datetime) -> None:
            if one.transaction is not None:
                self.end_transaction(one, "UnlockCommand", at)

        return {"status": "Unlocked"}, after

    def on_data_transfer(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"status": "UnknownVendorId"}

    # --- firmware, diagnostics, logs -----------------------------------------------------------------------------

    def on_update_firmware(self, payload: dict[str, Any], now: datetime) -> Any:
        self._update(now, "FirmwareStatusNotification", {}, payload["location"])
        return {}

    def on_signed_update_firmware(self, payload: dict[str, Any], now: datetime) -> Any:
        firmware, request = payload["firmware"], {"requestId": payload["requestId"]}
        if "INVALID" in firmware["signingCertificate"]:
            return {"status": "InvalidCertificate"}
        bad = "INVALID" in firmware["signature"]
        self._update(
            now, "SignedFirmwareStatusNotification", request, firmware["location"], bad_signature=bad
        )
        return {"status": "Accepted"}

    def _update(
        self, now: datetime, action: str, extra: dict[str, Any], location: str, *, bad_signature: bool = False
    ) -> None:
        def say(status: str) -> Any:
            def saying(at: datetime) -> None:
                self.firmware_status = status
                self.call(action, {"status": status, **extra}, at)
                if status == "Installed":
                    self.firmware_version = location.rsplit("/", 1)[-1][:50] or "updated"

            return saying

        if bad_signature:
            steps = ["Downloading", "Downloaded", "InvalidSignature"]
        elif "fail-download" in location:
            steps = ["Downloading", "DownloadFailed"]
        elif "fail-install" in location:
            steps = ["Downloading", "Downloaded", "Installing", "InstallationFailed"]
        else:
            steps = ["Downloading", "Downloaded", "Installing", "Installed"]
        for place, status in enumerate(steps):
            self.at(now + timedelta(seconds=2 * place + 0.5), say(status))
        if steps[-1] == "Installed":
            self.at(now + timedelta(seconds=9), lambda at: self.power_cycle(at, "FirmwareUpdate"))

    def on_get_diagnostics(self, payload: dict[str, Any], now: datetime) -> Any:
        self._upload(now, "DiagnosticsStatusNotification", {}, payload["location"], "UploadFailed")
        return {"fileName": f"{self.spec.identity}-diagnostics.log"}

    def on_get_log(self, payload: dict[str, Any], now: datetime) -> Any:
        request = {"requestId": payload["requestId"]}
        self._upload(now, "LogStatusNotification", request, payload["log"]["remoteLocation"], "UploadFailure")
        return {"status": "Accepted", "filename": f"{self.spec.identity}.log"}

    def _upload(self, now: datetime, action: str, extra: dict[str, Any], location: str, failure: str) -> None:
        def begin(at: datetime) -> None:
            self.diagnostics_status = "Uploading"
            self.call(action, {"status": "Uploading", **extra}, at)
            content = "\n".join(f"{way} {frame}" for way, frame in self.trace[-500:]).encode()
            self.uploads.append(Upload(location, f"{self.spec.identity}.log", content, ended))

        def ended(at: datetime, done: bool) -> None:
            self.diagnostics_status = "Idle"
            self.call(action, {"status": "Uploaded" if done else failure, **extra}, at)

        self.at(now + timedelta(seconds=0.5), begin)

    # --- local list, reservations --------------------------------------------------------------------------------

    def on_get_local_list_version(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.configuration["LocalAuthListEnabled"] != "true":
            return {"listVersion": -1}
        return {"listVersion": self.local_list_version}

    def on_send_local_list(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.configuration["LocalAuthListEnabled"] != "true":
            return {"status": "NotSupported"}
        entries = payload.get("localAuthorizationList", [])
        if payload["updateType"] == "Full":
            if any("idTagInfo" not in entry for entry in entries):
                return {"status": "Failed"}
            self.local_list = {entry["idTag"]: entry["idTagInfo"] for entry in entries}
        else:
            if payload["listVersion"] <= self.local_list_version:
                return {"status": "VersionMismatch"}
            for entry in entries:
                if "idTagInfo" in entry:
                    self.local_list[entry["idTag"]] = entry["idTagInfo"]
                else:
                    self.local_list.pop(entry["idTag"], None)
        self.local_list_version = payload["listVersion"]
        return {"status": "Accepted"}

    def on_reserve_now(self, payload: dict[str, Any], now: datetime) -> Any:
        connector = payload["connectorId"]
        one = (
            self.evses.get(connector)
            if connector
            else next((e for e in self.evses.values() if e.is_free), None)
        )
        if one is None:
            return {"status": "Rejected" if connector else "Occupied"}
        if one.error is not None:
            return {"status": "Faulted"}
        if not one.operative:
            return {"status": "Unavailable"}
        other = one.reservation is not None and one.reservation["reservationId"] != payload["reservationId"]
        if one.vehicle is not None or one.transaction is not None or other:
            return {"status": "Occupied"}
        one.reservation = payload
        expiry = (
            datetime.fromisoformat(payload["expiryDate"])
            if isinstance(payload["expiryDate"], str)
            else payload["expiryDate"]
        )

        def expire(at: datetime) -> None:
            if one.reservation is payload:
                one.reservation = None
                self.show(one, at)

        self.at(expiry, expire)
        return {"status": "Accepted"}, lambda at: self.show(one, at)

    def on_cancel_reservation(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = payload["reservationId"]
        one = next(
            (e for e in self.evses.values() if e.reservation and e.reservation["reservationId"] == wanted),
            None,
        )
        if one is None:
            return {"status": "Rejected"}
        one.reservation = None
        return {"status": "Accepted"}, lambda at: self.show(one, at)

    def _fits_reservation(self, one: Evse, token: str) -> bool:
        reservation = one.reservation or {}
        info = self.local_list.get(token) or self.cache.get(token) or {}
        parent = reservation.get("parentIdTag")
        return token == reservation.get("idTag") or (parent is not None and info.get("parentIdTag") == parent)

    # --- smart charging ------------------------------------------------------------------------------------------

    def on_set_charging_profile(self, payload: dict[str, Any], now: datetime) -> Any:
        profile, connector = payload["csChargingProfiles"], payload["connectorId"]
        purpose = profile["chargingProfilePurpose"]
        if connector not in (0, *self.evses) or (purpose == "ChargePointMaxProfile" and connector != 0):
            return {"status": "Rejected"}
        if profile["stackLevel"] > int(self.configuration["ChargeProfileMaxStackLevel"]):
            return {"status": "Rejected"}
        transaction: str | None = None
        if purpose == "TxProfile":
            running = self.evses[connector].transaction if connector else None
            if running is None or str(profile.get("transactionId", running.id)) != running.id:
                return {"status": "Rejected"}
            transaction = running.id
        self.profiles.install(Installed(connector, profile, transaction))
        return {"status": "Accepted"}, self.advance

    def on_clear_charging_profile(self, payload: dict[str, Any], now: datetime) -> Any:
        removed = self.profiles.remove(
            id_=payload.get("id"),
            evse=payload.get("connectorId"),
            purpose=payload.get("chargingProfilePurpose"),
            level=payload.get("stackLevel"),
        )
        return {"status": "Accepted" if removed else "Unknown"}, self.advance

    def on_get_composite_schedule(self, payload: dict[str, Any], now: datetime) -> Any:
        connector, duration = payload["connectorId"], payload["duration"]
        if connector not in (0, *self.evses):
            return {"status": "Rejected"}
        one = self.evses[connector or 1]
        rating = type(self.spec.power)(self.spec.power * (len(self.evses) if connector == 0 else 1))
        phases = one.vehicle.phases if one.vehicle is not None else self.spec.phases
        running = one.transaction
        periods = self.profiles.composite(
            connector,
            duration,
            rating,
            phases,
            now,
            running.started_at if running else None,
            running.id if running else None,
        )
        unit = payload.get("chargingRateUnit", "A")
        divisor = 1.0 if unit == "W" else VOLTAGE * phases
        return {
            "status": "Accepted",
            "connectorId": connector,
            "scheduleStart": self.told_time(now),
            "chargingSchedule": {
                "duration": duration,
                "chargingRateUnit": unit,
                "chargingSchedulePeriod": [
                    {"startPeriod": second, "limit": round(limit / divisor, 1)} for second, limit in periods
                ],
            },
        }

    # --- triggers, security --------------------------------------------------------------------------------------

    def on_trigger_message(self, payload: dict[str, Any], now: datetime) -> Any:
        message, connector = payload["requestedMessage"], payload.get("connectorId")
        if connector is not None and connector not in (0, *self.evses):
            return {"status": "Rejected"}
        chosen = [one for one in self.evses.values() if connector in (None, 0, one.number)]
        return {"status": "Accepted"}, lambda at: self._speak(message, chosen, at)

    def _speak(self, message: str, chosen: list[Evse], now: datetime) -> None:
        """Send a message that was asked for."""
        if message == "BootNotification":
            self.boot(now)
        elif message == "StatusNotification":
            for one in chosen:
                self.show(one, now, always=True)
        elif message == "MeterValues":
            for one in chosen:
                self.meter(one, now, "Trigger")
        elif message == "SignChargePointCertificate":
            self.sign_certificate(now)
        elif message == "Heartbeat":
            self.call(message, {}, now)
        else:
            status = (
                self.firmware_status if message == "FirmwareStatusNotification" else self.diagnostics_status
            )
            self.call(message, {"status": "Idle" if status == "Installed" else status}, now)

    on_extended_trigger_message = on_trigger_message

    def sign_certificate(self, now: datetime) -> None:
        from gridlane.simulator.certificates import new_request

        request, self.key = new_request(self.spec.serial, self.configuration["CpoName"])
        self.call("SignCertificate", {"csr": request}, now)

    def on_certificate_signed(self, payload: dict[str, Any], now: datetime) -> Any:
        from gridlane.simulator.certificates import fits

        accepted = fits(payload["certificateChain"], getattr(self, "key", None))
        if accepted:
            self.certificate_chain = payload["certificateChain"]
            return {"status": "Accepted"}

        def after(at: datetime) -> None:
            self.call(
                "SecurityEventNotification",
                {"type": "InvalidChargePointCertificate", "timestamp": self.told_time(at)},
                at,
            )

        return {"status": "Rejected"}, after

    def on_install_certificate(self, payload: dict[str, Any], now: datetime) -> Any:
        from gridlane.simulator.certificates import hash_data

        hashed = hash_data(payload["certificate"])
        if hashed is None:
            return {"status": "Rejected"}
        self.certificates.append((payload["certificateType"], hashed))
        return {"status": "Accepted"}

    def on_get_installed_certificate_ids(self, payload: dict[str, Any], now: datetime) -> Any:
        found = [hashed for use, hashed in self.certificates if use == payload["certificateType"]]
        return {"status": "Accepted", "certificateHashData": found} if found else {"status": "NotFound"}

    def on_delete_certificate(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = payload["certificateHashData"]
        kept = [one for one in self.certificates if one[1] != wanted]
        found = len(kept) != len(self.certificates)
        self.certificates = kept
        return {"status": "Accepted" if found else "NotFound"}


def _info(info: Any) -> dict[str, Any]:
    """An idTagInfo as a dictionary of the wire."""
    import msgspec

    return dict(msgspec.to_builtins(info))
