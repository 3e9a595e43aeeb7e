"""Firmware, logs and certificates of a station of OCPP 1.6."""

from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from gridlane.ocpp.v16 import messages as m
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.dialects.dialect import Said, Unsupported, answered, builtins, given
from gridlane.stations.dialects.v16 import plug_and_charge

# --- firmware and logs --------------------------------------------------------------------------------------------


def update_firmware(command: c.UpdateFirmware) -> Said:
    """Signed by the security extension, else as the core specification has it."""
    if command.certificate is not None and command.signature is not None:
        firmware = given(
            location=command.location,
            retrieveDateTime=command.retrieve,
            installDateTime=command.install,
            signingCertificate=command.certificate,
            signature=command.signature,
        )
        return "SignedUpdateFirmware", given(
            requestId=command.request_id or 0,
            retries=command.retries,
            retryInterval=command.retry_interval,
            firmware=firmware,
        )
    if command.install is not None:
        raise Unsupported(reason="OCPP 1.6 installs unsigned firmware at once, at no chosen time")
    return "UpdateFirmware", given(
        location=command.location,
        retrieveDate=command.retrieve,
        retries=command.retries,
        retryInterval=command.retry_interval,
    )


def get_log(command: c.GetLog) -> Said:
    if command.log == "DiagnosticsLog" and not command.by_extension:
        return "GetDiagnostics", given(
            location=command.location,
            startTime=command.oldest,
            stopTime=command.latest,
            retries=command.retries,
            retryInterval=command.retry_interval,
        )
    log = given(
        remoteLocation=command.location, oldestTimestamp=command.oldest, latestTimestamp=command.latest
    )
    return "GetLog", given(
        log=log,
        logType=command.log,
        requestId=command.request_id or 0,
        retries=command.retries,
        retryInterval=command.retry_interval,
    )


def log_promised(_command: Any, response: m.GetLogResponse | m.GetDiagnosticsResponse) -> Answer:
    """A station that has nothing to upload names no file (6.27 of 1.6)."""
    if isinstance(response, m.GetLogResponse):
        return answered(None, response)
    if response.file_name is UNSET:
        return Answer(agreed=False, status="NothingToUpload")
    return Answer(agreed=True, status="Accepted", data={"filename": response.file_name})


# --- certificates -------------------------------------------------------------------------------------------------


_ROOTS: Final = {"CSMSRootCertificate": "CentralSystemRootCertificate"}


def install_certificate(command: c.InstallCertificate) -> Said:
    if command.use in plug_and_charge.VEHICLES:
        return plug_and_charge.carried(command)
    use = _ROOTS.get(command.use, command.use)
    return "InstallCertificate", {"certificateType": use, "certificate": command.certificate}


def delete_certificate(command: c.DeleteCertificate) -> Said:
    if command.use in plug_and_charge.VEHICLES:
        return plug_and_charge.carried(command)
    return "DeleteCertificate", {"certificateHashData": command.hash_data}


def get_certificates(command: c.GetCertificates) -> Said:
    if command.uses and plug_and_charge.VEHICLES.issuperset(command.uses):
        return plug_and_charge.carried(command)
    if len(command.uses) != 1:
        raise Unsupported(reason="OCPP 1.6 lists the certificates of one use at a time")
    (use,) = command.uses
    return "GetInstalledCertificateIds", {"certificateType": _ROOTS.get(use, use)}


def certificates_told(command: c.GetCertificates, response: Any) -> Answer:
    """In the form of 2.x: each with its use."""
    if isinstance(response, m.DataTransferResponse):
        return plug_and_charge.unpacked(command, response)
    found = [
        {"certificateType": command.uses[0], "certificateHashData": builtins(one)}
        for one in response.certificate_hash_data or ()
    ]
    return replace(answered(None, response), data=given(certificateHashDataChain=found or None))


def certificate_signed(command: c.CertificateSigned) -> Said:
    if command.use in plug_and_charge.VEHICLES:
        return plug_and_charge.carried(command)
    return "CertificateSigned", {"certificateChain": command.chain}


def perhaps_carried(command: Any, response: Any) -> Answer:
    """The answer to what may have gone as Plug & Charge inside DataTransfer."""
    if isinstance(response, m.DataTransferResponse):
        return plug_and_charge.unpacked(command, response)
    return answered(command, response)
