"""What a station of OCPP 2.x shows, and what vendors transfer."""

from gridlane.stations import commands as c
from gridlane.stations.dialects.dialect import Said, given


def set_display_message(command: c.SetDisplayMessage) -> Said:
    return "SetDisplayMessage", {"message": command.message}


def get_display_messages(command: c.GetDisplayMessages) -> Said:
    return "GetDisplayMessages", given(
        requestId=command.request_id or 0,
        id=list(command.ids) or None,
        priority=command.priority,
        state=command.state,
    )


def clear_display_message(command: c.ClearDisplayMessage) -> Said:
    return "ClearDisplayMessage", {"id": command.id}


def transfer_data(command: c.TransferData) -> Said:
    return "DataTransfer", given(vendorId=command.vendor, messageId=command.message, data=command.data)
