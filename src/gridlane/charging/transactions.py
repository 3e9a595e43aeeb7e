"""The handler of a transaction's events (TransactionEvent; StartTransaction and StopTransaction of 1.6).

An event can be neither refused nor lost. It is joined into its session, the token it carries is judged, and what is
not known of it is said by flags, not by an error.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from gridlane.charging import starting
from gridlane.charging.assembler import blank, is_another, is_repeated, joined
from gridlane.charging.authorizing import Judgement, Occasion, note
from gridlane.charging.claims import CLAIMS_DECIDED, ClaimDecided
from gridlane.charging.metering import (
    is_unsettled,
    resumed,
    settle,
    stop_refused,
    stored_registers,
    with_readings,
)
from gridlane.charging.model import TRANSACTION_EVENTS
from gridlane.charging.questions import Answered, SessionAsked, TokenFacts
from gridlane.charging.recording import reading_row, record
from gridlane.charging.state import ChargingState, Session, is_believed
from gridlane.stations.decision import Ask, Commit
from gridlane.stations.replies import TransactionAnswered, Verdict
from gridlane.stations.reports import TransactionReported
from gridlane.stations.state import Live

NOTHING_ASKED = Answered()


def transaction_reported(
    live: Live, report: TransactionReported, now: datetime, answer: Answered | None
) -> Commit | Ask:
    remembered = _remembered(live.charging, report)
    event = _Event(live, report, now, _ids(live, report) if remembered is None else ())
    if answer is None and event.asks_about(remembered):
        return Ask(event.question(remembered))
    answered = answer or NOTHING_ASKED
    before = remembered or event.stored(answered)
    if before is not None and is_repeated(before, report):
        return _repeated(live, before, report, answered, now)
    return _decided(event, before, answered)


class _Event(NamedTuple):
    """An event on its way to a decision. ``ids``: what its transaction may be stored as, if it is not remembered."""

    live: Live
    report: TransactionReported
    now: datetime
    ids: tuple[str, ...]

    def asks_about(self, session: Session | None) -> bool:
        """Whether the database knows something the decision needs."""
        report = self.report
        new_request = report.remote_start_id is not None and (
            session is None or session.remote_start_id != report.remote_start_id
        )
        return bool(self.ids or report.token is not None or new_request or self.followed_since(session))

    def followed_since(self, session: Session | None) -> datetime | None:
        """From when on to look for a later session on the EVSE: asked for what comes from a queue and has no end."""
        report = self.report
        if (
            report.phase == "ended"
            or not starting.is_late(report, self.now)
            or not is_believed(report.at, self.now)
        ):
            return None
        if session is None:
            return report.at
        return session.started_at if session.ended_at is None and session.presumed_end is None else None

    def question(
        self, session: Session | None, registers_of: Iterable[UUID] = (), evse: int | None = None
    ) -> SessionAsked:
        """What to ask about the event, given what was known of its session before."""
        station, report = self.live.station, self.report
        return SessionAsked(
            station_id=station.id,
            organization_id=station.organization_id,
            at=self.now,
            evse=report.evse or evse or (session.evse if session is not None else None),
            token=report.token,
            remote_start_id=report.remote_start_id,
            transactions=self.ids,
            followed_since=self.followed_since(session),
            registers_of=tuple(registers_of),
            claims=report.token is not None and starting.pays(report),
        )

    def stored(self, answer: Answered) -> Session | None:
        """The stored session of an event that the owner did not remember."""
        if self.report.transaction is None:
            known = {one.transaction_id: one for one in answer.sessions}
            return known.get(starting.chosen_id(self.ids, known, self.report.digest)) if self.ids else None
        earlier = [one for one in answer.sessions if one.transaction_id in self.ids]
        began = [one for one in earlier if one.started_at <= self.report.at]
        return max(began or earlier, key=lambda one: one.generation, default=None)

    def new_session(self, earlier: Session | None, answer: Answered) -> Session:
        """A session that begins with this event; ``earlier`` had the same transaction id and is over."""
        at = self.report.at
        if earlier is not None:
            return blank(self.live, earlier.transaction_id, at, self.now, earlier.generation + 1)
        known = {one.transaction_id: one for one in answer.sessions}
        transaction = self.report.transaction or starting.chosen_id(self.ids, known, self.report.digest)
        return blank(self.live, transaction, at, self.now)


def _remembered(charging: ChargingState, report: TransactionReported) -> Session | None:
    if report.transaction is None:
        digest = report.digest.hex()
        return next((one for one in charging.sessions.values() if one.start_digest == digest), None)
    session = charging.sessions.get(report.transaction)
    if session is not None and session.generation and report.at < session.started_at:
        return None  # perhaps of an earlier transaction with this id
    return session


def _ids(live: Live, report: TransactionReported) -> tuple[str, ...]:
    if report.transaction is not None:
        return (report.transaction,)
    return starting.candidates(live.station.id, report.digest)


# --- what becomes of it ------------------------------------------------------------------------------------------


def _decided(event: _Event, before: Session | None, answer: Answered) -> Commit | Ask:
    live, report, now = event.live, event.report, event.now
    session = before
    if session is None or is_another(session, report):
        session, before = event.new_session(session, answer), None
    commit = Commit(live)
    after, judgement = _with_payer(commit, event, before, joined(session, report, now), answer)
    after = with_readings(live, after, report.readings, now)
    if after.presumed_end is not None and report.at > after.presumed_end:
        after = resumed(live, after)
    after = starting.presumed_ended_by_others(live.charging, after, answer.followed_at)
    others = starting.others_presumed_ended(live.charging, after)
    waiting = [one.id for one in others if one.progress.unsettled and one.id not in answer.registers]
    if is_unsettled(before, after):
        stored = stored_registers(before, after, answer)
        if stored is None:
            return Ask(event.question(before, (after.id, *waiting), after.evse))
        after = settle(live, after, stored, report.readings)
    if waiting:
        return Ask(event.question(before, waiting, after.evse))
    after = stop_refused(commit, after)
    commit.rows.append((TRANSACTION_EVENTS, _event_row(after, report, answer.token, now)))
    evse = report.evse or after.evse or 0
    commit.rows += [reading_row(live.station, evse, after, one, now) for one in report.readings]
    record(commit, before, after, now, "the station told more of it")
    for other in others:
        _presume_ended(commit, other, answer, now)
    commit.reply = _reply(after, report, judgement)
    return commit


def _with_payer(
    commit: Commit, event: _Event, before: Session | None, session: Session, answer: Answered
) -> tuple[Session, Judgement | None]:
    """The session with the event's token judged, or with the token of the start by API that it names."""
    live, report, now = event.live, event.report, event.now
    if report.token is None or answer.token is None:
        if answer.expected is not None and starting.pays(report):
            session = starting.with_request(session, answer.expected, report.at)
        return session, None
    judgement = starting.judged(live, before, report, answer.token, now)
    name = "start" if starting.pays(report) else "stop"
    if name == "start":
        commit.rows.append((CLAIMS_DECIDED, ClaimDecided(answer.token.key, live.station.id)))
    occasion = Occasion(name, live, now, report.evse or session.evse, session.transaction_id)
    note(commit, answer.token, report.token, occasion, judgement, session.id)
    return starting.with_token(session, report, answer.token, judgement), judgement


