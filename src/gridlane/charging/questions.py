"""What the handlers ask the shell, once per input at most, and what they are told. ``asking`` answers."""

from datetime import datetime
from uuid import UUID

import msgspec

from gridlane.accounts.organizations import STRICT, Policy
from gridlane.accounts.tokens import TokenRecord
from gridlane.charging.registers import Register
from gridlane.charging.state import Session
from gridlane.kernel.quantities import WattHours
from gridlane.stations.decision import Question
from gridlane.stations.replies import VerdictStatus
from gridlane.stations.reports import TokenRef


class SessionAsked(Question, frozen=True, kw_only=True):
    """Everything a decision about a token or a transaction may need, in one question.

    ``transactions``: ids the owner does not remember. ``registers_of``: sessions whose energy is to be settled.
    ``claims``: the token is to start here: whoever asks about it next sees that, until this start is decided.
    ``followed_since``: whether another session began on the EVSE after this (for what comes late, from a queue).
    """

    station_id: UUID
    organization_id: UUID | None
    at: datetime
    evse: int | None = None
    token: TokenRef | None = None
    remote_start_id: int | None = None
    transactions: tuple[str, ...] = ()
    session_id: UUID | None = None
    followed_since: datetime | None = None
    registers_of: tuple[UUID, ...] = ()
    claims: bool = False


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that runs under a token, here or elsewhere."""

    id: UUID
    station_id: UUID
    transaction_id: str
    evse: int | None
    received_at: datetime
    stopping: bool


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A start that was asked for (by API, by a guest's checkout) and allowed then; it waits for its transaction."""

    id: UUID
    remote_start_id: int
    token_key: UUID
    evse: int | None
    token_id: UUID | None = None
    token_last4: str = ""
    token_kind: str = ""
    person_id: UUID | None = None


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What another part of Gridlane has said about a token or an EVSE beforehand (``admission``)."""

    id: UUID
    kind: str
    token_key: UUID | None
    group_id: str | None
    evse: int | None
    status: VerdictStatus
    message: str | None = None
    person_id: UUID | None = None


class TokenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides about a token, as stored at one instant."""

    key: UUID
    last4: str
    kind: str = "unspecified"
    token: TokenRecord | None = None
    policy: Policy = STRICT
    open_sessions: tuple[OpenSession, ...] = ()
    spent_energy: WattHours = WattHours(0.0)  # in the present period of the token's budget
    expected: Expected | None = None
    admissions: tuple[Admission, ...] = ()


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    token: TokenFacts | None = None
    expected: Expected | None = None
    sessions: tuple[Session, ...] = ()
    followed_at: datetime | None = None
    registers: dict[UUID, tuple[Register, ...]] = {}
