"""Passkeys (WebAuthn level 3): a key in a person's device, unlocked by its owner, that works at our address only.

A passkey is asked for with user verification, so it counts as two factors. Its challenge is a one-time link of five
minutes; an authenticator that counts its uses and goes backwards is refused.
"""

import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import changing, links
from gridlane.accounts.people import people
from gridlane.accounts.signing_in import begin_session
from gridlane.kernel import audit
from gridlane.kernel.access import Caller
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, metadata
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id

MOST = 20

passkeys = sa.Table(
    "passkeys",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("credential_id", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("public_key", sa.LargeBinary, nullable=False, comment="COSE"),
    sa.Column("uses", sa.BigInteger, nullable=False, comment="the authenticator's own count; 0: it does not count"),
    sa.Column("transports", JSONB, nullable=False, server_default="[]"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
    sa.Index(None, "person_id"),
    comment="keys in people's devices that sign them in",
)  # fmt: skip


class PasskeyRefused(Refusal):
    code = "passkey_refused"
    kind = Kind.NOT_SIGNED_IN
    sentence = "This passkey is not accepted: {reason}."


class PasskeyUnknown(Refusal):
    code = "passkey_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no passkey {passkey}."


class PasskeysTooMany(Refusal):
    code = "passkeys_too_many"
    kind = Kind.TOO_MANY
    sentence = "One account keeps at most {most} passkeys; remove one first."


class Party(NamedTuple):
    """Who asks for a passkey: the origin of our screens. The host is what the key is bound to."""

    origin: str

    @property
    def host(self) -> str:
        return urlsplit(self.origin).hostname or ""


async def creation(database: Database, caller: Caller, party: Party) -> dict[str, Any]:
    """What the browser needs to make a passkey (PublicKeyCredentialCreationOptions). Raises PasskeysTooMany."""
    import webauthn
    from webauthn.helpers import structs

    person_id = changing.whose(caller)
    async with database.as_owner() as work:
        known = await _of(work, person_id)
        if len(known) >= MOST:
            raise PasskeysTooMany(most=MOST)
        person = (await work.execute(sa.select(people).where(people.c.id == person_id))).mappings().one()
        challenge = await links.make(work, "passkey_add", details={"person_id": str(person_id)})
    options = webauthn.generate_registration_options(
        rp_id=party.host,
        rp_name="Gridlane",
        user_id=person_id.bytes,
        user_name=person["email"],
        user_display_name=person["name"] or person["email"],
        challenge=challenge.encode(),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one["credential_id"]) for one in known],
    )
    return _json(options)


async def add(
    database: Database, address: str, caller: Caller, party: Party, name: str, credential: dict[str, Any]
) -> dict[str, Any]:
    """Keep the passkey that a browser made. Raises LinkNotValid, PasskeyRefused."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    person_id, now = changing.whose(caller), system_clock()
    async with database.as_owner() as work:
        challenge = _challenge(credential)
        link = await links.use(work, challenge, "passkey_add")
        if link.details["person_id"] != str(person_id):
            raise links.LinkNotValid
        try:
            verified = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge.encode(),
                expected_rp_id=party.host,
                expected_origin=party.origin,
                require_user_verification=True,
            )
        except WebAuthnException as wrong:
            raise PasskeyRefused(reason=str(wrong).rstrip(".")) from None
        row: dict[str, Any] = {
            "id": new_id(), "person_id": person_id, "credential_id": verified.credential_id,
            "public_key": verified.credential_public_key, "uses": verified.sign_count,
            "transports": _transports(credential), "name": name, "created_at": now, "last_used_at": None,
        }  # fmt: skip
        try:
            async with work.begin_nested():
                await work.execute(sa.insert(passkeys).values(row))
        except IntegrityError:
            raise PasskeyRefused(reason="it is known already") from None
        await changing.told(work, address, caller, "passkey_added", now)
        await audit.record(work, caller, "passkey.added", row["id"], after={"name": name})
    return _shown(row)


async def own(database: Database, caller: Caller) -> list[dict[str, Any]]:
    """The caller's passkeys, without keys."""
    async with database.as_owner() as work:
        return [_shown(one) for one in await _of(work, changing.whose(caller))]


