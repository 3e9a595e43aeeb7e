"""Firmware, logs and certificates of a station of OCPP 2.x."""

from gridlane.stations import commands as c
from gridlane.stations.dialects.dialect import Payload, Said, given

# --- firmware and logs --------------------------------------------------------------------------------------------


def update_firmware(command: c.UpdateFirmware) -> Said:
    firmware = given(
        location=command.location,
        retrieveDateTime=command.retrieve,
        installDateTime=command.install,
        signingCertificate=command.certificate,
        signature=command.signature,
    )
    return "UpdateFirmware", _retried(command) | {"firmware": firmware}


def publish_firmware(command: c.PublishFirmware) -> Said:
    return "PublishFirmware", _retried(command) | {
        "location": command.location,
        "checksum": command.checksum,
    }


def unpublish_firmware(command: c.UnpublishFirmware) -> Said:
    return "UnpublishFirmware", {"checksum": command.checksum}


def get_log(command: c.GetLog) -> Said:
    log = given(
        remoteLocation=command.location, oldestTimestamp=command.oldest, latestTimestamp=command.latest
    )
    return "GetLog", _retried(command) | {"logType": command.log, "log": log}


def _retried(command: c.UpdateFirmware | c.PublishFirmware | c.GetLog) -> Payload:
    return given(
        requestId=command.request_id or 0, retries=command.retries, retryInterval=command.retry_interval
    )


# --- certificates -------------------------------------------------------------------------------------------------


def install_certificate(command: c.InstallCertificate) -> Said:
    use = {"CentralSystemRootCertificate": "CSMSRootCertificate"}.get(command.use, command.use)
    return "InstallCertificate", {"certificateType": use, "certificate": command.certificate}


def delete_certificate(command: c.DeleteCertificate) -> Said:
    return "DeleteCertificate", {"certificateHashData": command.hash_data}


def get_certificates(command: c.GetCertificates) -> Said:
    return "GetInstalledCertificateIds", given(certificateType=list(command.uses) or None)


def certificate_signed(command: c.CertificateSigned) -> Said:
    return "CertificateSigned", given(certificateChain=command.chain, certificateType=command.use)
