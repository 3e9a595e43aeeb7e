"""What a station of OCPP 1.6 can be asked: every command, and how it is said."""

from typing import Final

from gridlane.stations import commands as c
from gridlane.stations.dialects.dialect import Phrase, Said, answered, given
from gridlane.stations.dialects.v16 import charging, limits, settings, upkeep
from gridlane.stations.dialects.v16.replies import text_of


def transfer_data(command: c.TransferData) -> Said:
    return "DataTransfer", given(
        vendorId=command.vendor,
        messageId=command.message,
        data=None if command.data is None else text_of(command.data),
    )


PHRASES: Final[dict[type[c.Command], Phrase]] = {
    c.StartCharging: Phrase(("RemoteStartTransaction",), charging.start, answered),
    c.StopCharging: Phrase(("RemoteStopTransaction",), charging.stop, answered),
    c.Unlock: Phrase(("UnlockConnector",), charging.unlock, answered),
    c.Reset: Phrase(("Reset",), charging.reset, answered),
    c.ChangeAvailability: Phrase(("ChangeAvailability",), charging.change_availability, answered),
    c.Trigger: Phrase(("TriggerMessage", "ExtendedTriggerMessage"), settings.trigger, upkeep.perhaps_carried),
    c.GetVariables: Phrase(("GetConfiguration",), settings.get_variables, settings.variables_read),
    c.SetVariables: Phrase(("ChangeConfiguration",), settings.set_variables, answered),
    c.SetPassword: Phrase(("ChangeConfiguration",), settings.set_password, answered),
    c.ClearCache: Phrase(("ClearCache",), settings.clear_cache, answered),
    c.GetListVersion: Phrase(("GetLocalListVersion",), charging.get_list_version, charging.list_version_told),
    c.SendList: Phrase(("SendLocalList",), charging.send_list, answered),
    c.Reserve: Phrase(("ReserveNow",), charging.reserve, answered),
    c.CancelReservation: Phrase(("CancelReservation",), charging.cancel_reservation, answered),
    c.SetProfile: Phrase(("SetChargingProfile",), limits.set_profile, answered),
    c.ClearProfile: Phrase(("ClearChargingProfile",), limits.clear_profile, answered),
    c.GetCompositeSchedule: Phrase(
        ("GetCompositeSchedule",), limits.get_composite_schedule, limits.composite_schedule_told
    ),
    c.UpdateFirmware: Phrase(("UpdateFirmware", "SignedUpdateFirmware"), upkeep.update_firmware, answered),
    c.GetLog: Phrase(("GetDiagnostics", "GetLog"), upkeep.get_log, upkeep.log_promised),
    c.InstallCertificate: Phrase(("InstallCertificate",), upkeep.install_certificate, upkeep.perhaps_carried),
    c.DeleteCertificate: Phrase(("DeleteCertificate",), upkeep.delete_certificate, upkeep.perhaps_carried),
    c.GetCertificates: Phrase(
        ("GetInstalledCertificateIds",), upkeep.get_certificates, upkeep.certificates_told
    ),
    c.CertificateSigned: Phrase(("CertificateSigned",), upkeep.certificate_signed, upkeep.perhaps_carried),
    c.TransferData: Phrase(("DataTransfer",), transfer_data, answered),
}
