"""Tokens: the numbers people charge with, known by a keyed hash, shown by their last four characters.

A list of card numbers is a list of cloned cards. So a number is stored twice, and neither can be read back without
the installation's secret: as a keyed hash to find it by, and encrypted, because a station's local list and a start
by the app need the number itself.
"""

import hashlib
import hmac
import os
import re
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gridlane.stations.reports import TokenRef

SECRET = "tokens"  # noqa: S105 (the name of the secret, not the secret)
_NONCE_BYTES = 12
_EMAID = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[A-Z0-9]{9}[A-Z0-9]?")


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token; the fields are the columns of ``tokens``."""

    id: UUID
    key: UUID
    last4: str
    kind: str
    person_id: UUID | None
    status: str
    valid_from: datetime | None
    valid_until: datetime | None
    group_id: str | None
    master_pass: bool
    sites: tuple[UUID, ...]
    evses: tuple[UUID, ...]
    concurrent: int
    budget_energy: float | None
    budget_money: Decimal | None
    budget_period: str
    language: str | None


def normalised(token: TokenRef) -> str:
    """The number as it is compared: idTags and idTokens are case-insensitive (1.6 4.1, 2.0.1 identifierString).

    An eMAID (ISO 15118-2 annex H) is compared without separators and without its optional check digit.
    """
    value = token.value.strip().upper()
    if token.kind in ("eMAID", "unspecified"):
        plain = value.replace("-", "")
        if _EMAID.fullmatch(plain):
            return plain[:14]
    return value


def last4(token: TokenRef) -> str:
    """Enough of a number for its holder to know it by; nothing of one that short."""
    value = normalised(token)
    return value[-4:] if len(value) >= 8 else ""


class TokenCipher:
    """Turns numbers into keys and sealed numbers, with one secret of the installation (32 bytes)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._sealer = AESGCM(hashlib.sha256(b"sealed" + secret).digest())

    def key(self, token: TokenRef) -> UUID:
        """What a token is found by: 128 bits of HMAC-SHA-256, the same however the number is spelled."""
        digest = hmac.digest(self._secret, normalised(token).encode(), "sha256")
        return UUID(bytes=digest[:16])

    def seal(self, token: TokenRef) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._sealer.encrypt(nonce, token.value.encode(), token.kind.encode())

    def unseal(self, sealed: bytes, kind: str) -> TokenRef:
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return TokenRef(self._sealer.decrypt(nonce, content, kind.encode()).decode(), kind)


def lookup(organization: str, key: str) -> str:
    """SQL for another package's statement: the token of an organization by its key, as JSON of a ``TokenRecord``."""
    columns = ", ".join(TokenRecord.__struct_fields__)
    return (
        f"(SELECT to_json(found) FROM (SELECT {columns} FROM tokens "  # noqa: S608 (our own column names)
        f"WHERE organization_id = {organization} AND key = {key}) found)"
    )
