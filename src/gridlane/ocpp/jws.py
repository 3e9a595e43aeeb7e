"""Messages that a station signs for whoever comes after us (OCPP 2.0.1 part 4, section 7): unwrapped, never stripped.

The action carries ``-Signed`` and the payload is a flattened JWS (RFC 7515, 7.2.2) around the real one. The signature is not
verified here, since it is not meant for the next hop; it stays in the raw message that is stored.
"""

import base64
import binascii
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gridlane.ocpp.frames import Call, Send, nests_too_deep
from gridlane.ocpp.tolerance import Note

SUFFIX: Final = "-Signed"
SIGNED: Final = Note("", "signed by the station, not verified", "see the raw message")


Signed = TypeVar("Signed", Call, Send)


class _FlattenedJws(Struct, forbid_unknown_fields=True):
    payload: str
    signature: str
    protected: str | UnsetType = UNSET
    header: dict[str, Any] | UnsetType = UNSET


_decoder: Final = msgspec.json.Decoder(_FlattenedJws)


def unwrapped(call: Signed) -> Signed | None:
    """The call inside of a signed one; None when its payload is no flattened JWS of JSON."""
    try:
        signed = _decoder.decode(call.payload)
        inner = base64.b64decode(
            signed.payload + "=" * (-len(signed.payload) % 4), altchars=b"-_", validate=True
        )
        payload = msgspec.json.decode(inner, type=Raw)
    except (msgspec.DecodeError, ValueError, binascii.Error, RecursionError):
        return None
    if nests_too_deep(inner):
        return None
    return type(call)(call.message_id, call.action.removesuffix(SUFFIX), payload)
