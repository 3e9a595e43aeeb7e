"""What a station is answered, in one vocabulary. The dialects turn these into a version's response."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from gridlane.stations.reports import TokenRef


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class Noted(Reply, frozen=True, kw_only=True):
    """The report was stored; the response has no content."""


class BootAnswered(Reply, frozen=True, kw_only=True):
    status: Literal["accepted", "pending", "rejected"]
    now: datetime
    interval: int  # seconds: heartbeat when accepted, else the wait before the next BootNotification


class AliveAnswered(Reply, frozen=True, kw_only=True):
    now: datetime


VerdictStatus = Literal[
    "accepted", "blocked", "expired", "invalid", "concurrent", "no_credit", "not_allowed_type",
    "not_at_this_location", "not_at_this_time", "unknown",
]  # fmt: skip
"""AuthorizationStatusEnumType of 2.x. Over 1.6 whatever it does not know becomes Invalid (or Blocked)."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about a token."""

    status: VerdictStatus
    expires: datetime | None = None
    group: TokenRef | None = None
    language: str | None = None
    evses: tuple[int, ...] = ()  # where the token may charge; empty: everywhere
    message: str | None = None  # to be shown to the driver


class TokenAnswered(Reply, frozen=True, kw_only=True):
    verdict: Verdict
    certificate_status: str | None = None
    tariff: dict[str, Any] | None = None  # 2.1: the driver's tariff


class TransactionAnswered(Reply, frozen=True, kw_only=True):
    """``transaction_id`` only for a StartTransaction of 1.6, which must always get one."""

    verdict: Verdict | None = None
    transaction_id: int | None = None
    total_cost: Decimal | None = None
    message: str | None = None
    limits: dict[str, Any] = {}  # 2.1: maxCost, maxEnergy, maxTime, maxSoC


class StatusAnswered(Reply, frozen=True, kw_only=True):
    """A response whose content is one status word of the specification (Accepted, Rejected, UnknownVendorId, ...)."""

    status: str
    data: Any = None
    reason: str | None = None


class SigningAnswered(Reply, frozen=True, kw_only=True):
    """Whether a certificate will be signed; it follows by the command CertificateSigned."""

    accepted: bool
    reason: str | None = None


class VehicleCertificateAnswered(Reply, frozen=True, kw_only=True):
    status: str
    exi: str
    remaining_contracts: int | None = None


class CertificateStatusAnswered(Reply, frozen=True, kw_only=True):
    status: str
    ocsp: str | None = None  # base64 DER
    results: tuple[dict[str, Any], ...] = ()


class DynamicScheduleAnswered(Reply, frozen=True, kw_only=True):
    """The limits of a dynamic profile (ChargingScheduleUpdateType); None where there is no such profile."""

    update: dict[str, Any] | None


class VatNumberAnswered(Reply, frozen=True, kw_only=True):
    number: str
    valid: bool
    evse: int | None = None
    company: dict[str, Any] | None = None  # AddressType


class Refused(Reply, frozen=True, kw_only=True):
    """Answered by a CALLERROR: the decision does not accept the message in this state (SecurityError while Pending)."""

    code: str
    description: str
