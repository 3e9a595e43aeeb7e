"""Which tariff a driver gets at a station: assignments, their precedence, and warnings where two overlap.

The precedence, published in docs/prices.md: who comes before where. A driver group's assignment beats one for guests,
which beats one for everyone; among these a station's beats a site's, which beats one for the whole organization. A
driver of several groups is served by the first of them in the given order. Of two that still tie, the one that began
later wins; they overlap, and the operator is warned.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import combinations
from uuid import UUID

import msgspec

from gridlane.kernel.errors import Kind, Refusal


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff for a place and an audience, from an instant (inclusive) to another (exclusive; None: open).

    The place is a station, else a site, else the whole organization. The audience is a driver group, else guests
    without an account, else everyone.
    """

    id: UUID
    tariff_id: UUID
    valid_from: datetime
    valid_until: datetime | None = None
    site_id: UUID | None = None
    station_id: UUID | None = None
    group_id: UUID | None = None
    for_guests: bool = False

    def holds_at(self, at: datetime) -> bool:
        return self.valid_from <= at and (self.valid_until is None or at < self.valid_until)


class Customer(msgspec.Struct, frozen=True):
    """Who charges: the driver groups in the order in which they are asked, or a guest."""

    groups: tuple[UUID, ...] = ()
    is_guest: bool = False


class Overlap(msgspec.Struct, frozen=True):
    """Two assignments of the same place and audience that hold at the same time; ``winner`` is used."""

    winner: Assignment
    loser: Assignment
    since: datetime
    until: datetime | None


class TariffMissing(Refusal):
    code = "tariff_missing"
    kind = Kind.CONFLICT
    sentence = "No tariff is assigned here at {at}; assign one to the station, its site or the organization."


def assigned(
    assignments: Iterable[Assignment], station_id: UUID, site_id: UUID, customer: Customer, at: datetime
) -> Assignment:
    """The assignment that decides. Raises TariffMissing."""
    fitting = [
        assignment
        for assignment in assignments
        if assignment.holds_at(at)
        and _is_here(assignment, station_id, site_id)
        and _is_for(assignment, customer)
    ]
    if not fitting:
        raise TariffMissing(at=at.isoformat())
    return min(
        fitting,
        key=lambda assignment: (_rank(assignment, customer.groups), -assignment.valid_from.timestamp()),
    )


def overlaps(assignments: Sequence[Assignment]) -> list[Overlap]:
    """Every pair that leaves the choice to the later beginning, in order of time."""
    return sorted(_overlaps(assignments), key=lambda overlap: overlap.since)


def _overlaps(assignments: Sequence[Assignment]) -> Iterator[Overlap]:
    for one, other in combinations(assignments, 2):
        if _scope(one) != _scope(other):
            continue
        since = max(one.valid_from, other.valid_from)
        ends = [end for end in (one.valid_until, other.valid_until) if end]
        until = min(ends) if ends else None
        if until is None or since < until:
            winner, loser = (one, other) if one.valid_from >= other.valid_from else (other, one)
            yield Overlap(winner, loser, since, until)


def _scope(assignment: Assignment) -> tuple[object, ...]:
    place = assignment.station_id or assignment.site_id
    return place, assignment.group_id, assignment.for_guests


def _is_here(assignment: Assignment, station_id: UUID, site_id: UUID) -> bool:
    if assignment.station_id:
        return assignment.station_id == station_id
    return assignment.site_id in (None, site_id)


def _is_for(assignment: Assignment, customer: Customer) -> bool:
    if assignment.group_id:
        return assignment.group_id in customer.groups
    return customer.is_guest or not assignment.for_guests


def _rank(assignment: Assignment, groups: Sequence[UUID]) -> tuple[int, int, int]:
    place = 0 if assignment.station_id else 1 if assignment.site_id else 2
    if assignment.group_id:
        return 0, groups.index(assignment.group_id), place
    return (1 if assignment.for_guests else 2), 0, place
