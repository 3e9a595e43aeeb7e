"""A session begins: who pays for it, which request it answers, and what an earlier one on its EVSE becomes.

A StartTransaction of 1.6 is given its id here: made from the station and the content of the message, so that the same
start sent again gets the same id, also after a restart, and no station can guess or touch another's (ids are looked
up within the station alone).
"""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from gridlane.charging import authorizing
from gridlane.charging.assembler import STOPPING
from gridlane.charging.authorizing import Judgement, Occasion
from gridlane.charging.questions import Expected, TokenFacts
from gridlane.charging.state import ChargingState, Session, is_believed
from gridlane.kernel.facts import Fact
from gridlane.stations.reports import TransactionReported
from gridlane.stations.state import Live

ID_CANDIDATES = 4
LATE = timedelta(minutes=10)


class SessionStarted(Fact, frozen=True, kw_only=True, tag="session_started"):
    """A station told of a transaction for the first time. Who pays may not be known yet (``session_authorized``)."""

    session_id: UUID
    transaction_id: str
    evse: int | None
    started_at: datetime
    offline: bool
    refused: bool
    request_id: UUID | None


class SessionAuthorized(Fact, frozen=True, kw_only=True, tag="session_authorized"):
    """A token was let in for a session: from here on somebody pays for it."""

    session_id: UUID
    token_id: UUID | None
    person_id: UUID | None
    token_kind: str | None
    group_id: str | None
    request_id: UUID | None


def candidates(station_id: UUID, digest: bytes) -> tuple[str, ...]:
    """Ids for a StartTransaction, in order of preference: positive, 31 bits, the same for the same message."""
    drawn = hashlib.sha256(station_id.bytes + digest).digest()
    return tuple(
        str(int.from_bytes(drawn[place : place + 4]) % 0x7FFF_FFFF + 1)
        for place in range(0, 4 * ID_CANDIDATES, 4)
    )


def chosen_id(ids: tuple[str, ...], known: dict[str, Session], digest: bytes) -> str:
    """The first id that is free, or already this very start's (also where its values came before it).

    Raises TransactionIdsTaken, which nobody will see: four draws of 31 bits within one station.
    """
    for id_ in ids:
        if id_ not in known or known[id_].start_digest in (None, digest.hex()):
            return id_
    raise TransactionIdsTaken(ids)


class TransactionIdsTaken(RuntimeError):
    """All candidates belong to other transactions of the station."""


def pays(report: TransactionReported) -> bool:
    """Whether the event's token is the one that starts (and pays), rather than one that stops."""
    return report.phase != "ended" and report.trigger not in STOPPING


def with_token(
    session: Session, report: TransactionReported, facts: TokenFacts, judgement: Judgement
) -> Session:
    """The session with the event's token: the earliest starts and pays, any other has only stopped it."""
    if not pays(report):
        if session.stop_token_key is not None and session.stop_token_key <= facts.key:
            return session
        return replace(session, stop_token_key=facts.key, stop_token_last4=facts.last4)
    if session.token_at is not None and (report.at, facts.key) >= (session.token_at, session.token_key):
        return session
    known, expected = facts.token, facts.expected
    return replace(
        session,
        token_at=report.at,
        token_id=known.id if known else None,
        token_key=facts.key,
        token_last4=facts.last4,
        token_kind=report.token.kind if report.token else None,
        group_id=known.group_id if known else None,
        person_id=(expected.person_id if expected else None) or (known.person_id if known else None),
        request_id=expected.id if expected and judgement.accepted else session.request_id,
        verdict=judgement.verdict.status,
        refused=not judgement.accepted,
    )


def with_request(session: Session, expected: Expected, at: datetime) -> Session:
    """The session that answers a start by API without saying the token again: the one it was asked for with pays."""
    if session.request_id is not None:
        return session
    session = replace(session, request_id=expected.id, person_id=expected.person_id)
    if session.token_at is not None:
        return session
    return replace(
        session,
        token_at=at,
        token_id=expected.token_id,
        token_key=expected.token_key,
        token_last4=expected.token_last4,
        token_kind=expected.token_kind,
        verdict="accepted",
        refused=False,
    )


def judged(
    live: Live, session: Session | None, report: TransactionReported, facts: TokenFacts, now: datetime
) -> Judgement:
    """The verdict on the token of a transaction's event.

    What was let in once stays so while it charges, unless it has been blocked or has expired since. Of a start that
    happened while the station was offline it is only asked whose it was, and whether it was valid then: what else
    runs now says nothing of then.
    """
    late = is_late(report, now)
    starts = pays(report) and not late and not _goes_on(session, facts)
    occasion = Occasion(
        "start" if starts else "stop",
        live,
        report.at if late and is_believed(report.at, now) else now,
        report.evse or (session.evse if session else None),
        session.transaction_id if session else report.transaction,
    )
    return authorizing.judged(facts, occasion)


def is_late(report: TransactionReported, now: datetime) -> bool:
    """Whether an event comes from a queue: the station was offline when it happened."""
    return report.offline or now - report.at > LATE


def _goes_on(session: Session | None, facts: TokenFacts) -> bool:
    return session is not None and session.token_key == facts.key and not session.refused


def others_presumed_ended(charging: ChargingState, session: Session) -> list[Session]:
    """Sessions that cannot be running any more, since this one began later on the same EVSE.

    A refused start ends nothing: whoever presents a bad card must not stop another's charge.
    """
    if session.evse is None or session.refused or session.start_digest is None:
        return []
    return [
        replace(other, presumed_end=min(session.began, other.presumed_end or session.began))
        for other in charging.sessions.values()
        if other.evse == session.evse
        and other.id != session.id
        and other.ended_at is None
        and other.began < session.began
        and (other.presumed_end is None or session.began < other.presumed_end)
    ]


def presumed_ended_by_others(
    charging: ChargingState, session: Session, followed_at: datetime | None
) -> Session:
    """The session itself, where a later one on its EVSE is known already (it came late, from a queue)."""
    if session.evse is None or session.ended_at is not None:
        return session
    later = [
        other.began
        for other in charging.sessions.values()
        if other.evse == session.evse and other.id != session.id and not other.refused
        and other.start_digest is not None and other.began > session.began
    ]  # fmt: skip
    if followed_at is not None:
        later.append(followed_at)
    return replace(session, presumed_end=min(later)) if later else session


def started(session: Session) -> SessionStarted:
    return SessionStarted(
        session_id=session.id,
        transaction_id=session.transaction_id,
        evse=session.evse,
        started_at=session.started_at,
        offline=session.offline,
        refused=session.refused,
        request_id=session.request_id,
    )


def authorized(session: Session) -> SessionAuthorized:
    return SessionAuthorized(
        session_id=session.id,
        token_id=session.token_id,
        person_id=session.person_id,
        token_kind=session.token_kind,
        group_id=session.group_id,
        request_id=session.request_id,
    )
