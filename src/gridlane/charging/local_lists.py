"""Keeps the local authorization list of every station in step with the tokens, so that known cards charge offline.

A round looks at the connected stations whose list may be behind, and takes one step for each: ask for the version it
holds, send the whole list, or send a difference. The next step is decided when the station's answer is known, so no
message builds on one that failed. A station that refuses is asked again later and later; one that keeps no list is left
alone for a week.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.model import tokens
from gridlane.accounts.tokens import TokenCipher
from gridlane.kernel import access
from gridlane.kernel.bus import Bus
from gridlane.kernel.database import Database, metadata
from gridlane.stations import asking_operations, local_list
from gridlane.stations.commands import GetListVersion, SendList
from gridlane.stations.local_list import Entry
from gridlane.stations.model import of_station

local_list_upkeep = sa.Table(
    "local_list_upkeep",
    metadata,
    *of_station(),
    sa.Column("in_step_at", sa.DateTime(timezone=True), nullable=True, comment="when nothing was to be sent"),
    sa.Column("operation_id", sa.Uuid, nullable=True, comment="the step under way"),
    sa.Column("tries", sa.SmallInteger, nullable=False, comment="steps that failed since one went well"),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False, comment="no step before"),
    comment="how far the stations' local lists follow the tokens",
)

Row = Mapping[str, Any] | sa.RowMapping

PRESENTED = ("ISO14443", "ISO15693", "eMAID", "EVCCID", "KeyCode", "Local", "MacAddress", "VIN")
"""Kinds of token that are presented at stations; the others only start by our own word."""

PER_MESSAGE = 50
"""Entries in one message where a station does not tell its own limit."""
STATIONS_A_ROUND = 500
PATIENCE = timedelta(minutes=5)
RECHECKED = timedelta(days=1)
"""Also what no clock of ours tells is found then: tokens that begin to be valid, or are gone."""
FIRST_WAIT, LONGEST_WAIT, KEEPS_NONE = timedelta(minutes=5), timedelta(days=1), timedelta(days=7)


class Step(msgspec.Struct, frozen=True):
    kind: str
    status: str
    evidence: str | None = None

    @property
    def failed(self) -> bool:
        return self.status != "verified"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A station and what is known of its list. ``version`` None: never asked; ``entries`` None: not known.

    ``evses`` are the numbers of its EVSEs by id. ``last`` is how the step before ended (``kind``, status, evidence), None
    when there is none to speak of. ``tries`` counts the steps that failed since a list was taken.
    """

    station_id: UUID
    organization_id: UUID
    site_id: UUID | None
    version: int | None
    entries: dict[str, str] | None
    per_message: int
    most: int | None
    evses: dict[UUID, int]
    is_switched_off: bool = False
    tries: int = 0
    last: Step | None = None


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A token that may stand in lists."""

    entry: Entry
    sites: tuple[UUID, ...]
    evses: tuple[UUID, ...]
    is_wanted: bool


KEEPS_NO_LIST = ("NotSupported", "NotImplemented")
"""What a station answers that has no list."""


# --- rules -------------------------------------------------------------------------------------------------------


def step(holder: Holder, listed: Sequence[Listed]) -> GetListVersion | SendList | None:
    """What to ask of a station next; None when its list is as it should be.

    After a step that failed the station is asked which version it truly holds, and is then sent the whole list.
    """
    if holder.version is None or (holder.tries and holder.last is None):
        return GetListVersion()
    held = holder.entries if holder.tries == 0 else None
    known = {local_list.token_digest(one.entry): one.entry["idToken"] for one in listed}
    messages = local_list.updates(
        holder.version,
        held,
        wanted(holder, listed),
        known=known,
        per_message=holder.per_message,
        most=holder.most,
    )
    return messages[0] if messages else None


def wanted(holder: Holder, listed: Sequence[Listed]) -> list[Entry]:
    """The entries meant for a station: tokens of other places are not for it."""
    found = []
    for one in listed:
        if not one.is_wanted or (one.sites and holder.site_id not in one.sites):
            continue
        if not one.evses:
            found.append(one.entry)
            continue
        numbers = sorted(holder.evses[evse] for evse in one.evses if evse in holder.evses)
        if numbers:
            info = {**one.entry["idTokenInfo"], "evseId": numbers}
            found.append({**one.entry, "idTokenInfo": info})
    return found


def entry_of(token: Row, number: str) -> Entry:
    """AuthorizationData of a token: blocked ones are listed as such, or a station's cache might let them in."""
    info: dict[str, Any] = {"status": "Accepted" if token["status"] == "active" else "Blocked"}
    if token["valid_until"] is not None:
        info["cacheExpiryDateTime"] = token["valid_until"].isoformat()
    if token["group_id"]:
        info["groupIdToken"] = {"idToken": token["group_id"], "type": "Central"}
    if token["language"]:
        info["language1"] = token["language"][:8]
    return {"idToken": {"idToken": number, "type": token["kind"]}, "idTokenInfo": info}


