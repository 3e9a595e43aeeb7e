"""From what was observed to what is known of each EVSE: pure, and the same for the same observation seen twice."""

from collections.abc import Mapping
from dataclasses import replace as replaced
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from gridlane.energy import appetite, worst_case
from gridlane.energy.circuit import Evse
from gridlane.energy.memory import Memory, Purpose, Sent
from gridlane.energy.observing import Answered, Contact, Measured, Observed, Running
from gridlane.energy.profiles import Place as Numbered
from gridlane.energy.profiles import in_force
from gridlane.energy.trees import Wired
from gridlane.energy.worst_case import DEFAULT_TIMING, TOLERANCE, Timing, could_draw, told
from gridlane.kernel.clock import parse_instant
from gridlane.kernel.quantities import Amperes

NEVER_LEFT = ("expired", "cancelled")
ENDED = ("verified", "unverified", "refused", "timed_out", "unknown", "failed", "unsupported", *NEVER_LEFT)
SURE_THAT_NEVER = timedelta(minutes=2)  # beyond its expiry: then nobody can still be sending it
CLEARLY_CHARGING = Amperes(3.0)
CLOCK_RIGHT = 5.0  # s
READ_BACK_CLOSE = Amperes(0.15)  # stations tell limits rounded to tenths


def attend(
    wired: Wired,
    memories: Mapping[str, Memory],
    places: Mapping[str, Numbered],
    seen: Observed,
    timing: Timing = DEFAULT_TIMING,
) -> dict[str, Memory]:
    """Everything that was observed, brought into the memories."""
    after = {}
    for evse in wired.site.evses:
        memory = memories[evse.id]
        contact = seen.contacts.get(wired.places[evse.id].station_id)
        memory = _in_contact(memory, contact)
        memory = _fallback_as_declared(memory, evse)
        memory = _trusted(memory, wired.trusted.get(evse.id))
        memory = _session(memory, seen.running.get(evse.id), seen, timing)
        for operation, answered in sorted(
            ((each, seen.answered[each]) for each in memory.sent if each in seen.answered),
            key=lambda pair: (
                memory.sent[pair[0]].asked_at,
                memory.sent[pair[0]].purpose
                is Purpose.QUESTION,  # asked in one breath with a limit: after it
            ),
        ):
            memory = _answer(wired, memory, evse, places.get(evse.id), operation, answered, seen.at, timing)
        measured = seen.measured.get(evse.id)
        if measured is not None:
            memory = _measurement(memory, evse, measured, seen.at, timing)
        after[evse.id] = memory
    return after


def _in_contact(memory: Memory, contact: Contact | None) -> Memory:
    connected = contact is not None and contact.connected
    if connected == memory.standing.in_contact:
        return memory
    change = worst_case.contact if connected else worst_case.lost_contact
    return replace(memory, standing=change(memory.standing))


def _fallback_as_declared(memory: Memory, evse: Evse) -> Memory:
    """A fallback that was declared anew is not proven; one that nobody can install needs no proof."""
    if evse.fallback is None:
        return _standing(memory, fallback_proven=True)
    if memory.standing.fallback_proven and memory.fallback_proven != evse.fallback:
        return _standing(memory, fallback_proven=False)
    return memory


def _trusted(memory: Memory, since: datetime | None) -> Memory:
    disobeyed_at = memory.standing.disobeyed_at
    if since is None or disobeyed_at is None or since <= disobeyed_at:
        return memory
    return replace(memory, standing=worst_case.trusted_again(memory.standing))


def _session(memory: Memory, running: Running | None, seen: Observed, timing: Timing) -> Memory:
    if running is not None and running.id == memory.session_id:
        phases = memory.phases if running.phases is None else max(running.phases, memory.phases or 0)
        return replace(memory, phases=phases, transaction=running.transaction)
    if running is None:
        if memory.session_id is None or memory.session_id not in seen.over:
            return replace(memory, transaction=None) if memory.transaction is not None else memory
        return _without_session(memory, seen.at, timing)
    begun = _without_session(memory, seen.at, timing)
    return replace(
        begun, session_id=running.id, transaction=running.transaction, since=seen.at, phases=running.phases
    )


def _without_session(memory: Memory, now: datetime, timing: Timing) -> Memory:
    if memory.session_id is None and not memory.standing.limits:
        return memory
    kept = {key: each for key, each in memory.sent.items() if each.purpose is Purpose.FALLBACK}
    return replace(
        memory,
        standing=worst_case.session_ended(memory.standing, now, timing),
        appetite=appetite.Appetite(),
        session_id=None,
        transaction=None,
        charging=False,
        since=None,
        phases=None,
        phases_seen=None,
        asked_at=None,
        sent=kept,
    )


# --- answers -----------------------------------------------------------------------------------------------------


