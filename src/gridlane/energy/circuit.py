"""The circuits of a site as a tree, from the grid connection down to each EVSE, with what each may carry.

Every circuit may be limited in amperes per phase and in watts over its phases. An EVSE hangs on a circuit and takes
current from the phases its wiring and the vehicle really use. All currents are AC at the EVSE's supply side; a DC
converter is counted with what it takes from the grid.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from math import isfinite, sqrt
from zoneinfo import ZoneInfo

from gridlane.kernel.errors import InputInvalid
from gridlane.kernel.quantities import PHASES, Amperes, Volts, Watts

EVERY_DAY = frozenset(range(7))


class CircuitKind(StrEnum):
    CONNECTION = "connection"
    TRANSFORMER = "transformer"
    PANEL = "panel"
    FEEDER = "feeder"
    STATION = "station"


class Rotation(StrEnum):
    """Which supply phases stand at a station's terminals L1, L2, L3 (OCPP: ConnectorPhaseRotation, PhaseRotation)."""

    RST = "RST"
    RTS = "RTS"
    SRT = "SRT"
    STR = "STR"
    TRS = "TRS"
    TSR = "TSR"
    UNKNOWN = "Unknown"


class Wiring(StrEnum):
    PHASE_TO_NEUTRAL = "phase_to_neutral"
    LINE_TO_LINE = "line_to_line"  # one-phase EVSEs between two phases, as in North America


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A lower limit that holds at some hours of the site's local day; past midnight when ``until`` <= ``since``."""

    since: time
    until: time
    weekdays: frozenset[int] = EVERY_DAY  # 0 = Monday, of the day on which the window opens
    current: Amperes | None = None
    power: Watts | None = None

    def is_open(self, local: datetime) -> bool:
        clock, today = local.time(), local.weekday()
        if self.since < self.until:
            return today in self.weekdays and self.since <= clock < self.until
        opened_today = today in self.weekdays and clock >= self.since
        opened_yesterday = (today - 1) % 7 in self.weekdays and clock < self.until
        return opened_today or opened_yesterday

    def opens_within(self, begin: datetime, end: datetime) -> bool:
        """Whether it is open at some instant from ``begin`` to ``end`` (both local)."""
        if self.is_open(begin):
            return True
        days = (end.date() - begin.date()).days
        openings = (
            begin.replace(
                hour=self.since.hour, minute=self.since.minute, second=self.since.second, microsecond=0
            )
            + timedelta(days=day)
            for day in range(days + 1)
        )
        return any(begin < at <= end and self.is_open(at) for at in openings)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherLoad:
    """What else draws from a circuit, in amperes of each phase.

    ``most`` is what the operator declares as possible: it counts whenever no fresh measurement stands. ``rise`` is how
    much a measured load may grow before the next measurement answers. ``least`` is what surely draws, and so may take
    up discharged energy.
    """

    most: Amperes
    rise: Amperes = Amperes(0.0)
    least: Amperes = Amperes(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """One node of the tree. ``current`` limits each phase, ``power`` the sum over phases; None is not limited here.

    ``reserve`` is the share of both that is left free, so that a station which disobeys is covered until its
    measurement shows it. ``export_current`` and ``export_power`` limit the other direction; None takes the import's
    limit. A grid connection that may not feed in has an ``export_power`` of 0.
    """

    id: str
    kind: CircuitKind
    parent: str | None = None
    current: Amperes | None = None
    power: Watts | None = None
    export_current: Amperes | None = None
    export_power: Watts | None = None
    reserve: float = 0.0
    windows: tuple[Window, ...] = ()
    other_load: OtherLoad | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """A DC converter: ``power`` at the vehicle's side, ``efficiency`` from the grid to there."""

    power: Watts
    efficiency: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evse:
    """A leaf of the tree.

    ``rating`` is the most it can draw on a phase, whatever it is told. ``minimum`` is the least it charges with
    (IEC 61851-1: 6 A); below is only 0. ``fallback`` is the standing limit it keeps without us; None where none could
    be installed, and then it counts at its rating.
    """

    id: str
    circuit: str
    rating: Amperes
    phases: int = 3
    minimum: Amperes = Amperes(6.0)
    fallback: Amperes | None = Amperes(0.0)
    rotation: Rotation = Rotation.RST
    wiring: Wiring = Wiring.PHASE_TO_NEUTRAL
    converter: Converter | None = None
    may_discharge: bool = False

    @property
    def assured(self) -> Amperes:
        """What it may draw when all contact is lost."""
        return self.rating if self.fallback is None else min(self.fallback, self.rating)


@dataclass(frozen=True, slots=True)
class Draw:
    """How one ampere at an EVSE weighs on the circuits above it: on which phases, and in watts."""

    phases: tuple[bool, bool, bool]
    watts_per_ampere: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A whole tree, checked. ``voltage`` is phase to neutral.

    Raises InputInvalid naming each circuit or EVSE that cannot be right.
    """

    circuits: tuple[Circuit, ...]
    evses: tuple[Evse, ...]
    voltage: Volts = Volts(230.0)
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        problems = dict(_problems(self))
        if problems:
            raise InputInvalid(problems=problems)

    def local(self, now: datetime) -> datetime:
        return now.astimezone(ZoneInfo(self.time_zone))

    def draw(self, evse: Evse, vehicle_phases: int | None = None) -> Draw:
        """The weight of a vehicle that uses ``vehicle_phases`` phases; None, when not known, counts the worst."""
        used = evse.phases if vehicle_phases is None else min(vehicle_phases, evse.phases)
        if evse.wiring is Wiring.LINE_TO_LINE and used == 1:
            return Draw(_between_lines(evse.rotation), self.voltage * sqrt(3))
        return Draw(_on_phases(evse.rotation, used), self.voltage * used)

    def chain(self, circuit: str) -> Iterator[Circuit]:
        """The circuit and all above it, nearest first."""
        by_id = {each.id: each for each in self.circuits}
        at: str | None = circuit
        while at is not None:
            yield by_id[at]
            at = by_id[at].parent


def _on_phases(rotation: Rotation, used: int) -> tuple[bool, bool, bool]:
    if rotation is Rotation.UNKNOWN:
        return (True, True, True)
    live = rotation.value[:used]
    return ("R" in live, "S" in live, "T" in live)


def _between_lines(rotation: Rotation) -> tuple[bool, bool, bool]:
    # The two line currents' magnitudes never exceed the sum of the EVSEs' currents, so counting it in full is safe.
    return _on_phases(rotation, 2)


def _problems(site: Site) -> Iterator[tuple[str, str]]:
    ids = [each.id for each in site.circuits]
    known = set(ids)
    yield from _doubles("circuits", ids)
    yield from _doubles("evses", [each.id for each in site.evses])
    roots = [each for each in site.circuits if each.parent is None]
    if len(roots) != 1:
        yield "circuits", f"exactly one circuit has no parent; here {len(roots)} have none"
    for circuit in site.circuits:
        yield from _circuit_problems(circuit, known)
    yield from _loops(site.circuits)
    for evse in site.evses:
        yield from _evse_problems(evse, known)
    if not _positive(site.voltage):
        yield "voltage", f"must be above 0 V, is {site.voltage}"


def _circuit_problems(circuit: Circuit, known: set[str]) -> Iterator[tuple[str, str]]:
    at = f"circuits.{circuit.id}"
    if circuit.parent is not None and circuit.parent not in known:
        yield f"{at}.parent", f"there is no circuit {circuit.parent}"
    if circuit.parent is None and circuit.current is None and circuit.power is None:
        yield f"{at}.current", "the circuit at the top needs a limit in A or in W"
    yield from _limit_problems(circuit, at)
    if not 0 <= circuit.reserve < 1:
        yield f"{at}.reserve", f"is a share from 0 up to below 1, is {circuit.reserve}"
    load = circuit.other_load
    if load is not None and not (0 <= load.least <= load.most and load.rise >= 0):
        yield f"{at}.other_load", "must satisfy 0 <= least <= most and rise >= 0"


def _limit_problems(circuit: Circuit, at: str) -> Iterator[tuple[str, str]]:
    for name in ("current", "power"):
        value = getattr(circuit, name)
        if value is not None and not _positive(value):
            yield f"{at}.{name}", f"must be above 0, is {value}"
    for name in ("export_current", "export_power"):
        value = getattr(circuit, name)
        if value is not None and not (isfinite(value) and value >= 0):
            yield f"{at}.{name}", f"must be 0 or above, is {value}"
    for index, window in enumerate(circuit.windows):
        if any(limit is not None and limit < 0 for limit in (window.current, window.power)):
            yield f"{at}.windows.{index}", "limits must be 0 or above"


def _evse_problems(evse: Evse, known: set[str]) -> Iterator[tuple[str, str]]:
    at = f"evses.{evse.id}"
    if evse.circuit not in known:
        yield f"{at}.circuit", f"there is no circuit {evse.circuit}"
    if evse.phases not in PHASES:
        yield f"{at}.phases", f"must be 1, 2 or 3, is {evse.phases}"
    if not _positive(evse.rating):
        yield f"{at}.rating", f"must be above 0 A, is {evse.rating}"
    if not 0 <= evse.minimum <= evse.rating:
        yield f"{at}.minimum", f"must lie between 0 A and the rating, is {evse.minimum}"
    if evse.fallback is not None and not 0 <= evse.fallback <= evse.rating:
        yield f"{at}.fallback", f"must lie between 0 A and the rating, is {evse.fallback}"
    if evse.converter and not (_positive(evse.converter.power) and 0 < evse.converter.efficiency <= 1):
        yield f"{at}.converter", "needs a power above 0 W and an efficiency above 0 and up to 1"


def _doubles(where: str, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            yield f"{where}.{each}", "is there twice"
        seen.add(each)


def _loops(circuits: Iterable[Circuit]) -> Iterator[tuple[str, str]]:
    parents: Mapping[str, str | None] = {each.id: each.parent for each in circuits}
    for start in parents:
        at, steps = parents[start], 0
        while at is not None and at in parents and steps <= len(parents):
            at, steps = parents[at], steps + 1
        if steps > len(parents):
            yield f"circuits.{start}.parent", "leads in a circle"


def _positive(value: float) -> bool:
    return isfinite(value) and value > 0
