"""One look at a site as a whole: attend to what was observed, take a turn, and say what is to be sent. Pure.

``energy.control`` gives it what it observed and stores what comes out before it sends anything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from gridlane.energy import worst_case
from gridlane.energy.allocation import Share, Tree
from gridlane.energy.attending import attend
from gridlane.energy.capacity import Conditions, Headroom, LoadReading
from gridlane.energy.memory import Memory, Purpose
from gridlane.energy.observing import Contact, Observed, Running
from gridlane.energy.pacing import Pace
from gridlane.energy.plan import Mode, Plan
from gridlane.energy.profiles import STATION_MAXIMUM, Capability, fallback, profile_id, question
from gridlane.energy.profiles import Place as Numbered
from gridlane.energy.settings import MODE_OF, Policy
from gridlane.energy.trees import Wired
from gridlane.energy.turn import State, Vehicle, take_turn
from gridlane.energy.worst_case import DEFAULT_TIMING, Escalation, Limit, Timing, escalation
from gridlane.kernel.quantities import Amperes
from gridlane.stations.commands import ClearProfile, Command, GetCompositeSchedule, SetProfile, StopCharging

FALLBACK_AGAIN = timedelta(minutes=5)
FIRST = -1  # the tier of who asked for priority
VERIFY_EVERY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often things are asked and written; tests let time run faster. ``lease``: how long a site stays with a worker
    that is heard of no more.
    """

    timing: Timing = DEFAULT_TIMING
    pace: Pace = field(default_factory=Pace)
    ask_fallback_every: timedelta = timedelta(seconds=10)
    verify_every: timedelta = VERIFY_EVERY
    lease: timedelta = timedelta(seconds=12)


class Send(NamedTuple):
    """A command for the station of an EVSE, and what it is for."""

    evse: str
    purpose: Purpose
    command: Command
    number: int = 0
    current: Amperes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Steered:
    """What is to be stored (``memories``) and then sent; and what screens are told."""

    memories: dict[str, Memory]
    sends: tuple[Send, ...]
    shares: Mapping[str, Share]
    room: Mapping[str, Headroom]
    conditions: Conditions


def steer(
    wired: Wired,
    tree: Tree,
    memories: Mapping[str, Memory],
    capabilities: Mapping[str, Capability],
    seen: Observed,
    plan: Plan | None,
    rhythm: Rhythm,
) -> Steered:
    """``capabilities`` by station id, as text; a station without an entry is taken to know amperes."""
    now = seen.at
    places = _places(wired, capabilities, seen.contacts)
    attended = attend(wired, memories, places, seen, rhythm.timing)
    vehicles = {evse: _vehicle(wired, attended[evse], each) for evse, each in seen.running.items()}
    state = State(
        standings={evse: each.standing for evse, each in attended.items()},
        vehicles=vehicles,
        places=places,
        allowances={evse: each.allowance for evse, each in attended.items() if each.allowance},
        asked_at={evse: each.asked_at for evse, each in attended.items() if each.asked_at},
        pressed={evse: each.pressed for evse, each in attended.items() if each.pressed},
        plan=plan,
        number=max((each.number for each in attended.values()), default=0),
    )
    conditions = without_charging(wired, attended, seen, rhythm.timing)
    turned = take_turn(tree, state, conditions, now, rhythm.pace, rhythm.timing)
    sends = [
        _send(evse, command, turned.promised.get(evse) or attended[evse].standing.latest)
        for evse, command in turned.commands
    ]
    sends += [
        Send(evse, Purpose.STOP, StopCharging(transaction=each.transaction))
        for evse, each in vehicles.items()
        if each.transaction in turned.stop and not attended[evse].under_way(Purpose.STOP)
    ]
    sends += _commission(wired, places, attended, now, rhythm)
    sends += _raise_maxima(places, attended, now, rhythm.timing)
    asking = {each.evse for each in sends if each.purpose is Purpose.QUESTION}
    sends += _verify(places, attended, vehicles, asking, now, rhythm)
    remembered = {}
    for evse, memory in attended.items():
        limit, share = turned.promised.get(evse), turned.shares.get(evse)
        remembered[evse] = _charging(
            replace(
                memory,
                standing=turned.state.standings[evse],
                allowance=turned.state.allowances.get(evse),
                asked_at=turned.state.asked_at.get(evse),
                pressed=turned.state.pressed.get(evse),
                number=memory.number if limit is None else limit.number,
            ),
            share,
            now,
        )
    for each in sends:
        if each.purpose is Purpose.FALLBACK:
            remembered[each.evse] = replace(remembered[each.evse], fallback_tried_at=now, fallback_taken=None)
        elif each.purpose is Purpose.QUESTION:
            remembered[each.evse] = replace(remembered[each.evse], asked_at=now)
        elif each.purpose is Purpose.MAXIMUM:
            lowered = isinstance(each.command, SetProfile)
            remembered[each.evse] = replace(remembered[each.evse], maximum_lowered=lowered)
    return Steered(
        memories=remembered,
        sends=tuple(sends),
        shares=turned.shares,
        room=turned.room,
        conditions=conditions,
    )


