"""What people see of a site's power: every circuit's load against its limit, every EVSE's number with its reason."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from gridlane.energy.allocation import Share, weigh
from gridlane.energy.capacity import Headroom, other_load
from gridlane.energy.explain import Because, Reason, in_words, reason_for
from gridlane.energy.observing import Observed
from gridlane.energy.plan import Mode, Need, Plan
from gridlane.energy.steering import Steered, mode_of
from gridlane.energy.trees import Wired
from gridlane.energy.worst_case import could_draw, draws_now, told
from gridlane.kernel.quantities import Amperes, WattHours, Watts

LANGUAGES = ("en", "de")


class CircuitSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A, for each phase L1 to L3. ``limit`` is what may be used now (rating less reserve, hours, the grid's word);
    ``drawn`` is measured (less where a lower limit was proven since), with ``other`` loads; ``told`` may be drawn; ``reserved`` is the most that could be.
    """

    id: str
    limit: tuple[float | None, float | None, float | None]
    limit_power: float | None
    drawn: tuple[float, float, float]
    told: tuple[float, float, float]
    reserved: tuple[float, float, float]
    other: tuple[float, float, float]
    power: float
    dimmed_to: float | None = None


class EvseSeen(msgspec.Struct, frozen=True, kw_only=True):
    """``told`` is the current it is to keep now, ``target`` what it is to have; ``drew`` the last measurement, or less
    where it was proven since to keep less.
    """

    evse_id: str
    station_id: UUID
    number: int
    name: str
    circuit: str
    in_contact: bool
    session_id: UUID | None
    mode: Mode | None
    departs: datetime | None
    told: float
    target: float | None
    reserved: float
    drew: float | None
    power: float | None
    phases: int | None
    because: str
    reason: dict[str, str]


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    circuits: list[CircuitSeen]
    evses: list[EvseSeen]
    sharing: int


