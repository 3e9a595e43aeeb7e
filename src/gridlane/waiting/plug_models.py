"""What is learned of every plug: a nightly job grows trees from an organization's own sessions, as a new version.

``forecasting.occupancy`` says how; here are its rows in the database, and asking them for the plugs of a site as it stands.
An organization without enough sessions, or whose trees say no more than its weekly habits, has no model that is used:
its sites are forecast by survival and arrivals alone (``habits``).
"""

import asyncio
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.model import sessions
from gridlane.forecasting.occupancy import (
    DAY,
    REMEMBERED,
    Chances,
    Flags,
    Floats,
    History,
    Ints,
    Model,
    Moments,
    Week,
    features,
    free_count,
    goes_on,
    learned,
    left,
    week_before,
)
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database
from gridlane.stations.model import evses, sites, stations
from gridlane.waiting.habits import FAST
from gridlane.waiting.model import plug_models

log = structlog.get_logger(__name__)

LEARNED_DAYS = 180
ENOUGH_DAYS, ENOUGH_STAYS = 28, 300
MOST_PLUGS = 300
"""Trees learn from at most so many plugs, whole sites of them drawn by chance; habits are kept of all."""
ROWS, TREES = 200_000, 150
KEPT_VERSIONS = 3
SOONEST = 2.0
"""Minutes ahead from which trees know more than what is seen now."""
MONDAY = 4 * DAY
"""Local minutes from 1970 to its first Monday."""


class Taught(NamedTuple):
    """A model and the habits of the plugs it is for. The last row of ``week`` stands for a plug that is not known yet."""

    model: Model
    week: Week
    row_of: dict[UUID, int]


class PlugAt(NamedTuple):
    """A plug as it stands: minutes since it is in use or free."""

    evse_id: UUID
    busy: bool
    elapsed: float
    fast: bool


def free_chances(
    taught: Taught, plugs: Sequence[PlugAt], asked: Sequence[int], now: float, ahead: Floats, before: int
) -> Floats:
    """For each of ``ahead`` minutes the chance that of a site's ``asked`` plugs more than ``before`` are free then.

    ``now``: the local minute of the week. ``asked``: places in ``plugs``, which are all that work at the site.
    """
    at = _moments(taught, plugs, asked, now)
    every = Moments._make(np.repeat(column, ahead.size) for column in at)._replace(
        ahead=np.tile(ahead, len(asked))
    )
    in_use = taught.model.in_use.of(features(every, taught.week)).reshape(len(asked), ahead.size)
    return np.array([free_count(then)[before + 1 :].sum() for then in in_use.T])


def minutes_left(
    taught: Taught, plugs: Sequence[PlugAt], asked: Sequence[int], now: float, shares: Sequence[float]
) -> Floats:
    """Plugs x shares: minutes after which the stay at each has ended with such a chance."""
    going = goes_on(taught.model, _moments(taught, plugs, asked, now), taught.week)
    return np.stack([left(going, share) for share in shares], axis=1)


def _moments(taught: Taught, plugs: Sequence[PlugAt], asked: Sequence[int], now: float) -> Moments:
    busy = sum(one.busy for one in plugs)
    chosen = [plugs[at] for at in asked]
    unknown = taught.week.lately.size - 1
    return Moments(
        plug=np.array([taught.row_of.get(one.evse_id, unknown) for one in chosen]),
        busy=np.array([one.busy for one in chosen]),
        elapsed=np.array([one.elapsed for one in chosen], dtype=float),
        others_busy=np.array([busy - one.busy for one in chosen]),
        plugs=np.full(len(chosen), len(plugs)),
        fast=np.array([one.fast for one in chosen]),
        now=np.full(len(chosen), now),
        ahead=np.zeros(len(chosen)),
    )


# --- the job -----------------------------------------------------------------------------------------------------


