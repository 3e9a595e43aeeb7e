"""Whom to tell of what, when: rules by event, severity and place, over channels, with quiet hours. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from html import escape
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from gridlane.accounts.letters import Letter
from gridlane.maintenance.causes import CAUSES
from gridlane.maintenance.rules import RULES

Event = Literal["opened", "escalated", "resolved", "reminder", "test"]
EVENTS: tuple[Event, ...] = ("opened", "escalated", "resolved")
"""What a rule can be about; a reminder follows what was told and nobody acknowledged."""

ATTEMPTS = 12
FIRST_PAUSE = timedelta(seconds=20)
LONGEST_PAUSE = timedelta(hours=2)


class Channel(msgspec.Struct, frozen=True):
    """``target`` is an address for ``mail``, a URL for ``webhook``, empty for ``app``."""

    kind: Literal["app", "mail", "webhook"]
    target: str = ""


class QuietHours(msgspec.Struct, frozen=True):
    """From ``begin`` until ``end`` (the next day, if earlier) by the clock of ``zone``, nobody is woken."""

    begin: time
    end: time
    zone: str

    def end_after(self, now: datetime) -> datetime | None:
        """When the quiet hours that ``now`` lies in are over; None outside of them."""
        local = now.astimezone(ZoneInfo(self.zone))
        at = local.timetz().replace(tzinfo=None)
        over_night = self.begin > self.end
        inside = (at >= self.begin or at < self.end) if over_night else self.begin <= at < self.end
        if not inside:
            return None
        day = local.date() + timedelta(days=1 if over_night and at >= self.begin else 0)
        return datetime.combine(day, self.end, ZoneInfo(self.zone)).astimezone(UTC)


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """``site_id`` None: every site. ``wakes``: critical incidents are told of in quiet hours too."""

    id: UUID
    name: str
    events: tuple[str, ...]
    severities: tuple[str, ...]
    site_id: UUID | None
    channels: tuple[Channel, ...]
    quiet: QuietHours | None
    wakes: bool
    repeat: timedelta | None
    enabled: bool


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """Something about an incident that somebody may want to know."""

    event: Event
    severity: str
    site_id: UUID | None
    cause: str
    rule: str
    stations: Sequence[str]


def wants(rule: AlertRule, what: Happened) -> bool:
    """Whether the rule is about it."""
    return (
        rule.enabled
        and what.event in rule.events
        and what.severity in rule.severities
        and rule.site_id in (None, what.site_id)
    )


def due(rule: AlertRule, severity: str, now: datetime) -> datetime:
    """When to tell: now, or when the quiet hours are over."""
    if rule.quiet is None or (rule.wakes and severity == "critical"):
        return now
    return rule.quiet.end_after(now) or now


def pause(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts; None: give up."""
    if attempts >= ATTEMPTS:
        return None
    return min(FIRST_PAUSE * (1 << (attempts - 1)), LONGEST_PAUSE)


_LEADS: dict[str, str] = {
    "opened": "Fault",
    "escalated": "A person is needed",
    "resolved": "Over",
    "reminder": "Still unattended",
    "test": "Test",
}


def subject(what: Happened) -> str:
    """One line that says what and where."""
    rule = RULES.get(what.rule)
    where = what.stations[0] if len(what.stations) == 1 else f"{len(what.stations)} stations"
    return f"{_LEADS[what.event]}: {rule.title if rule else what.rule} ({where})"


def text(what: Happened, address: str) -> str:
    """The message: what, where, why, what to do, and where to read on."""
    rule, cause = RULES.get(what.rule), CAUSES.get(what.cause)
    next_step = (cause.next_step if cause else None) or (rule.next_step if rule else "")
    shown = ", ".join(what.stations[:10]) + (", ..." if len(what.stations) > 10 else "")
    lines = [f"{subject(what)}.", "", f"Where: {shown}", f"Cause: {cause.title if cause else what.cause}"]
    lines += [] if what.event == "resolved" else [f"Next: {next_step}"]
    return "\n".join([*lines, "", address])


def letter_of(subject: str, text: str) -> Letter:
    """A message as a mail. Its subject is one line, whatever a station's name may hold."""
    html = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in text.split("\n\n"))
    return Letter(" ".join(subject.split()), text, html)