def wait_after(failed: Step, tries: int) -> timedelta:
    """How long a station is left alone whose ``tries``-th step in a row failed."""
    if failed.status == "unsupported" or (failed.evidence or "").startswith(KEEPS_NO_LIST):
        return KEEPS_NONE
    doubled: timedelta = FIRST_WAIT * 2 ** min(tries - 1, 10)
    return min(LONGEST_WAIT, doubled)


# --- the round ---------------------------------------------------------------------------------------------------


async def keep_in_step(database: Database, bus: Bus, cipher: TokenCipher, now: datetime) -> int:
    """One round; gives how many stations were asked for something."""
    async with database.as_owner() as work:
        if not await work.scalar(sa.text("SELECT pg_try_advisory_xact_lock(hashtext('local_lists'))")):
            return 0  # the round before is not over
        behind = await _behind(work, now)
        listed = {
            organization: await _listed(work, cipher, organization, now)
            for organization in {one.organization_id for one in behind}
        }
        asked = [
            one.station_id for one in behind if await _go_on(work, one, listed[one.organization_id], now)
        ]
    for station_id in asked:
        bus.publish(f"station.{station_id}.operations")
    return len(asked)


async def _go_on(work: AsyncConnection, holder: Holder, listed: Sequence[Listed], now: datetime) -> bool:
    """Take a station's next step, note that it is in step, or leave it alone for a while; whether it was asked."""
    last, tries = holder.last, holder.tries
    if holder.is_switched_off:
        await _note(work, holder, tries=0, next_at=now + RECHECKED)
        return False
    if last is not None and last.failed:
        tries += 1
        await _note(work, holder, tries=tries, next_at=now + wait_after(last, tries))
        return False
    if last is not None and last.kind == "send_local_list":
        holder = msgspec.structs.replace(holder, tries=0)
    command = step(holder, listed)
    if command is None:
        await _note(work, holder, tries=0, next_at=now, in_step_at=now)
        return False
    (operation,) = await asking_operations.put(
        work,
        access.system(holder.organization_id),
        [holder.station_id],
        command,
        expires_in=PATIENCE,
        reason="the local list follows the tokens",
    )
    await _note(work, holder, tries=holder.tries, next_at=now, operation_id=operation["id"])
    return True


async def _note(
    work: AsyncConnection,
    holder: Holder,
    *,
    tries: int,
    next_at: datetime,
    operation_id: UUID | None = None,
    in_step_at: datetime | None = None,
) -> None:
    changed: dict[str, Any] = {"tries": tries, "next_at": next_at, "operation_id": operation_id}
    if in_step_at is not None:
        changed["in_step_at"] = in_step_at
    row = {"station_id": holder.station_id, "organization_id": holder.organization_id, **changed}
    statement = insert(local_list_upkeep).values(row)
    await work.execute(statement.on_conflict_do_update(index_elements=["station_id"], set_=changed))


