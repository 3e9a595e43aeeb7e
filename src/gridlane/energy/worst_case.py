"""What each EVSE may draw now at worst, whatever happened to what it was told.

An EVSE owns its fallback: the standing limit that it keeps without us, and all fallbacks together fit every circuit.
What it is told above that is lent, until an instant at which it lapses by itself. So an EVSE counts at the largest of
its fallback and every limit that may still be in force there:

- a limit counts from before it is sent, as its confirmation may be lost, and until its lapse, as its station may fall
  silent; less than the fallback is never counted on, as a reboot or the next vehicle brings the fallback back;
- a lower limit takes the place of an older, higher one only by proof: the station reads it back, or a vehicle that drew
  more is seen to draw what it says. "Accepted" proves nothing;
- an EVSE that draws more than anything it was told counts at its rating until it is trusted again.

Everything here is a value that can be stored and read back; after a restart the same limits count as before.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gridlane.energy.circuit import Evse
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.quantities import Amperes

TOLERANCE = Amperes(1.0)  # meters and pilots of class B: below this nobody disobeys
MOST_EXCESS = (
    1.15  # a vehicle may take a little more than its pilot says, and is then counted so; beyond, it disobeys
)
PROOF_SHARE = 0.7  # a vehicle that takes this much of a limit after taking more than it has felt it


class NumberNotNew(Refusal):
    code = "limit_number_not_new"
    kind = Kind.CONFLICT
    sentence = "Limit {number} of EVSE {evse} is not newer than {latest}; another controller has written."


class Answer(StrEnum):
    NONE = "none"  # stored, perhaps sent, perhaps received
    ACCEPTED = "accepted"
    PROVEN = "proven"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit that may be in force: ``current`` per phase until ``until``; numbers of an EVSE only rise.

    ``changes``: it stands in a dynamic profile, whose limit can be changed until then without being written anew.
    """

    number: int
    current: Amperes
    until: datetime
    sent_at: datetime
    answer: Answer = Answer.NONE
    answered_at: datetime | None = None
    changes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things may take. ``skew``: a station's clock against ours. ``late``: a message may arrive so late.

    ``phases_sure``: between two measurements that agree on the phases a vehicle uses. ``follow``: from a limit in force at
    the station to its vehicle's keeping it (IEC 61851-1 gives it 5 s), with what clocks differ by. ``settle``: from Accepted to the vehicle's obeying. ``deadline``: from sending to proof, then somebody must act.
    ``ask_every``: between two questions to one EVSE.
    """

    skew: timedelta = timedelta(seconds=60)
    late: timedelta = timedelta(seconds=120)
    follow: timedelta = timedelta(seconds=10)
    settle: timedelta = timedelta(seconds=30)
    deadline: timedelta = timedelta(seconds=60)
    ask_every: timedelta = timedelta(seconds=20)
    phases_sure: timedelta = timedelta(seconds=20)


DEFAULT_TIMING = Timing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one EVSE stands: the limits that may be in force (oldest first), and how far it can be believed.

    ``fallback_proven``: its fallback was read back from it. ``excess``: the largest ratio of draw to limit seen within
    reason (vehicles that take a little more). ``drew``: the last measured current of its highest phase.
    ``easing``: the limit that a lower one lately took the place of, and until when its vehicle may be seen to draw it still.
    """

    evse: str
    limits: tuple[Limit, ...] = ()
    fallback_proven: bool = False
    in_contact: bool = False
    disobeyed_at: datetime | None = None
    excess: float = 1.0
    drew: Amperes | None = None
    drew_at: datetime | None = None
    easing: tuple[Amperes, datetime] | None = None

    @property
    def latest(self) -> Limit | None:
        return self.limits[-1] if self.limits else None

    @property
    def believed(self) -> bool:
        return self.fallback_proven and self.disobeyed_at is None


def could_draw(standing: Standing, evse: Evse, now: datetime, timing: Timing = DEFAULT_TIMING) -> Amperes:
    """The most the EVSE may draw on a phase at ``now``, up to its rating."""
    if not standing.believed:
        return evse.rating
    lent = (limit.current for limit in standing.limits if now <= limit.until + timing.skew)
    return Amperes(min(evse.rating, max((evse.assured, *lent)) * standing.excess))


def draws_now(
    standing: Standing, evse: Evse, now: datetime, timing: Timing = DEFAULT_TIMING
) -> Amperes | None:
    """What it draws on a phase at ``now``, as far as is known: what was measured last, unless it was proven since to
    be kept to less. Sums of these never mix what one drew before it gave way with what another drew after.
    """
    if standing.drew is None or not standing.believed:
        return standing.drew
    return Amperes(min(standing.drew, could_draw(standing, evse, now, timing)))