async def remove(database: Database, address: str, caller: Caller, passkey_id: UUID) -> None:
    """Raises PasskeyUnknown."""
    async with database.as_owner() as work:
        mine = sa.and_(passkeys.c.id == passkey_id, passkeys.c.person_id == changing.whose(caller))
        gone = await work.execute(sa.delete(passkeys).where(mine).returning(passkeys.c.name))
        name = gone.scalar()
        if name is None:
            raise PasskeyUnknown(passkey=passkey_id)
        await changing.told(work, address, caller, "passkey_removed", system_clock())
        await audit.record(work, caller, "passkey.removed", passkey_id, before={"name": name})


async def question(database: Database, party: Party) -> dict[str, Any]:
    """What the browser needs to sign in with any passkey of ours (PublicKeyCredentialRequestOptions)."""
    import webauthn
    from webauthn.helpers import structs

    async with database.as_owner() as work:
        challenge = await links.make(work, "passkey_sign_in")
    return _json(
        webauthn.generate_authentication_options(
            rp_id=party.host,
            challenge=challenge.encode(),
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
    )


async def sign_in(
    database: Database, party: Party, credential: dict[str, Any], *, address: str, user_agent: str
) -> str:
    """Sign in; gives the session's secret. Raises LinkNotValid, PasskeyRefused."""
    person_id = await proved(database, party, credential)
    async with database.as_owner() as work:
        return await begin_session(work, person_id, address=address, user_agent=user_agent)


async def proved(database: Database, party: Party, credential: dict[str, Any]) -> UUID:
    """Whose passkey has answered a ``question``. Raises LinkNotValid, PasskeyRefused."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = _challenge(credential)
    async with database.as_owner() as work:
        await links.use(work, challenge, "passkey_sign_in")
    async with database.as_owner() as work:
        query = sa.select(passkeys).where(passkeys.c.credential_id == _credential_id(credential))
        known = (await work.execute(query.with_for_update())).mappings().first()
        if known is None:
            raise PasskeyRefused(reason="nobody here has it")
        try:
            verified = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge.encode(),
                expected_rp_id=party.host,
                expected_origin=party.origin,
                credential_public_key=known["public_key"],
                credential_current_sign_count=known["uses"],
                require_user_verification=True,
            )
        except WebAuthnException as wrong:
            raise PasskeyRefused(reason=str(wrong).rstrip(".")) from None
        used = {"uses": verified.new_sign_count, "last_used_at": system_clock()}
        await work.execute(sa.update(passkeys).where(passkeys.c.id == known["id"]).values(used))
        whose: UUID = known["person_id"]
        return whose


async def _of(work: AsyncConnection, person_id: UUID) -> list[dict[str, Any]]:
    query = sa.select(passkeys).where(passkeys.c.person_id == person_id).order_by(passkeys.c.created_at)
    return [dict(row) for row in (await work.execute(query)).mappings()]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "name", "created_at", "last_used_at")}


def _json(options: Any) -> dict[str, Any]:
    import webauthn

    made: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return made


def _challenge(credential: dict[str, Any]) -> str:
    """The secret of the link that the browser answers. Raises PasskeyRefused."""
    from webauthn.helpers import base64url_to_bytes

    try:
        told = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        return base64url_to_bytes(told["challenge"]).decode()
    except (KeyError, TypeError, ValueError):
        raise PasskeyRefused(reason="it is not an answer of a browser") from None


def _credential_id(credential: dict[str, Any]) -> bytes:
    from webauthn.helpers import base64url_to_bytes

    try:
        return base64url_to_bytes(credential["rawId"])
    except (KeyError, TypeError, ValueError):
        raise PasskeyRefused(reason="it has no id") from None


def _transports(credential: dict[str, Any]) -> list[str]:
    told = credential["response"].get("transports", [])
    return [str(one)[:20] for one in told][:8] if isinstance(told, list) else []
