"""Certificates of the station and those installed in it (blocks A, M)."""

from datetime import datetime
from typing import Any

from gridlane.simulator import certificates
from gridlane.simulator.v2x.asked import Asked2x, Speak


class Security2x(Asked2x):
    def triggers(self) -> dict[str, Speak]:
        own = "ChargingStationCertificate"
        return super().triggers() | {
            "SignChargingStationCertificate": lambda _chosen, at: self.sign_certificate(own, at),
            "SignV2GCertificate": lambda _chosen, at: self.sign_certificate("V2GCertificate", at),
            "SignCombinedCertificate": lambda _chosen, at: self.sign_certificate(own, at),
        }

    def sign_certificate(self, kind: str, now: datetime) -> None:
        request, self.key = certificates.new_request(
            self.spec.serial, self.model.value("SecurityCtrlr", "OrganizationName")
        )
        self.call("SignCertificate", {"csr": request, "certificateType": kind}, now)

    def on_certificate_signed(self, payload: dict[str, Any], now: datetime) -> Any:
        if certificates.fits(payload["certificateChain"], self.key):
            self.certificate_chain = payload["certificateChain"]
            return {"status": "Accepted"}
        return {"status": "Rejected"}, lambda at: self.say_security("InvalidChargingStationCertificate", at)

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
