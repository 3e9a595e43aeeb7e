"""Codes of an authenticator app (TOTP, RFC 6238) beside the password, and recovery codes for a lost phone.

A code works once, within half a minute of its time. The shared secret is encrypted, recovery codes are keyed hashes:
a stolen database gives neither.
"""

import hashlib
import hmac
import os
import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import attempts, changing
from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, metadata
from gridlane.kernel.errors import Kind, Refusal

SECRET = "second-factor"  # noqa: S105 (the name of the secret, not the secret)
STEP_SECONDS, STEPS_ASIDE = 30, 1
RECOVERY_CODES = 10
_NONCE_BYTES = 12

second_factors = sa.Table(
    "second_factors",
    metadata,
    sa.Column("person_id", sa.Uuid, sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="the shared secret, encrypted"),
    sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True, comment="null: not asked for yet"),
    sa.Column("last_step", sa.BigInteger, nullable=True, comment="of the last code; no older one works"),
    comment="authenticator apps",
)
recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("person_id", sa.Uuid, sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("code_hash", sa.LargeBinary, primary_key=True, comment="keyed"),
    comment="what signs in once when the phone is lost; a used one is removed",
)


class CodeNeeded(Refusal):
    code = "code_needed"
    kind = Kind.NOT_SIGNED_IN
    sentence = "Enter the code of your authenticator app, or a recovery code."


class CodeWrong(Refusal):
    code = "code_wrong"
    kind = Kind.INVALID
    sentence = "This code is not right, or was used already. Wait for the next one."


class TotpOff(Refusal):
    code = "totp_off"
    kind = Kind.CONFLICT
    sentence = "No authenticator app is set up."


class TotpOn(Refusal):
    code = "totp_on"
    kind = Kind.CONFLICT
    sentence = "An authenticator app is set up already; turn it off first."


