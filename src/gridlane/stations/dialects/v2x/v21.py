"""OCPP 2.1: all of 2.0.1, and what it adds to the same use cases. ``v21_blocks`` holds the blocks of its own."""

from decimal import Decimal
from functools import partial
from typing import Any, Final

from msgspec import UNSET

from gridlane.ocpp.v21 import messages as m
from gridlane.stations import commands as c
from gridlane.stations import replies as a
from gridlane.stations import reports as r
from gridlane.stations.dialects.dialect import Payload, Phrase, Said, Tables, answered, builtins, given, known
from gridlane.stations.dialects.readings import utc
from gridlane.stations.dialects.v2x import (
    charging,
    commands,
    device_model,
    limits,
    replies,
    reports,
    upkeep,
    v21_blocks,
)
from gridlane.stations.reports import TokenRef

# --- reports -----------------------------------------------------------------------------------------------------


def certificate_chain_status_requested(
    request: m.GetCertificateChainStatusRequest,
) -> r.CertificateStatusRequested:
    return r.CertificateStatusRequested(
        certificates=tuple(builtins(one) for one in request.certificate_status_requests), chain=True
    )


def vat_number_presented(request: m.VatNumberValidationRequest) -> r.VatNumberPresented:
    return r.VatNumberPresented(number=request.vat_number, evse=known(request.evse_id))


def settlement_reported(request: m.NotifySettlementRequest) -> r.SettlementReported:
    company = request.vat_company
    return r.SettlementReported(
        reference=request.psp_ref,
        status=request.status,
        amount=Decimal(str(request.settlement_amount)),
        at=utc(request.settlement_time),
        transaction=known(request.transaction_id),
        problem=known(request.status_info),
        receipt=known(request.receipt_id),
        receipt_url=known(request.receipt_url),
        vat_number=known(request.vat_number),
        company=None if company is UNSET else builtins(company),
    )


# --- replies -----------------------------------------------------------------------------------------------------


def token_answered(reply: a.TokenAnswered) -> Payload:
    return replies.token_answered(reply) | given(tariff=reply.tariff)


def transaction_answered(reply: a.TransactionAnswered) -> Payload:
    return replies.transaction_answered(reply) | given(transactionLimit=reply.limits or None)


def vehicle_certificate_answered(reply: a.VehicleCertificateAnswered) -> Payload:
    answered_alike = replies.vehicle_certificate_answered(reply, EXI_LENGTH)
    return answered_alike | given(remainingContracts=reply.remaining_contracts)


EXI_LENGTH, OCSP_LENGTH = 17_000, 18_000


def certificate_chain_status_answered(reply: a.CertificateStatusAnswered) -> Payload:
    return {"certificateStatus": list(reply.results)}


def vat_number_answered(reply: a.VatNumberAnswered) -> Payload:
    status = "Accepted" if reply.valid else "Rejected"
    return given(vatNumber=reply.number, status=status, evseId=reply.evse, company=reply.company)


_REJECTED: Final = ("OpenPeriodicEventStream", "PullDynamicScheduleUpdate")


# --- commands ----------------------------------------------------------------------------------------------------


def token(reference: TokenRef) -> Payload:
    """2.1 takes any kind of token."""
    return {
        "idToken": reference.value,
        "type": replies.CARD if reference.kind == "unspecified" else reference.kind,
    }


def reset(command: c.Reset) -> Said:
    if not command.resume:
        return charging.reset(command)
    return "Reset", given(type="ImmediateAndResume", evseId=command.evse)


def trigger(command: c.Trigger) -> Said:
    if command.custom is None:
        return device_model.trigger(command)
    action, payload = device_model.trigger(
        c.Trigger(message="CustomTrigger", evse=command.evse, connector=command.connector)
    )
    return action, payload | {"customTrigger": command.custom}


def certificate_signed(command: c.CertificateSigned) -> Said:
    """The number of the request that is answered is echoed."""
    action, payload = upkeep.certificate_signed(command)
    return action, payload | given(requestId=command.request_id)


PURPOSES: Final = limits.PURPOSES | {name: name for name in ("PriorityCharging", "LocalGeneration")}

PROFILE_EXTRAS: Final = frozenset(
    (
        "maxOfflineDuration", "invalidAfterOfflineDuration", "dynUpdateInterval", "dynUpdateTime",
        "priceScheduleSignature",
    )
)  # fmt: skip
SCHEDULE_EXTRAS: Final = frozenset(
    (
        "salesTariff", "customData", "limitAtSoC", "powerTolerance", "signatureId", "digestValue", "useLocalTime",
        "randomizedDelay", "absolutePriceSchedule", "priceLevelSchedule",
    )
)  # fmt: skip


def profile_of(profile: c.Profile) -> Payload:
    return limits.written_profile(profile, PURPOSES, _period, SCHEDULE_EXTRAS, PROFILE_EXTRAS, "2.1")


def _period(period: c.ProfilePeriod) -> Payload:
    own = given(
        startPeriod=period.start,
        limit=period.limit,
        numberPhases=period.phases,
        phaseToUse=period.phase_to_use,
    )
    return period.extra | own


def _any_token(_entry: dict[str, Any]) -> bool:
    return True


TABLES: Final = Tables(
    reports=reports.REPORTS
    | v21_blocks.REPORTS
    | {
        "GetCertificateChainStatus": certificate_chain_status_requested,
        "NotifySettlement": settlement_reported,
        "VatNumberValidation": vat_number_presented,
    },
    responses=replies.RESPONSES
    | {
        "Authorize": token_answered,
        "Get15118EVCertificate": vehicle_certificate_answered,
        "GetCertificateChainStatus": certificate_chain_status_answered,
        "GetCertificateStatus": partial(replies.certificate_status_answered, longest=OCSP_LENGTH),
        "OpenPeriodicEventStream": replies.status_answered,
        "PullDynamicScheduleUpdate": v21_blocks.dynamic_schedule_answered,
        "TransactionEvent": transaction_answered,
        "VatNumberValidation": vat_number_answered,
    },
    unhandled=replies.UNHANDLED | {name: {"status": "Rejected"} for name in _REJECTED},
    phrases=commands.PHRASES
    | v21_blocks.phrases(token)
    | {
        c.StartCharging: Phrase(
            ("RequestStartTransaction",),
            partial(charging.start, tokens=token, profile_of=profile_of),
            answered,
        ),
        c.Reset: Phrase(("Reset",), reset, answered),
        c.Trigger: Phrase(("TriggerMessage",), trigger, answered),
        c.SendList: Phrase(("SendLocalList",), partial(charging.send_list, fits=_any_token), answered),
        c.Reserve: Phrase(("ReserveNow",), partial(charging.reserve, tokens=token), answered),
        c.SetProfile: Phrase(
            ("SetChargingProfile",), partial(limits.set_profile, profile_of=profile_of), answered
        ),
        c.ClearProfile: Phrase(
            ("ClearChargingProfile",),
            partial(limits.clear_profile, purposes=PURPOSES, version="2.1"),
            answered,
        ),
        c.CustomerInformation: Phrase(
            ("CustomerInformation",), partial(device_model.customer_information, tokens=token), answered
        ),
        c.CertificateSigned: Phrase(("CertificateSigned",), certificate_signed, answered),
    },
)