def _presume_ended(commit: Commit, other: Session, answer: Answered, now: datetime) -> None:
    before = commit.live.charging.by_id(other.id)
    if other.progress.unsettled:
        other = settle(commit.live, other, answer.registers[other.id])
    record(commit, before, other, now, "a later session began on its EVSE")


def _repeated(
    live: Live, session: Session, report: TransactionReported, answer: Answered, now: datetime
) -> Commit:
    """The same event again: the same answer, and nothing is written."""
    if report.token is None or answer.token is None:
        return Commit(live, _reply(session, report, None))
    if report.transaction is None and session.end_digest is not None:
        # It has been stopped by its id since, so the station had the answer: this is no retry, and lets nobody in.
        return Commit(live, _reply(session, report, Judgement(Verdict(status="invalid"), "stopped since")))
    if session.refused and starting.pays(report):
        verdict: Any = session.verdict
        return Commit(live, _reply(session, report, Judgement(Verdict(status=verdict), "refused before")))
    return Commit(live, _reply(session, report, starting.judged(live, session, report, answer.token, now)))


def _reply(session: Session, report: TransactionReported, judgement: Judgement | None) -> TransactionAnswered:
    return TransactionAnswered(
        verdict=judgement.verdict if judgement is not None else None,
        transaction_id=int(session.transaction_id) if report.transaction is None else None,
        message=judgement.verdict.message if judgement is not None else None,
    )


# --- the event as it is kept --------------------------------------------------------------------------------------


class EventRow(msgspec.Struct, gc=False):
    """A row of ``transaction_events``."""

    session_id: UUID
    phase: str
    digest: str
    organization_id: UUID | None
    station_id: UUID
    transaction_id: str
    sequence: int | None
    at: datetime
    received_at: datetime
    trigger: str | None
    charging_state: str | None
    stopped_reason: str | None
    offline: bool
    evse: int | None
    connector: int | None
    token_last4: str | None
    remote_start_id: int | None
    reservation_id: int | None
    extra: str | None


def _event_row(
    session: Session, report: TransactionReported, facts: TokenFacts | None, now: datetime
) -> EventRow:
    return EventRow(
        session.id, report.phase, report.digest.hex(), session.organization_id, session.station_id,
        session.transaction_id, report.sequence, report.at, now, report.trigger, report.charging_state,
        report.stopped_reason, report.offline, report.evse, report.connector, facts.last4 if facts else None,
        report.remote_start_id, report.reservation_id,
        msgspec.json.encode(report.extra).decode() if report.extra else None,
    )  # fmt: skip
