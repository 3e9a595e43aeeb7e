"""What happened, in one line each and in order: messages, decisions and payments, the same for driver and agent."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec
from babel.numbers import format_currency

from gridlane.support.attempt import Asked, Attempt, Charged, Judged, Paid, Stood, Told


class Line(msgspec.Struct, frozen=True):
    """One thing that happened. ``kind`` is message, decision, payment or state; ``good`` is None where it is neither."""

    at: datetime
    kind: str
    text: str
    good: bool | None = None


class _Row(NamedTuple):
    at: datetime
    kind: str
    word: str
    good: bool | None
    holes: dict[str, str]


def told(attempt: Attempt, language: str) -> list[Line]:
    """The lines of an attempt, oldest first."""
    rows = sorted(_rows(attempt, language), key=lambda row: row.at)
    words = WORDS["de" if language == "de" else "en"]
    return [Line(row.at, row.kind, words[row.word].format(**row.holes), row.good) for row in rows]


def _rows(attempt: Attempt, language: str) -> Iterator[_Row]:
    yield from (row for one in attempt.stood for row in _stood(one, attempt))
    if attempt.asked is not None:
        yield from _asked(attempt.asked)
    for one in attempt.judged:
        yield from _judged(one, language)
    for event in attempt.told:
        yield from _told(event)
    for payment in attempt.paid:
        yield from _paid(payment, language)
    if attempt.charged is not None:
        yield from _charged(attempt.charged, attempt.bill)


def _stood(one: Stood, attempt: Attempt) -> Iterator[_Row]:
    good = {"offline": False, "faulted": False, "unavailable": False}.get(one.state)
    since = max(one.since, attempt.at)  # what held already is told at the attempt's own beginning
    yield _Row(since, "state", f"plug.{one.state}", good, {})


def _asked(asked: Asked) -> Iterator[_Row]:
    yield _Row(asked.at, "message", f"asked.{asked.by}", None, {})
    if asked.sent_at is not None:
        yield _Row(asked.sent_at, "message", "asked.sent", None, {})
    answered = asked.answered_at or asked.ended_at
    if asked.status in _ANSWERS and answered is not None:
        word, good = _ANSWERS[asked.status]
        yield _Row(answered, "message", word, good, {"why": f" ({asked.evidence})" if asked.evidence else ""})


_ANSWERS = {
    "agreed": ("answer.agreed", True),
    "verified": ("answer.agreed", True),
    "unverified": ("answer.unverified", False),
    "refused": ("answer.refused", False),
    "failed": ("answer.failed", False),
    "unsupported": ("answer.failed", False),
    "timed_out": ("answer.silent", False),
    "unknown": ("answer.unknown", False),
    "expired": ("answer.never_sent", False),
    "cancelled": ("answer.never_sent", False),
}


def _judged(one: Judged, language: str) -> Iterator[_Row]:
    word = "token.accepted" if one.accepted else "token.refused"
    why = one.reason or one.verdict
    why = GERMAN_REASONS.get(why, why) if language == "de" else why
    yield _Row(one.at, "decision", word, one.accepted, {"last4": one.last4, "why": why})


def _told(event: Told) -> Iterator[_Row]:
    late = "late." if event.offline and event.phase == "started" else ""
    if event.phase == "started":
        yield _Row(event.at, "message", f"{late}transaction.started", None, {})
    if event.charging_state is not None:
        good = {"Charging": True, "SuspendedEV": False, "SuspendedEVSE": False}.get(event.charging_state)
        yield _Row(event.at, "message", f"state.{event.charging_state}", good, {})
    if event.phase == "ended" and event.stopped_reason is None:
        yield _Row(event.at, "message", "transaction.over", None, {})
    elif event.phase == "ended":
        yield _Row(event.at, "message", "transaction.ended", None, {"why": str(event.stopped_reason)})


def _paid(payment: Paid, language: str) -> Iterator[_Row]:
    def amount(of: Decimal) -> dict[str, str]:
        return {"amount": str(format_currency(of, payment.currency, locale=language))}

    if payment.state == "declined":
        yield _Row(payment.changed_at, "payment", "payment.declined", False, amount(payment.held))
        return
    yield _Row(payment.at, "payment", "payment.held", True, amount(payment.held))
    if payment.state == "released":
        yield _Row(payment.changed_at, "payment", "payment.released", True, amount(payment.held))
    if payment.captured:
        yield _Row(payment.changed_at, "payment", "payment.captured", None, amount(payment.captured))
    if payment.refunded:
        yield _Row(payment.changed_at, "payment", "payment.refunded", True, amount(payment.refunded))


def _charged(one: Charged, bill: str | None) -> Iterator[_Row]:
    if one.ended_at is not None:
        energy = f"{one.energy / 1000:.2f}"
        yield _Row(one.ended_at, "state", "session.ended", one.energy > 0, {"energy": energy})
        if bill is not None:
            yield _Row(one.ended_at, "payment", "session.billed", None, {"amount": bill})


WORDS: dict[str, dict[str, str]] = {
    "en": {
        "plug.available": "The plug was free.",
        "plug.occupied": "The plug was taken.",
        "plug.reserved": "The plug was reserved.",
        "plug.unavailable": "The plug was out of service.",
        "plug.faulted": "The plug reported a fault.",
        "plug.offline": "The station was out of reach.",
        "asked.app": "The start was asked for in the app.",
        "asked.guest": "A guest asked for the start.",
        "asked.operator": "The operator asked for the start.",
        "asked.sent": "The station was asked to start.",
        "answer.agreed": "The station agreed.",
        "answer.unverified": "The station agreed, but no charge was seen in time.",
        "answer.refused": "The station refused{why}.",
        "answer.failed": "The station answered with an error{why}.",
        "answer.silent": "The station did not answer.",
        "answer.unknown": "The connection broke before the answer.",
        "answer.never_sent": "The station could not be asked in time.",
        "token.accepted": "The card or account …{last4} was let in.",
        "token.refused": "The card or account …{last4} was not let in: {why}.",
        "transaction.started": "The station began.",
        "late.transaction.started": "The station began while it was without a connection.",
        "transaction.ended": "The station ended it ({why}).",
        "transaction.over": "The station ended it without a reason.",
        "state.Idle": "No cable was connected.",
        "state.EVConnected": "The car was connected.",
        "state.Charging": "Energy was flowing.",
        "state.SuspendedEV": "The car paused.",
        "state.SuspendedEVSE": "The station paused.",
        "payment.declined": "Holding {amount} was declined.",
        "payment.held": "{amount} were held.",
        "payment.released": "The hold of {amount} was let go.",
        "payment.captured": "{amount} were taken.",
        "payment.refunded": "{amount} went back.",
        "session.ended": "Over, with {energy} kWh.",
        "session.billed": "The bill is {amount}.",
    },
    "de": {
        "plug.available": "Der Ladepunkt war frei.",
        "plug.occupied": "Der Ladepunkt war belegt.",
        "plug.reserved": "Der Ladepunkt war reserviert.",
        "plug.unavailable": "Der Ladepunkt war außer Betrieb.",
        "plug.faulted": "Der Ladepunkt meldete eine Störung.",
        "plug.offline": "Die Station war nicht erreichbar.",
        "asked.app": "Der Start wurde in der App gewünscht.",
        "asked.guest": "Ein Gast wünschte den Start.",
        "asked.operator": "Der Betreiber wünschte den Start.",
        "asked.sent": "Die Station wurde zum Start aufgefordert.",
        "answer.agreed": "Die Station war einverstanden.",
        "answer.unverified": "Die Station war einverstanden, aber es wurde kein Ladevorgang gesehen.",
        "answer.refused": "Die Station lehnte ab{why}.",
        "answer.failed": "Die Station antwortete mit einem Fehler{why}.",
        "answer.silent": "Die Station antwortete nicht.",
        "answer.unknown": "Die Verbindung brach vor der Antwort ab.",
        "answer.never_sent": "Die Station konnte nicht rechtzeitig gefragt werden.",
        "token.accepted": "Karte oder Konto …{last4} wurde zugelassen.",
        "token.refused": "Karte oder Konto …{last4} wurde nicht zugelassen: {why}.",
        "transaction.started": "Die Station begann.",
        "late.transaction.started": "Die Station begann, während sie ohne Verbindung war.",
        "transaction.ended": "Die Station beendete den Vorgang ({why}).",
        "transaction.over": "Die Station beendete den Vorgang ohne Angabe eines Grundes.",
        "state.Idle": "Es war kein Kabel verbunden.",
        "state.EVConnected": "Das Auto war verbunden.",
        "state.Charging": "Es floss Energie.",
        "state.SuspendedEV": "Das Auto pausierte.",
        "state.SuspendedEVSE": "Die Station pausierte.",
        "payment.declined": "Die Reservierung von {amount} wurde abgelehnt.",
        "payment.held": "{amount} wurden reserviert.",
        "payment.released": "Die Reservierung von {amount} wurde freigegeben.",
        "payment.captured": "{amount} wurden abgebucht.",
        "payment.refunded": "{amount} gingen zurück.",
        "session.ended": "Beendet mit {energy} kWh.",
        "session.billed": "Die Rechnung beträgt {amount}.",
    },
}

GERMAN_REASONS = {
    "the token is blocked": "sie ist gesperrt",
    "the token is not valid yet": "sie gilt noch nicht",
    "the token has expired": "sie ist abgelaufen",
    "nobody knows the token": "sie ist unbekannt",
    "the token is not meant for this place": "sie gilt an diesem Ort nicht",
    "a master pass starts no session": "diese Karte beendet nur Ladevorgänge",
    "the EVSE is reserved for somebody else": "der Ladepunkt ist für jemand anderen reserviert",
    "the token is charging elsewhere": "mit ihr wird schon geladen",
    "the budget or credit is used up": "Budget oder Guthaben ist aufgebraucht",
}
"""The rules of ``charging.authorizing`` in German."""