def picture(wired: Wired, steered: Steered, seen: Observed, plan: Plan | None) -> Picture:
    """The site at the instant of what was seen, to tenths, so that nothing changes that nobody can see."""
    told_of = _known_to_reasons(wired, seen, plan)
    evses = [_evse(wired, steered, seen, told_of, evse) for evse in wired.places]
    return Picture(
        circuits=[_circuit(wired, steered, seen, circuit.id) for circuit in wired.site.circuits],
        evses=evses,
        sharing=len(seen.running),
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What of a picture has changed, both as plain values: the circuits and EVSEs that are not as they were, whole."""
    changed: dict[str, Any] = {}
    for name, key in (("circuits", "id"), ("evses", "evse_id")):
        known = {each[key]: each for each in before.get(name, ())}
        fresh = [each for each in after.get(name, ()) if known.get(each[key]) != each]
        gone = sorted(set(known) - {each[key] for each in after.get(name, ())})
        changed |= ({name: fresh} if fresh else {}) | ({f"{name}_gone": gone} if gone else {})
    if after.get("sharing") != before.get("sharing"):
        changed["sharing"] = after.get("sharing")
    return changed


def _evse(wired: Wired, steered: Steered, seen: Observed, plan: Plan, evse: str) -> EvseSeen:
    leaf = next(each for each in wired.site.evses if each.id == evse)
    place, memory, share = wired.places[evse], steered.memories[evse], steered.shares.get(evse)
    running, standing = seen.running.get(evse), steered.memories[evse].standing
    keeps = told(standing, leaf, seen.at)
    reason = _reason(wired, steered, seen, plan, evse, share)
    drew = draws_now(standing, leaf, seen.at) if running is not None else None
    return EvseSeen(
        evse_id=evse,
        station_id=place.station_id,
        number=place.number,
        name=place.name,
        circuit=leaf.circuit,
        in_contact=standing.in_contact,
        session_id=None if running is None else running.id,
        mode=None if running is None else mode_of(wired, running),
        departs=None if running is None else running.departs,
        told=round(keeps, 1),
        target=None if share is None else round(share.current, 1),
        reserved=round(could_draw(standing, leaf, seen.at), 1),
        drew=None if drew is None else round(drew, 1),
        power=None
        if drew is None
        else round(drew * wired.site.draw(leaf, memory.phases).watts_per_ampere, -1),
        phases=memory.phases,
        because=reason.because,
        reason={each: in_words(reason, each, wired.site.time_zone) for each in LANGUAGES},
    )


def _reason(
    wired: Wired, steered: Steered, seen: Observed, plan: Plan, evse: str, share: Share | None
) -> Reason:
    leaf = next(each for each in wired.site.evses if each.id == evse)
    standing = steered.memories[evse].standing
    if evse not in seen.running and standing.believed and standing.in_contact:
        return Reason(Because.NOBODY_HERE, told(standing, leaf, seen.at))
    nothing = Share(Amperes(0.0), None)
    return reason_for(wired.site, leaf, share or nothing, standing, dict(steered.room), plan, seen.at)


def _circuit(wired: Wired, steered: Steered, seen: Observed, circuit_id: str) -> CircuitSeen:
    site = wired.site
    circuit = next(each for each in site.circuits if each.id == circuit_id)
    drawn, keeps, reserved = [0.0] * 3, [0.0] * 3, [0.0] * 3
    power = 0.0
    for leaf in site.evses:
        if circuit_id not in {each.id for each in site.chain(leaf.circuit)}:
            continue
        memory = steered.memories[leaf.id]
        first, second, third, watts = weigh(site.draw(leaf, memory.phases))
        worst = weigh(site.draw(leaf))
        drew = (draws_now(memory.standing, leaf, seen.at) or 0.0) if leaf.id in seen.running else 0.0
        charges = told(memory.standing, leaf, seen.at) if leaf.id in seen.running else 0.0
        most = could_draw(memory.standing, leaf, seen.at)
        for phase, weight in enumerate((first, second, third)):
            drawn[phase] += drew * weight
            keeps[phase] += charges * weight
            reserved[phase] += most * worst[phase]
        power += drew * watts
    other = other_load(circuit, steered.conditions, seen.at)
    room = steered.room[circuit_id]
    return CircuitSeen(
        id=circuit_id,
        limit=_limits(room, other),
        limit_power=_finite(room.power + site.voltage * sum(other)),
        drawn=_three(each + load for each, load in zip(drawn, other, strict=True)),
        told=_three(each + load for each, load in zip(keeps, other, strict=True)),
        reserved=_three(each + load for each, load in zip(reserved, other, strict=True)),
        other=_three(other),
        power=round(power + site.voltage * sum(other), -1),
        dimmed_to=seen.conditions.dimmed_to.get(circuit_id),
    )


def _limits(
    room: Headroom, other: tuple[float, float, float]
) -> tuple[float | None, float | None, float | None]:
    first, second, third = (_finite(left + load) for left, load in zip(room.phases, other, strict=True))
    return (first, second, third)


def _three(values: Iterable[float]) -> tuple[float, float, float]:
    first, second, third = (round(each, 1) for each in values)
    return (first, second, third)


def _finite(value: float) -> float | None:
    return None if value > 1e12 else round(value, 1)


def _known_to_reasons(wired: Wired, seen: Observed, plan: Plan | None) -> Plan:
    """The plan with everybody who is there, also whom it does not speak of: reasons count those who share."""
    needs = {
        evse: Need(
            evse=evse,
            energy=WattHours(0.0),
            departs=each.departs or datetime.max.replace(tzinfo=seen.at.tzinfo),
            most=Amperes(0.0),
            mode=mode_of(wired, each),
        )
        for evse, each in seen.running.items()
    }
    if plan is None:
        return Plan(
            made_at=seen.at, edges=(seen.at, seen.at), power={}, unmet={}, price=(), peak=Watts(0.0), cost=0.0,
            needs=needs,
        )  # fmt: skip
    kept = {evse: each for evse, each in plan.needs.items() if evse in seen.running}
    return replace(plan, needs=needs | kept)
