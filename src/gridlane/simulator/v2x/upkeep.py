"""Firmware and logs (blocks L, N01)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from gridlane.simulator.files import Upload
from gridlane.simulator.v2x.asked import Asked2x, Speak


class Upkeep2x(Asked2x):
    def triggers(self) -> dict[str, Speak]:
        return super().triggers() | {
            "FirmwareStatusNotification": lambda _chosen, at: self._say_firmware(at),
            "LogStatusNotification": lambda _chosen, at: self._say_log(at),
        }

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


def _until(instant: str | None, now: datetime) -> float:
    return (datetime.fromisoformat(instant) - now).total_seconds() if instant else 0.0
