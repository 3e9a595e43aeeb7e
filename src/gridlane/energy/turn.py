"""One turn of the control loop, as a function: from what stands and what holds now to what is to be said to whom.

The shell around it stores the promises, sends the commands, and brings back answers, measurements and losses of
contact by the functions of ``worst_case``. It may stop between any two of these and start again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gridlane.energy.allocation import Ask, Share, Tree, share_out
from gridlane.energy.appetite import Appetite, wish
from gridlane.energy.capacity import Conditions, Headroom, export_headroom, headroom
from gridlane.energy.circuit import Draw, Site
from gridlane.energy.pacing import Allowance, Pace, after_writing, worth_renewing, worth_writing
from gridlane.energy.plan import Plan, asks
from gridlane.energy.profiles import Place, changed_limit, question, station_maximum, vehicle_limit, written
from gridlane.energy.rotation import Turn, order_of_turns
from gridlane.energy.safe_steps import Picture, Step, left_for, overfull, picture, safe_steps
from gridlane.energy.worst_case import (
    DEFAULT_TIMING,
    Answer,
    Escalation,
    Limit,
    Standing,
    Timing,
    escalation,
    promise,
    told,
    without_lapsed,
)
from gridlane.kernel.quantities import Amperes
from gridlane.stations.commands import Command

UNDER_WAY = timedelta(seconds=3)  # an answer that takes longer is waited for no more

_STEPS = list(Escalation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """Who is plugged in at an EVSE. ``charging`` since ``since``, or waiting since then."""

    evse: str
    transaction: str
    charging: bool
    since: datetime
    phases: int | None = None
    tier: int = 0
    weight: float = 1.0
    pause_safe: bool = True
    appetite: Appetite = field(default_factory=Appetite)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that a turn starts from, by EVSE. ``number`` is the last limit's; numbers are never used twice.

    ``pressed``: how far an EVSE was pressed to show that it keeps which limit.
    """

    standings: Mapping[str, Standing]
    vehicles: Mapping[str, Vehicle]
    places: Mapping[str, Place]
    allowances: Mapping[str, Allowance] = field(default_factory=dict)
    asked_at: Mapping[str, datetime] = field(default_factory=dict)
    pressed: Mapping[str, tuple[int, Escalation]] = field(default_factory=dict)
    plan: Plan | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Turned:
    """What a turn decided. Store ``state`` (at least its standings) before any of ``commands`` is sent.

    ``stop``: transactions of stations that keep no limit. ``shares``: for the reasons that people read.
    """

    state: State
    promised: Mapping[str, Limit]
    commands: tuple[tuple[str, Command], ...]
    stop: tuple[str, ...]
    shares: Mapping[str, Share]
    room: Mapping[str, Headroom]


@dataclass(slots=True)
class _Decisions:
    standings: dict[str, Standing]
    allowances: dict[str, Allowance]
    asked_at: dict[str, datetime]
    pressed: dict[str, tuple[int, Escalation]]
    number: int
    promised: dict[str, Limit] = field(default_factory=dict)
    commands: list[tuple[str, Command]] = field(default_factory=list)
    stop: list[str] = field(default_factory=list)


def take_turn(
    tree: Tree,
    state: State,
    conditions: Conditions,
    now: datetime,
    pace: Pace | None = None,
    timing: Timing = DEFAULT_TIMING,
) -> Turned:
    """Decides what every vehicle should have, and says as much of it as is safe and worth saying now."""
    pace, site = pace or Pace(), tree.site
    standings = {evse: without_lapsed(each, now, timing) for evse, each in state.standings.items()}
    draws = _draws(site, state.vehicles)
    seen = picture(tree, standings, draws, now, timing)
    room = headroom(site, conditions, now, now + pace.lasts)
    shares = _shares(tree, replace(state, standings=standings), seen, room, now)
    wanted = {evse: _sayable(site, state, evse, share.current) for evse, share in shares.items()}
    decided = _Decisions(
        standings, dict(state.allowances), dict(state.asked_at), dict(state.pressed), state.number
    )
    _say_steps(tree, state, decided, seen, room, wanted, now, pace)
    _renew(site, state, decided, seen, overfull(tree, seen, room), now, pace)
    _press(site, state, decided, now, timing)
    after = replace(
        state, standings=decided.standings, allowances=decided.allowances, asked_at=decided.asked_at,
        pressed=decided.pressed, number=decided.number,
    )  # fmt: skip
    return Turned(after, decided.promised, tuple(decided.commands), tuple(decided.stop), shares, room)


