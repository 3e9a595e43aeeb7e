"""The door: decides from memory who may open a WebSocket, in the same time and with the same words for every refusal.

The rules are pure and stand elsewhere (``handshake``, ``credentials``, ``client_certificates``); here they meet what changes:
the directory, the clock, the counters of failed attempts, the strangers who are already in. What it decided goes to ``note``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from gridlane.kernel.clock import Clock, monotonic, system_clock
from gridlane.stations import credentials
from gridlane.stations.attempts import AttemptLimits, Attempts
from gridlane.stations.client_certificates import (
    CertificateRules,
    StationCertificate,
    read_certificate,
    why_certificate_refused,
)
from gridlane.stations.directory import Directory, Entry
from gridlane.stations.handshake import (
    VERSIONS,
    Basic,
    Evidence,
    Verdict,
    basic_of,
    choose_version,
    identity_of,
    is_presentable,
    judge,
)
from gridlane.stations.knocks import Knock
from gridlane.stations.strangers import StrangerRules, Strangers
from gridlane.stations.transport.link import (
    Admission,
    Farewell,
    Handshake,
    Peer,
    Receiver,
    Rejection,
)
from gridlane.stations.transport.settings import ListenerSettings
from gridlane.stations.transport.turnstile import Pace, network_of
from gridlane.stations.transport.upgrade import tokens_of

_MISSES_PER_SECOND, _MISSES_AT_ONCE = 5.0, 20

_NOBODY = Entry(UUID(int=0), None, "", "accepted", profiles=0b0110, verifiers=b"\1" * 33)
"""Who an unknown identity is judged as, so that it takes as long as a known one; never admitted."""

_SAID_OF_NOBODY = frozenset({"identity_not_presentable", "strangers_too_many", "too_many_attempts"})


@dataclass(frozen=True, slots=True)
class DoorRules:
    strangers: StrangerRules = field(default_factory=StrangerRules)
    reveal_unknown: bool = False
    """Answer 404 to unknown identities, as OCPP-J suggests, instead of the 401 of a wrong password."""
    certificates: CertificateRules = field(default_factory=CertificateRules)
    attempts: AttemptLimits = field(default_factory=AttemptLimits)
    versions: tuple[str, ...] = VERSIONS


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who was let in. ``entry`` is None for a stranger; ``is_approved`` says whether a rule approves that one.

    ``verifier``: to be stored, for it is the password a stranger came with, or a known one under the newest key.
    ``confirms_new_password``: the station has used the second of its verifiers, so the first can go.
    """

    identity: str
    entry: Entry | None
    version: str
    profile: int
    peer: Peer
    certificate: StationCertificate | None = None
    verifier: str | None = None
    confirms_new_password: bool = False
    is_approved: bool = True

    @property
    def raised_to(self) -> int | None:
        """The profile it came by, where that is the one it is to move up to."""
        is_next = self.entry is not None and self.profile == self.entry.next_profile
        return self.profile if is_next else None


@dataclass(frozen=True, slots=True)
class DoorParts:
    """``receive`` makes the receiver of a visitor. ``missed`` hears of identities whose entry may be missing or
    outdated only because the directory is; ``check_slowly`` gets imported passwords to look at off the loop. None of them may block.
    """

    directory: Directory
    keys: credentials.VerifierKeys
    receive: Callable[[Visitor], Receiver]
    note: Callable[[Knock], None] = lambda _: None
    missed: Callable[[str], None] = lambda _: None
    check_slowly: Callable[[Entry, bytes], None] = lambda _entry, _password: None
    clock: Clock = system_clock
    seconds: Callable[[], float] = monotonic


@dataclass(frozen=True, slots=True)
class _Call:
    """What a request says, read but not yet judged."""

    handshake: Handshake
    identity: str
    network: str
    at: datetime
    offered: tuple[str, ...]
    basic: Basic | None
    certificate: StationCertificate | None

    @property
    def password(self) -> bytes:
        return self.basic.password if self.basic is not None else b""


