"""Signed meter records in the Open Charge Metering Format (OCMF 1.4, SAFE e.V.): read, keep byte for byte, verify.

A record is ``OCMF|<payload>|<signature>``. What was signed is the payload's bytes as they came, so the text is never
printed anew: ``OcmfRecord.text`` is what the meter made, and what a customer's transparency software must be given.
"""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
from msgspec import Struct

from gridlane.kernel.errors import Kind, Refusal


class OcmfUnreadable(Refusal):
    code = "ocmf_unreadable"
    kind = Kind.INVALID
    sentence = "This is no OCMF record: {reason}."


class PublicKeyUnreadable(Refusal):
    code = "public_key_unreadable"
    kind = Kind.INVALID
    sentence = "This is no public key of a meter: {reason}."


class TimeStatus(StrEnum):
    """How far the record's clock can be trusted."""

    UNKNOWN = "U"
    INFORMATIVE = "I"
    SYNCHRONISED = "S"
    RELATIVE = "R"
    """The time of day is informative; the time since the transaction's begin is exact."""


class Reading(Struct, frozen=True, kw_only=True):
    """One reading. What a record leaves out because it repeats the reading before is filled in here.

    ``value`` is exact as printed, in ``unit`` (kWh or Wh). ``reason`` is TX: B, C, X, E, L, R, A, P, S, T. ``status`` is
    ST: G is good. ``errors`` is EF: E when energy, t when time is no longer usable for billing.
    """

    at: datetime
    time_status: TimeStatus
    reason: str | None
    value: Decimal | None
    register: str | None
    unit: str | None
    current: str | None
    loss: Decimal | None
    errors: str
    status: str | None


class OcmfRecord(Struct, frozen=True, kw_only=True):
    """One signed record. ``page`` is its number in the meter's own count, ``fiscal`` when outside of transactions."""

    text: str
    signed_bytes: bytes
    version: str | None
    gateway_serial: str | None
    meter_serial: str | None
    page: int
    fiscal: bool
    user: str | None
    user_level: str | None
    point: str | None
    readings: tuple[Reading, ...]
    method: str
    signature: bytes


class Verdict(StrEnum):
    """What verifying a record found. Only VALID says that the meter wrote it."""

    VALID = "valid"
    INVALID = "invalid"
    OTHER_CURVE = "the key is of another curve than the signature"
    METHOD_UNKNOWN = "the signature method is not one of OCMF's"
    METHOD_UNSUPPORTED = "this installation cannot verify the curve secp192k1"


# ---- reading a record ----------------------------------------------------------------------------------------------

_LONGEST: Final = 64 * 1024
DEFAULT_METHOD: Final = "ECDSA-secp256r1-SHA256"
_REPEATED: Final = ("TM", "TX", "RI", "RU", "RT", "EF", "ST")


def read_ocmf(text: str) -> OcmfRecord:
    """Raises OcmfUnreadable. The text is kept as it is, but for white space around it."""
    text = text.strip()
    if len(text) > _LONGEST:
        raise OcmfUnreadable(reason=f"it has more than {_LONGEST} characters")
    parts = text.split("|")
    if len(parts) != 3 or parts[0].strip() != "OCMF":
        raise OcmfUnreadable(reason="it is not OCMF|payload|signature")
    payload, signature = _object(parts[1], "payload"), _object(parts[2], "signature")
    page = str(payload.get("PG", ""))
    if page[:1] not in {"T", "F"} or not page[1:].isascii() or not page[1:].isdigit():
        raise OcmfUnreadable(reason="PG is not T or F with a number")
    return OcmfRecord(
        text=text,
        signed_bytes=parts[1].encode(),
        version=_text(payload, "FV"),
        gateway_serial=_text(payload, "GS"),
        meter_serial=_text(payload, "MS"),
        page=int(page[1:]),
        fiscal=page[0] == "F",
        user=_text(payload, "ID"),
        user_level=_text(payload, "IL"),
        point=_text(payload, "CI"),
        readings=_readings(payload.get("RD")),
        method=_text(signature, "SA") or DEFAULT_METHOD,
        signature=_signature(signature),
    )


def _object(text: str, part: str) -> dict[str, Any]:
    """JSON with exact numbers. Two properties of one name are refused: two readers could read two meters."""
    try:
        value = json.loads(
            text,
            parse_float=Decimal,
            parse_int=Decimal,
            parse_constant=_no_number,
            object_pairs_hook=_without_doubles,
        )
    except (ValueError, RecursionError) as error:
        raise OcmfUnreadable(reason=f"the {part} is no JSON ({error})") from None
    if not isinstance(value, dict):
        raise OcmfUnreadable(reason=f"the {part} is no JSON object")
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _text(section: dict[str, Any], key: str) -> str | None:
    value = section.get(key)
    if value is None or isinstance(value, str):
        return value
    raise OcmfUnreadable(reason=f"{key} is no text")


def _number(section: dict[str, Any], key: str) -> Decimal | None:
    value = section.get(key)
    if value is None or isinstance(value, Decimal):
        return value
    raise OcmfUnreadable(reason=f"{key} is no number")


