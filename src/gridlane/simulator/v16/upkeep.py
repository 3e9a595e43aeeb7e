"""Firmware, diagnostics and logs."""

from datetime import datetime, timedelta
from typing import Any

from gridlane.simulator.files import Upload
from gridlane.simulator.v16.configuration import Configured16


class Upkeep16(Configured16):
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
                if status == "InvalidSignature":
                    self.say_security("InvalidFirmwareSignature", at)
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