def told(standing: Standing, evse: Evse, now: datetime) -> Amperes:
    """The current it should be keeping now: its latest limit, or its fallback once that has lapsed."""
    latest = standing.latest
    return evse.assured if latest is None or now >= latest.until else latest.current


def promise(standing: Standing, limit: Limit) -> Standing:
    """The limit counts from now on. Store the result before sending anything.

    Raises NumberNotNew when a later limit stands already.
    """
    latest = standing.latest
    if latest is not None and limit.number <= latest.number:
        raise NumberNotNew(number=limit.number, evse=standing.evse, latest=latest.number)
    kept = tuple(each for each in standing.limits if not _lapsed(each, limit.sent_at))
    return replace(standing, limits=(*kept, limit))


def accepted(standing: Standing, number: int, now: datetime) -> Standing:
    return _answered(standing, number, Answer.ACCEPTED, now)


def refused(standing: Standing, number: int) -> Standing:
    """The station keeps what it had: the refused limit counts no more, the older ones do. The next is written anew."""
    kept = (replace(each, changes=False) for each in standing.limits if each.number != number)
    return replace(standing, limits=tuple(kept))


def proven(standing: Standing, number: int, seen_at: datetime, timing: Timing = DEFAULT_TIMING) -> Standing:
    """The limit was in force at ``seen_at``: older ones count no more, but for those that may still arrive late.

    What its station had answered before this limit was even promised was taken before it and cannot come after it.
    """
    promised_at = next((each.sent_at for each in standing.limits if each.number == number), seen_at)
    standing = _answered(standing, number, Answer.PROVEN, seen_at)
    kept = tuple(
        each
        for each in standing.limits
        if each.number >= number
        or not (_was_answered_by(each, promised_at) or seen_at >= _takes_effect_by(each, timing))
    )
    gone = [each.current for each in standing.limits if each not in kept]
    return replace(_easing(standing, gone, seen_at, timing), limits=kept)


def read_back(
    standing: Standing, current: Amperes, seen_at: datetime, timing: Timing = DEFAULT_TIMING
) -> Standing:
    """The station said by its composite schedule that ``current`` is in force: proof if that is its latest limit."""
    latest = standing.latest
    if latest is None or latest.answer is Answer.NONE or abs(current - latest.current) > 0.1:
        return standing
    return proven(standing, latest.number, seen_at, timing)


def measured(
    standing: Standing, evse: Evse, current: Amperes, at: datetime, timing: Timing = DEFAULT_TIMING
) -> Standing:
    """The EVSE drew ``current`` on its highest phase at ``at``: proof of obedience, of the contrary, or of nothing."""
    if standing.drew_at is not None and at <= standing.drew_at:
        return standing
    before, latest = standing.drew, standing.latest
    after = replace(standing, drew=current, drew_at=at)
    if not standing.believed:
        return after
    allowed = could_draw(standing, evse, at, timing)
    if current > allowed:
        return after if _eases(standing, current, at) else _exceeded(after, current, allowed, at)
    if latest is None or before is None:
        return after
    if _shows_obedience(latest, before, current, at, timing) or _still_obeys(after, latest, current):
        return proven(after, latest.number, at, timing)
    return after


def lost_contact(standing: Standing) -> Standing:
    return replace(standing, in_contact=False)


def contact(standing: Standing) -> Standing:
    """Connected again. Nothing is believed more than before; the latest limit is to be read back or sent anew."""
    return replace(standing, in_contact=True)


def fallback_read_back(standing: Standing) -> Standing:
    """The standing fallback was read back from the station: only from now on it is counted on."""
    return replace(standing, fallback_proven=True)


def session_ended(standing: Standing, at: datetime, timing: Timing = DEFAULT_TIMING) -> Standing:
    """What was told to a transaction dies with it; the next vehicle begins on the fallback."""
    standing = _easing(standing, [each.current for each in standing.limits], at, timing)
    return replace(standing, limits=(), excess=1.0, drew=None)


def trusted_again(standing: Standing) -> Standing:
    """A person, or a test of obedience, says so."""
    return replace(standing, disobeyed_at=None, excess=1.0)


def without_lapsed(standing: Standing, now: datetime, timing: Timing = DEFAULT_TIMING) -> Standing:
    kept = tuple(each for each in standing.limits if now <= each.until + timing.skew)
    return replace(standing, limits=kept)


