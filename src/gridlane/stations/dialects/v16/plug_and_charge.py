"""Plug & Charge over OCPP 1.6: messages of 2.0.1 as JSON inside DataTransfer (OCA application note, 2020).

Both sides speak 2.0.1 in here, so its dialect does the translating and this file only packs and unpacks.
"""

from typing import Any, Final, cast

import msgspec
from msgspec import UNSET

from gridlane.ocpp import codec
from gridlane.ocpp.actions import Direction
from gridlane.ocpp.codec import Rejected
from gridlane.ocpp.v16 import messages as m
from gridlane.ocpp.version import Version
from gridlane.stations import replies as a
from gridlane.stations import reports as r
from gridlane.stations.commands import Answer, AnyCommand
from gridlane.stations.dialects.dialect import Payload, answered, dialect_for

VENDOR: Final = "org.openchargealliance.iso15118pnc"

FROM_STATION: Final = ("Authorize", "Get15118EVCertificate", "GetCertificateStatus", "SignCertificate")
TO_STATION: Final = (
    "CertificateSigned", "DeleteCertificate", "GetInstalledCertificateIds", "InstallCertificate", "TriggerMessage",
)  # fmt: skip

VEHICLES: Final = frozenset(
    (
        "V2GRootCertificate", "MORootCertificate", "V2GCertificateChain", "V2GCertificate", "SignV2GCertificate",
        "SignCombinedCertificate",
    )
)  # fmt: skip
"""Words of the vehicle's world: what concerns them goes this way, all else by the security extension."""


Carried = r.TokenPresented | r.VehicleCertificateRequested | r.CertificateStatusRequested | r.SigningRequested


def report_of(request: m.DataTransferRequest) -> Carried | None:
    """The report that a DataTransfer carries; None when it is another vendor's, or cannot be read."""
    action = request.message_id
    if request.vendor_id != VENDOR or action not in FROM_STATION or request.data is UNSET:
        return None
    try:
        carried = codec.decode_request(Version.V201, action, request.data.encode())
    except Rejected:
        return None
    report = dialect_for(Version.V201).report(action, carried)
    if isinstance(report, r.SigningRequested):  # nothing else is signed this way
        return msgspec.structs.replace(report, kind="V2GCertificate")
    return cast("Carried", report)


_ANSWERS: Final[dict[type[a.Reply], str]] = {
    a.TokenAnswered: "Authorize",
    a.VehicleCertificateAnswered: "Get15118EVCertificate",
    a.CertificateStatusAnswered: "GetCertificateStatus",
    a.SigningAnswered: "SignCertificate",
}


def response_of(reply: a.Reply) -> Payload:
    """The DataTransfer response that carries a reply."""
    action = _ANSWERS.get(type(reply))
    if action is None:
        raise TypeError(f"{type(reply).__name__} does not answer a DataTransfer")
    response = dialect_for(Version.V201).response(action, reply)
    return {"status": "Accepted", "data": codec.encode(response).decode()}


def carried(command: AnyCommand) -> tuple[str, Payload]:
    """A command as 2.0.1 would say it, inside DataTransfer."""
    action, request = dialect_for(Version.V201).call(command)
    return "DataTransfer", {
        "vendorId": VENDOR,
        "messageId": action,
        "data": codec.encode(request).decode(),
    }


def unpacked(command: AnyCommand, response: Any) -> Answer:
    """What a station answered inside DataTransfer. Where it carries nothing, the envelope's word counts."""
    if response.status != "Accepted" or response.data is UNSET:
        return answered(command, response)
    dialect = dialect_for(Version.V201)
    action, _ = dialect.call(command)
    try:
        carried_response = codec.decode_response(Version.V201, action, response.data.encode())
    except Rejected as rejected:
        return Answer(
            agreed=False, status="Unreadable", reason=rejected.description, data={"data": response.data}
        )
    return dialect.answer(command, carried_response)


CARRIED: Final = (
    *((f"DataTransfer ({action})", Direction.TO_CENTRAL, "Plug & Charge") for action in FROM_STATION),
    *((f"DataTransfer ({action})", Direction.TO_STATION, "Plug & Charge") for action in TO_STATION),
)
