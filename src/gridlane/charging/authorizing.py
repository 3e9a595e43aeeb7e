"""Who may charge: a verdict on a token, from what is known of it, by a table of rules. And the handler of Authorize.

The database is asked each time, so a token blocked a moment ago does not start. A session that ends does not stand in
the way of the next: what counts as running elsewhere is only what truly is (``_counts``).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from gridlane.charging.model import AUTHORIZATIONS
from gridlane.charging.questions import Admission, Answered, OpenSession, SessionAsked, TokenFacts
from gridlane.kernel.facts import Fact
from gridlane.stations.decision import Ask, Commit, report_fact
from gridlane.stations.replies import TokenAnswered, Verdict, VerdictStatus
from gridlane.stations.reports import TokenPresented, TokenRef
from gridlane.stations.state import Live

SILENCE = timedelta(minutes=15)  # a session not heard of for so long holds no token back
NO_TOKEN = "NoAuthorization"  # noqa: S105 (a word of IdTokenEnumType)


class TokenRefused(Fact, frozen=True, kw_only=True, tag="token_refused"):
    """A token was not let in. ``status`` is the specification's word, ``reason`` the rule that decided."""

    evse: int | None
    status: str
    reason: str
    token_id: UUID | None
    token_last4: str
    session_id: UUID | None


class Occasion(NamedTuple):
    """When and where a token is judged. ``evse`` None: not told. ``own``: the transaction it is presented for."""

    name: str  # authorize, start, stop
    live: Live
    now: datetime
    evse: int | None = None
    own: str | None = None


class Judgement(NamedTuple):
    verdict: Verdict
    reason: str

    @property
    def accepted(self) -> bool:
        return self.verdict.status == "accepted"


# --- rules -------------------------------------------------------------------------------------------------------

Rule = Callable[[TokenFacts, Occasion], VerdictStatus | None]


def _blocked(facts: TokenFacts, _occasion: Occasion) -> VerdictStatus | None:
    return "blocked" if facts.token is not None and facts.token.status == "blocked" else None


def _not_yet_valid(facts: TokenFacts, occasion: Occasion) -> VerdictStatus | None:
    begins = facts.token.valid_from if facts.token is not None else None
    return "not_at_this_time" if begins is not None and occasion.now < begins else None


def _expired(facts: TokenFacts, occasion: Occasion) -> VerdictStatus | None:
    ends = facts.token.valid_until if facts.token is not None else None
    return "expired" if ends is not None and occasion.now >= ends else None


def _unknown(facts: TokenFacts, occasion: Occasion) -> VerdictStatus | None:
    """A token nobody issued: let in only by a start that was asked for, by another network, or by policy."""
    if facts.token is not None or facts.expected is not None or _said(facts, "external") == "accepted":
        return None
    if facts.kind == NO_TOKEN:
        return None if facts.policy.free_starts else "unknown"
    if any(one.station_id == occasion.live.station.id for one in facts.open_sessions):
        return None  # a guest's token, presented again to stop what it started
    said = _said(facts, "external")
    if said is not None:
        return said
    return None if facts.policy.unknown_tokens == "accept" else "unknown"


def _not_here(facts: TokenFacts, occasion: Occasion) -> VerdictStatus | None:
    token = facts.token
    if token is None:
        return None
    if token.sites and occasion.live.station.site_id not in token.sites:
        return "not_at_this_location"
    if token.evses:
        allowed = _evses(facts, occasion.live)
        if not allowed or (occasion.evse is not None and occasion.evse not in allowed):
            return "not_at_this_location"
    return None


def _reserved(facts: TokenFacts, occasion: Occasion) -> VerdictStatus | None:
    """An EVSE kept for somebody else."""
    if occasion.name != "start" or occasion.evse is None:
        return None
    token = facts.token
    mine = {facts.key, *((token.group_id, token.person_id) if token is not None else ())} - {None}
    for one in facts.admissions:
        if (
            one.kind == "reservation"
            and one.evse == occasion.evse
            and mine.isdisjoint((one.token_key, one.group_id, one.person_id))
        ):
            return "not_at_this_time"
    return None


def _master_pass(facts: TokenFacts, occasion: Occasion) -> VerdictStatus | None:
    """A master pass stops what others started and starts nothing (2.0.1 C16)."""
    starts = occasion.name == "start" and facts.token is not None and facts.token.master_pass
    return "not_allowed_type" if starts else None


def _concurrent(facts: TokenFacts, occasion: Occasion) -> VerdictStatus | None:
    limit = facts.token.concurrent if facts.token is not None else 1
    if limit == 0 or facts.expected is not None or facts.kind == NO_TOKEN:
        return None
    running = sum(_counts(one, occasion) for one in facts.open_sessions)
    return "concurrent" if running >= limit else None


