"""Messages that are asked for, and the security extension's certificates."""

from datetime import datetime
from typing import Any

from gridlane.simulator.station import Evse
from gridlane.simulator.v16.configuration import Configured16


class Security16(Configured16):
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

        return {"status": "Rejected"}, lambda at: self.say_security("InvalidChargePointCertificate", at)

    def on_install_certificate(self, payload: dict[str, Any], now: datetime) -> Any:
        from gridlane.simulator.certificates import hash_data

        hashed = hash_data(payload["certificate"])
        if hashed is None:
            event = "InvalidCentralSystemCertificate"
            return {"status": "Rejected"}, lambda at: self.say_security(event, at)
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