class StationDoor:
    """See ``transport.link.Door``. One for all listeners of a gateway."""

    def __init__(self, parts: DoorParts, rules: DoorRules) -> None:
        self._parts = parts
        self._rules = rules
        self._attempts = Attempts(rules.attempts)
        self._strangers = Strangers(rules.strangers, parts.seconds())
        self._misses = Pace(_MISSES_PER_SECOND, _MISSES_AT_ONCE, parts.seconds())

    def knock(self, handshake: Handshake) -> Admission | Farewell | Rejection:
        identity = identity_of(handshake.path)
        if identity is None:
            self._note(handshake, "identity_invalid")
            return Rejection(HTTPStatus.BAD_REQUEST, "identity_invalid")
        call = self._read(handshake, identity)
        entry = self._parts.directory.get(identity)
        judged = entry if entry is not None else _NOBODY
        match = credentials.check(judged.verifiers, call.password, identity, self._parts.keys)
        verdict = judge(judged, self._evidence(call, judged, match))
        if entry is None and self._may_be_a_stranger(call):
            return self._stranger(call)
        verdict = self._held_back(call, judged, verdict)
        if verdict.profile is None or entry is None:
            return self._refuse(call, entry, verdict.reason)
        if entry.approval == "pending" and not self._strangers.has_room(call.network):
            return self._refuse(call, entry, "strangers_too_many")
        return self._admit(call, self._visitor(call, entry, match, verdict.profile), verdict.reason)

    def stumbled(self, address: str, listener: ListenerSettings, reason_code: str) -> None:
        self._parts.note(Knock(self._parts.clock(), listener.name, address, reason_code))

    def _read(self, handshake: Handshake, identity: str) -> _Call:
        peer = handshake.peer
        return _Call(
            handshake=handshake,
            identity=identity,
            network=network_of(peer.address),
            at=self._parts.clock(),
            offered=tuple(tokens_of(list(handshake.headers("sec-websocket-protocol")))),
            basic=basic_of(handshake.headers("authorization"), identity),
            certificate=read_certificate(peer.certificate) if peer.certificate is not None else None,
        )

    def _evidence(self, call: _Call, entry: Entry, match: credentials.Match | None) -> Evidence:
        peer = call.handshake.peer
        problem = None
        if peer.certificate is not None:
            problem = (
                why_certificate_refused(
                    call.certificate, entry, self._parts.directory, self._rules.certificates, call.at
                )
                if call.certificate is not None
                else "client_certificate_unreadable"
            )
        return Evidence(
            is_secure=peer.secure,
            has_certificate=peer.certificate is not None,
            certificate_problem=problem,
            basic=call.basic,
            password_fits=match is not None and call.basic is not None and call.basic.problem is None,
        )

    def _held_back(self, call: _Call, entry: Entry, verdict: Verdict) -> Verdict:
        """The verdict, unless this network has failed too often and could have guessed by now."""
        now = self._parts.seconds()
        exhausted = self._attempts.are_exhausted(call.identity, call.network, now)
        if verdict.profile is not None:
            guessable = entry.is_weak and verdict.profile in {1, 2}
            return Verdict(None, "too_many_attempts") if exhausted and guessable else verdict
        self._attempts.failed(call.identity, call.network, now)
        if exhausted:
            return Verdict(None, "too_many_attempts")
        if verdict.reason == "password_being_checked":
            self._parts.check_slowly(entry, call.password)
        return verdict

    def _visitor(self, call: _Call, entry: Entry, match: credentials.Match | None, profile: int) -> Visitor:
        renewed = match is not None and match.is_outdated
        return Visitor(
            identity=call.identity,
            entry=entry,
            version="",
            profile=profile,
            peer=call.handshake.peer,
            certificate=call.certificate,
            verifier=credentials.verifier_of(call.password, call.identity, self._parts.keys)
            if renewed
            else None,
            confirms_new_password=match is not None and match.slot == 1,
        )

    def _may_be_a_stranger(self, call: _Call) -> bool:
        return self._rules.strangers.policy != "refuse" or self._is_automatic(call)

    def _is_automatic(self, call: _Call) -> bool:
        address = call.handshake.peer.address
        return any(rule.matches(call.identity, address) for rule in self._rules.strangers.automatic)

    def _stranger(self, call: _Call) -> Admission | Farewell | Rejection:
        """Nobody registered it, or only a moment ago."""
        now, rules = self._parts.seconds(), self._rules.strangers
        self._ask_for_news(call.identity)
        if not is_presentable(call.identity):
            return self._refuse(call, None, "identity_not_presentable")
        if not (self._strangers.has_room(call.network) and self._strangers.take_turn(now)):
            return self._refuse(call, None, "strangers_too_many")
        visitor = Visitor(
            identity=call.identity,
            entry=None,
            version="",
            profile=0,
            peer=call.handshake.peer,
            certificate=call.certificate,
            verifier=(
                credentials.verifier_of(call.password, call.identity, self._parts.keys)
                if call.password
                else None
            ),
            is_approved=rules.policy == "accept" or self._is_automatic(call),
        )
        return self._admit(call, visitor, "admitted_to_approval_list")

    def _admit(self, call: _Call, visitor: Visitor, reason_code: str) -> Admission | Farewell:
        pinned = visitor.entry.pinned if visitor.entry is not None else None
        version = choose_version(call.offered, pinned, self._rules.versions)
        if version is None:
            code = "no_common_version" if pinned is None else "pinned_version_not_offered"
            self._note(call.handshake, code, call)
            return Farewell(code)
        self._note(call.handshake, reason_code, call, version, visitor.profile)
        receiver = self._parts.receive(replace(visitor, version=version))
        if reason_code == "admitted_to_approval_list":
            receiver = self._strangers.enter(call.network, receiver)
        return Admission(version, receiver)

    def _refuse(self, call: _Call, entry: Entry | None, reason_code: str) -> Rejection:
        """One answer, and one way to it, for whoever is not a station or cannot prove to be one: it tells no reason."""
        if reason_code not in _SAID_OF_NOBODY and entry is None:
            reason_code = "identity_unknown"
        self._ask_for_news(call.identity)
        self._note(call.handshake, reason_code, call)
        if reason_code == "too_many_attempts":
            wait = self._attempts.retry_after(call.identity, call.network, self._parts.seconds())
            return Rejection(HTTPStatus.TOO_MANY_REQUESTS, reason_code, wait)
        if reason_code == "strangers_too_many":
            return Rejection(HTTPStatus.SERVICE_UNAVAILABLE, reason_code)
        if entry is None and self._rules.reveal_unknown:
            return Rejection(HTTPStatus.NOT_FOUND, reason_code)
        return Rejection(HTTPStatus.UNAUTHORIZED, reason_code)

    def _ask_for_news(self, identity: str) -> None:
        """The station, or its new password, may be too new for the directory."""
        if self._misses.take(self._parts.seconds()):
            self._parts.missed(identity)

    def _note(
        self,
        handshake: Handshake,
        reason_code: str,
        call: _Call | None = None,
        version: str | None = None,
        profile: int | None = None,
    ) -> None:
        self._parts.note(
            Knock(
                at=call.at if call is not None else self._parts.clock(),
                listener=handshake.listener.name,
                address=handshake.peer.address,
                reason_code=reason_code,
                identity=call.identity if call is not None else None,
                tls_version=handshake.peer.tls_version,
                offered=call.offered if call is not None else (),
                version=version,
                profile=profile,
            )
        )
