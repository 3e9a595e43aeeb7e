"""A reservation, pure: what may be booked, and what time, the plug and the driver make of it.

A plug is kept for its holder from ``kept_before`` until ``grace`` after the beginning. Whoever comes in that time has used
it; whoever does not is a no-show, unless the plug was not to be had: then it failed, and nothing is to be paid.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gridlane.kernel.errors import Kind, Refusal
from gridlane.waiting.queue import Plug


class Status(StrEnum):
    BOOKED = "booked"
    USED = "used"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    FAILED = "failed"  # no plug was to be had: our fault


class ReservationRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a site's owner decides. Fees are without tax."""

    ahead: timedelta = timedelta(days=7)
    longest: timedelta = timedelta(hours=2)
    kept_before: timedelta = timedelta(minutes=15)
    grace: timedelta = timedelta(minutes=15)
    free_until: timedelta = timedelta(hours=1)
    fee: Decimal = Decimal(0)
    no_show_fee: Decimal = Decimal(0)


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """``owed``: without tax, once it is over."""

    id: UUID
    person_id: UUID
    plug: UUID
    begins_at: datetime
    ends_at: datetime
    status: Status = Status.BOOKED
    owed: Decimal = Decimal(0)


class ReservationPast(Refusal):
    code = "reservation_past"
    kind = Kind.INVALID
    sentence = "A reservation begins now or later."


class ReservationTooFar(Refusal):
    code = "reservation_too_far"
    kind = Kind.INVALID
    sentence = "Here one can reserve at most {days} days ahead."


class ReservationTooLong(Refusal):
    code = "reservation_too_long"
    kind = Kind.INVALID
    sentence = "Here one can reserve at most {minutes} minutes."


def check(begins_at: datetime, length: timedelta, rules: ReservationRules, now: datetime) -> None:
    """Raises ReservationPast, ReservationTooFar, ReservationTooLong."""
    if begins_at < now - timedelta(minutes=1):
        raise ReservationPast
    if begins_at > now + rules.ahead:
        raise ReservationTooFar(days=rules.ahead.days)
    if not timedelta(0) < length <= rules.longest:
        raise ReservationTooLong(minutes=int(rules.longest / timedelta(minutes=1)))


def kept_from(one: Reservation, rules: ReservationRules) -> datetime:
    return one.begins_at - rules.kept_before


def kept_until(one: Reservation, rules: ReservationRules) -> datetime:
    return min(one.begins_at + rules.grace, one.ends_at)


def moved_on(one: Reservation, plug: Plug | None, rules: ReservationRules, now: datetime) -> Reservation:
    """The reservation as it is now. ``plug.charging`` names the holder once they charge."""
    if one.status is not Status.BOOKED or now < kept_from(one, rules):
        return one
    if plug is not None and plug.charging == one.person_id:
        return replace(one, status=Status.USED, owed=rules.fee)
    if now >= kept_until(one, rules):
        if plug is None or not plug.usable or plug.in_session:
            return replace(one, status=Status.FAILED)
        return replace(one, status=Status.NO_SHOW, owed=rules.fee + rules.no_show_fee)
    return one


def cancelled(one: Reservation, rules: ReservationRules, now: datetime) -> Reservation:
    """Free of charge until ``free_until`` before the beginning."""
    late = now > one.begins_at - rules.free_until
    return replace(one, status=Status.CANCELLED, owed=rules.fee if late else Decimal(0))


def wants_another_plug(one: Reservation, plug: Plug | None, rules: ReservationRules, now: datetime) -> bool:
    """Whether its plug is not to be had: broken while it is kept, or still in use when it begins."""
    if one.status is not Status.BOOKED or now < kept_from(one, rules):
        return False
    if plug is None or not plug.usable:
        return True
    return plug.in_session and plug.charging != one.person_id and now >= one.begins_at
