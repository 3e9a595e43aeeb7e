"""Firmware and logs (blocks L, N01)."""

from datetime import datetime, timedelta
from typing import Any

from gridlane.simulator.files import Upload
from gridlane.simulator.v2x.asked import Asked2x, Speak


class FirmwareRun:
    """An update under way: what is still to be said, and what comes later by appointment."""

    def __init__(
        self, request: int, location: str, steps: list[str], download: float, install: float
    ) -> None:
        self.request, self.location, self.steps = request, location, steps
        self.waits = {"DownloadScheduled": download, "InstallScheduled": install}


class Upkeep2x(Asked2x):
    firmware_run: FirmwareRun | None = None

    def triggers(self) -> dict[str, Speak]:
        return super().triggers() | {
            "FirmwareStatusNotification": lambda _chosen, at: self._say_firmware(at),
            "LogStatusNotification": lambda _chosen, at: self._say_log(at),
        }

    def on_update_firmware(self, payload: dict[str, Any], now: datetime) -> Any:
        firmware, request = payload["firmware"], payload["requestId"]
        certificate = firmware.get("signingCertificate", "")
        if "REVOKED" in certificate or "INVALID" in certificate:
            status = "RevokedCertificate" if "REVOKED" in certificate else "InvalidCertificate"
            return {"status": status}, lambda at: self.say_security("InvalidFirmwareSigningCertificate", at)
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
        if "SignatureVerified" in steps and (install > 0 or self._is_charging()):
            steps.insert(steps.index("SignatureVerified") + 1, "InstallScheduled")
        running, self.firmware_run = self.firmware_run, FirmwareRun(request, location, steps, later, install)
        if running is not None and "Installing" not in running.steps:
            self.firmware_run = running
            return {"status": "Rejected"}
        run = self.firmware_run
        self.at(now + timedelta(seconds=0.5), lambda at: self._go_on(run, at))
        return {"status": "Accepted" if running is None else "AcceptedCanceled"}

    def _is_charging(self) -> bool:
        return any(one.transaction is not None for one in self.evses.values())

    def _go_on(self, run: "FirmwareRun", now: datetime) -> None:
        """The next step of an update, unless another took its place; nothing is installed under a transaction."""
        if self.firmware_run is not run:
            return
        if run.steps[0] == "Installing" and self._is_charging():
            self._close_idle_evses(now)
            self.at(now + timedelta(seconds=0.5), lambda at: self._go_on(run, at))
            return
        status = self.firmware_status = run.steps.pop(0)
        self.call("FirmwareStatusNotification", {"status": status, "requestId": run.request}, now)
        if status == "InvalidSignature":
            self.say_security("InvalidFirmwareSignature", now)
        if run.steps:
            wait = 1 + max(0.0, run.waits.get(status, 0.0))
            self.at(now + timedelta(seconds=wait), lambda at: self._go_on(run, at))
            return
        self.firmware_run = None
        if status == "Installed":
            version = run.location.rsplit("/", 1)[-1][:50] or "updated"
            self.at(now + timedelta(seconds=1), lambda at: self._installed(version, at))

    def _close_idle_evses(self, now: datetime) -> None:
        """L01.FR.07: where no new sessions may begin before the installation, free EVSEs are out of service."""
        if self.model.value("ChargingStation", "AllowNewSessionsPendingFirmwareUpdate") != "true":
            for one in self.evses.values():
                if one.is_free:
                    one.operative = False
                    self.show(one, now)

    def _installed(self, version: str, now: datetime) -> None:
        for one in self.evses.values():
            one.operative = True
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
