"""The handler of a transaction's events (TransactionEvent; StartTransaction and StopTransaction of 1.6).

An event can be neither refused nor lost. It is joined into its session, the token it carries is judged, and what is
not known of it is said by flags, not by an error.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from gridlane.charging import starting
from gridlane.charging.assembler import blank, is_another, is_repeated, joined
from gridlane.charging.authorizing import Judgement, Occasion, note
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
    ids = _ids(live, report) if remembered is None else ()
    since = _followed_since(remembered, report, now)
    if answer is None and (
        ids or since is not None or report.token is not None or _names_request(remembered, report)
    ):
        evse = remembered.evse if remembered is not None else None
        return Ask(_question(live, report, now, ids, since, evse=evse))
    answered = answer or NOTHING_ASKED
    before = remembered or _stored(answered, ids, report)
    if before is not None and is_repeated(before, report):
        return _repeated(live, before, report, answered, now)
    return _decided(live, before, report, answered, now, ids)


# --- which session -----------------------------------------------------------------------------------------------


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


def _stored(answer: Answered, ids: tuple[str, ...], report: TransactionReported) -> Session | None:
    """The stored session of an event that the owner did not remember."""
    if report.transaction is None:
        known = {one.transaction_id: one for one in answer.sessions}
        return known.get(starting.chosen_id(ids, known, report.digest)) if ids else None
    earlier = [one for one in answer.sessions if one.transaction_id in ids]
    began = [one for one in earlier if one.started_at <= report.at]
    return max(began or earlier, key=lambda one: one.generation, default=None)


def _names_request(session: Session | None, report: TransactionReported) -> bool:
    """Whether the event says which start by API it answers, and that is not known yet."""
    return report.remote_start_id is not None and (session is None or session.request_id is None)


def _followed_since(session: Session | None, report: TransactionReported, now: datetime) -> datetime | None:
    """From when on to look for a later session on the EVSE: asked for what comes from a queue and has no end."""
    if report.phase == "ended" or not starting.is_late(report, now) or not is_believed(report.at, now):
        return None
    if session is None:
        return report.at
    return session.started_at if session.ended_at is None and session.presumed_end is None else None


def _new(
    live: Live,
    before: Session | None,
    report: TransactionReported,
    answer: Answered,
    ids: tuple[str, ...],
    now: datetime,
) -> Session:
    if before is not None:
        return blank(live, before.transaction_id, report.at, now, before.generation + 1)
    transaction = report.transaction
    if transaction is None:
        known = {one.transaction_id: one for one in answer.sessions}
        transaction = starting.chosen_id(ids, known, report.digest)
    return blank(live, transaction, report.at, now)


# --- what becomes of it ------------------------------------------------------------------------------------------


def _decided(
    live: Live,
    before: Session | None,
    report: TransactionReported,
    answer: Answered,
    now: datetime,
    ids: tuple[str, ...],
) -> Commit | Ask:
    if before is None or is_another(before, report):
        session, before = _new(live, before, report, answer, ids, now), None
    else:
        session = before
    commit = Commit(live)
    after = joined(session, report, now)
    judgement = None
    if answer.token is not None and report.token is not None:
        judgement = starting.judged(live, before, report, answer.token, now)
        after = _with_token(commit, after, report, answer.token, judgement, now)
    elif answer.expected is not None and starting.pays(report):
        after = starting.with_request(after, answer.expected, report.at)
    after = with_readings(live, after, report.readings, now)
    if after.presumed_end is not None and report.at > after.presumed_end:
        after = resumed(live, after)
    after = starting.presumed_ended_by_others(live.charging, after, answer.followed_at)
    others = starting.others_presumed_ended(live.charging, after)
    stored = stored_registers(before, after, answer) if is_unsettled(before, after) else ()
    waiting = [one.id for one in others if one.progress.unsettled and one.id not in answer.registers]
    if stored is None or waiting:
        since = _followed_since(before, report, now)
        return Ask(_question(live, report, now, ids, since, (after.id, *waiting), after.evse))
    if is_unsettled(before, after):
        after = settle(live, after, stored, report.readings)
    after = stop_refused(commit, after)
    commit.rows.append((TRANSACTION_EVENTS, _event_row(after, report, answer.token, now)))
    evse = report.evse or after.evse or 0
    commit.rows += [reading_row(live.station, evse, after, one, now) for one in report.readings]
    record(commit, before, after, now, "the station told more of it")
    for other in others:
        _presume_ended(commit, other, answer, now)
    commit.reply = _reply(after, report, judgement)
    return commit


def _with_token(
    commit: Commit,
    session: Session,
    report: TransactionReported,
    facts: TokenFacts,
    judgement: Judgement,
    now: datetime,
) -> Session:
    assert report.token is not None
    name = "start" if starting.pays(report) else "stop"
    occasion = Occasion(name, commit.live, now, report.evse or session.evse, session.transaction_id)
    note(commit, facts, report.token, occasion, judgement, session.id)
    return starting.with_token(session, report, facts, judgement)


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


# --- the shell's part --------------------------------------------------------------------------------------------


def _question(
    live: Live,
    report: TransactionReported,
    now: datetime,
    ids: tuple[str, ...],
    followed_since: datetime | None,
    registers_of: Iterable[UUID] = (),
    evse: int | None = None,
) -> SessionAsked:
    station = live.station
    return SessionAsked(
        station_id=station.id,
        organization_id=station.organization_id,
        at=now,
        evse=report.evse or evse,
        token=report.token,
        remote_start_id=report.remote_start_id,
        transactions=ids,
        followed_since=followed_since,
        registers_of=tuple(registers_of),
    )


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