def _draws(site: Site, vehicles: Mapping[str, Vehicle]) -> dict[str, Draw]:
    return {
        evse.id: site.draw(evse, vehicles[evse.id].phases)
        for evse in site.evses
        if evse.id in vehicles and vehicles[evse.id].phases is not None
    }


def _shares(
    tree: Tree, state: State, seen: Picture, room: Mapping[str, Headroom], now: datetime
) -> dict[str, Share]:
    steered = [
        evse
        for evse in state.vehicles
        if state.standings[evse].in_contact and state.standings[evse].believed and evse in state.places
    ]
    planned = {each.evse: each for each in asks(state.plan, tree.site, now)} if state.plan else {}
    asking = [_ask(tree, state, evse, planned.get(evse), now) for evse in steered]
    turns = [
        Turn(each.evse, each.charging, each.since, each.tier, each.pause_safe)
        for each in state.vehicles.values()
    ]
    return share_out(
        tree,
        asking,
        left_for(tree, seen, room, steered),
        export_headroom(tree.site),
        order_of_turns(turns, now),
    )


def _ask(tree: Tree, state: State, evse: str, planned: Ask | None, now: datetime) -> Ask:
    vehicle, leaf = state.vehicles[evse], tree.evses[tree.leaf[evse]]
    most, excess = wish(vehicle.appetite, leaf, now), state.standings[evse].excess
    if planned is not None:
        return replace(
            planned, wish=Amperes(min(planned.wish, most)), weight=vehicle.weight, tier=vehicle.tier,
            excess=excess,
        )  # fmt: skip
    return Ask(
        evse=evse, wish=most, least=leaf.minimum, weight=vehicle.weight, tier=vehicle.tier,
        vehicle_phases=vehicle.phases, excess=excess,
    )  # fmt: skip


def _sayable(site: Site, state: State, evse: str, current: Amperes) -> Amperes:
    return written(site, state.places[evse], current, state.vehicles[evse].phases)


def _say_steps(
    tree: Tree,
    state: State,
    decided: _Decisions,
    seen: Picture,
    room: Mapping[str, Headroom],
    wanted: Mapping[str, Amperes],
    now: datetime,
    pace: Pace,
) -> None:
    steps = safe_steps(tree, seen, room, wanted)
    needed = overfull(tree, seen, room)
    somebody_waits = _somebody_waits(tree, decided, seen, wanted, now)
    for step in steps:
        standing = decided.standings[step.evse]
        if _is_under_way(standing.latest, now):
            continue
        allowance = decided.allowances.get(step.evse, Allowance(pace.burst, now))
        needs = step.evse in needed or (somebody_waits and not step.raises)
        if worth_writing(step, standing.latest, needs, allowance, now, pace):
            current = _sayable(tree.site, state, step.evse, step.current)
            _say(tree.site, state, decided, Step(step.evse, current, step.raises), now, pace)
            if (
                not step.raises
            ):  # asked in one breath, so that it is proven when the station has answered both
                decided.asked_at[step.evse] = now
                decided.commands.append((step.evse, question(state.places[step.evse])))


def _is_under_way(latest: Limit | None, now: datetime) -> bool:
    """Whether its station has not answered the last limit yet: the next one would only wait behind it."""
    return latest is not None and latest.answer is Answer.NONE and now - latest.sent_at < UNDER_WAY


