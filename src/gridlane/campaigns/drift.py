"""Where a station's configuration differs from its template. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import msgspec


class Place(NamedTuple):
    """Of a variable of the device model; over 1.6 ``component`` is empty and ``variable`` the configuration key."""

    component: str
    variable: str
    component_instance: str = ""
    variable_instance: str = ""
    evse: int = 0


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A variable and the value it shall have."""

    component: str = ""
    variable: str
    value: str
    component_instance: str = ""
    variable_instance: str = ""
    evse: int = 0

    @property
    def place(self) -> Place:
        return Place(
            self.component, self.variable, self.component_instance, self.variable_instance, self.evse
        )


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """``found`` None: the station never told it."""

    setting: Setting
    found: str | None


def drift(settings: Iterable[Setting], told: Mapping[Place, str | None]) -> list[Difference]:
    """The settings that a station does not have, in the template's order."""
    return [
        Difference(setting=setting, found=found)
        for setting in settings
        if not same(setting.value, found := told.get(setting.place))
    ]


def same(wanted: str, found: str | None) -> bool:
    """Whether a station means the same: ``true`` is ``True``, ``60`` is ``60.0``, and a list has no order."""
    if found is None:
        return False
    return _plain(wanted) == _plain(found)


def _plain(value: str) -> object:
    parts = [part.strip() for part in value.split(",")]
    if len(parts) > 1:
        return sorted(map(_one, parts))
    return _one(value.strip())


def _one(value: str) -> str:
    try:
        return (
            str(Decimal(value).normalize()) if value[:1].isdigit() or value[:1] in "+-." else value.casefold()
        )
    except InvalidOperation:
        return value.casefold()
