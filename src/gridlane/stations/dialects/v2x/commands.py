"""What a station of OCPP 2.0.1 can be asked: every command, and how it is said. ``v21`` says the same and more."""

from functools import partial
from typing import Final

from gridlane.stations import commands as c
from gridlane.stations.dialects.dialect import Phrase, answered
from gridlane.stations.dialects.v2x import charging, device_model, display, limits, upkeep
from gridlane.stations.dialects.v2x.replies import token

PHRASES: Final[dict[type[c.Command], Phrase]] = {
    c.StartCharging: Phrase(
        ("RequestStartTransaction",),
        partial(charging.start, tokens=token, profile_of=limits.profile_of),
        answered,
    ),
    c.StopCharging: Phrase(("RequestStopTransaction",), charging.stop, answered),
    c.Unlock: Phrase(("UnlockConnector",), charging.unlock, answered),
    c.Reset: Phrase(("Reset",), charging.reset, answered),
    c.ChangeAvailability: Phrase(("ChangeAvailability",), charging.change_availability, answered),
    c.Trigger: Phrase(("TriggerMessage",), device_model.trigger, answered),
    c.GetVariables: Phrase(("GetVariables",), device_model.get_variables, device_model.variables_read),
    c.SetVariables: Phrase(("SetVariables",), device_model.set_variables, device_model.variables_set),
    c.GetReport: Phrase(("GetBaseReport", "GetReport"), device_model.get_report, answered),
    c.SetNetworkProfile: Phrase(("SetNetworkProfile",), device_model.set_network_profile, answered),
    c.SetPassword: Phrase(("SetVariables",), device_model.set_password, device_model.variables_set),
    c.ClearCache: Phrase(("ClearCache",), device_model.clear_cache, answered),
    c.GetListVersion: Phrase(("GetLocalListVersion",), charging.get_list_version, charging.list_version_told),
    c.SendList: Phrase(("SendLocalList",), partial(charging.send_list, fits=charging.fits), answered),
    c.GetTransactionStatus: Phrase(("GetTransactionStatus",), charging.get_transaction_status, answered),
    c.Reserve: Phrase(("ReserveNow",), partial(charging.reserve, tokens=token), answered),
    c.CancelReservation: Phrase(("CancelReservation",), charging.cancel_reservation, answered),
    c.SetProfile: Phrase(
        ("SetChargingProfile",), partial(limits.set_profile, profile_of=limits.profile_of), answered
    ),
    c.ClearProfile: Phrase(
        ("ClearChargingProfile",),
        partial(limits.clear_profile, purposes=limits.PURPOSES, version="2.0.1"),
        answered,
    ),
    c.GetProfiles: Phrase(("GetChargingProfiles",), limits.get_profiles, answered),
    c.GetCompositeSchedule: Phrase(
        ("GetCompositeSchedule",), limits.get_composite_schedule, limits.composite_schedule_told
    ),
    c.UpdateFirmware: Phrase(("UpdateFirmware",), upkeep.update_firmware, answered),
    c.PublishFirmware: Phrase(("PublishFirmware",), upkeep.publish_firmware, answered),
    c.UnpublishFirmware: Phrase(("UnpublishFirmware",), upkeep.unpublish_firmware, answered),
    c.GetLog: Phrase(("GetLog",), upkeep.get_log, answered),
    c.InstallCertificate: Phrase(("InstallCertificate",), upkeep.install_certificate, answered),
    c.DeleteCertificate: Phrase(("DeleteCertificate",), upkeep.delete_certificate, answered),
    c.GetCertificates: Phrase(("GetInstalledCertificateIds",), upkeep.get_certificates, answered),
    c.CertificateSigned: Phrase(("CertificateSigned",), upkeep.certificate_signed, answered),
    c.SetMonitoringBase: Phrase(("SetMonitoringBase",), device_model.set_monitoring_base, answered),
    c.SetMonitoringLevel: Phrase(("SetMonitoringLevel",), device_model.set_monitoring_level, answered),
    c.SetMonitors: Phrase(("SetVariableMonitoring",), device_model.set_monitors, device_model.monitors_set),
    c.ClearMonitors: Phrase(
        ("ClearVariableMonitoring",), device_model.clear_monitors, device_model.monitors_cleared
    ),
    c.GetMonitoringReport: Phrase(("GetMonitoringReport",), device_model.get_monitoring_report, answered),
    c.CustomerInformation: Phrase(
        ("CustomerInformation",), partial(device_model.customer_information, tokens=token), answered
    ),
    c.SetDisplayMessage: Phrase(("SetDisplayMessage",), display.set_display_message, answered),
    c.GetDisplayMessages: Phrase(("GetDisplayMessages",), display.get_display_messages, answered),
    c.ClearDisplayMessage: Phrase(("ClearDisplayMessage",), display.clear_display_message, answered),
    c.ShowCost: Phrase(("CostUpdated",), charging.show_cost, answered),
    c.TransferData: Phrase(("DataTransfer",), display.transfer_data, answered),
}
