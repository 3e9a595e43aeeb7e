"""Incidents through time: findings come and go, an incident keeps what belongs to one cause from its first sign to its end.

``follow`` compares what is open with what is found now and says what changes; nothing here knows a database. A symptom
stays with the incident that holds it (stations that come back one by one do not make new incidents), unless a wider cause
claims it: then the narrower incident merges into the wider one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from gridlane.kernel.facts import Fact
from gridlane.maintenance.causes import CAUSES, Finding
from gridlane.maintenance.rules import SEVERITIES, Severity
from gridlane.maintenance.symptoms import Place, Symptom

SETTLED = timedelta(seconds=30)
"""An incident without symptoms for so long is over."""

Key = tuple[str, Place]


class IncidentOpened(Fact, frozen=True, kw_only=True, tag="incident_opened"):
    """Something is wrong, and this is thought to be its cause."""

    incident_id: UUID
    cause: str
    rule: str
    severity: str
    site_id: UUID | None
    stations: tuple[UUID, ...]


class IncidentEscalated(Fact, frozen=True, kw_only=True, tag="incident_escalated"):
    """What could be tried from the chair did not help: a person is needed."""

    incident_id: UUID
    cause: str
    rule: str
    severity: str
    site_id: UUID | None
    stations: tuple[UUID, ...]


class IncidentResolved(Fact, frozen=True, kw_only=True, tag="incident_resolved"):
    """An incident is over: ``by_itself``, by a ``playbook``, or by a ``person``."""

    incident_id: UUID
    cause: str
    rule: str
    severity: str
    site_id: UUID | None
    stations: tuple[UUID, ...]
    resolution: str


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident. ``live`` are the symptoms it has now; ``quiet_since`` is set while it has none."""

    id: UUID
    cause: str
    subject: str
    rule: str
    severity: Severity
    live: frozenset[Key]
    quiet_since: datetime | None = None

    @property
    def rank(self) -> int:
        return CAUSES[self.cause].rank


class Opened(msgspec.Struct, frozen=True):
    finding: Finding
    symptoms: tuple[Symptom, ...]
    merged: tuple[UUID, ...]  # narrower incidents that it explains


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What is new about an open incident. ``finding`` is set where its cause or severity is seen otherwise now."""

    incident: UUID
    came: tuple[Symptom, ...] = ()
    went: tuple[Key, ...] = ()
    finding: Finding | None = None
    merged: tuple[UUID, ...] = ()


class Over(msgspec.Struct, frozen=True):
    incident: UUID


Change = Opened | Changed | Over


def follow(opened: Sequence[Incident], findings: Iterable[Finding], now: datetime) -> list[Change]:
    """What becomes of the open incidents of one organization. ``findings`` are the widest first, as explained."""
    desk = _Desk(opened)
    for finding in findings:
        desk.take(finding)
    return desk.changes(now)


class _Desk:
    """The incidents while the findings are laid on them."""

    def __init__(self, opened: Sequence[Incident]) -> None:
        self.incidents = {one.id: one for one in opened}
        self.by_subject = {one.subject: one for one in opened}
        self.holder = {key: one for one in opened for key in one.live}
        self.came: dict[UUID, list[Symptom]] = {}
        self.left: dict[UUID, set[Key]] = {one.id: set(one.live) for one in opened}  # not seen again yet
        self.renamed: dict[UUID, Finding] = {}
        self.merged: dict[UUID, list[UUID]] = {}
        self.gone: set[UUID] = set()
        self.new: list[Opened] = []

    def take(self, finding: Finding) -> None:
        home = self.by_subject.get(finding.subject) or self._wider_holder(finding)
        if home is not None:
            self._join(home, finding)
        else:
            moved = self._claim(finding, None)
            self.new.append(Opened(finding, finding.symptoms, tuple(moved)))

    def _wider_holder(self, finding: Finding) -> Incident | None:
        """An open incident of a cause at least as wide that holds some of these symptoms already."""
        holders = [self.holder[one.key] for one in finding.symptoms if one.key in self.holder]
        wide = [one for one in holders if one.rank >= finding.rank and one.id not in self.gone]
        return max(wide, key=lambda one: one.rank, default=None)

    def _join(self, home: Incident, finding: Finding) -> None:
        for symptom in finding.symptoms:
            if symptom.key in home.live:
                self.left[home.id].discard(symptom.key)
        moved = self._claim(finding, home)
        self.merged.setdefault(home.id, []).extend(moved)
        same_place = finding.subject == home.subject
        worse = SEVERITIES.index(finding.severity) < SEVERITIES.index(home.severity)
        if same_place and (finding.cause != home.cause or worse):
            self.renamed[home.id] = finding

    def _claim(self, finding: Finding, home: Incident | None) -> list[UUID]:
        """Take the finding's symptoms from narrower incidents; gives those that have none left."""
        emptied: list[UUID] = []
        for symptom in finding.symptoms:
            holder = self.holder.get(symptom.key)
            if holder is None or holder is home:
                if home is not None and symptom.key not in home.live:
                    self.came.setdefault(home.id, []).append(symptom)
                continue
            if home is not None:
                self.came.setdefault(home.id, []).append(symptom)
            self.left[holder.id].discard(symptom.key)
            self.holder.pop(symptom.key)
            if not any(self.holder.get(key) is holder for key in holder.live):
                emptied.append(holder.id)
                self.gone.add(holder.id)
        return emptied

    def changes(self, now: datetime) -> list[Change]:
        found: list[Change] = [*self.new]
        for id_, incident in self.incidents.items():
            if id_ in self.gone:
                continue
            came, went = tuple(self.came.get(id_, ())), tuple(sorted(self.left[id_]))
            finding, merged = self.renamed.get(id_), tuple(self.merged.get(id_, ()))
            if came or went or finding or merged:
                found.append(Changed(incident=id_, came=came, went=went, finding=finding, merged=merged))
            elif not incident.live and incident.quiet_since and now - incident.quiet_since >= SETTLED:
                found.append(Over(id_))
        return found
