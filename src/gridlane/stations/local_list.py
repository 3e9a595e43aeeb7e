"""The local authorization list that each station holds, and what to send to make it another.

What a station holds is known by digests alone: of each token, and of what was said about it. So the difference can be
told without keeping anybody's token here.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata
from gridlane.kernel.group_commit import RecordSink
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer, SendList
from gridlane.stations.decision import Commit
from gridlane.stations.model import of_station
from gridlane.stations.state import Live

station_local_lists = sa.Table(
    "station_local_lists",
    metadata,
    *of_station(),
    sa.Column("version", sa.BigInteger, nullable=False, comment="0: no list"),
    sa.Column("entries", JSONB, nullable=True, comment="digest of token -> digest of entry; null: not known"),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    comment="the local authorization list of each station",
)

Entry = dict[str, Any]
"""AuthorizationData of 2.x: ``{idToken: {...}, idTokenInfo: {...}}``; without info it removes the token."""


class ListRow(msgspec.Struct):
    """``entries`` None: only the version was told. ``full``: they replace what was there."""

    station_id: UUID
    organization_id: UUID | None
    version: int
    told_at: datetime
    full: bool = False
    entries: dict[str, str] | None = None
    removed: tuple[str, ...] = ()


# A version that is not the one we knew of means that somebody else changed the list: then its entries are not known.
LISTS = RecordSink(
    "station_local_lists",
    b"""
    INSERT INTO station_local_lists AS old (station_id, organization_id, version, told_at, entries)
    SELECT station_id, organization_id, version, told_at,
      CASE WHEN version = 0 THEN '{}'::jsonb WHEN told."full" THEN entries END
    FROM json_to_recordset($1::json) AS told(station_id uuid, organization_id uuid, version bigint,
      told_at timestamptz, "full" bool, entries jsonb)
    ON CONFLICT (station_id) DO UPDATE SET version = excluded.version, told_at = excluded.told_at,
      organization_id = excluded.organization_id,
      entries = CASE WHEN excluded.entries IS NOT NULL THEN excluded.entries
                     WHEN old.version = excluded.version THEN old.entries END
    """,
)
LIST_CHANGES = RecordSink(
    "station_local_lists changes",
    b"""
    UPDATE station_local_lists old SET version = told.version, told_at = told.told_at,
      entries = (old.entries || told.entries) - ARRAY(SELECT jsonb_array_elements_text(told.removed))
    FROM json_to_recordset($1::json) AS told(station_id uuid, version bigint, told_at timestamptz, entries jsonb,
      removed jsonb)
    WHERE old.station_id = told.station_id
    """,
)


def was_sent(live: Live, command: SendList, answer: Answer, now: datetime) -> Commit:
    """SendLocalList (D01): what the station took."""
    if not answer.agreed:
        return Commit(live)
    station = live.station
    row = ListRow(
        station.id,
        station.organization_id,
        command.version,
        now,
        full=command.full,
        entries=digests(one for one in command.entries if one.get("idTokenInfo") is not None),
        removed=tuple(token_digest(one) for one in command.entries if one.get("idTokenInfo") is None),
    )
    return Commit(live, rows=[(LISTS if command.full else LIST_CHANGES, row)])


def version_told(live: Live, _command: c.GetListVersion, answer: Answer, now: datetime) -> Commit:
    """GetLocalListVersion (D02)."""
    version = answer.data.get("version")
    if not answer.agreed or version is None:
        return Commit(live)
    row = ListRow(live.station.id, live.station.organization_id, max(0, version), now)
    return Commit(live, rows=[(LISTS, row)])


def digests(entries: Iterable[Entry]) -> dict[str, str]:
    return {token_digest(one): _digest(one.get("idTokenInfo")) for one in entries}


def token_digest(entry: Entry) -> str:
    """Of a token as it is presented, whatever its case (idTokens are case insensitive)."""
    token = entry["idToken"]
    return _digest([str(token["idToken"]).casefold(), token.get("type")])


def _digest(value: Any) -> str:
    content = msgspec.json.encode(value, order="deterministic")
    return hashlib.blake2b(content, digest_size=12).hexdigest()


# --- what to send ------------------------------------------------------------------------------------------------


def difference(
    held: Mapping[str, str], wanted: Sequence[Entry], known: Mapping[str, dict[str, Any]]
) -> list[Entry] | None:
    """The entries of a differential update; None where only the whole list will do: a token is to be removed that
    nobody can name. ``known`` gives the idToken of a digest.
    """
    target = digests(wanted)
    removed: list[Entry] = []
    for token in held.keys() - target.keys():
        if token not in known:
            return None
        removed.append({"idToken": known[token]})
    changed = [one for one in wanted if held.get(token_digest(one)) != target[token_digest(one)]]
    return [*removed, *changed]


def updates(
    version: int,
    held: Mapping[str, str] | None,
    wanted: Sequence[Entry],
    *,
    known: Mapping[str, dict[str, Any]] | None = None,
    per_message: int = 100,
    most: int | None = None,
) -> list[SendList]:
    """The messages, in their order, that make the list of a station (of ``version``) the wanted one; none where it is
    already. ``held`` None: what it holds is not known. ``per_message`` and ``most`` are the station's own limits.
    """
    kept = list({token_digest(one): one for one in wanted}.values())[:most]
    changes = None if held is None else difference(held, kept, known or {})
    if changes is not None and not changes:
        return []
    if changes is None or not held or len(changes) > len(kept):
        return _split(version, kept, per_message, full=True)
    return _split(version, changes, per_message, full=False)


def _split(version: int, entries: Sequence[Entry], per_message: int, *, full: bool) -> list[SendList]:
    """A list too long for one message begins anew with the first and grows with the others."""
    size = max(1, per_message)
    parts = [entries[start : start + size] for start in range(0, len(entries), size)] or [()]
    return [
        SendList(version=version + 1 + place, full=full and place == 0, entries=tuple(part))
        for place, part in enumerate(parts)
    ]
