"""Tariffs as JSON: OCPI 2.2.1 and 2.3.0 both ways, and our own complete form for storage and screens.

Unknown fields are ignored, as OCPI 2.3.0 demands. Numbers keep every digit that was written: no float in between.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from gridlane.tariffs.tariff import (
    DisplayText,
    PriceComponent,
    Tariff,
    TariffElement,
    TariffInvalid,
    TaxIncluded,
    checked,
)


class OcpiVersion(StrEnum):
    V2_2_1 = "2.2.1"
    V2_3_0 = "2.3.0"


def from_ocpi(text: bytes | str, version: OcpiVersion = OcpiVersion.V2_3_0) -> Tariff:
    """The tariff that a partner's JSON means. Raises TariffInvalid with the path of each wrong field."""
    raw = _object(text)
    if version is OcpiVersion.V2_2_1:
        raw = _renamed_limits(raw, _LIMIT_NAMES_2_3_0) | {"tax_included": TaxIncluded.NO.value}
    return checked(_without_ours(_converted(raw)))


def to_ocpi(tariff: Tariff, version: OcpiVersion = OcpiVersion.V2_3_0) -> bytes:
    """JSON for a partner. What only Gridlane knows is left out; an idle grace is told in words.

    OCPI 2.2.1 knows no prices with taxes inside: there they become prices before taxes, to a millionth.
    """
    told = _without_ours(_with_grace_in_words(tariff))
    if version is OcpiVersion.V2_2_1:
        return _ENCODER.encode(_renamed_limits(_builtins(_before_taxes(told)), _LIMIT_NAMES_2_2_1))
    return _ENCODER.encode(_builtins(told) | {"tax_included": told.tax_included.value})


def to_json(tariff: Tariff) -> bytes:
    """Everything, spot schedules and all: the form in which a version is stored and frozen into a session."""
    return _ENCODER.encode(tariff)


def from_json(text: bytes | str) -> Tariff:
    """The inverse of ``to_json``, and what the console sends. Raises TariffInvalid."""
    return checked(_converted(_object(text)))


_ENCODER = msgspec.json.Encoder(decimal_format="number")
_LIMIT_NAMES_2_3_0 = {"excl_vat": "before_taxes", "incl_vat": "after_taxes"}
_LIMIT_NAMES_2_2_1 = {new: old for old, new in _LIMIT_NAMES_2_3_0.items()}
_MILLIONTH = Decimal("0.000001")


def _object(text: bytes | str) -> dict[str, Any]:
    try:
        raw = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except ValueError as error:
        raise TariffInvalid(problems={"": f"this is no JSON: {error}"}) from None
    if not isinstance(raw, dict):
        raise TariffInvalid(problems={"": "give one JSON object"})
    return raw


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _converted(raw: dict[str, Any]) -> Tariff:
    try:
        tariff = msgspec.convert(raw, Tariff)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$.")
        raise TariffInvalid(problems={path.rstrip("`"): sentence}) from None
    return msgspec.structs.replace(
        tariff,
        last_updated=_as_utc(tariff.last_updated),
        start_date_time=tariff.start_date_time and _as_utc(tariff.start_date_time),
        end_date_time=tariff.end_date_time and _as_utc(tariff.end_date_time),
    )


def _as_utc(at: datetime) -> datetime:
    """OCPI lets partners leave the time zone out; all its instants are UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _renamed_limits(raw: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {
        key: {names.get(field, field): amount for field, amount in value.items()}
        if key in ("min_price", "max_price") and isinstance(value, dict)
        else value
        for key, value in raw.items()
    }


def _builtins(tariff: Tariff) -> dict[str, Any]:
    raw: dict[str, Any] = msgspec.to_builtins(tariff, builtin_types=(Decimal, datetime))
    for element in raw["elements"]:
        for component in element["price_components"]:
            component.setdefault("step_size", 1)
    raw.pop("tax_included", None)
    return raw


def _without_ours(tariff: Tariff) -> Tariff:
    return msgspec.structs.replace(
        tariff,
        idle_grace=0,
        elements=tuple(
            TariffElement(
                price_components=tuple(
                    msgspec.structs.replace(component, spot=None, schedule=())
                    for component in element.price_components
                ),
                restrictions=element.restrictions,
            )
            for element in tariff.elements
        ),
    )


def _with_grace_in_words(tariff: Tariff) -> Tariff:
    if not tariff.idle_grace:
        return tariff
    minutes = f"{tariff.idle_grace / 60:g}"
    told = DisplayText(language="en", text=f"The first {minutes} minutes of parking after charging are free.")
    return msgspec.structs.replace(tariff, tariff_alt_text=(*tariff.tariff_alt_text, told))


def _before_taxes(tariff: Tariff) -> Tariff:
    if tariff.tax_included is not TaxIncluded.YES:
        return tariff
    elements = tuple(
        msgspec.structs.replace(element, price_components=tuple(map(_net, element.price_components)))
        for element in tariff.elements
    )
    return msgspec.structs.replace(tariff, elements=elements, tax_included=TaxIncluded.NO)


def _net(component: PriceComponent) -> PriceComponent:
    price = component.price * 100 / (100 + (component.vat or 0))
    return msgspec.structs.replace(component, price=price.quantize(_MILLIONTH).normalize())