def _readings(rows: Any) -> tuple[Reading, ...]:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise OcmfUnreadable(reason="RD is no list of readings")
    carried: dict[str, Any] = {}
    readings = []
    for row in rows:
        carried = {key: row.get(key, carried.get(key)) for key in _REPEATED}
        readings.append(_reading(row | {key: value for key, value in carried.items() if value is not None}))
    return tuple(readings)


def _reading(row: dict[str, Any]) -> Reading:
    at, time_status = _time(_text(row, "TM"))
    return Reading(
        at=at,
        time_status=time_status,
        reason=_text(row, "TX"),
        value=_number(row, "RV"),
        register=_text(row, "RI"),
        unit=_text(row, "RU"),
        current=_text(row, "RT"),
        loss=_number(row, "CL"),
        errors=_text(row, "EF") or "",
        status=_text(row, "ST"),
    )


def _time(text: str | None) -> tuple[datetime, TimeStatus]:
    """``2018-07-24T13:22:04,000+0200 S``: ISO 8601 with milliseconds, then the clock's state."""
    moment, _, status = (text or "").partition(" ")
    try:
        at = datetime.fromisoformat(moment.replace(",", "."))
        state = TimeStatus(status)
    except ValueError:
        raise OcmfUnreadable(reason=f"TM is no time with a state: {text!r}") from None
    if at.tzinfo is None:
        raise OcmfUnreadable(reason=f"TM has no time zone: {text!r}")
    return at, state


def _signature(section: dict[str, Any]) -> bytes:
    text, encoding = _text(section, "SD"), _text(section, "SE") or "hex"
    if not text:
        raise OcmfUnreadable(reason="SD is missing")
    if (_text(section, "SM") or "application/x-der") != "application/x-der":
        raise OcmfUnreadable(reason="SM is not application/x-der")
    try:
        if encoding == "hex":
            return bytes.fromhex(text)
        if encoding == "base64":
            return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise OcmfUnreadable(reason=f"SD is not {encoding}") from None
    raise OcmfUnreadable(reason="SE is neither hex nor base64")


# ---- verifying it --------------------------------------------------------------------------------------------------

CURVES: Final[dict[str, type[ec.EllipticCurve] | None]] = {
    "secp192k1": None,
    "secp192r1": ec.SECP192R1,
    "secp256k1": ec.SECP256K1,
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "brainpool256r1": ec.BrainpoolP256R1,
    "brainpoolp256r1": ec.BrainpoolP256R1,
    "brainpool384r1": ec.BrainpoolP384R1,
    "brainpoolp384r1": ec.BrainpoolP384R1,
}
"""OCMF's curves, also by the names some meters print. OpenSSL, which does the mathematics, has no secp192k1."""


def verify(record: OcmfRecord, key: ec.EllipticCurvePublicKey) -> Verdict:
    """Whether the holder of the key signed this record. All of OCMF's methods are ECDSA over SHA-256."""
    name = _curve_name(record.method)
    if name not in CURVES:
        return Verdict.METHOD_UNKNOWN
    curve = CURVES[name]
    if curve is None:
        return Verdict.METHOD_UNSUPPORTED
    if not isinstance(key.curve, curve):
        return Verdict.OTHER_CURVE
    try:
        key.verify(record.signature, record.signed_bytes, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return Verdict.INVALID
    return Verdict.VALID


def _curve_name(method: str) -> str:
    scheme, _, rest = method.partition("-")
    name, _, digest = rest.rpartition("-")
    return name.lower() if (scheme.upper(), digest.upper()) == ("ECDSA", "SHA256") else ""


def read_public_key(text: str, method: str = DEFAULT_METHOD) -> ec.EllipticCurvePublicKey:
    """A meter's key, in any of the forms that stations, cabinets and registers print.

    PEM; DER as hex or base64, with spaces; ``oca:base16:asn1:<hex>`` and that in base64 (OCA, Signed Meter Values in
    OCPP); a bare curve point (compressed, uncompressed, or X and Y alone), whose curve ``method`` tells. Raises
    PublicKeyUnreadable.
    """
    if "BEGIN" in text:
        return _elliptic(lambda: load_pem_public_key(text.encode()))
    data = _key_bytes("".join(text.split()))
    if data[:1] == b"\x30":
        return _elliptic(lambda: load_der_public_key(data))
    curve = CURVES.get(_curve_name(method))
    if curve is None:
        raise PublicKeyUnreadable(reason=f"it is a bare point, and {method} names no curve to put it on")
    point = data if data[:1] in {b"\x02", b"\x03", b"\x04"} and len(data) % 2 else b"\x04" + data
    return _elliptic(lambda: ec.EllipticCurvePublicKey.from_encoded_point(curve(), point))


def _elliptic(load: Callable[[], object]) -> ec.EllipticCurvePublicKey:
    try:
        key = load()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PublicKeyUnreadable(reason=str(error) or "OpenSSL cannot read it") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise PublicKeyUnreadable(reason="it is not a key of an elliptic curve")
    return key


def _key_bytes(text: str, depth: int = 0) -> bytes:
    """Unwrap ``oca:base16:...``, hex and base64, also in each other."""
    if text.lower().startswith("oca:"):
        text = text.rsplit(":", 1)[-1]
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise PublicKeyUnreadable(reason="it is neither hex nor base64") from None
    if depth == 0 and data.isascii() and data[:1] != b"\x30":
        return _key_bytes(data.decode("ascii"), depth + 1)
    return data
