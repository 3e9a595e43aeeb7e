"""What stations can do with charging profiles, from what they told of themselves; the usual where they told nothing."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.energy.profiles import Capability, Unit
from gridlane.energy.trees import Wired
from gridlane.stations.device_model import station_variables

# The same ability in the words of OCPP 1.6 (a configuration key) and of 2.x (a variable of SmartChargingCtrlr).
UNITS = ("ChargingScheduleAllowedChargingRateUnit", "RateUnit")
LEVELS = ("ChargeProfileMaxStackLevel", "ProfileStackLevel")
PERIODS = ("ChargingScheduleMaxPeriods", "PeriodsPerSchedule")
SWITCHES = ("ConnectorSwitch3to1PhaseSupported", "Phases3to1")
DYNAMIC = "SupportsDynamicProfiles"  # 2.1
FEATURES = "SupportedFeatureProfiles"  # 1.6
AVAILABLE = ("Available", "Enabled")  # 2.x
CONTROLLER = "SmartChargingCtrlr"

_WORDS: dict[str, Unit] = {"a": "A", "current": "A", "w": "W", "power": "W"}


async def capabilities(work: AsyncConnection, wired: Wired) -> dict[str, Capability]:
    """By station id, as text; stations that told nothing of it are left out."""
    names = (*UNITS, *LEVELS, *PERIODS, *SWITCHES, DYNAMIC, FEATURES, *AVAILABLE)
    query = sa.select(
        station_variables.c.station_id, station_variables.c.variable, station_variables.c.value
    ).where(
        station_variables.c.station_id.in_({each.station_id for each in wired.places.values()}),
        station_variables.c.component.in_(("", CONTROLLER)),
        station_variables.c.variable.in_(names),
        station_variables.c.attribute == "Actual",
        station_variables.c.value.is_not(None),
    )
    told: dict[str, dict[str, str]] = {}
    for row in await work.execute(query):
        told.setdefault(str(row.station_id), {})[row.variable] = row.value
    return {station: capability_of(values) for station, values in told.items()}


def capability_of(told: Mapping[str, str]) -> Capability:
    """From the values of its variables. What cannot be read counts as not told."""
    usual = Capability()
    units = {_WORDS.get(word.strip().lower()) for word in _first(told, UNITS, "").split(",")}
    features = told.get(FEATURES)
    return Capability(
        supported=(features is None or "smartcharging" in features.lower())
        and all(told.get(name, "true").lower() != "false" for name in AVAILABLE),
        units=frozenset(unit for unit in units if unit is not None) or usual.units,
        max_stack_level=_number(told, LEVELS, usual.max_stack_level),
        max_periods=_number(told, PERIODS, usual.max_periods),
        dynamic=told.get(DYNAMIC, "false").lower() == "true",
        switches_phases=_first(told, SWITCHES, "false").lower() == "true",
    )


def _first(told: Mapping[str, str], names: tuple[str, str], otherwise: str) -> str:
    return next((told[name] for name in names if name in told), otherwise)


def _number(told: Mapping[str, str], names: tuple[str, str], otherwise: int) -> int:
    value = _first(told, names, "")
    return int(value) if value.isdecimal() else otherwise
