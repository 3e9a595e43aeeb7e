"""The rules of OCPP-J about who may open a WebSocket, as pure functions of what a request carries.

Identity from the URL, HTTP Basic as stations really send it, the choice of a version, the security profiles. What is lenient
here is lenient because of stations in the field; what is strict is strict because of attackers in it.
"""

import base64
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from gridlane.stations.directory import Entry

LONGEST_IDENTITY = 48
_LONGEST_LOOKED_UP = 255
_PRESENTABLE = re.compile(r"[A-Za-z0-9*\-_=+|@.]{1,48}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

VERSIONS = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")


def identity_of(target: str) -> str | None:
    """The station's identity: the last part of the path, percent-decoded. None when there is none that could be anybody's.

    Whatever stands before it is a matter of taste, a query is not looked at, one slash at the end is forgiven.
    """
    path = target.partition("?")[0].partition("#")[0]
    last = path.removesuffix("/").rpartition("/")[2]
    try:
        identity = unquote_to_bytes(last).decode()
    except UnicodeError:
        return None
    if not 0 < len(identity) <= _LONGEST_LOOKED_UP or identity in {".", ".."} or _CONTROL.search(identity):
        return None
    return identity


def is_presentable(identity: str) -> bool:
    """Whether a station nobody registered may appear under this identity: OCPP's identifier characters without the
    colon, at most 48.
    """
    return _PRESENTABLE.fullmatch(identity) is not None


def choose_version(
    offered: Sequence[str], pinned: str | None, speaks: Collection[str] = VERSIONS
) -> str | None:
    """The first of the station's offers that is spoken here; with a pin, that one if it is offered. The URL has no say."""
    wanted = [pinned] if pinned is not None else speaks
    return next((offer for offer in offered if offer in wanted and offer in speaks), None)


@dataclass(frozen=True, slots=True)
class Basic:
    """What an Authorization header says. ``problem`` is a reason code; without it ``password`` was sent for the identity.

    1.6 stations send the raw bytes of their AuthorizationKey, which are rarely UTF-8.
    """

    password: bytes = b""
    problem: str | None = None


def basic_of(authorizations: Sequence[str], identity: str) -> Basic | None:
    """None without an Authorization header. The user name must be the identity, which may itself contain a colon in
    1.6; what follows it and one colon is the password, colons included.
    """
    if not authorizations:
        return None
    scheme, _, encoded = authorizations[0].strip().partition(" ")
    decoded = _decoded(encoded) if len(authorizations) == 1 and scheme.lower() == "basic" else None
    if decoded is None or b":" not in decoded:
        return Basic(problem="authorization_malformed")
    user = identity.encode() + b":"
    if not decoded.startswith(user):
        return Basic(problem="user_is_not_identity")
    return Basic(password=decoded[len(user) :])


def _decoded(encoded: str) -> bytes | None:
    """Base64, also where the station forgot its padding."""
    text = encoded.strip().rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a request proves, each fact established before anything is decided, so that every decision takes as long.

    ``certificate_problem``: None without a certificate or with a good one. ``password_fits``: of the stored ones.
    """

    is_secure: bool
    has_certificate: bool
    certificate_problem: str | None
    basic: Basic | None
    password_fits: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """``profile`` (0 to 3) the station is admitted under, or None; then ``reason`` says why not."""

    profile: int | None
    reason: str


def judge(entry: Entry, evidence: Evidence) -> Verdict:
    """Whether a station is who it says it is, under a security profile it is allowed.

    One profile at a time: 1 is a password, 2 a password over TLS, 3 a certificate over TLS. Profile 0 proves nothing and
    needs the station's own exception. A station that waits for approval comes as it first came, and can do nothing.
    """
    if entry.approval == "pending":
        return _judge_pending(entry, evidence)
    if entry.approval == "rejected" and not entry.verifiers:
        return Verdict(None, "station_rejected")
    if evidence.has_certificate and entry.allows(3):
        problem = evidence.certificate_problem
        return Verdict(None, problem) if problem else Verdict(3, "admitted")
    with_password = 2 if evidence.is_secure else 1
    if entry.allows(with_password):
        problem = _password_problem(entry, evidence)
        if problem is None:
            return Verdict(with_password, "admitted")
        if not entry.allows(0):
            return Verdict(None, problem)
    if entry.allows(0):
        return Verdict(0, "admitted_without_authentication")
    return Verdict(None, _profile_problem(entry, evidence))


def _judge_pending(entry: Entry, evidence: Evidence) -> Verdict:
    """The first who showed a password under an identity that waits is the one it waits for."""
    if not entry.verifiers or evidence.password_fits:
        return Verdict(0, "admitted_to_approval_list")
    return Verdict(None, _password_problem(entry, evidence) or "password_wrong")


def _password_problem(entry: Entry, evidence: Evidence) -> str | None:
    if evidence.basic is None:
        return "password_missing"
    if evidence.basic.problem is not None:
        return evidence.basic.problem
    if evidence.password_fits:
        return None
    if entry.slow_verifier is not None:
        return "password_being_checked"
    return "password_wrong" if entry.verifiers else "password_not_set"


def _profile_problem(entry: Entry, evidence: Evidence) -> str:
    if not evidence.is_secure and not entry.allows(1):
        return "tls_required"
    if entry.allows(3) and not evidence.has_certificate:
        return "client_certificate_missing"
    return "wrong_security_profile"
