"""News on a person's devices though no page is open: Web Push (RFC 8030), encrypted for the device (RFC 8291) and signed
with the installation's own key (VAPID, RFC 8292).

A device subscribes with its browser's push service; news that a person has in the inbox go to each of theirs, where the
topic is chosen for push. A subscription that the service no longer knows is removed.
"""

import base64
import binascii
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import inbox
from gridlane.accounts.inbox import inbox_messages
from gridlane.kernel import outgoing
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, metadata
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Recorded
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings

log = structlog.get_logger(__name__)

SECRET = "web-push"  # noqa: S105 (the name of a key)
KEPT_SECONDS = 24 * 3600
"""How long a push service keeps news for a device that is away."""
LONGEST_TEXT = 600  # characters: what a push service takes in one message is at most 4096 bytes
MOST_DEVICES = 20
URGENT = frozenset(("charge", "waiting"))
"""Topics that wake a phone which saves its battery."""
GONE = frozenset((404, 410))
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

push_subscriptions = sa.Table(
    "push_subscriptions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("endpoint", sa.Text, nullable=False, comment="of the device, at its browser's push service"),
    sa.Column("p256dh", sa.Text, nullable=False, comment="the device's public key, base64url"),
    sa.Column("auth", sa.Text, nullable=False, comment="the device's shared secret, base64url"),
    sa.Column("device", sa.Text, nullable=False, comment="what the browser calls itself"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=True, comment="the last news that was taken"),
    sa.Column("last_message_id", sa.Uuid, nullable=True, comment="of those news"),
    sa.Column("trouble", sa.Text, nullable=True, comment="what the push service said last"),
    sa.UniqueConstraint("endpoint"),
    sa.Index(None, "person_id"),
    comment="devices that show a person's news though no page is open",
)


class PushRefused(Refusal):
    code = "push_refused"
    kind = Kind.INVALID
    sentence = "News cannot go to this device: {problem}."


class PushServiceAway(Exception):
    """A push service did not take the news now; the job comes again."""


class Wish(msgspec.Struct, frozen=True):
    """A subscription as the browser gives it."""

    endpoint: str
    p256dh: str
    auth: str


# --- the installation's key --------------------------------------------------------------------------------------


def private_key(settings: Settings) -> ec.EllipticCurvePrivateKey:
    """The key that this installation signs with: made of its secret, so always the same."""
    number = int.from_bytes(settings.secret(SECRET))
    return ec.derive_private_key(number % (P256_ORDER - 1) + 1, ec.SECP256R1())


def public_key(settings: Settings) -> str:
    """What browsers subscribe with (``applicationServerKey``), base64url."""
    point = private_key(settings).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


# --- devices -----------------------------------------------------------------------------------------------------


async def subscribe(
    work: AsyncConnection, settings: Settings, person_id: UUID, wish: Wish, device: str, now: datetime
) -> UUID:
    """Keep a device; one that is known belongs to who signed in on it last. Raises PushRefused."""
    try:
        outgoing.check(wish.endpoint, private=settings.webhooks_to_private_networks)
    except outgoing.OutgoingRefused as why:
        raise PushRefused(problem=str(why)) from None
    problem = _wrong_keys(wish)
    if problem is not None:
        raise PushRefused(problem=problem)
    fresh = {
        "person_id": person_id, "p256dh": wish.p256dh, "auth": wish.auth, "device": device[:200], "created_at": now,
        "trouble": None,
    }  # fmt: skip
    made = insert(push_subscriptions).values(id=new_id(), endpoint=wish.endpoint, **fresh)
    made = made.on_conflict_do_update(index_elements=["endpoint"], set_=fresh)
    id_: UUID = (await work.execute(made.returning(push_subscriptions.c.id))).scalar_one()
    newest = _of(person_id).with_only_columns(push_subscriptions.c.id).limit(MOST_DEVICES)
    mine = push_subscriptions.c.person_id == person_id
    await work.execute(sa.delete(push_subscriptions).where(mine, push_subscriptions.c.id.not_in(newest)))
    return id_


async def unsubscribe(work: AsyncConnection, person_id: UUID, endpoint: str) -> None:
    """Forget one's device; one that is not known is fine."""
    mine = sa.and_(push_subscriptions.c.person_id == person_id, push_subscriptions.c.endpoint == endpoint)
    await work.execute(sa.delete(push_subscriptions).where(mine))


