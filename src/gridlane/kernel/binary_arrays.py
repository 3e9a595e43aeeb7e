"""Columns of rows as PostgreSQL arrays in binary format: what ``unnest`` makes rows of again.

An array is its header (dimensions, whether nulls may come, the element's type, length, lower bound) and its elements,
each with its length before it, -1 for null (``array_recv`` and the ``*_recv`` of the element's type).
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg


class Element(NamedTuple):
    """A type of element: PostgreSQL's number of it, and how a column of values becomes the elements' bytes."""

    oid: int
    encode: Callable[[Sequence[Any]], Iterable[bytes]]


_NULL: Final = b"\xff\xff\xff\xff"
_HEADER: Final = struct.Struct("!iIIii")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_INT8: Final = struct.Struct("!iq").pack


def _fixed(format_: str) -> Callable[[Sequence[Any]], Iterable[bytes]]:
    """Numbers of one width; columns that are null throughout are frequent among them."""
    pack, width = struct.Struct("!i" + format_).pack, struct.calcsize("!" + format_)

    def encode(values: Sequence[Any]) -> Iterable[bytes]:
        if values.count(None) == len(values):
            return (_NULL * len(values),)
        return [_NULL if value is None else pack(width, value) for value in values]

    return encode


def _uuids(values: Sequence[Any]) -> Iterable[bytes]:
    return [_NULL if value is None else b"\0\0\0\x10" + value.bytes for value in values]


def _instants(values: Sequence[Any]) -> Iterable[bytes]:
    return [_NULL if value is None else _INT8(8, (value - _EPOCH) // _MICROSECOND) for value in values]


def _texts(values: Sequence[Any]) -> Iterable[bytes]:
    return _counted([None if value is None else value.encode() for value in values])


def _counted(values: Sequence[bytes | None]) -> Iterable[bytes]:
    return [_NULL if value is None else len(value).to_bytes(4) + value for value in values]


ELEMENTS: Final[dict[str, Element]] = {
    "bool": Element(16, _fixed("?")),
    "bytea": Element(17, _counted),
    "int8": Element(20, _fixed("q")),
    "int2": Element(21, _fixed("h")),
    "int4": Element(23, _fixed("i")),
    "text": Element(25, _texts),
    "float4": Element(700, _fixed("f")),
    "float8": Element(701, _fixed("d")),
    "timestamptz": Element(1184, _instants),
    "uuid": Element(2950, _uuids),
}


def array(element_type: str, values: Sequence[Any]) -> bytes:
    """One array of a type of ``ELEMENTS``. Raises psycopg.DataError where a value is none of it."""
    element = ELEMENTS[element_type]
    try:
        elements = element.encode(values)
    except (struct.error, ValueError, TypeError, AttributeError, OverflowError) as problem:
        raise psycopg.DataError(f"a value is no {element_type}: {problem}") from problem
    return b"".join((_HEADER.pack(1, 1, element.oid, len(values), 1), *elements))


def columns(types: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[bytes]:
    """One array for each column of ``rows``."""
    return [array(type_, values) for type_, values in zip(types, zip(*rows, strict=True), strict=True)]
