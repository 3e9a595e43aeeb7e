"""Station passwords: made strong, stored as keyed verifiers, checked in constant time.

One form serves every version of OCPP: 20 random bytes written as 40 hex digits. It is a ``BasicAuthPassword`` of 2.0.1 and
2.1 (16 to 40 characters) as it stands, and the value of a 1.6 ``AuthorizationKey`` (20 bytes, set as 40 hex digits), which
a station then sends raw. Both arrive at the same verifier, so a firmware update from 1.6 to 2.0.1 keeps its password.

A verifier is HMAC-SHA-256 under a key of the installation: cheap, so that a storm of reconnects costs nothing, and useless to
whoever steals the database alone. That is enough only for passwords nobody can guess; one that was imported and is weak is
marked so, its guesses are counted (``attempts``), and an imported one is first kept as argon2.
"""

import base64
import hmac
import re
import secrets
from dataclasses import dataclass
from functools import cache

_PASSWORD_BYTES = 20
_DIGEST_BYTES = 32
_SLOT_BYTES = 1 + _DIGEST_BYTES
SLOTS = 2
"""A password being changed has two: the old one holds until the station has confirmed the new one."""

_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,20}")
_STRONG_BYTES, _STRONG_KINDS = 20, 12

_KEYED, _WEAK, _SLOW = "keyed", "weak", "argon2"


def new_password() -> str:
    """160 random bits as 40 hex digits, fit for every version of OCPP."""
    return secrets.token_bytes(_PASSWORD_BYTES).hex()


@dataclass(frozen=True, slots=True)
class VerifierKeys:
    """The installation's keys, newest first. Old ones still check what they made; a station met under one is re-keyed."""

    keys: tuple[bytes, ...]

    @property
    def newest(self) -> bytes:
        return self.keys[0]

    def by_mark(self, mark: int) -> bytes:
        """The key with this mark; some key in any case, so that a check costs the same."""
        return next((key for key in self.keys if _mark(key) == mark), self.keys[0])


@dataclass(frozen=True, slots=True)
class Match:
    """``slot``: 0 for the first verifier, 1 for the second. ``is_outdated``: made under a former key."""

    slot: int
    is_outdated: bool


def verifier_of(password: bytes, identity: str, keys: VerifierKeys) -> str:
    """What to store for a password, as text. Weak passwords are marked."""
    kind = _KEYED if is_strong(password) else _WEAK
    digest = base64.urlsafe_b64encode(_digest(keys.newest, password, identity)).decode()
    return f"{kind}:{_mark(keys.newest):02x}:{digest}"


def slow_verifier_of(password: bytes) -> str:
    """What to store for an imported password until its station is first seen: argon2id. Takes tens of milliseconds."""
    from argon2 import PasswordHasher

    return f"{_SLOW}:{PasswordHasher().hash(_canonical(password))}"


def matches_slowly(verifier: str, password: bytes) -> bool:
    """Checks against ``slow_verifier_of``. Takes tens of milliseconds: never on an event loop."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerifyMismatchError

    try:
        return PasswordHasher().verify(verifier.removeprefix(f"{_SLOW}:"), _canonical(password))
    except (VerifyMismatchError, InvalidHashError):
        return False


def is_strong(password: bytes) -> bool:
    """Whether it looks like what a generator makes: 16 or more bytes in hex, or 20 of many different characters."""
    return _HEX.fullmatch(password) is not None or (
        len(password) >= _STRONG_BYTES and len(set(password)) >= _STRONG_KINDS
    )


@dataclass(frozen=True, slots=True)
class Packed:
    """Verifiers as the directory keeps them: ``slots`` holds up to two in 33 bytes each."""

    slots: bytes
    is_weak: bool
    slow: str | None


def pack(verifiers: list[str]) -> Packed:
    """From the stored texts. One that cannot be read is left out: it admits nobody."""
    slots, weak, slow = b"", False, None
    for verifier in verifiers:
        kind, _, rest = verifier.partition(":")
        if kind == _SLOW:
            slow = verifier
        elif kind in {_KEYED, _WEAK}:
            slot = _slot(rest)
            if len(slot) == _SLOT_BYTES and len(slots) < SLOTS * _SLOT_BYTES:
                slots += slot
                weak = weak or kind == _WEAK
    return Packed(slots, weak, slow)


def check(slots: bytes, password: bytes, identity: str, keys: VerifierKeys) -> Match | None:
    """Whether a password fits one of the slots. Takes the same time whatever the slots hold, also when they are empty."""
    padded = slots.ljust(SLOTS * _SLOT_BYTES, b"\0")
    found = None
    for slot in range(SLOTS):
        start = slot * _SLOT_BYTES
        mark, stored = padded[start], padded[start + 1 : start + _SLOT_BYTES]
        fits = hmac.compare_digest(_digest(keys.by_mark(mark), password, identity), stored)
        if fits and start < len(slots) and found is None:
            found = Match(slot, mark != _mark(keys.newest))
    return found


def _canonical(password: bytes) -> bytes:
    """Hex digits and the bytes they stand for are one password; which of them a station sends, makers disagree on."""
    return bytes.fromhex(password.decode()) if _HEX.fullmatch(password) else password


def _digest(key: bytes, password: bytes, identity: str) -> bytes:
    return hmac.digest(key, identity.encode() + b"\0" + _canonical(password), "sha256")


@cache
def _mark(key: bytes) -> int:
    return hmac.digest(key, b"which key is this", "sha256")[0]


def _slot(text: str) -> bytes:
    mark, _, digest = text.partition(":")
    try:
        return bytes.fromhex(mark) + base64.urlsafe_b64decode(digest)
    except ValueError:
        return b""
