"""Asking a station of OCPP 1.6 to charge, to keep free, and whom to let in."""

from typing import Any, Final

from msgspec.structs import replace

from gridlane.ocpp.v16 import messages as m
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.dialects.dialect import CommandInvalid, Payload, Said, Unsupported, given
from gridlane.stations.dialects.v16 import limits
from gridlane.stations.dialects.v16.numbers import connector_of, transaction_of
from gridlane.stations.dialects.v16.replies import ID_TAG

# --- starts, stops, reservations ----------------------------------------------------------------------------------


def start(command: c.StartCharging) -> Said:
    """A profile that comes along is for the transaction to be, so it names none."""
    profile = command.profile
    return "RemoteStartTransaction", given(
        idTag=command.token.value,
        connectorId=command.evse,
        chargingProfile=None if profile is None else limits.profile_of(replace(profile, transaction=None)),
    )


def stop(command: c.StopCharging) -> Said:
    return "RemoteStopTransaction", {"transactionId": transaction_of(command.transaction)}


def unlock(command: c.Unlock) -> Said:
    return "UnlockConnector", {"connectorId": connector_of(command.evse, command.connector)}


def reset(command: c.Reset) -> Said:
    if command.evse is not None:
        raise Unsupported(reason="OCPP 1.6 resets the station as a whole only")
    if command.resume:
        raise Unsupported(reason="OCPP 1.6 cannot resume transactions after a reset")
    return "Reset", {"type": "Hard" if command.immediate else "Soft"}


def change_availability(command: c.ChangeAvailability) -> Said:
    return "ChangeAvailability", {
        "connectorId": connector_of(command.evse, command.connector),
        "type": "Operative" if command.operative else "Inoperative",
    }


def reserve(command: c.Reserve) -> Said:
    if command.connector_type is not None:
        raise Unsupported(reason="OCPP 1.6 cannot reserve by the type of connector")
    return "ReserveNow", given(
        connectorId=command.evse or 0,
        expiryDate=command.expires,
        idTag=command.token.value,
        parentIdTag=None if command.group is None else command.group.value,
        reservationId=command.reservation_id,
    )


def cancel_reservation(command: c.CancelReservation) -> Said:
    return "CancelReservation", {"reservationId": command.reservation_id}


# --- the local list -----------------------------------------------------------------------------------------------


LIST_UNSUPPORTED: Final = -1


def get_list_version(_command: c.GetListVersion) -> Said:
    return "GetLocalListVersion", {}


def list_version_told(_command: Any, response: m.GetLocalListVersionResponse) -> Answer:
    if response.list_version == LIST_UNSUPPORTED:
        return Answer(agreed=False, status="NotSupported", reason="the station keeps no local list")
    return Answer(agreed=True, status="Accepted", data={"version": response.list_version})


def send_list(command: c.SendList) -> Said:
    entries = [_entry(one) for one in command.entries if len(_id_tag(one)) <= ID_TAG and not _is_partial(one)]
    return "SendLocalList", given(
        listVersion=command.version,
        updateType="Full" if command.full else "Differential",
        localAuthorizationList=entries or None,
    )


def _id_tag(entry: dict[str, Any]) -> str:
    """Tokens longer than an idTag can be presented at no station of 1.6: they are not sent."""
    try:
        return str(entry["idToken"]["idToken"])
    except (KeyError, TypeError):
        raise CommandInvalid(action="SendLocalList", problem="an entry has no idToken.idToken") from None


def _is_partial(entry: dict[str, Any]) -> bool:
    """A token for some EVSEs alone: 1.6 could only let it in everywhere."""
    return bool((entry.get("idTokenInfo") or {}).get("evseId"))


def _entry(entry: dict[str, Any]) -> Payload:
    info = entry.get("idTokenInfo")
    if info is None:
        return {"idTag": _id_tag(entry)}
    group = (info.get("groupIdToken") or {}).get("idToken")
    return {
        "idTag": _id_tag(entry),
        "idTagInfo": given(
            status=_LIST_STATUSES.get(info.get("status"), "Invalid"),
            expiryDate=info.get("cacheExpiryDateTime"),
            parentIdTag=group if group is not None and len(group) <= ID_TAG else None,
        ),
    }


_LIST_STATUSES: Final = {
    "Accepted": "Accepted",
    "Blocked": "Blocked",
    "Expired": "Expired",
    "ConcurrentTx": "ConcurrentTx",
    "NoCredit": "Blocked",
    "NotAllowedTypeEVSE": "Blocked",
    "NotAtThisLocation": "Blocked",
    "NotAtThisTime": "Blocked",
}
"""As ``replies.VERDICTS``, from the words of 2.x that entries are kept in."""
