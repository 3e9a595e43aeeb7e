"""What a station of OCPP 2.0.1 is answered. ``v21`` adds what only 2.1 can say."""

from collections.abc import Callable
from typing import Any, Final

from gridlane.stations import replies as a
from gridlane.stations.dialects.dialect import Payload, given
from gridlane.stations.reports import TokenRef

VERDICTS: Final[dict[a.VerdictStatus, str]] = {
    "accepted": "Accepted",
    "blocked": "Blocked",
    "expired": "Expired",
    "invalid": "Invalid",
    "concurrent": "ConcurrentTx",
    "no_credit": "NoCredit",
    "not_allowed_type": "NotAllowedTypeEVSE",
    "not_at_this_location": "NotAtThisLocation",
    "not_at_this_time": "NotAtThisTime",
    "unknown": "Unknown",
}

TOKEN_KINDS: Final = frozenset(
    ("Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "NoAuthorization")
)
"""What 2.0.1 knows; 2.1 takes any word."""
CARD: Final = "ISO14443"
TOKEN_LENGTH: Final = 36

MESSAGE_LENGTH, LANGUAGE_LENGTH = 512, 8
REASON_LENGTH: Final = 20


def token(reference: TokenRef) -> Payload:
    """An idToken. One whose kind nobody noted is a card; a kind that 2.0.1 has no word for is the central system's."""
    kind = CARD if reference.kind == "unspecified" else reference.kind
    return {"idToken": reference.value, "type": kind if kind in TOKEN_KINDS else "Central"}


def token_info(verdict: a.Verdict) -> Payload:
    group = verdict.group
    return given(
        status=VERDICTS[verdict.status],
        cacheExpiryDateTime=verdict.expires,
        groupIdToken=token(group) if group is not None and len(group.value) <= TOKEN_LENGTH else None,
        language1=_language(verdict.language),
        evseId=list(verdict.evses) or None,
        personalMessage=message(verdict.message, verdict.language),
    )


def message(text: str | None, language: str | None = None) -> Payload | None:
    """A text for the station's display, cut to what fits."""
    if not text:
        return None
    return given(format="UTF8", language=_language(language), content=text[:MESSAGE_LENGTH])


def _language(language: str | None) -> str | None:
    return language if language and len(language) <= LANGUAGE_LENGTH else None


def status_info(reason: str | None) -> Payload | None:
    """StatusInfo: a short word where the reason is one, else Other with the reason in full."""
    if not reason:
        return None
    if len(reason) <= REASON_LENGTH and " " not in reason:
        return {"reasonCode": reason}
    return {"reasonCode": "Other", "additionalInfo": reason[:MESSAGE_LENGTH]}


def boot_answered(reply: a.BootAnswered) -> Payload:
    return {"status": reply.status.capitalize(), "currentTime": reply.now, "interval": reply.interval}


def alive_answered(reply: a.AliveAnswered) -> Payload:
    return {"currentTime": reply.now}


def token_answered(reply: a.TokenAnswered) -> Payload:
    return given(idTokenInfo=token_info(reply.verdict), certificateStatus=reply.certificate_status)


def transaction_answered(reply: a.TransactionAnswered) -> Payload:
    language = reply.verdict.language if reply.verdict is not None else None
    return given(
        idTokenInfo=None if reply.verdict is None else token_info(reply.verdict),
        totalCost=None if reply.total_cost is None else float(reply.total_cost),
        updatedPersonalMessage=message(reply.message, language),
    )


def status_answered(reply: a.StatusAnswered) -> Payload:
    return given(status=reply.status, statusInfo=status_info(reply.reason))


def data_transfer_answered(reply: a.StatusAnswered) -> Payload:
    return status_answered(reply) | given(data=reply.data)


def signing_answered(reply: a.SigningAnswered | a.StatusAnswered) -> Payload:
    if isinstance(reply, a.StatusAnswered):
        return status_answered(reply)
    status = "Accepted" if reply.accepted else "Rejected"
    return given(status=status, statusInfo=status_info(reply.reason))


EXI_LENGTH, OCSP_LENGTH = 7500, 5500
FAILED: Final[Payload] = {"status": "Failed", "exiResponse": ""}


def vehicle_certificate_answered(reply: a.VehicleCertificateAnswered, longest: int = EXI_LENGTH) -> Payload:
    """A response that the version has no room for is none: half a certificate would only puzzle the vehicle."""
    return {"status": reply.status, "exiResponse": reply.exi} if len(reply.exi) <= longest else FAILED


def certificate_status_answered(reply: a.CertificateStatusAnswered, longest: int = OCSP_LENGTH) -> Payload:
    fits = reply.ocsp is None or len(reply.ocsp) <= longest
    return given(status=reply.status, ocspResult=reply.ocsp) if fits else {"status": "Failed"}


RESPONSES: Final[dict[str, Callable[[Any], Payload]]] = {
    "Authorize": token_answered,
    "BootNotification": boot_answered,
    "DataTransfer": data_transfer_answered,
    "Get15118EVCertificate": vehicle_certificate_answered,
    "GetCertificateStatus": certificate_status_answered,
    "Heartbeat": alive_answered,
    "NotifyEVChargingNeeds": status_answered,
    "NotifyEVChargingSchedule": status_answered,
    "SignCertificate": signing_answered,
    "TransactionEvent": transaction_answered,
}
"""Any other response is empty: Noted is all that can be said."""

UNHANDLED: Final[dict[str, Payload]] = {
    "DataTransfer": {"status": "UnknownVendorId"},
    "Get15118EVCertificate": FAILED,
    "GetCertificateStatus": {"status": "Failed"},
    "NotifyEVChargingNeeds": {"status": "Rejected"},
    "NotifyEVChargingSchedule": {"status": "Accepted"},
    "SignCertificate": {"status": "Rejected"},
}
