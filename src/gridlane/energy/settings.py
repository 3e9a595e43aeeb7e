"""What an operator sets for a site: the policy, the sources of signals, and what power is worth."""

from enum import StrEnum
from typing import Any

import msgspec

from gridlane.energy.plan import Mode


class Policy(StrEnum):
    """How an operator shares power where drivers say nothing else."""

    EQUAL = "equal"  # everybody rises together
    FIRST_COME = "first_come"  # who came first is served first, the others keep the minimum
    COST = "cost"  # by departure, in the cheapest hours
    GREEN = "green"  # by departure, in the greenest hours


MODE_OF: dict[Policy, Mode] = {
    Policy.EQUAL: Mode.NOW,
    Policy.FIRST_COME: Mode.NOW,
    Policy.COST: Mode.CHEAPEST,
    Policy.GREEN: Mode.GREENEST,
}
"""The mode of a driver who has said nothing."""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source of signals by its kind (``signals.ports.SOURCES``) and its settings; ``circuit`` where it is of one."""

    kind: str
    circuit: str | None = None
    settings: dict[str, Any] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``price_feed`` is a feed of spot prices (``tariffs``), used where ``price`` names no source of its own.

    ``flat_price`` per kWh holds where no price is known; ``peak_price`` is per kW of the month's highest quarter-hour.
    """

    policy: Policy = Policy.EQUAL
    price_feed: str | None = None
    price: Source | None = None
    co2: Source | None = None
    sun: Source | None = None
    meters: tuple[Source, ...] = ()
    dimming: Source | None = None
    flat_price: float = 0.30
    peak_price: float = 0.0
    co2_price: float = 0.0
    unmet_price: float = 1.0
    export_power: float = 0.0


_SECRET = ("password", "client_secret")
_HIDDEN = "(kept)"


def shown(settings: Settings) -> dict[str, Any]:
    """Without the secrets of sources."""
    told: dict[str, Any] = msgspec.to_builtins(settings)
    of_it = [*(told[name] for name in ("price", "co2", "sun", "dimming") if told[name]), *told["meters"]]
    for each in of_it:
        each["settings"] = {
            name: _HIDDEN if name in _SECRET else value for name, value in each["settings"].items()
        }
    return told


def keeping_secrets(before: Settings, changes: dict[str, Any]) -> dict[str, Any]:
    """What is sent back as it was shown keeps its secret."""
    kept = {each.kind: each.settings for each in sources(before)}
    for each in [
        *(changes.get(name) for name in ("price", "co2", "sun", "dimming")),
        *(changes.get("meters") or ()),
    ]:
        if each:
            each["settings"] = {
                name: kept.get(each["kind"], {}).get(name) if value == _HIDDEN else value
                for name, value in each.get("settings", {}).items()
            }
    return changes


def sources(settings: Settings) -> list[Source]:
    """Every source that is set."""
    one_each = (settings.price, settings.co2, settings.sun, settings.dimming)
    return [*(each for each in one_each if each is not None), *settings.meters]
