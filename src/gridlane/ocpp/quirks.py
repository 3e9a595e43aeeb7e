"""What one make of station gets wrong, as data: one file in ``stations.d/`` a make, matched by vendor and model.

A new station with an oddity is a new file, no code. ``docs/ocpp-quirks.md`` lists them all; ``Rule`` says what a file
may ask for. An installation may keep a folder of its own in the same form (``own_station_files``), whose rules come after ours.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import available_timezones

import msgspec
from msgspec import Struct

RuleName = Literal[
    "truncate",
    "map",
    "drop",
    "ignore_unknown",
    "fill",
    "number_as_text",
    "text_as_number",
    "boolean_words",
    "null_is_absent",
    "list_of_one",
    "empty_list_is_object",
    "leave_out_bad_items",
    "local_time",
]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"actions": "in"}):
    """One thing to mend, where and how.

    ``in`` names actions (``MeterValues``), or ``GetConfiguration.response`` for a station's answer. ``fields`` are the
    last steps of a path without list positions (``value``, ``sampledValue.value``); empty means any. ``values`` is a
    map's table, a fill's value by field, or what a drop is limited to. Rules act on what the schema refuses; with
    ``always``, map and drop also act on what it would accept.
    """

    rule: RuleName
    actions: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    values: dict[str, Any] = {}
    only: tuple[Any, ...] = ()
    zone: str = "UTC"
    always: bool = False

    def concerns(self, message: str, path: str) -> bool:
        """``message`` is the action, or ``<action>.response``; ``path`` is dotted, without list positions."""
        if self.actions and message not in self.actions:
            return False
        return not self.fields or any(path == name or path.endswith(f".{name}") for name in self.fields)


class TextRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mends a frame that is no JSON at all, before it is read again: plain text for plain text."""

    find: str
    put: str


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shell patterns (``EVlink*``), compared without regard to case. What is not given matches everything."""

    vendor: str = "*"
    model: str = "*"
    firmware: str = "*"

    def fits(self, vendor: str, model: str, firmware: str) -> bool:
        pairs = ((self.vendor, vendor), (self.model, model), (self.firmware, firmware))
        return all(fnmatchcase(said.casefold().strip(), wanted.casefold()) for wanted, said in pairs)


class StationFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of ``stations.d/``. ``seen`` is where the oddity was reported; ``examples`` are frames of that report
    which are refused without the file and accepted with it (a test tries each); an answer carries its action too.
    """

    station: str
    match: tuple[Match, ...]
    why: str
    seen: tuple[str, ...]
    examples: tuple[str, ...]
    mend: tuple[Rule, ...] = ()
    text: tuple[TextRule, ...] = ()


class Quirks(Struct, frozen=True):
    """All that is known of one station's oddities; ``always`` names the messages that are mended before any check.

    ``own_files`` are those of the installation, asked again when the station boots.
    """

    own_files: tuple[StationFile, ...] = ()
    stations: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    texts: tuple[TextRule, ...] = ()
    always: frozenset[str] = frozenset()


NO_QUIRKS: Final = Quirks()


class StationFileInvalid(ValueError):
    """A file of ``stations.d/`` cannot be read: says which, which field and why."""


def quirks_for(
    vendor: str, model: str, firmware: str = "", own_files: tuple[StationFile, ...] = ()
) -> Quirks:
    """What is known of a station that calls itself so. NO_QUIRKS for nearly all."""
    fitting = [
        file
        for file in (*station_files(), *own_files)
        if any(match.fits(vendor, model, firmware) for match in file.match)
    ]
    return quirks_in(fitting, own_files) if fitting or own_files else NO_QUIRKS


def quirks_of_boot(boot: Any, own_files: tuple[StationFile, ...] = ()) -> Quirks:
    """As quirks_for, from the payload of a BootNotification of any version, be it right or wrong."""
    if not isinstance(boot, dict):
        return NO_QUIRKS
    station = boot.get("chargingStation")
    if isinstance(station, dict):
        said = [station.get(name) for name in ("vendorName", "model", "firmwareVersion")]
    else:
        said = [boot.get(name) for name in ("chargePointVendor", "chargePointModel", "firmwareVersion")]
    vendor, model, firmware = (text if isinstance(text, str) else "" for text in said)
    return quirks_for(vendor, model, firmware, own_files)


def quirks_in(files: Iterable[StationFile], own_files: tuple[StationFile, ...] = ()) -> Quirks:
    files = tuple(files)
    rules = tuple(rule for file in files for rule in file.mend)
    return Quirks(
        own_files=own_files,
        stations=tuple(file.station for file in files),
        rules=rules,
        texts=tuple(text for file in files for text in file.text),
        always=frozenset(action for rule in rules if rule.always for action in rule.actions),
    )


@cache
def station_files() -> tuple[StationFile, ...]:
    """Every file of ``stations.d/``, by name. A gateway asks once at its start, so that no boot waits for it."""
    ours = resources.files("gridlane.ocpp") / "stations.d"
    found = sorted((entry for entry in ours.iterdir() if entry.name.endswith(".yaml")), key=lambda e: e.name)
    return tuple(read_station_file(entry.name, entry.read_bytes()) for entry in found)


def own_station_files(folder: Path) -> tuple[StationFile, ...]:
    """The files of an installation's folder, by name. Raises StationFileInvalid."""
    return tuple(read_station_file(entry.name, entry.read_bytes()) for entry in sorted(folder.glob("*.yaml")))


def read_station_file(name: str, content: bytes) -> StationFile:
    """Raises StationFileInvalid."""
    try:
        file = msgspec.yaml.decode(content, type=StationFile)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StationFileInvalid(f"{name}: {error}") from None
    for rule in file.mend:
        if rule.always and (rule.rule not in {"map", "drop"} or not rule.actions or not rule.fields):
            raise StationFileInvalid(f"{name}: `always` needs rule map or drop, and `in` and `fields`")
        if rule.zone not in available_timezones():
            raise StationFileInvalid(f"{name}: there is no time zone {rule.zone!r}")
    return file