def _somebody_waits(
    tree: Tree, decided: _Decisions, seen: Picture, wanted: Mapping[str, Amperes], now: datetime
) -> bool:
    """Whether a vehicle that has only its fallback yet is to have more: then the others give at once."""
    for evse, current in wanted.items():
        latest = decided.standings[evse].latest
        if (latest is None or now >= latest.until) and current > seen.told[tree.leaf[evse]] + 0.1:
            return True
    return False


def _say(site: Site, state: State, decided: _Decisions, step: Step, now: datetime, pace: Pace) -> None:
    decided.number += 1
    place, vehicle = state.places[step.evse], state.vehicles[step.evse]
    under = _changeable(decided.standings[step.evse].latest, now, pace)
    until = now + pace.lasts if under is None else under.until
    limit = Limit(decided.number, step.current, until, now, changes=place.capability.dynamic)
    decided.standings[step.evse] = promise(decided.standings[step.evse], limit)
    decided.promised[step.evse] = limit
    allowance = decided.allowances.get(step.evse, Allowance(pace.burst, now))
    decided.allowances[step.evse] = after_writing(allowance, now, pace)
    command: Command = (
        vehicle_limit(site, place, limit, vehicle.transaction, vehicle.phases)
        if under is None
        else changed_limit(site, place, limit.current, vehicle.phases)
    )
    decided.commands.append((step.evse, command))


def _changeable(latest: Limit | None, now: datetime, pace: Pace) -> Limit | None:
    """The limit whose dynamic profile stands at the station and goes on for a while; None: write one."""
    if latest is None or not latest.changes or latest.answer is Answer.NONE:
        return None
    return None if worth_renewing(latest, now, pace) or now >= latest.until else latest


def _renew(
    site: Site, state: State, decided: _Decisions, seen: Picture, crowded: set[str], now: datetime, pace: Pace
) -> None:
    for evse in state.vehicles:
        standing = decided.standings[evse]
        latest = standing.latest
        if evse in decided.promised or not standing.in_contact or not standing.believed or latest is None:
            continue
        if worth_renewing(latest, now, pace) and evse not in crowded and evse in state.places:
            _say(site, state, decided, Step(evse, latest.current, raises=False), now, pace)


def _press(site: Site, state: State, decided: _Decisions, now: datetime, timing: Timing) -> None:
    """Asks, repeats, lowers the station's maximum and at last stops, where a decrease is not proven."""
    for evse, standing in list(decided.standings.items()):
        place, vehicle, latest = state.places.get(evse), state.vehicles.get(evse), standing.latest
        if place is None or vehicle is None or latest is None:
            continue
        asked = decided.asked_at.get(evse)
        if asked is not None and asked >= latest.sent_at and now - asked < timing.ask_every:
            continue
        step = _next_step(decided.pressed.get(evse), latest, escalation(standing, now, timing))
        if step is Escalation.NOTHING:
            continue
        decided.asked_at[evse] = now
        decided.pressed[evse] = (latest.number, step)
        if step is Escalation.STOP_TRANSACTION:
            decided.stop.append(vehicle.transaction)
        elif step is Escalation.LOWER_STATION_MAXIMUM:
            decided.commands.append((evse, station_maximum(site, place, latest.current)))
        elif step is Escalation.SEND_AGAIN:
            decided.commands.append(
                (evse, vehicle_limit(site, place, latest, vehicle.transaction, vehicle.phases))
            )
        decided.commands.append((evse, question(place)))


def _next_step(pressed: tuple[int, Escalation] | None, latest: Limit, due: Escalation) -> Escalation:
    """What is due by the time, but one step after the other: after a pause nobody is stopped without being asked."""
    taken = pressed[1] if pressed is not None and pressed[0] == latest.number else Escalation.NOTHING
    return _STEPS[min(_STEPS.index(due), _STEPS.index(taken) + 1)]


def told_now(tree: Tree, state: State, now: datetime) -> dict[str, Amperes]:
    """What each EVSE should be keeping, for screens."""
    return {
        evse.id: told(state.standings[evse.id], evse, now)
        for evse in tree.evses
        if evse.id in state.standings
    }
