"""Files that stations upload to us: to a one-time address, up to a size, kept apart and never opened.

The secret in the address is all a station brings, so an address is good for one file of one station, for a day. Files
lie in the data directory under their number, readable by its owner alone; nothing here looks into them.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.settings import Settings
from gridlane.stations import asking_operations, places
from gridlane.stations.logs import log_uploads

PATIENCE = timedelta(hours=24)
"""How long a station may take: it uploads over a modem, and waits for a session to end first."""


class UploadUnknown(Refusal):
    code = "upload_unknown"
    kind = Kind.NOT_FOUND
    sentence = "This address takes no file, or no longer: each takes one, within a day."


class UploadTooLarge(Refusal):
    code = "upload_too_large"
    kind = Kind.INVALID
    sentence = "The file is larger than {limit} bytes."


class LogUnknown(Refusal):
    code = "log_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no log {log}, or its file has not come."


class Received(NamedTuple):
    """A file that came."""

    size: int
    sha256: str


async def ask_for_log(
    work: AsyncConnection, caller: Caller, settings: Settings, station_id: UUID, wish: dict[str, Any]
) -> dict[str, Any]:
    """Make the operation that asks a station to upload a log to us; gives it.

    Raises NotAllowed, CommandUnclear, StationUnknown.
    """
    secret = secrets.token_urlsafe(24)
    location = f"{settings.station_http_url or settings.address()}/api/v1/uploads/{secret}"
    (operation,) = await asking_operations.ask(
        work, caller, [station_id], kind="get_log", params={**wish, "location": location}
    )
    await work.execute(
        sa.insert(log_uploads).values(
            id=operation["id"],
            organization_id=caller.organization_id,
            station_id=station_id,
            kind=wish.get("log", "DiagnosticsLog"),
            created_at=operation["created_at"],
            secret_hash=_hash(secret),
            expires_at=operation["created_at"] + PATIENCE,
        )
    )
    return operation


async def receive(
    database: Database,
    settings: Settings,
    secret: str,
    name: str,
    content: AsyncIterator[bytes],
    clock: Clock = system_clock,
) -> None:
    """Store the file an address is meant for. Raises UploadUnknown, UploadTooLarge; then nothing is left behind."""
    waiting = log_uploads.c.secret_hash == _hash(secret)
    waiting &= log_uploads.c.received_at.is_(None) & (log_uploads.c.expires_at > clock())
    async with database.as_owner() as work:
        upload = await work.scalar(sa.select(log_uploads.c.id).where(waiting))
    if upload is None:
        raise UploadUnknown
    final = path_of(settings, upload)
    draft = final.with_name(f"{final.name}.{secrets.token_hex(4)}.part")
    try:
        received = await _write(draft, content, settings.upload_bytes)
        async with database.as_owner() as work:
            taken = await work.execute(
                sa.update(log_uploads)
                .where(waiting)
                .values(
                    received_at=clock(),
                    file_name=name[:200] or None,
                    size=received.size,
                    sha256=received.sha256,
                )
            )
            if taken.rowcount == 0:  # another upload to the same address was faster
                raise UploadUnknown
            draft.replace(final)
    finally:
        draft.unlink(missing_ok=True)


async def _write(draft: Path, content: AsyncIterator[bytes], limit: int) -> Received:
    size, digest = 0, hashlib.sha256()
    with _new_private(draft) as file:
        async for chunk in content:
            size += len(chunk)
            if size > limit:
                raise UploadTooLarge(limit=limit)
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
    return Received(size, digest.hexdigest())


def _new_private(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    return path.open("wb")


async def file_of(
    work: AsyncConnection, caller: Caller, settings: Settings, log_id: UUID
) -> tuple[Path, str]:
    """Where a log's file lies, and its name. Raises NotAllowed, LogUnknown, StationUnknown."""
    caller.require(Permission.MESSAGES_READ)
    row = (await work.execute(sa.select(log_uploads).where(log_uploads.c.id == log_id))).mappings().first()
    if row is None or row["received_at"] is None:
        raise LogUnknown(log=log_id)
    await places.station(work, caller, row["station_id"])
    path = path_of(settings, log_id)
    if not path.exists():
        raise LogUnknown(log=log_id)
    await audit.record(work, caller, "log.downloaded", log_id)
    return path, f"{row['kind']}-{row['received_at']:%Y%m%d-%H%M%S}{_suffix(row['file_name'])}"


async def forget_old(database: Database, settings: Settings, now: datetime) -> None:
    """Remove files, and what was asked, after the days the message log is kept."""
    limit = now - timedelta(days=settings.message_log_days)
    async with database.as_owner() as work:
        gone = await work.scalars(
            sa.delete(log_uploads).where(log_uploads.c.created_at < limit).returning(log_uploads.c.id)
        )
        for upload in gone.all():
            path_of(settings, upload).unlink(missing_ok=True)


def path_of(settings: Settings, upload: UUID) -> Path:
    return settings.data_dir / "uploads" / str(upload)


def _suffix(name: str | None) -> str:
    """The ending of a station's file name where it is a plain one."""
    suffix = "".join(Path(name or "").suffixes[-2:]).lower()
    return suffix if suffix.replace(".", "").isalnum() and len(suffix) <= 10 else ".log"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
