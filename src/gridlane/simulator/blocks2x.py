"""What a 2.x station answers in the other functional blocks: device model, availability, lists, reservations, smart
charging, firmware, logs, certificates, monitoring, display messages, customer information.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from gridlane.kernel.quantities import Watts
from gridlane.simulator import certificates
from gridlane.simulator.device_model import DeviceModel, Variable
from gridlane.simulator.files import Upload
from gridlane.simulator.profiles import Installed
from gridlane.simulator.station import Evse, Station, StationSpec
from gridlane.simulator.vehicle import VOLTAGE

PART = 20
"""Entries in one message of a report."""


Speak = Callable[[list[Evse], datetime], None]


class Blocks2x(Station):
    model: DeviceModel

    def __init__(self, spec: StationSpec) -> None:
        super().__init__(spec)
        self.certificates: list[tuple[str, dict[str, str]]] = []
        self.key: Any = None
        self.certificate_chain: str | None = None
        self.firmware_status = "Idle"
        self.log_status = "Idle"
        self.log_request: int | None = None
        self.display: dict[int, dict[str, Any]] = {}
        self.customers: dict[str, str] = {}
        self.network_profiles: dict[int, dict[str, Any]] = {}
        self.password: str | None = None
        self.monitoring_level = 9
        self.next_monitor = 1
        self.pending_reset: str | None = None
        self.shown_costs: dict[str, float] = {}

    # --- device model --------------------------------------------------------------------------------------------

    def on_get_variables(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"getVariableResult": [self.model.get(one) for one in payload["getVariableData"]]}

    def on_set_variables(self, payload: dict[str, Any], now: datetime) -> Any:
        results = [self.model.set(one) for one in payload["setVariableData"]]

        def after(at: datetime) -> None:
            for one, result in zip(payload["setVariableData"], results, strict=True):
                if result["attributeStatus"] == "Accepted":
                    self.variable_set(one["variable"]["name"], one["attributeValue"], at)

        return {"setVariableResult": results}, after

    def variable_set(self, name: str, value: str, now: datetime) -> None:
        if name == "HeartbeatInterval":
            self.heartbeat_interval = int(value)
            self._plan_heartbeat(now)
        elif name == "TxUpdatedInterval":
            self.spec.meter_interval = int(value) or 10**6
        elif name == "BasicAuthPassword":
            self.password, self.wants_reconnect = value, True

    def on_get_base_report(self, payload: dict[str, Any], now: datetime) -> Any:
        variables = list(self.model.variables.values())
        if payload["reportBase"] == "ConfigurationInventory":
            variables = [one for one in variables if one.configuration]
        elif payload["reportBase"] == "SummaryInventory":
            variables = [
                one for one in variables if one.name in ("AvailabilityState", "Available", "Problem")
            ]
        return self._report(payload["requestId"], variables, now)

    def on_get_report(self, payload: dict[str, Any], now: datetime) -> Any:
        variables = list(self.model.variables.values())
        if payload.get("componentVariable"):
            variables = [
                one for one in variables if any(_names(w, one) for w in payload["componentVariable"])
            ]
        if payload.get("componentCriteria") and "Problem" in payload["componentCriteria"]:
            variables = []
        return self._report(payload["requestId"], variables, now)

    def _report(self, request: int, variables: Sequence[Variable], now: datetime) -> Any:
        if not variables:
            return {"status": "EmptyResultSet"}
        items = [one.report() for one in variables]
        return {"status": "Accepted"}, lambda at: self.send_parts(
            "NotifyReport", "reportData", items, request, at
        )

    def send_parts(
        self, action: str, field: str, items: Sequence[Any], request: int, now: datetime, **more: Any
    ) -> None:
        """An answer in several messages: parts of ``PART`` items, each but the last to be continued."""
        parts = [items[start : start + PART] for start in range(0, len(items), PART)] or [[]]
        for number, part in enumerate(parts):
            payload: dict[str, Any] = {
                "requestId": request,
                "seqNo": number,
                "tbc": number + 1 < len(parts),
                "generatedAt": self.told_time(now),
                **more,
            }
            if part:
                payload[field] = list(part)
            self.call(action, payload, now)

    def on_set_network_profile(self, payload: dict[str, Any], now: datetime) -> Any:
        url = payload["connectionData"]["ocppCsmsUrl"]
        if not url.startswith(("ws://", "wss://")):
            return {"status": "Failed"}
        self.network_profiles[payload["configurationSlot"]] = payload["connectionData"]
        return {"status": "Accepted"}

    # --- reset, availability, triggers ---------------------------------------------------------------------------

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
        if self.pending_reset is not None and all(e.transaction is None for e in self.evses.values()):
            number, self.pending_reset = int(self.pending_reset or 0) or None, None
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
        return {
            "BootNotification": lambda _chosen, at: self._boot_again(at),
            "Heartbeat": lambda _chosen, at: self._heartbeat(at),
            "StatusNotification": lambda chosen, at: _each(
                chosen, lambda one: self.show(one, at, always=True)
            ),
            "MeterValues": lambda chosen, at: _each(
                chosen, lambda one: self.meter_values(one, at, "Trigger")
            ),
            "TransactionEvent": lambda chosen, at: _each(chosen, lambda one: self.meter(one, at, "Trigger")),
            "FirmwareStatusNotification": lambda _chosen, at: self._say_firmware(at),
            "LogStatusNotification": lambda _chosen, at: self._say_log(at),
            "SignChargingStationCertificate": lambda _c, at: self.sign_certificate(
                "ChargingStationCertificate", at
            ),
            "SignV2GCertificate": lambda _c, at: self.sign_certificate("V2GCertificate", at),
            "SignCombinedCertificate": lambda _c, at: self.sign_certificate("ChargingStationCertificate", at),
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

    # --- local list, cache, reservations -------------------------------------------------------------------------

    def on_clear_cache(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.model.value("AuthCacheCtrlr", "Enabled") != "true":
            return {"status": "Rejected"}
        self.cache.clear()
        return {"status": "Accepted"}

    def on_get_local_list_version(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"versionNumber": self.local_list_version}

    def on_send_local_list(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.model.value("LocalAuthListCtrlr", "Enabled") != "true":
            return {"status": "Failed"}
        entries = payload.get("localAuthorizationList", [])
        if payload["updateType"] == "Full":
            self.local_list = {}
        elif payload["versionNumber"] <= self.local_list_version:
            return {"status": "VersionMismatch"}
        for entry in entries:
            number = entry["idToken"]["idToken"]
            if "idTokenInfo" in entry:
                self.local_list[number] = entry["idTokenInfo"]
            else:
                self.local_list.pop(number, None)
        self.local_list_version = payload["versionNumber"]
        return {"status": "Accepted"}

    def on_reserve_now(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.model.value("ReservationCtrlr", "Enabled") != "true":
            return {"status": "Rejected"}
        number, kind = payload.get("evseId"), payload.get("connectorType")
        if kind is not None and kind != self.spec.connector_type:
            return {"status": "Rejected"}
        chosen = [self.evses[number]] if number in self.evses else list(self.evses.values())
        status = "Occupied"
        for one in chosen:
            if one.error is not None:
                status = "Faulted"
            elif not one.operative:
                status = "Unavailable"
            elif one.is_free and (one.reservation is None or one.reservation["id"] == payload["id"]):
                return self._reserve(one, payload, now)
        return {"status": status}

    def _reserve(self, one: Evse, payload: dict[str, Any], now: datetime) -> Any:
        one.reservation = payload

        def expire(at: datetime) -> None:
            if one.reservation is payload:
                self._lose_reservation(one, "Expired", at)

        self.at(datetime.fromisoformat(payload["expiryDateTime"]), expire)
        return {"status": "Accepted"}, lambda at: self.show(one, at)

    def _lose_reservation(self, one: Evse, status: str, now: datetime) -> None:
        assert one.reservation is not None
        identity, one.reservation = one.reservation["id"], None
        self.call(
            "ReservationStatusUpdate", {"reservationId": identity, "reservationUpdateStatus": status}, now
        )
        self.show(one, now)

    def break_connector(self, evse: int, error: str | None, now: datetime) -> None:
        one = self.evses[evse]
        super().break_connector(evse, error, now)
        if error is not None and one.reservation is not None:
            self._lose_reservation(one, "Removed", now)

    def on_cancel_reservation(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = payload["reservationId"]
        one = next((e for e in self.evses.values() if e.reservation and e.reservation["id"] == wanted), None)
        if one is None:
            return {"status": "Rejected"}
        one.reservation = None
        return {"status": "Accepted"}, lambda at: self.show(one, at)

    def fits_reservation(self, one: Evse, token: str) -> bool:
        reservation = one.reservation or {}
        info = self.local_list.get(token) or self.cache.get(token) or {}
        group = (info.get("groupIdToken") or {}).get("idToken")
        reserved_group = (reservation.get("groupIdToken") or {}).get("idToken")
        return token == reservation.get("idToken", {}).get("idToken") or (
            group is not None and group == reserved_group
        )

    # --- smart charging ------------------------------------------------------------------------------------------

    def on_set_charging_profile(self, payload: dict[str, Any], now: datetime) -> Any:
        profile, number = payload["chargingProfile"], payload["evseId"]
        purpose = profile["chargingProfilePurpose"]
        if self.model.value("SmartChargingCtrlr", "Enabled") != "true" or number not in (0, *self.evses):
            return {"status": "Rejected"}
        if purpose == "ChargingStationMaxProfile" and number != 0:
            return {"status": "Rejected"}
        transaction: str | None = None
        if purpose == "TxProfile":
            running = self.evses[number].transaction if number else None
            if running is None or profile.get("transactionId") != running.id:
                return {"status": "Rejected", "statusInfo": {"reasonCode": "TxNotFound"}}
            transaction = running.id
        self.profiles.install(Installed(number, profile, transaction))
        return {"status": "Accepted"}, self.advance

    def on_clear_charging_profile(self, payload: dict[str, Any], now: datetime) -> Any:
        criteria = payload.get("chargingProfileCriteria") or {}
        removed = self.profiles.remove(
            id_=payload.get("chargingProfileId"),
            evse=criteria.get("evseId"),
            purpose=criteria.get("chargingProfilePurpose"),
            level=criteria.get("stackLevel"),
        )
        return {"status": "Accepted" if removed else "Unknown"}, self.advance

    def on_get_charging_profiles(self, payload: dict[str, Any], now: datetime) -> Any:
        criteria, number = payload["chargingProfile"], payload.get("evseId")

        def wanted(one: Installed) -> bool:
            ids, purpose = criteria.get("chargingProfileId"), criteria.get("chargingProfilePurpose")
            return (
                number in (None, one.evse)
                and (ids is None or one.id in ids)
                and purpose in (None, one.purpose)
                and criteria.get("stackLevel") in (None, one.stack_level)
                and (not criteria.get("chargingLimitSource") or "CSO" in criteria["chargingLimitSource"])
            )

        found = [one for one in self.profiles.installed if wanted(one)]
        if not found:
            return {"status": "NoProfiles"}

        def after(at: datetime) -> None:
            evses = sorted({one.evse for one in found})
            for place, evse in enumerate(evses):
                report = {
                    "requestId": payload["requestId"],
                    "chargingLimitSource": "CSO",
                    "evseId": evse,
                    "chargingProfile": [one.profile for one in found if one.evse == evse],
                    "tbc": place + 1 < len(evses),
                }
                self.call("ReportChargingProfiles", report, at)

        return {"status": "Accepted"}, after

    def on_get_composite_schedule(self, payload: dict[str, Any], now: datetime) -> Any:
        number, duration = payload["evseId"], payload["duration"]
        if number not in (0, *self.evses):
            return {"status": "Rejected", "statusInfo": {"reasonCode": "UnknownEvse"}}
        one = self.evses[number or 1]
        rating = Watts(self.spec.power * (len(self.evses) if number == 0 else 1))
        phases = one.vehicle.phases if one.vehicle is not None else self.spec.phases
        running = one.transaction
        periods = self.profiles.composite(
            number,
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
            "schedule": {
                "evseId": number,
                "duration": duration,
                "scheduleStart": self.told_time(now),
                "chargingRateUnit": unit,
                "chargingSchedulePeriod": [
                    {"startPeriod": second, "limit": round(limit / divisor, 1)} for second, limit in periods
                ],
            },
        }

    # --- firmware, logs ------------------------------------------------------------------------------------------

    def on_update_firmware(self, payload: dict[str, Any], now: datetime) -> Any:
        firmware, request = payload["firmware"], payload["requestId"]
        certificate = firmware.get("signingCertificate", "")
        if "REVOKED" in certificate:
            return {"status": "RevokedCertificate"}
        if "INVALID" in certificate:
            return {"status": "InvalidCertificate"}
        location = firmware["location"]
        steps = [
            "Downloading",
            "Downloaded",
            "SignatureVerified",
            "Installing",
            "InstallRebooting",
            "Installed",
        ]
        if "fail-download" in location:
            steps = ["Downloading", "DownloadFailed"]
        elif "INVALID" in firmware.get("signature", ""):
            steps = ["Downloading", "Downloaded", "InvalidSignature"]
        elif "fail-verification" in location:
            steps = [
                "Downloading",
                "Downloaded",
                "SignatureVerified",
                "Installing",
                "InstallVerificationFailed",
            ]
        elif "fail-install" in location:
            steps = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallationFailed"]
        later = _until(firmware.get("retrieveDateTime"), now)
        if later > 0:
            steps = ["DownloadScheduled", *steps]
        install = _until(firmware.get("installDateTime"), now)
        if install > 0 and "SignatureVerified" in steps:
            steps.insert(steps.index("SignatureVerified") + 1, "InstallScheduled")
        self._run_firmware(steps, request, location, now, later, install)
        return {"status": "Accepted"}

    def _run_firmware(
        self, steps: list[str], request: int, location: str, now: datetime, download: float, install: float
    ) -> None:
        at, order = 0.5, {"DownloadScheduled": download, "InstallScheduled": install}
        for status in steps:
            self.at(now + timedelta(seconds=at), self._firmware_step(status, request))
            at += 1 + max(0.0, order.get(status, 0.0))
        if steps[-1] == "Installed":
            version = location.rsplit("/", 1)[-1][:50] or "updated"
            self.at(now + timedelta(seconds=at), lambda then: self._installed(version, then))

    def _firmware_step(self, status: str, request: int) -> Callable[[datetime], None]:
        def step(now: datetime) -> None:
            self.firmware_status = status
            self.call("FirmwareStatusNotification", {"status": status, "requestId": request}, now)

        return step

    def _installed(self, version: str, now: datetime) -> None:
        self.firmware_version = version
        self.power_cycle(now, "FirmwareUpdate")

    def _say_firmware(self, now: datetime) -> None:
        idle = self.firmware_status in ("Idle", "Installed")
        self.call(
            "FirmwareStatusNotification",
            {"status": "Idle"} if idle else {"status": self.firmware_status, "requestId": 0},
            now,
        )

    def on_get_log(self, payload: dict[str, Any], now: datetime) -> Any:
        request = payload["requestId"]
        superseded, self.log_request = self.log_request, request
        location = payload["log"]["remoteLocation"]

        def begin(at: datetime) -> None:
            if superseded is not None:
                self.call(
                    "LogStatusNotification", {"status": "AcceptedCanceled", "requestId": superseded}, at
                )
            self.log_status = "Uploading"
            self.call("LogStatusNotification", {"status": "Uploading", "requestId": request}, at)
            content = "\n".join(f"{way} {frame}" for way, frame in self.trace[-500:]).encode()
            self.uploads.append(Upload(location, f"{self.spec.identity}.log", content, ended))

        def ended(at: datetime, done: bool) -> None:
            if self.log_request == request:
                self.log_request, self.log_status = None, "Idle"
                status = "Uploaded" if done else "UploadFailure"
                self.call("LogStatusNotification", {"status": status, "requestId": request}, at)

        status = "Accepted" if superseded is None else "AcceptedCanceled"
        return {"status": status, "filename": f"{self.spec.identity}.log"}, begin

    def _say_log(self, now: datetime) -> None:
        payload: dict[str, Any] = {"status": self.log_status}
        if self.log_request is not None:
            payload["requestId"] = self.log_request
        self.call("LogStatusNotification", payload, now)

    # --- certificates --------------------------------------------------------------------------------------------

    def sign_certificate(self, kind: str, now: datetime) -> None:
        request, self.key = certificates.new_request(
            self.spec.serial, self.model.value("SecurityCtrlr", "OrganizationName")
        )
        self.call("SignCertificate", {"csr": request, "certificateType": kind}, now)

    def on_certificate_signed(self, payload: dict[str, Any], now: datetime) -> Any:
        if certificates.fits(payload["certificateChain"], self.key):
            self.certificate_chain = payload["certificateChain"]
            return {"status": "Accepted"}
        return {"status": "Rejected"}, lambda at: self._say_security("InvalidChargingStationCertificate", at)

    def _say_security(self, kind: str, now: datetime) -> None:
        self.call("SecurityEventNotification", {"type": kind, "timestamp": self.told_time(now)}, now)

    def on_install_certificate(self, payload: dict[str, Any], now: datetime) -> Any:
        hashed = certificates.hash_data(payload["certificate"])
        if hashed is None:
            return {"status": "Rejected"}
        self.certificates.append((payload["certificateType"], hashed))
        return {"status": "Accepted"}

    def on_get_installed_certificate_ids(self, payload: dict[str, Any], now: datetime) -> Any:
        uses = payload.get("certificateType")
        found = [
            {"certificateType": use, "certificateHashData": hashed}
            for use, hashed in self.certificates
            if uses is None or use in uses
        ]
        return {"status": "Accepted", "certificateHashDataChain": found} if found else {"status": "NotFound"}

    def on_delete_certificate(self, payload: dict[str, Any], now: datetime) -> Any:
        kept = [one for one in self.certificates if one[1] != payload["certificateHashData"]]
        found = len(kept) != len(self.certificates)
        self.certificates = kept
        return {"status": "Accepted" if found else "NotFound"}

    # --- monitoring ----------------------------------------------------------------------------------------------

    def notify_event(
        self,
        component: str,
        variable: str,
        value: str,
        now: datetime,
        *,
        evse: int | None = None,
        info: str | None = None,
    ) -> None:
        event: dict[str, Any] = {
            "eventId": self.random.randrange(1, 2**31),
            "timestamp": self.told_time(now),
            "trigger": "Delta",
            "actualValue": value,
            "eventNotificationType": "HardWiredNotification",
            "component": {"name": component} | ({"evse": {"id": evse, "connectorId": 1}} if evse else {}),
            "variable": {"name": variable},
        }
        if info:
            event["techInfo"] = info
        self.call(
            "NotifyEvent",
            {"generatedAt": self.told_time(now), "seqNo": 0, "tbc": False, "eventData": [event]},
            now,
        )

    def on_set_monitoring_base(self, payload: dict[str, Any], now: datetime) -> Any:
        if payload["monitoringBase"] != "All":
            for variable in self.model.variables.values():
                variable.monitors.clear()
        return {"status": "Accepted"}

    def on_set_monitoring_level(self, payload: dict[str, Any], now: datetime) -> Any:
        if not 0 <= payload["severity"] <= 9:
            return {"status": "Rejected"}
        self.monitoring_level = payload["severity"]
        return {"status": "Accepted"}

    def on_set_variable_monitoring(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"setMonitoringResult": [self._set_monitor(one) for one in payload["setMonitoringData"]]}

    def _set_monitor(self, asked: dict[str, Any]) -> dict[str, Any]:
        base = {key: asked[key] for key in ("type", "severity", "component", "variable")}
        found = self.model.find(asked)
        if isinstance(found, str):
            return base | {"status": found}
        if found.mutability == "WriteOnly":
            return base | {"status": "Rejected"}
        identity = asked.get("id", self.next_monitor)
        self.next_monitor = max(self.next_monitor, identity) + 1
        found.monitors[identity] = {
            "id": identity,
            "transaction": asked.get("transaction", False),
            "value": asked["value"],
            "type": asked["type"],
            "severity": asked["severity"],
        }
        return base | {"status": "Accepted", "id": identity}

    def on_clear_variable_monitoring(self, payload: dict[str, Any], now: datetime) -> Any:
        results = []
        for identity in payload["id"]:
            owner = next((v for v in self.model.variables.values() if identity in v.monitors), None)
            if owner is not None:
                del owner.monitors[identity]
            results.append({"id": identity, "status": "Accepted" if owner is not None else "NotFound"})
        return {"clearMonitoringResult": results}

    def on_get_monitoring_report(self, payload: dict[str, Any], now: datetime) -> Any:
        variables = [one for one in self.model.variables.values() if one.monitors]
        if payload.get("componentVariable"):
            variables = [
                one for one in variables if any(_names(w, one) for w in payload["componentVariable"])
            ]
        if not variables:
            return {"status": "EmptyResultSet"}
        items = [
            {
                "component": one.wire_component(),
                "variable": one.wire_variable(),
                "variableMonitoring": list(one.monitors.values()),
            }
            for one in variables
        ]
        request = payload["requestId"]
        return {"status": "Accepted"}, lambda at: self.send_parts(
            "NotifyMonitoringReport", "monitor", items, request, at
        )

    # --- customers, displays, costs ------------------------------------------------------------------------------

    def on_customer_information(self, payload: dict[str, Any], now: datetime) -> Any:
        token = (payload.get("idToken") or {}).get("idToken")
        key = payload.get("customerIdentifier") or token or str(payload.get("customerCertificate"))
        known = self.customers.get(key) or (f"cached: {token}" if token in self.cache else "")
        if payload["clear"]:
            self.customers.pop(key, None)
            self.cache.pop(token or "", None)
        if not payload["report"] and not payload["clear"]:
            return {"status": "Rejected"}

        def after(at: datetime) -> None:
            report = {
                "requestId": payload["requestId"],
                "seqNo": 0,
                "tbc": False,
                "generatedAt": self.told_time(at),
                "data": known if payload["report"] else "",
            }
            self.call("NotifyCustomerInformation", report, at)

        return {"status": "Accepted"}, after

    def on_set_display_message(self, payload: dict[str, Any], now: datetime) -> Any:
        message = payload["message"]
        if message["priority"] not in ("AlwaysFront", "InFront", "NormalCycle"):
            return {"status": "NotSupportedPriority"}
        if message["message"]["format"] not in ("ASCII", "UTF8"):
            return {"status": "NotSupportedMessageFormat"}
        transaction = message.get("transactionId")
        if transaction is not None and not any(
            one.transaction and one.transaction.id == transaction for one in self.evses.values()
        ):
            return {"status": "UnknownTransaction"}
        self.display[message["id"]] = message
        end = message.get("endDateTime")
        if end is not None:
            self.at(datetime.fromisoformat(end), lambda _at: self._take_down(message["id"]))
        return {"status": "Accepted"}

    def _take_down(self, message: int) -> None:
        self.display.pop(message, None)

    def on_get_display_messages(self, payload: dict[str, Any], now: datetime) -> Any:
        ids = payload.get("id")
        found = [
            one
            for one in self.display.values()
            if (ids is None or one["id"] in ids)
            and payload.get("priority") in (None, one["priority"])
            and payload.get("state") in (None, one.get("state"))
        ]
        if not found:
            return {"status": "Unknown"}

        def after(at: datetime) -> None:
            self.call(
                "NotifyDisplayMessages",
                {"requestId": payload["requestId"], "messageInfo": found, "tbc": False},
                at,
            )

        return {"status": "Accepted"}, after

    def on_clear_display_message(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"status": "Accepted" if self.display.pop(payload["id"], None) else "Unknown"}

    def on_cost_updated(self, payload: dict[str, Any], now: datetime) -> Any:
        self.shown_costs[payload["transactionId"]] = payload["totalCost"]
        return {}

    def on_data_transfer(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"status": "UnknownVendorId"}


def _each(evses: list[Evse], do: Callable[[Evse], None]) -> None:
    for one in evses:
        do(one)


def _names(wanted: dict[str, Any], variable: Variable) -> bool:
    component = wanted["component"]
    if component["name"].lower() != variable.component.lower():
        return False
    evse = (component.get("evse") or {}).get("id")
    name = (wanted.get("variable") or {}).get("name")
    return evse in (None, variable.evse) and (name is None or name.lower() == variable.name.lower())


def _until(instant: str | None, now: datetime) -> float:
    return (datetime.fromisoformat(instant) - now).total_seconds() if instant else 0.0
