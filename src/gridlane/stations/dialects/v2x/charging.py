"""Asking a station of OCPP 2.x to charge, to keep free, and whom to let in."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from gridlane.ocpp.v201 import messages as m
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.dialects.dialect import CommandInvalid, Payload, Said, Unsupported, given
from gridlane.stations.dialects.readings import scaled
from gridlane.stations.dialects.v2x.limits import Profiles
from gridlane.stations.dialects.v2x.replies import TOKEN_KINDS, TOKEN_LENGTH
from gridlane.stations.reports import TokenRef

Tokens = Callable[[TokenRef], Payload]


# --- starts, stops, reservations ----------------------------------------------------------------------------------


def start(command: c.StartCharging, tokens: Tokens, profile_of: Profiles) -> Said:
    """A profile that comes along is for the transaction to be, so it names none (F01.FR.11).

    The command's limits go with the answer to the transaction's first event, where the version has them (2.1, F07).
    """
    profile = command.profile
    return "RequestStartTransaction", given(
        idToken=tokens(command.token),
        remoteStartId=command.remote_start_id or 0,
        evseId=command.evse,
        groupIdToken=None if command.group is None else tokens(command.group),
        chargingProfile=None if profile is None else profile_of(replace(profile, transaction=None)),
    )


def stop(command: c.StopCharging) -> Said:
    return "RequestStopTransaction", {"transactionId": command.transaction}


def unlock(command: c.Unlock) -> Said:
    return "UnlockConnector", {"evseId": command.evse, "connectorId": command.connector}


def reset(command: c.Reset) -> Said:
    if command.resume:
        raise Unsupported(reason="OCPP 2.0.1 cannot resume transactions after a reset")
    return "Reset", given(type="Immediate" if command.immediate else "OnIdle", evseId=command.evse)


def change_availability(command: c.ChangeAvailability) -> Said:
    return "ChangeAvailability", given(
        operationalStatus="Operative" if command.operative else "Inoperative",
        evse=evse_of(command.evse or None, command.connector),
    )


def get_transaction_status(command: c.GetTransactionStatus) -> Said:
    return "GetTransactionStatus", given(transactionId=command.transaction)


def reserve(command: c.Reserve, tokens: Tokens) -> Said:
    return "ReserveNow", given(
        id=command.reservation_id,
        expiryDateTime=command.expires,
        idToken=tokens(command.token),
        evseId=command.evse or None,
        connectorType=command.connector_type,
        groupIdToken=None if command.group is None else tokens(command.group),
    )


def cancel_reservation(command: c.CancelReservation) -> Said:
    return "CancelReservation", {"reservationId": command.reservation_id}


def show_cost(command: c.ShowCost) -> Said:
    try:
        total = scaled(command.total, 0)
    except ValueError:
        raise CommandInvalid(action="CostUpdated", problem=f"{command.total!r} is no number") from None
    return "CostUpdated", {"transactionId": command.transaction, "totalCost": total}


# --- the local list -----------------------------------------------------------------------------------------------


def get_list_version(_command: c.GetListVersion) -> Said:
    return "GetLocalListVersion", {}


def list_version_told(_command: Any, response: m.GetLocalListVersionResponse) -> Answer:
    return Answer(agreed=True, status="Accepted", data={"version": response.version_number})


def send_list(command: c.SendList, fits: Callable[[dict[str, Any]], bool]) -> Said:
    entries = [one for one in command.entries if fits(one)]
    return "SendLocalList", given(
        versionNumber=command.version,
        updateType="Full" if command.full else "Differential",
        localAuthorizationList=entries or None,
    )


def fits(entry: dict[str, Any]) -> bool:
    """Tokens that 2.0.1 has no form for can be presented at none of its stations: they are not sent."""
    presented = entry.get("idToken")
    if not isinstance(presented, dict):
        return True  # to be refused for what it is
    return presented.get("type") in TOKEN_KINDS and len(str(presented.get("idToken", ""))) <= TOKEN_LENGTH


# --- places -------------------------------------------------------------------------------------------------------


def evse_of(evse: int | None, connector: int | None) -> Payload | None:
    return None if evse is None else given(id=evse, connectorId=connector)