class Escalation(StrEnum):
    """What to try next with a station that was told less and has not shown it (in this order)."""

    NOTHING = "nothing"
    READ_BACK = "read_back"
    SEND_AGAIN = "send_again"
    LOWER_STATION_MAXIMUM = "lower_station_maximum"
    STOP_TRANSACTION = "stop_transaction"


def escalation(standing: Standing, now: datetime, timing: Timing = DEFAULT_TIMING) -> Escalation:
    """Each step has one deadline's time. Until one helps, the older limit, or the rating, stays counted."""
    latest = standing.latest
    if not standing.in_contact or latest is None:
        return Escalation.NOTHING
    if latest.answer is Answer.PROVEN:
        older = standing.limits[:-1]
        settled = older and all(now >= _takes_effect_by(each, timing) for each in older)
        return Escalation.READ_BACK if settled else Escalation.NOTHING
    if all(each.current <= latest.current for each in standing.limits) and standing.believed:
        return Escalation.NOTHING  # a raise needs no proof
    waited = now - latest.sent_at
    steps = (
        (timing.settle, Escalation.NOTHING if latest.answer is Answer.NONE else Escalation.READ_BACK),
        (timing.deadline, Escalation.READ_BACK),
        (timing.deadline * 2, Escalation.SEND_AGAIN),
        (timing.deadline * 3, Escalation.LOWER_STATION_MAXIMUM),
    )
    return next((step for lasts, step in steps if waited < lasts), Escalation.STOP_TRANSACTION)


def rebuilt(evse: str, stored: Iterable[Limit], *, fallback_proven: bool) -> Standing:
    """The standing after a restart: every stored limit counts as it did, and nobody is in contact yet."""
    limits = tuple(sorted(stored, key=lambda each: each.number))
    return Standing(evse=evse, limits=limits, fallback_proven=fallback_proven)


def _answered(standing: Standing, number: int, answer: Answer, at: datetime) -> Standing:
    limits = (
        replace(each, answer=answer, answered_at=at)
        if each.number == number and each.answer is not Answer.PROVEN
        else each
        for each in standing.limits
    )
    return replace(standing, limits=tuple(limits))


def _eases(standing: Standing, current: Amperes, at: datetime) -> bool:
    """Whether it may be what a vehicle drew that has not followed its lower limit yet."""
    if standing.easing is None or at > standing.easing[1]:
        return False
    return current <= standing.easing[0] * standing.excess + TOLERANCE


def _easing(standing: Standing, gone: Iterable[Amperes], at: datetime, timing: Timing) -> Standing:
    """What was measured just before a lower limit, or told late, is no disobedience."""
    open_still = standing.easing if standing.easing is not None and at <= standing.easing[1] else None
    most = max((*gone, *(() if open_still is None else open_still[:1])), default=None)
    return replace(standing, easing=None if most is None else (most, at + timing.follow))


def _takes_effect_by(limit: Limit, timing: Timing) -> datetime:
    if limit.answered_at is None:
        return limit.sent_at + timing.late
    return limit.answered_at if limit.answer is Answer.PROVEN else limit.answered_at + timing.settle


def _was_answered_by(limit: Limit, at: datetime) -> bool:
    return limit.answered_at is not None and limit.answered_at <= at


def _lapsed(limit: Limit, now: datetime) -> bool:
    return now > limit.until + DEFAULT_TIMING.skew


def _shows_obedience(latest: Limit, before: Amperes, current: Amperes, at: datetime, timing: Timing) -> bool:
    if latest.answer is Answer.NONE or latest.answered_at is None or at <= latest.answered_at:
        return False
    drew_more = before > latest.current + TOLERANCE
    follows = PROOF_SHARE * latest.current <= current <= latest.current + TOLERANCE
    return drew_more and follows


def _still_obeys(standing: Standing, latest: Limit, current: Amperes) -> bool:
    """It was proven while an older limit could still arrive, and is kept now that none can any more."""
    follows = PROOF_SHARE * latest.current <= current <= latest.current + TOLERANCE
    return latest.answer is Answer.PROVEN and len(standing.limits) > 1 and follows


def _exceeded(standing: Standing, current: Amperes, allowed: Amperes, at: datetime) -> Standing:
    if allowed > 0 and standing.excess * current / allowed <= MOST_EXCESS:
        return replace(standing, excess=standing.excess * current / allowed)
    return standing if current <= allowed + TOLERANCE else replace(standing, disobeyed_at=at)
