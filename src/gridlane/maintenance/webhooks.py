"""Signed webhooks: a POST of JSON that its receiver can prove to be ours, to no address inside our own network.

The signature is ``Gridlane-Signature: t=<seconds>,v1=<hex>`` with HMAC-SHA-256 of ``<seconds>.<body>`` under the rule's
secret. The host is looked up once and the connection goes to that very address, so that a name cannot point elsewhere
between the check and the call; redirects are not followed.
"""

import hashlib
import hmac
from datetime import datetime
from uuid import UUID

from gridlane.kernel import outgoing
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.settings import Settings

SECRET = "webhooks"  # noqa: S105 (the name of a key)
HEADER = "Gridlane-Signature"


class WebhookAddressRefused(Refusal):
    code = "webhook_address_refused"
    kind = Kind.INVALID
    sentence = "A webhook cannot go to {url}: {problem}."


class WebhookFailed(Exception):
    """The receiver did not take it; says why."""


def secret_of(settings: Settings, rule_id: UUID) -> str:
    """The secret that a rule's receivers check signatures with."""
    return hmac.new(settings.secret(SECRET), rule_id.bytes, hashlib.sha256).hexdigest()


def signature(secret: str, body: bytes, now: datetime) -> str:
    seconds = int(now.timestamp())
    signed = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={signed}"


def check(url: str, settings: Settings) -> None:
    """Raises WebhookAddressRefused for what is no https address of the open internet (by its looks)."""
    try:
        outgoing.check(url, private=settings.webhooks_to_private_networks)
    except outgoing.OutgoingRefused as why:
        raise WebhookAddressRefused(url=url, problem=str(why)) from None


async def send(settings: Settings, rule_id: UUID, url: str, body: bytes, now: datetime) -> None:
    """Raises WebhookFailed, WebhookAddressRefused."""
    check(url, settings)
    signed = signature(secret_of(settings, rule_id), body, now)
    headers = {"Content-Type": "application/json", HEADER: signed}
    try:
        status = await outgoing.post(url, body, headers, private=settings.webhooks_to_private_networks)
    except (outgoing.OutgoingRefused, outgoing.OutgoingFailed) as why:
        raise WebhookFailed(str(why)) from None
    if not 200 <= status < 300:
        raise WebhookFailed(f"it answered {status}")
