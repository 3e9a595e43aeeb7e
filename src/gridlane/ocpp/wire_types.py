"""The few types every message is made of. The generated modules import from here only.

A field that may be absent is ``X | Unset = UNSET``: an absent field stays absent and a null is refused, as the
schemas say (OCPP 2.0.1 part 4, 4.1: absent, never null).
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = ["UNSET", "CustomData", "Integer", "Message", "Timestamp", "Unset", "require_tenths"]

Unset = UnsetType

Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""OCPP asks for 32 bits; whatever fits a database's bigint is let in, nothing larger."""

Timestamp = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with a time zone. One without zone is no instant; see ``tolerance`` for what is made of it."""

_VENDOR_ID_LENGTH = 255


class Message(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="camel", gc=False):
    """Base of every message and nested type. Values: never changed once decoded, never part of a reference cycle."""


class CustomData(dict[str, Any]):
    """A vendor's own fields, kept whole: the one type of 2.x whose unknown properties are welcome."""

    @classmethod
    def from_json(cls, value: object) -> "CustomData":
        """Raises ValueError when the only demands of the schema, a textual ``vendorId``, are not met."""
        if not isinstance(value, dict):
            raise ValueError("Expected `object`")  # noqa: TRY004 - msgspec turns a ValueError into a path
        vendor = value.get("vendorId")
        if not isinstance(vendor, str) or len(vendor) > _VENDOR_ID_LENGTH:
            raise ValueError("Object needs a `vendorId` of at most 255 characters")
        return cls(value)


def decode_hook(expected: type, value: object) -> object:
    """What msgspec does not know by itself: CustomData."""
    if expected is CustomData:
        return CustomData.from_json(value)
    raise NotImplementedError(expected)


def require_tenths(field: str, value: float | Unset) -> None:
    """1.6 allows charging limits in steps of 0.1 only. Exact in decimal: 21.4 passes, 21.400000001 does not."""
    if isinstance(value, Unset):
        return
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -1:
        raise ValueError(f"`{field}` must be a multiple of 0.1")
