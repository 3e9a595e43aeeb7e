"""What a station of OCPP 1.6 is answered."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from gridlane.stations import replies as a
from gridlane.stations.dialects.dialect import Payload, given
from gridlane.stations.dialects.v16 import plug_and_charge

ID_TAG: Final = 20
"""Characters of an idTag."""

VERDICTS: Final[dict[a.VerdictStatus, str]] = {
    "accepted": "Accepted",
    "blocked": "Blocked",
    "expired": "Expired",
    "invalid": "Invalid",
    "concurrent": "ConcurrentTx",
    "no_credit": "Blocked",
    "not_allowed_type": "Blocked",
    "not_at_this_location": "Blocked",
    "not_at_this_time": "Blocked",
    "unknown": "Invalid",
}
"""Invalid is who is not known; whoever is known and may not charge here and now is Blocked."""


def id_tag_info(verdict: a.Verdict) -> Payload:
    """IdTagInfo. A group whose name is too long for a parentIdTag could be matched by no station: it is left out."""
    group = verdict.group.value if verdict.group is not None else None
    return given(
        status=VERDICTS[verdict.status],
        expiryDate=verdict.expires,
        parentIdTag=group if group is not None and len(group) <= ID_TAG else None,
    )


def boot_answered(reply: a.BootAnswered) -> Payload:
    return {"status": reply.status.capitalize(), "currentTime": reply.now, "interval": reply.interval}


def alive_answered(reply: a.AliveAnswered) -> Payload:
    return {"currentTime": reply.now}


def token_answered(reply: a.TokenAnswered) -> Payload:
    return {"idTagInfo": id_tag_info(reply.verdict)}


def start_answered(reply: a.TransactionAnswered) -> Payload:
    """A start always gets its id, also a refused one; without a verdict it is refused."""
    verdict = reply.verdict or _UNDECIDED
    return given(idTagInfo=id_tag_info(verdict), transactionId=reply.transaction_id)


_UNDECIDED: Final = a.Verdict(status="invalid")


def stop_answered(reply: a.TransactionAnswered) -> Payload:
    return given(idTagInfo=id_tag_info(reply.verdict) if reply.verdict is not None else None)


def signing_answered(reply: a.SigningAnswered | a.StatusAnswered) -> Payload:
    if isinstance(reply, a.StatusAnswered):
        return {"status": reply.status}
    return {"status": "Accepted" if reply.accepted else "Rejected"}


def data_transfer_answered(reply: a.Reply) -> Payload:
    """To a vendor's message, or to the Plug & Charge message that came in one."""
    if not isinstance(reply, a.StatusAnswered):
        return plug_and_charge.response_of(reply)
    return given(status=reply.status, data=None if reply.data is None else text_of(reply.data))


def text_of(data: Any) -> str:
    """1.6 transfers texts only: anything else goes as JSON."""
    return data if isinstance(data, str) else msgspec.json.encode(data).decode()


RESPONSES: Final[dict[str, Callable[[Any], Payload]]] = {
    "Authorize": token_answered,
    "BootNotification": boot_answered,
    "DataTransfer": data_transfer_answered,
    "Heartbeat": alive_answered,
    "SignCertificate": signing_answered,
    "StartTransaction": start_answered,
    "StopTransaction": stop_answered,
}
"""Any other response is empty: Noted is all that can be said."""

UNHANDLED: Final[dict[str, Payload]] = {
    "DataTransfer": {"status": "UnknownVendorId"},
    "SignCertificate": {"status": "Rejected"},
}