def _answer(
    wired: Wired,
    memory: Memory,
    evse: Evse,
    place: Numbered | None,
    operation: UUID,
    answered: Answered,
    now: datetime,
    timing: Timing,
) -> Memory:
    sent = memory.sent[operation]
    if answered.status in NEVER_LEFT and now < answered.expires_at + SURE_THAT_NEVER:
        return memory
    if answered.status not in ENDED:
        return memory
    memory = replace(memory, sent={key: each for key, each in memory.sent.items() if key != operation})
    if sent.purpose is Purpose.LIMIT:
        return _limit_answered(memory, sent, answered)
    if sent.purpose is Purpose.FALLBACK:
        taken = sent.current if answered.status == "verified" else None
        return replace(memory, fallback_taken=taken)
    if sent.purpose is Purpose.QUESTION and answered.status == "verified" and place is not None:
        schedule = answered.answer.get("data", {}).get("schedule")
        if schedule is not None and answered.sent_at is not None:
            begins = parse_instant(schedule["start"]) if schedule.get("start") else answered.sent_at
            told_of = in_force(wired.site, place, schedule, begins, memory.phases)
            return _read_back(memory, evse, told_of, answered.sent_at, timing)
    return memory


def _limit_answered(memory: Memory, sent: Sent, answered: Answered) -> Memory:
    """An answer that never came, or was an error, proves nothing either way: the limit stays counted until it lapses."""
    if answered.status == "verified" and answered.answered_at is not None:
        standing = worst_case.accepted(memory.standing, sent.number, answered.answered_at)
    elif answered.status in ("refused", "unsupported", *NEVER_LEFT):
        standing = worst_case.refused(memory.standing, sent.number)
    else:
        return memory
    return replace(memory, standing=standing)


def _read_back(
    memory: Memory, evse: Evse, current: Amperes | None, asked_at: datetime, timing: Timing
) -> Memory:
    if current is None:
        return memory
    memory = replace(memory, verified_at=asked_at)
    standing, latest = memory.standing, memory.standing.latest
    if latest is not None and asked_at < latest.until:
        if abs(current - latest.current) <= READ_BACK_CLOSE:
            return replace(memory, standing=worst_case.read_back(standing, latest.current, asked_at, timing))
        if standing.believed and current > could_draw(standing, evse, asked_at, timing) + TOLERANCE:
            return _standing(memory, fallback_proven=False)  # something else is in force there than ours
        return memory
    if memory.fallback_taken is not None and abs(memory.fallback_taken - evse.assured) > READ_BACK_CLOSE:
        return memory
    if current <= evse.assured + READ_BACK_CLOSE:
        if memory.fallback_taken is None and not standing.fallback_proven:
            return memory  # as low by chance: it is not ours that is in force
        proven = worst_case.fallback_read_back(standing)
        return replace(memory, standing=proven, fallback_proven=evse.fallback)
    return replace(_standing(memory, fallback_proven=False), fallback_taken=None)


# --- measurements ------------------------------------------------------------------------------------------------


def _measurement(memory: Memory, evse: Evse, measured: Measured, now: datetime, timing: Timing) -> Memory:
    memory = replace(memory, clock=(memory.clock[1], _plausible(measured.ahead)))
    standing, at = memory.standing, min(measured.at - memory.clock_offset, measured.received_at)
    if standing.drew_at is not None and at <= standing.drew_at:
        return memory
    latest = standing.latest
    settled = latest is None or latest.answered_at is None or at >= latest.answered_at
    exceeds = measured.current > could_draw(standing, evse, at, timing)
    if settled and (measured.certain or exceeds):
        after = worst_case.measured(standing, evse, measured.current, at, timing)
    else:
        after = replaced(standing, drew=measured.current, drew_at=at)
    memory = replace(memory, standing=after)
    if memory.session_id is None:
        return memory
    memory = _phases(memory, measured, at, timing)
    keeps = told(after, evse, now)
    return replace(memory, appetite=appetite.seen(memory.appetite, keeps, measured.current, at))


def _plausible(ahead: float) -> float:
    """A clock that is off by seconds is right, but for the way of its message."""
    return ahead if abs(ahead) > CLOCK_RIGHT else 0.0


def _phases(memory: Memory, measured: Measured, at: datetime, timing: Timing) -> Memory:
    """The phases its vehicle uses: believed when two measurements some time apart say the same; more at once."""
    if measured.phases is None or measured.current < CLEARLY_CHARGING:
        return memory
    if memory.phases is not None:
        return replace(memory, phases=max(memory.phases, measured.phases))
    first = memory.phases_seen
    if first is None or first[0] != measured.phases:
        return replace(memory, phases_seen=(measured.phases, at))
    if at - first[1] < timing.phases_sure:
        return memory
    return replace(memory, phases=measured.phases)


def _standing(memory: Memory, **changes: Any) -> Memory:
    return replace(memory, standing=replaced(memory.standing, **changes))