_BEHIND = sa.text("""
SELECT s.id AS station_id, s.organization_id, s.site_id, l.version, l.entries, coalesce(u.tries, 0) AS tries,
  o.kind, o.status, o.evidence,
  (SELECT jsonb_object_agg(e.id, e.number) FROM evses e WHERE e.station_id = s.id) AS evses,
  (SELECT jsonb_object_agg(v.variable, jsonb_build_array(v.value, v.characteristics->>'maxLimit'))
   FROM station_variables v WHERE v.station_id = s.id AND v.attribute = 'Actual'
     AND (v.component = 'LocalAuthListCtrlr' OR v.component = '' AND v.variable LIKE '%Local%List%')) AS told
FROM stations s
LEFT JOIN station_local_lists l ON l.station_id = s.id
LEFT JOIN local_list_upkeep u ON u.station_id = s.id
LEFT JOIN operations o ON o.id = u.operation_id
WHERE s.connected AND s.approval = 'accepted' AND s.organization_id IS NOT NULL
  AND (u.station_id IS NULL OR u.next_at <= :now AND (o.id IS NULL OR o.status NOT IN ('queued', 'sent', 'agreed'))
    AND (u.operation_id IS NOT NULL OR u.in_step_at IS NULL OR u.tries > 0 OR l.told_at > u.in_step_at
      OR u.in_step_at < :recheck
      OR u.in_step_at <= (SELECT max(t.changed_at) FROM tokens t WHERE t.organization_id = s.organization_id)))
ORDER BY u.next_at NULLS FIRST, s.id
LIMIT :most
""")


async def _behind(work: AsyncConnection, now: datetime) -> list[Holder]:
    """Stations whose list may be behind and that no step is under way for."""
    parameters = {"now": now, "recheck": now - RECHECKED, "most": STATIONS_A_ROUND}
    return [_holder(row) for row in (await work.execute(_BEHIND, parameters)).mappings()]


def _holder(row: Row) -> Holder:
    told = row["told"] or {}
    return Holder(
        station_id=row["station_id"],
        organization_id=row["organization_id"],
        site_id=row["site_id"],
        version=row["version"],
        entries=row["entries"],
        per_message=_number(told, "ItemsPerMessage", "SendLocalListMaxLength") or PER_MESSAGE,
        most=_limit(told, "Entries") or _number(told, "LocalAuthListMaxLength"),
        evses={UUID(key): number for key, number in (row["evses"] or {}).items()},
        is_switched_off=_is_switched_off(told),
        tries=row["tries"],
        last=None if row["kind"] is None else Step(row["kind"], row["status"], row["evidence"]),
    )


def _is_switched_off(told: Mapping[str, Any]) -> bool:
    """Enabled or Available over 2.x, LocalAuthListEnabled over 1.6: what the station told of it."""
    names = ("Enabled", "Available", "LocalAuthListEnabled")
    return any((told[name][0] or "").lower() == "false" for name in names if name in told)


def _number(told: Mapping[str, Any], *names: str) -> int | None:
    return next(
        (int(told[one][0]) for one in names if one in told and (told[one][0] or "").isdecimal()), None
    )


def _limit(told: Mapping[str, Any], name: str) -> int | None:
    limit = told[name][1] if name in told else None
    return int(float(limit)) if limit else None


async def _listed(
    work: AsyncConnection, cipher: TokenCipher, organization_id: UUID, now: datetime
) -> list[Listed]:
    """An organization's tokens, those first that changed last: a list that is too short for all lacks the oldest."""
    query = (
        sa.select(tokens)
        .where(tokens.c.organization_id == organization_id, tokens.c.kind.in_(PRESENTED))
        .order_by(tokens.c.status, tokens.c.changed_at.desc(), tokens.c.id)
    )
    rows = (await work.execute(query)).mappings().all()
    return [
        Listed(
            entry=entry_of(row, cipher.unseal(row["sealed"], row["kind"]).value),
            sites=tuple(row["sites"]),
            evses=tuple(row["evses"]),
            is_wanted=_is_wanted(row, now),
        )
        for row in rows
    ]


def _is_wanted(token: Row, now: datetime) -> bool:
    begins, ends = token["valid_from"], token["valid_until"]
    is_valid = (begins is None or begins <= now) and (ends is None or now < ends)
    return bool(token["local_list"]) and is_valid