class Stays(NamedTuple):
    """Stays of an organization's plugs in local minutes since a Monday, and the plugs."""

    plug: Ints
    begin: Floats
    end: Floats
    ids: tuple[UUID, ...]
    site: Ints
    fast: Flags


async def learn_plugs(database: Database, clock: Clock) -> None:
    """Learn anew for every organization that has enough sessions."""
    now = clock()
    async with database.as_owner() as work:
        organizations = (await work.scalars(sa.select(sites.c.organization_id).distinct())).all()
    for organization_id in organizations:
        async with database.as_owner() as work:
            stays = await _stays(work, organization_id, now)
        taught = await asyncio.to_thread(teach, stays)
        if taught is None:
            continue
        async with database.as_owner() as work:
            await _keep(work, organization_id, taught, now, stays.plug.size)
        model = taught.model
        log.info(
            "plugs learned",
            organization=str(organization_id),
            stays=stays.plug.size,
            score=model.score,
            simple=model.simple,
        )


def teach(stays: Stays, rows: int = ROWS, trees: int = TREES) -> Taught | None:
    """Learn from stays up to their last day; None where they are too few."""
    if stays.plug.size < ENOUGH_STAYS:
        return None
    today = int(stays.end.max() // DAY)
    first = max(int(stays.begin.min() // DAY), today - LEARNED_DAYS)
    if today - first < ENOUGH_DAYS:
        return None
    known = History.of(stays.plug, stays.begin, stays.end, stays.site, stays.fast, until=today * DAY)
    some = _some(known)
    model = learned(some, first + REMEMBERED // 8, today, rows, trees)
    return Taught(model, _with_unknown(week_before(known, known.slots(), today)), _numbered(stays.ids))


def _some(history: History) -> History:
    """Whole sites with at most ``MOST_PLUGS`` plugs in all, drawn by chance."""
    order = np.random.default_rng(1).permutation(np.unique(history.site))
    counts = np.array([(history.site == site).sum() for site in order])
    return history.only(np.isin(history.site, order[np.cumsum(counts) <= max(MOST_PLUGS, counts[0])]))


def _with_unknown(week: Week) -> Week:
    """With a last row for plugs that nothing is known of."""
    used = np.concatenate((week.used, np.zeros((1, *week.used.shape[1:]))))
    days = np.concatenate((week.days, np.zeros((1, week.days.shape[1]))))
    return Week(used, days, np.append(week.lately, week.usual.mean()), week.usual)


def _numbered(ids: Sequence[UUID]) -> dict[UUID, int]:
    return {evse_id: number for number, evse_id in enumerate(ids)}


async def _stays(work: AsyncConnection, organization_id: UUID, now: datetime) -> Stays:
    def local(column: Any) -> Any:
        return sa.cast(sa.extract("epoch", sa.func.timezone(sites.c.time_zone, column)) / 60.0, sa.Float)

    plugs = (
        await work.execute(
            sa.select(evses.c.id, stations.c.site_id, (sa.func.coalesce(evses.c.max_power, 0.0) > FAST).label("fast"))
            .join_from(evses, stations, stations.c.id == evses.c.station_id)
            .where(stations.c.organization_id == organization_id, stations.c.site_id.is_not(None))
            .order_by(evses.c.id)
        )
    ).all()  # fmt: skip
    found = (
        await work.execute(
            sa.select(evses.c.id, local(sessions.c.started_at), local(sessions.c.ended_at))
            .join_from(sessions, stations, stations.c.id == sessions.c.station_id)
            .join(sites, sites.c.id == stations.c.site_id)
            .join(
                evses, sa.and_(evses.c.station_id == sessions.c.station_id, evses.c.number == sessions.c.evse)
            )
            .where(
                sessions.c.organization_id == organization_id,
                sessions.c.started_at >= now - timedelta(days=LEARNED_DAYS + 7),
                sessions.c.ended_at > sessions.c.started_at,
                sessions.c.refused.is_(False),
            )
        )
    ).all()
    ids = tuple(row.id for row in plugs)
    number, site_ids = _numbered(ids), sorted({row.site_id for row in plugs})
    begin = np.array([row[1] for row in found], dtype=float) - MONDAY
    week = 7 * DAY
    origin = np.floor(begin.min() / week) * week if begin.size else 0.0
    return Stays(
        plug=np.array([number[row.id] for row in found], dtype=np.int64),
        begin=begin - origin,
        end=np.array([row[2] for row in found], dtype=float) - MONDAY - origin,
        ids=ids,
        site=np.array([site_ids.index(row.site_id) for row in plugs], dtype=np.int64),
        fast=np.array([row.fast for row in plugs], dtype=bool),
    )


# --- as rows -----------------------------------------------------------------------------------------------------


async def newest_plug_models(work: AsyncConnection) -> dict[UUID, Taught]:
    """The newest model of each organization that is better than habits; what cannot be read is left out."""
    newer = plug_models.alias()
    last = sa.select(sa.func.max(newer.c.version)).where(
        newer.c.organization_id == plug_models.c.organization_id
    )
    query = sa.select(plug_models.c.organization_id, plug_models.c.content)
    found = await work.execute(query.where(plug_models.c.version == last.scalar_subquery()))
    models = {}
    for organization_id, content in found:
        try:
            taught = unpacked(content)
        except (ValueError, KeyError, OSError):
            log.warning(
                "a plug model cannot be read until it is learned anew", organization=str(organization_id)
            )
            continue
        if taught.model.is_better:
            models[organization_id] = taught
    return models


async def _keep(
    work: AsyncConnection, organization_id: UUID, taught: Taught, now: datetime, count: int
) -> None:
    mine = plug_models.c.organization_id == organization_id
    last: Any = await work.scalar(sa.select(sa.func.max(plug_models.c.version)).where(mine))
    version = (last or 0) + 1
    await work.execute(
        sa.insert(plug_models).values(
            organization_id=organization_id,
            version=version,
            made_at=now,
            sessions=count,
            score=taught.model.score,
            simple_score=taught.model.simple,
            content=packed(taught),
        )
    )
    await work.execute(sa.delete(plug_models).where(mine, plug_models.c.version <= version - KEPT_VERSIONS))


def packed(taught: Taught) -> bytes:
    """As arrays: any release can read them, and reading runs nothing."""
    arrays: dict[str, Any] = {
        f"week.{name}": column.astype(np.float32) for name, column in taught.week._asdict().items()
    }
    for name, chances in (("in_use", taught.model.in_use), ("goes_on", taught.model.goes_on)):
        arrays |= {f"{name}.{part}": column for part, column in chances.trees._asdict().items()}
        arrays[f"{name}.bend"] = chances.bend
    ids = b"".join(evse_id.bytes for evse_id in taught.row_of)
    scores = np.array([taught.model.score, taught.model.simple])
    written = io.BytesIO()
    np.savez_compressed(written, **arrays, ids=np.frombuffer(ids, dtype=np.uint8), scores=scores)
    return written.getvalue()


def unpacked(content: bytes) -> Taught:
    """Raises ValueError, KeyError or OSError (a broken archive) where it is no such content."""
    from gridlane.forecasting.trees import Trees

    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        week = Week(*(arrays[f"week.{name}"].astype(np.float64) for name in Week._fields))
        in_use, ends = (
            Chances(Trees(*(arrays[f"{name}.{part}"] for part in Trees._fields)), arrays[f"{name}.bend"])
            for name in ("in_use", "goes_on")
        )
        score, simple = arrays["scores"].tolist()
        ids = arrays["ids"].tobytes()
    row_of = _numbered([UUID(bytes=ids[at : at + 16]) for at in range(0, len(ids), 16)])
    return Taught(Model(in_use, ends, score, simple), week, row_of)