async def devices_of(work: AsyncConnection, person_id: UUID) -> list[dict[str, Any]]:
    """A person's devices, the newest first."""
    shown = ("id", "device", "created_at", "told_at", "trouble")
    query = _of(person_id).with_only_columns(*(push_subscriptions.c[name] for name in shown))
    return [dict(row) for row in (await work.execute(query)).mappings()]


def _of(person_id: UUID) -> sa.Select[Any]:
    mine = sa.select(push_subscriptions).where(push_subscriptions.c.person_id == person_id)
    return mine.order_by(push_subscriptions.c.created_at.desc(), push_subscriptions.c.id.desc())


def _wrong_keys(wish: Wish) -> str | None:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _decoded(wish.p256dh))
        secret = _decoded(wish.auth)
    except (ValueError, binascii.Error):
        return "its key is no point of P-256 in base64url"
    return None if len(secret) == 16 else "its secret is not of 16 bytes in base64url"


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


# --- telling them ------------------------------------------------------------------------------------------------


class Pusher:
    """Hears of news in inboxes and tells the devices. A fact that comes twice tells nobody twice."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    async def news_written(self, recorded: Recorded) -> None:
        """Raises PushServiceAway once every device was tried and some could not be told: the job comes again."""
        fact = recorded.fact
        assert isinstance(fact, inbox.NewsWritten)
        async with self._database.as_owner() as work:
            devices = (await work.execute(_of(fact.person_id))).mappings().all()
            if not devices or not (await inbox.choices_of(work, fact.person_id))[fact.topic]["push"]:
                return
            query = sa.select(inbox_messages).where(inbox_messages.c.id == fact.message_id)
            news = (await work.execute(query)).mappings().first()
        if news is None or news["read_at"] is not None:
            return
        waiting = [one for one in devices if one["last_message_id"] != fact.message_id]
        away = [one["id"] for one in waiting if not await self._tell(one, news)]
        if away:
            raise PushServiceAway(f"{len(away)} of {len(devices)} devices")

    async def _tell(self, device: Any, news: Any) -> bool:
        """Whether the device is settled: told, gone, or never to be told of this."""
        body, headers = sealed(self._settings, device, news, self._clock())
        private = self._settings.webhooks_to_private_networks
        try:
            status = await outgoing.post(device["endpoint"], body, headers, private=private)
        except (outgoing.OutgoingRefused, outgoing.OutgoingFailed) as failure:
            await self._note(device, trouble=str(failure))
            return False
        if status in GONE:
            async with self._database.as_owner() as work:
                gone = push_subscriptions.c.id == device["id"]
                await work.execute(sa.delete(push_subscriptions).where(gone))
            return True
        if status < 300:
            await self._note(device, told_at=self._clock(), last_message_id=news["id"], trouble=None)
            return True
        await self._note(device, trouble=f"it answered {status}")
        log.warning("push refused", service=urlsplit(device["endpoint"]).hostname, status=status)
        return status != 429 and status < 500

    async def _note(self, device: Any, **changes: Any) -> None:
        async with self._database.as_owner() as work:
            this = push_subscriptions.c.id == device["id"]
            await work.execute(sa.update(push_subscriptions).where(this).values(changes))


class _Device(Protocol):
    def __getitem__(self, name: str) -> Any: ...


def sealed(settings: Settings, device: _Device, news: _Device, now: datetime) -> tuple[bytes, dict[str, str]]:
    """The news as only the device can read them, and the headers that let its push service take them."""
    from py_vapid import Vapid02
    from pywebpush import WebPusher

    shown = {
        "title": news["title"],
        "body": news["text"][:LONGEST_TEXT],
        "path": news["link"] or "/inbox",
        "tag": str(news["id"]),
    }
    keys = {"p256dh": device["p256dh"], "auth": device["auth"]}
    pusher = WebPusher({"endpoint": device["endpoint"], "keys": keys})
    body: bytes = pusher.encode(msgspec.json.encode(shown))["body"]
    service = urlsplit(device["endpoint"])
    claims = {
        "aud": f"{service.scheme}://{service.netloc}",
        "sub": f"mailto:{parseaddr(settings.mail_from)[1]}",
        "exp": int(now.timestamp()) + KEPT_SECONDS // 2,
    }
    signed = Vapid02(private_key(settings)).sign(claims)
    return body, {
        **signed,
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "TTL": str(KEPT_SECONDS),
        "Urgency": "high" if news["topic"] in URGENT else "normal",
    }