def without_charging(
    wired: Wired, memories: Mapping[str, Memory], seen: Observed, timing: Timing = DEFAULT_TIMING
) -> Conditions:
    """What holds, with the readings of meters that measure the charging too lessened by what surely is charging.

    Only what was measured just now on phases that are known is taken off: the rest counts twice, which is safe.
    """
    readings = dict(seen.conditions.readings)
    for circuit in wired.includes_charging & set(readings):
        taken = [0.0, 0.0, 0.0]
        for evse in wired.site.evses:
            standing, phases = memories[evse.id].standing, memories[evse.id].phases
            below = circuit in {each.id for each in wired.site.chain(evse.circuit)}
            draws = worst_case.draws_now(standing, evse, seen.at, timing)
            if not below or phases is None or draws is None or standing.drew_at is None:
                continue
            if abs(seen.at - standing.drew_at) <= seen.conditions.fresh_for:
                uses = wired.site.draw(evse, phases).phases
                taken = [sum_ + draws * used for sum_, used in zip(taken, uses, strict=True)]
        measured = readings[circuit]
        first, second, third = (
            Amperes(max(0.0, all_ - charging)) for all_, charging in zip(measured.phases, taken, strict=True)
        )
        readings[circuit] = LoadReading(measured.at, (first, second, third))
    return replaced(seen.conditions, readings=readings)


def mode_of(wired: Wired, running: Running) -> Mode:
    """How it charges: who goes first does so now, whatever was wished before."""
    return Mode.NOW if running.goes_first else running.mode or MODE_OF[wired.settings.policy]


def _places(
    wired: Wired, capabilities: Mapping[str, Capability], contacts: Mapping[UUID, Contact]
) -> dict[str, Numbered]:
    by_id = {each.id: each for each in wired.site.evses}
    found = {}
    for evse, place in wired.places.items():
        capability = capabilities.get(str(place.station_id), Capability())
        if capability.supported and place.station_id in contacts:
            found[evse] = Numbered(evse=by_id[evse], number=place.number, capability=capability)
    return found


def _vehicle(wired: Wired, memory: Memory, running: Running) -> Vehicle:
    return Vehicle(
        evse=memory.standing.evse,
        transaction=running.transaction,
        charging=memory.charging,
        since=memory.since or running.started_at,
        phases=memory.phases,
        tier=_tier(wired, running),
        appetite=memory.appetite,
    )


def _tier(wired: Wired, running: Running) -> int:
    """Who goes first; else who came first, by the second, where that is the policy. Tiers are only compared."""
    if running.goes_first:
        return FIRST
    return int(running.started_at.timestamp()) if wired.settings.policy is Policy.FIRST_COME else 0


def _send(evse: str, command: Command, limit: Limit | None) -> Send:
    if isinstance(command, GetCompositeSchedule):
        return Send(evse, Purpose.QUESTION, command)
    if isinstance(command, SetProfile) and command.evse == 0:
        return Send(evse, Purpose.MAXIMUM, command)
    assert limit is not None
    return Send(evse, Purpose.LIMIT, command, limit.number, limit.current)


def _commission(
    wired: Wired,
    places: Mapping[str, Numbered],
    memories: Mapping[str, Memory],
    now: datetime,
    rhythm: Rhythm,
) -> Iterator[Send]:
    """The fallback of each EVSE: written once, and read back before it is counted on."""
    for evse, place in places.items():
        memory = memories[evse]
        standing, declared = memory.standing, place.evse.fallback
        if declared is None or standing.fallback_proven or not standing.in_contact:
            continue
        if memory.under_way(Purpose.FALLBACK) or memory.under_way(Purpose.QUESTION):
            continue
        if memory.fallback_taken != place.evse.assured:
            tried = memory.fallback_tried_at
            if tried is None or memory.fallback_taken is not None or now - tried >= FALLBACK_AGAIN:
                yield Send(evse, Purpose.FALLBACK, fallback(wired.site, place), current=place.evse.assured)
        elif memory.asked_at is None or now - memory.asked_at >= rhythm.ask_fallback_every:
            yield Send(evse, Purpose.QUESTION, question(place))


def _raise_maxima(
    places: Mapping[str, Numbered], memories: Mapping[str, Memory], now: datetime, timing: Timing
) -> Iterator[Send]:
    """A maximum that was lowered to press for obedience goes when its EVSE obeys again."""
    for evse, place in places.items():
        memory = memories[evse]
        calm = escalation(memory.standing, now, timing) is Escalation.NOTHING
        if memory.maximum_lowered and memory.standing.in_contact and calm:
            profile = profile_id(place, STATION_MAXIMUM)
            yield Send(evse, Purpose.MAXIMUM, ClearProfile(profile_id=profile))


def _verify(
    places: Mapping[str, Numbered],
    memories: Mapping[str, Memory],
    vehicles: Mapping[str, Vehicle],
    asking: set[str],
    now: datetime,
    rhythm: Rhythm,
) -> Iterator[Send]:
    """Now and then what is in force is read back where all seems well, so that drift is found."""
    for evse, place in places.items():
        memory = memories[evse]
        standing = memory.standing
        if evse in asking or evse not in vehicles or not standing.in_contact or not standing.believed:
            continue
        last = max(filter(None, (memory.verified_at, memory.asked_at, memory.since)), default=None)
        if memory.under_way(Purpose.QUESTION) or standing.latest is None:
            continue
        if last is None or now - last >= rhythm.verify_every:
            yield Send(evse, Purpose.QUESTION, question(place))


def _charging(memory: Memory, share: Share | None, now: datetime) -> Memory:
    if share is None:
        return memory
    charging = share.current > 0
    if charging == memory.charging and memory.since is not None:
        return memory
    return replace(memory, charging=charging, since=now)