class Sealer:
    """Encrypts shared secrets and hashes recovery codes with one secret of the installation."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._sealer = AESGCM(hashlib.sha256(b"totp" + secret).digest())

    def seal(self, person_id: UUID, secret: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._sealer.encrypt(nonce, secret.encode(), person_id.bytes)

    def unseal(self, person_id: UUID, sealed: bytes) -> str:
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return self._sealer.decrypt(nonce, content, person_id.bytes).decode()

    def code_hash(self, person_id: UUID, code: str) -> bytes:
        plain = code.replace("-", "").replace(" ", "").upper()
        return hmac.digest(self._secret, person_id.bytes + plain.encode(), "sha256")


def matching_step(secret: str, code: str, now: datetime, after: int | None) -> int | None:
    """The time step whose code this is, newer than ``after`` and near ``now``; None if there is none."""
    import pyotp

    totp, present = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    for step in range(present - STEPS_ASIDE, present + STEPS_ASIDE + 1):
        fresh = after is None or step > after
        if fresh and hmac.compare_digest(totp.at(step * STEP_SECONDS).encode(), code.encode()):
            return step
    return None


async def begin(database: Database, sealer: Sealer, caller: Caller) -> dict[str, str]:
    """A secret for an authenticator app, as text, address and QR code; nothing changes until ``confirm``.

    Raises NotSignedIn, TotpOn.
    """
    import pyotp
    import segno

    person_id = changing.whose(caller)
    secret = pyotp.random_base32()
    async with database.as_owner() as work:
        if await is_on(work, person_id):
            raise TotpOn
        values = {"sealed": sealer.seal(person_id, secret), "confirmed_at": None, "last_step": None}
        added = insert(second_factors).values(person_id=person_id, **values)
        await work.execute(added.on_conflict_do_update(index_elements=["person_id"], set_=values))
    uri = pyotp.TOTP(secret).provisioning_uri(name=caller.name, issuer_name="Gridlane")
    return {"secret": secret, "uri": uri, "qr": segno.make(uri, error="m").svg_data_uri(scale=5, border=2)}


async def confirm(database: Database, address: str, sealer: Sealer, caller: Caller, code: str) -> list[str]:
    """Turn codes on with the first one; gives the recovery codes, shown once. Raises CodeWrong, TotpOff, TotpOn."""
    person_id, now = changing.whose(caller), system_clock()
    await attempts.count(database, sign_in__account=caller.name)
    async with database.as_owner() as work:
        if await is_on(work, person_id):
            raise TotpOn
        await _use_code(work, sealer, person_id, code, now)
        mine = second_factors.c.person_id == person_id
        await work.execute(sa.update(second_factors).where(mine).values(confirmed_at=now))
        codes = await _new_codes(work, sealer, person_id)
        await changing.told(work, address, caller, "totp_on", now)
        await audit.record(work, caller, "totp.on", person_id)
    return codes


async def renew_codes(database: Database, sealer: Sealer, caller: Caller, code: str) -> list[str]:
    """Fresh recovery codes; the old ones stop working. Raises CodeWrong, TotpOff."""
    person_id = changing.whose(caller)
    await attempts.count(database, sign_in__account=caller.name)
    async with database.as_owner() as work:
        await _require_on(work, person_id)
        await _use_code(work, sealer, person_id, code, system_clock())
        codes = await _new_codes(work, sealer, person_id)
        await audit.record(work, caller, "totp.codes_renewed", person_id)
    return codes


async def turn_off(database: Database, address: str, sealer: Sealer, caller: Caller, code: str) -> None:
    """Raises CodeWrong, TotpOff."""
    person_id, now = changing.whose(caller), system_clock()
    await attempts.count(database, sign_in__account=caller.name)
    async with database.as_owner() as work:
        await _require_on(work, person_id)
        if not await _is_recovery_code(work, sealer, person_id, code):
            await _use_code(work, sealer, person_id, code, now)
        for table in (second_factors, recovery_codes):
            await work.execute(sa.delete(table).where(table.c.person_id == person_id))
        await changing.told(work, address, caller, "totp_off", now)
        await audit.record(work, caller, "totp.off", person_id)


async def check(work: AsyncConnection, address: str, sealer: Sealer, person: Any, code: str | None) -> None:
    """At sign-in, after the password: the code is right, or none is asked for. Raises CodeNeeded, CodeWrong."""
    if not await is_on(work, person["id"]):
        return
    if not code:
        raise CodeNeeded
    now = system_clock()
    if await _is_recovery_code(work, sealer, person["id"], code):
        await changing.tell(work, address, person, "recovery_code", now)
        return
    await _use_code(work, sealer, person["id"], code, now)


async def is_on(work: AsyncConnection, person_id: UUID) -> bool:
    on = sa.and_(second_factors.c.person_id == person_id, second_factors.c.confirmed_at.is_not(None))
    return bool(await work.scalar(sa.select(sa.exists().where(on))))


async def codes_left(work: AsyncConnection, person_id: UUID) -> int:
    mine = recovery_codes.c.person_id == person_id
    return int(await work.scalar(sa.select(sa.func.count()).select_from(recovery_codes).where(mine)) or 0)


async def _require_on(work: AsyncConnection, person_id: UUID) -> None:
    if not await is_on(work, person_id):
        raise TotpOff


async def _use_code(work: AsyncConnection, sealer: Sealer, person_id: UUID, code: str, now: datetime) -> None:
    """Raises CodeWrong, TotpOff. The row is locked, so that one code cannot be used twice at the same moment."""
    mine = second_factors.c.person_id == person_id
    row = (await work.execute(sa.select(second_factors).where(mine).with_for_update())).mappings().first()
    if row is None:
        raise TotpOff
    step = matching_step(sealer.unseal(person_id, row["sealed"]), code.strip(), now, row["last_step"])
    if step is None:
        raise CodeWrong
    await work.execute(sa.update(second_factors).where(mine).values(last_step=step))


async def _is_recovery_code(work: AsyncConnection, sealer: Sealer, person_id: UUID, code: str) -> bool:
    """Whether it is one; it is used up by being asked."""
    this = sa.and_(
        recovery_codes.c.person_id == person_id,
        recovery_codes.c.code_hash == sealer.code_hash(person_id, code),
    )
    return (await work.execute(sa.delete(recovery_codes).where(this))).rowcount > 0


async def _new_codes(work: AsyncConnection, sealer: Sealer, person_id: UUID) -> list[str]:
    codes = [_readable() for _ in range(RECOVERY_CODES)]
    await work.execute(sa.delete(recovery_codes).where(recovery_codes.c.person_id == person_id))
    rows = [{"person_id": person_id, "code_hash": sealer.code_hash(person_id, code)} for code in codes]
    await work.execute(sa.insert(recovery_codes), rows)
    return codes


def _readable() -> str:
    """60 random bits in letters and digits that are not mistaken for each other."""
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    letters = [secrets.choice(alphabet) for _ in range(12)]
    return "-".join("".join(letters[at : at + 4]) for at in (0, 4, 8))