def _no_credit(facts: TokenFacts, _occasion: Occasion) -> VerdictStatus | None:
    token = facts.token
    if token is not None and token.budget_energy is not None and facts.spent_energy >= token.budget_energy:
        return "no_credit"
    return _said(facts, "credit")


RULES: tuple[tuple[str, Rule], ...] = (
    ("the token is blocked", _blocked),
    ("the token is not valid yet", _not_yet_valid),
    ("the token has expired", _expired),
    ("nobody knows the token", _unknown),
    ("the token is not meant for this place", _not_here),
    ("a master pass starts no session", _master_pass),
    ("the EVSE is reserved for somebody else", _reserved),
    ("the token is charging elsewhere", _concurrent),
    ("the budget or credit is used up", _no_credit),
)
"""In this order; the first rule that objects decides."""

AT_STOP = 4
"""Whoever wants to stop is only asked who he is: the first rules. A stop itself cannot be prevented."""


def judged(facts: TokenFacts, occasion: Occasion) -> Judgement:
    """The verdict on a token."""
    for reason, rule in RULES[:AT_STOP] if occasion.name == "stop" else RULES:
        status = rule(facts, occasion)
        if status is not None:
            return Judgement(_verdict(facts, occasion, status), reason)
    return Judgement(_verdict(facts, occasion, "accepted"), "allowed")


def _counts(one: OpenSession, occasion: Occasion) -> bool:
    """Whether a running session holds its token back from another start.

    Not the transaction itself, not what runs on the same EVSE (it ends as this one starts), not what is stopping,
    and not what nobody has heard of for a while. At an Authorize nothing of the same station counts: it may be to stop.
    """
    here = one.station_id == occasion.live.station.id
    if here and (one.transaction_id == occasion.own or occasion.name != "start" or one.evse == occasion.evse):
        return False
    return not one.stopping and occasion.now - one.received_at < SILENCE


def _said(facts: TokenFacts, kind: str) -> VerdictStatus | None:
    """What another part of Gridlane said about this token."""
    return next(
        (one.status for one in facts.admissions if one.kind == kind and one.token_key == facts.key), None
    )


def _evses(facts: TokenFacts, live: Live) -> tuple[int, ...]:
    allowed = facts.token.evses if facts.token is not None else ()
    if not allowed:
        return ()
    return tuple(sorted({key[0] for key, one in live.station.connectors.items() if one.evse_id in allowed}))


def _message(facts: TokenFacts, occasion: Occasion, status: VerdictStatus) -> str | None:
    """What was said for the driver; of a reservation only where it stands in the way."""

    def matters(one: Admission) -> bool:
        in_the_way = status == "not_at_this_time" and one.evse == occasion.evse
        return one.message is not None and (one.kind != "reservation" or in_the_way)

    return next((one.message for one in facts.admissions if matters(one)), None)


def _verdict(facts: TokenFacts, occasion: Occasion, status: VerdictStatus) -> Verdict:
    token = facts.token
    message = _message(facts, occasion, status)
    if token is None:
        return Verdict(status=status, message=message)
    group = TokenRef(token.group_id, "Central") if token.group_id else None
    return Verdict(
        status=status,
        expires=token.valid_until,
        group=group,
        language=token.language,
        evses=_evses(facts, occasion.live) if status == "accepted" else (),
        message=message,
    )


# --- Authorize ---------------------------------------------------------------------------------------------------


def token_presented(
    live: Live, report: TokenPresented, now: datetime, answer: Answered | None
) -> Commit | Ask:
    """Authorize (2.0.1 C01, 1.6 4.1)."""
    if answer is None or answer.token is None:
        station = live.station
        return Ask(
            SessionAsked(
                station_id=station.id, organization_id=station.organization_id, at=now, token=report.token
            )
        )
    occasion = Occasion("authorize", live, now)
    judgement = judged(answer.token, occasion)
    commit = Commit(live, TokenAnswered(verdict=judgement.verdict))
    note(commit, answer.token, report.token, occasion, judgement)
    return commit


def note(
    commit: Commit,
    facts: TokenFacts,
    token: TokenRef,
    occasion: Occasion,
    judgement: Judgement,
    session_id: UUID | None = None,
) -> None:
    """Log a verdict, and report a refusal."""
    station, known = occasion.live.station, facts.token
    row = (
        station.organization_id, station.id, occasion.evse, occasion.now, occasion.name,
        known.id if known else None, facts.key, facts.last4, token.kind, judgement.verdict.status, judgement.reason,
        session_id,
    )  # fmt: skip
    commit.rows.append((AUTHORIZATIONS, row))
    if not judgement.accepted:
        refused = TokenRefused(
            evse=occasion.evse,
            status=judgement.verdict.status,
            reason=judgement.reason,
            token_id=known.id if known else None,
            token_last4=facts.last4,
            session_id=session_id,
        )
        commit.facts.append(report_fact(occasion.live, refused, occasion.now))
