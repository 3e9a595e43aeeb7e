"""The loop: look at each site that is ours, store what is promised, then send it. One worker steers a site at a time.

A site is leased: a worker that dies lets go of it within seconds, and the next one begins with the memories that were
stored, so that every limit counts as before. What is stored carries the lease's epoch and is refused when the lease
has passed on. A limit that was stored and never sent only counts as if it had been.

Rung by gateways when something moves at a site, and by the API; looks by itself in any case. Each site is looked at by
itself, so that no plan of one makes another wait.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from psycopg import OperationalError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.energy import memory as memories
from gridlane.energy.abilities import capabilities
from gridlane.energy.allocation import Tree
from gridlane.energy.foreseeing import (
    REPLAN_EVERY,
    Foresight,
    foresee,
    past_visits,
    reason_to_plan,
    signals,
    wants_a_plan,
)
from gridlane.energy.listening import Listening
from gridlane.energy.memory import Memory, Sent
from gridlane.energy.model import energy_sites
from gridlane.energy.observing import Observed, observe
from gridlane.energy.picturing import picture
from gridlane.energy.plan import Plan
from gridlane.energy.profiles import Capability
from gridlane.energy.steering import Rhythm, Send, Steered, steer
from gridlane.energy.trees import Wired, wired
from gridlane.kernel.access import system
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.doorbell import Doorbell
from gridlane.kernel.errors import Refusal
from gridlane.stations import asking_operations
from gridlane.stations.commands import Command, SetProfile

log = structlog.get_logger(__name__)

RENEWALS = 3  # within the life of a lease
LOOK_EVERY = timedelta(seconds=10)
SITES_AT_ONCE = 3
LOOK_EVERY_IDLE = timedelta(seconds=30)  # where nobody charges and every fallback is proven
READINGS_OVERLAP = timedelta(seconds=3)  # a commit may become visible after a later one
FIRST_READINGS = timedelta(minutes=2)
SENT_WITHIN = timedelta(seconds=60)
LEARN_EVERY = timedelta(hours=24)
BREATH = 0.05  # seconds between looks, so that what comes together is looked at together
ENDS_WITHIN = 5.0  # seconds for looks under way when told to stop
AWAY = timedelta(seconds=1)  # until a database that was away is tried again

_CLAIM = sa.text("""
UPDATE energy_sites SET node = :node, lease_until = :until,
  epoch = epoch + CASE WHEN node IS NOT DISTINCT FROM :node THEN 0 ELSE 1 END
WHERE site_id IN (
  SELECT site_id FROM energy_sites
  WHERE steered AND (node = :node OR node IS NULL OR lease_until < :now) ORDER BY site_id FOR UPDATE SKIP LOCKED)
RETURNING site_id, organization_id, epoch
""")


class LeasePassed(Exception):
    """Another worker steers the site by now."""


@dataclass
class Steering:
    """A site that this worker steers."""

    site_id: UUID
    organization_id: UUID
    epoch: int
    wired: Wired | None = None
    tree: Tree | None = None
    memories: dict[str, Memory] = field(default_factory=dict)
    capabilities: dict[str, Capability] = field(default_factory=dict)
    plan: Plan | None = None
    plan_told: bytes | None = None
    planned_for: tuple[Any, ...] = ()
    foresight: Foresight = field(default_factory=Foresight)
    read_until: datetime | None = None
    due: datetime | None = None
    told: bytes = b""

    def forget(self) -> None:
        """Begin anew from what is stored."""
        self.wired, self.read_until = None, None


class Control:
    """Steers every site that no other worker steers."""

    def __init__(
        self, database: Database, bus: Bus, clock: Clock, node: str, rhythm: Rhythm | None = None
    ) -> None:
        self._database, self._bus, self._clock, self._node = database, bus, clock, node
        self._rhythm = rhythm or Rhythm()
        self._bell = Doorbell()
        self._sites: dict[UUID, Steering] = {}
        self._rung: set[UUID] = set()
        self._renewed_at: datetime | None = None
        self._listening = Listening(database, bus, clock)
        self._at_once = asyncio.Semaphore(SITES_AT_ONCE)
        self._looks: dict[UUID, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled; then it lets go of its sites, so that another need not wait."""
        ends = [
            await self._bus.subscribe("moved", self._moved),
            await self._bus.subscribe("energy.*", self._asked),
        ]
        try:
            while True:
                try:
                    await self._begin_looks()
                except (OperationalError, DBAPIError, OSError) as trouble:
                    log.warning("database away", reason=str(trouble).strip())
                    await asyncio.sleep(1)
                await asyncio.sleep(BREATH)
                await self._bell.answered(1.0)
        finally:
            for end in ends:
                await end()
            await self._listening.close()
            if self._looks:  # what is half said is said whole: nothing is cancelled within a transaction
                await asyncio.wait(self._looks.values(), timeout=ENDS_WITHIN)
            with contextlib.suppress(OperationalError, DBAPIError, OSError):
                await self._let_go()

    async def _begin_looks(self) -> None:
        """Renew the leases, and begin to look at every site that is due or was rung; none waits for another."""
        now = self._clock()
        if self._renewed_at is None or now - self._renewed_at >= self._rhythm.lease / RENEWALS:
            await self._lease(now)
        rung, self._rung = self._rung, set()
        for each in self._sites.values():
            if each.site_id not in rung and each.due is not None and each.due > now:
                continue
            if each.site_id in self._looks:
                self._rung |= {each.site_id} & rung  # no site is looked at twice at a time
            else:
                look = self._looks[each.site_id] = asyncio.create_task(self._supervised(each))
                look.add_done_callback(partial(self._ended, each.site_id))

    def _ended(self, site_id: UUID, _look: asyncio.Task[None]) -> None:
        del self._looks[site_id]
        if site_id in self._rung:
            self._bell.ring()

    async def _supervised(self, steering: Steering) -> None:
        """One site's trouble is no other's; after any trouble it begins anew from what is stored."""
        try:
            async with self._at_once:
                await self._look(steering)
        except LeasePassed:
            if self._sites.get(steering.site_id) is steering:
                self._forget(steering.site_id)
        except (OperationalError, DBAPIError, OSError) as trouble:
            log.warning("database away", reason=str(trouble).strip())
            steering.forget()
            steering.due = self._clock() + AWAY
        except Refusal as refusal:
            log.warning("site not steered", site=str(steering.site_id), reason=str(refusal))
            steering.forget()
            steering.due = self._clock() + LOOK_EVERY_IDLE
        except Exception:
            log.exception("site not steered", site=str(steering.site_id))
            steering.forget()
            steering.due = self._clock() + LOOK_EVERY

    # --- one look ------------------------------------------------------------------------------------------------

    async def _look(self, steering: Steering) -> None:
        now = self._clock()
        seen = await self._observed(steering, now)
        if steering.wired is None or steering.tree is None:
            self._forget(steering.site_id)
            return
        steered = await asyncio.to_thread(
            _decide, steering, steering.wired, steering.tree, seen, self._rhythm
        )
        await self._stored_and_sent(steering, steered, seen)
        steering.read_until = now - READINGS_OVERLAP
        idle = not seen.running and all(each.standing.believed for each in steered.memories.values())
        steering.due = now + (LOOK_EVERY_IDLE if idle else LOOK_EVERY)

    async def _observed(self, steering: Steering, now: datetime) -> Observed:
        async with self._database.unit_of_work(Scope(steering.organization_id)) as work:
            await self._up_to_date(work, steering)
            if steering.wired is None:
                return Observed(at=now)
            kept = steering.memories.values()
            steering.capabilities = await capabilities(work, steering.wired)
            seen = await observe(
                work,
                steering.wired,
                now,
                since=steering.read_until or now - FIRST_READINGS,
                waiting=[operation for each in kept for operation in each.sent],
                remembered=[each.session_id for each in kept if each.session_id is not None],
            )
            if _plan_is_due(steering, steering.wired, seen):
                await _look_ahead(work, steering.foresight, steering.wired, now)
            return seen

    async def _up_to_date(self, work: AsyncConnection, steering: Steering) -> None:
        """Read the tree and the memories when they are not at hand, or the tree was changed."""
        changed_at = await work.scalar(
            sa.select(energy_sites.c.changed_at).where(energy_sites.c.site_id == steering.site_id)
        )
        known = steering.wired
        if changed_at is not None and known is not None and known.changed_at == changed_at:
            return
        steering.wired = await wired(work, steering.site_id)
        if steering.wired is None:
            return
        stored = await memories.load(work, steering.site_id) if known is None else steering.memories
        steering.tree = Tree(steering.wired.site)
        steering.memories = memories.rebuilt(stored, steering.wired)
        steering.planned_for = ()
        self._listening.to(steering.wired)

    async def _stored_and_sent(self, steering: Steering, steered: Steered, seen: Observed) -> None:
        """What is promised is stored with the wish to send it; only after the commit does anything leave."""
        assert steering.wired is not None
        known = steering.wired
        after = dict(steered.memories)
        shown = picture(known, steered, seen, steering.plan)
        encoded = msgspec.json.encode(shown)
        async with self._database.unit_of_work(Scope(steering.organization_id)) as work:
            await self._fence(work, steering)
            for send, operation in await self._put(work, known, after, steered.sends, seen.at):
                after[send.evse] = msgspec.structs.replace(
                    after[send.evse], sent=after[send.evse].sent | operation
                )
            changed = [each for evse, each in after.items() if each != steering.memories.get(evse)]
            await memories.save(work, known, changed, steering.epoch, seen.at)
            if encoded != steering.told:
                await _show(work, steering.site_id, encoded, seen.at)
            told = _plan_shown(steering.plan)
            if told != steering.plan_told:
                await _show_plan(work, steering.site_id, told, seen.at)
                steering.plan_told = told
        if encoded != steering.told:
            self._bus.publish(f"power.{steering.site_id}")
        steering.memories, steering.told = after, encoded
        for station_id in {known.places[each.evse].station_id for each in steered.sends}:
            self._bus.publish(f"station.{station_id}.operations")

    async def _put(
        self,
        work: AsyncConnection,
        known: Wired,
        memories: Mapping[str, Memory],
        sends: Sequence[Send],
        now: datetime,
    ) -> Iterator[tuple[Send, dict[UUID, Sent]]]:
        wishes = [
            (
                known.places[each.evse].station_id,
                _by_its_clock(each.command, memories[each.evse]),
                f"sharing power: {each.purpose}",
            )
            for each in sends
        ]
        caller = system(known.organization_id, "energy")
        ids = await asking_operations.put_own(work, caller, wishes, expires_in=SENT_WITHIN)
        sent = (
            {id_: Sent(purpose=each.purpose, asked_at=now, number=each.number, current=each.current)}
            for id_, each in zip(ids, sends, strict=True)
        )
        return zip(sends, sent, strict=True)

    # --- leases --------------------------------------------------------------------------------------------------

    async def _lease(self, now: datetime) -> None:
        async with self._database.as_owner() as work:
            held = await work.execute(
                _CLAIM, {"node": self._node, "now": now, "until": now + self._rhythm.lease}
            )
            ours = {row.site_id: row for row in held}
        self._renewed_at = now
        for gone in set(self._sites) - set(ours):
            self._forget(gone)
        for site_id, row in ours.items():
            known = self._sites.get(site_id)
            if known is None or known.epoch != row.epoch:
                self._sites[site_id] = Steering(site_id, row.organization_id, row.epoch)

    def _forget(self, site_id: UUID) -> None:
        self._sites.pop(site_id, None)
        self._listening.no_more_to(site_id)

    async def _fence(self, work: AsyncConnection, steering: Steering) -> None:
        held = await work.execute(
            sa.select(energy_sites.c.epoch)
            .where(energy_sites.c.site_id == steering.site_id, energy_sites.c.node == self._node)
            .with_for_update(read=True)
        )
        if held.scalar_one_or_none() != steering.epoch:
            raise LeasePassed

    async def _let_go(self) -> None:
        async with self._database.as_owner() as work:
            await work.execute(
                sa.update(energy_sites).where(energy_sites.c.node == self._node).values(node=None)
            )

    # --- who rings -----------------------------------------------------------------------------------------------

    def _moved(self, _subject: str, payload: bytes) -> None:
        """Sites where a station's state has changed."""
        told = (UUID(each) for each in msgspec.json.decode(payload))
        self._ring([each for each in told if each in self._sites])

    def _asked(self, subject: str, payload: bytes) -> None:
        """The API has changed something of a site, or a source has spoken (``signals``: plan anew)."""
        site_id = UUID(subject.partition(".")[2])
        if site_id not in self._sites:
            self._renewed_at = None  # a new site perhaps: look for it at once
        elif payload == b"signals":
            self._sites[site_id].planned_for = ()
        self._ring([site_id])

    def _ring(self, site_ids: Sequence[UUID]) -> None:
        if site_ids:
            self._rung.update(site_ids)
            self._bell.ring()


def _plan_is_due(steering: Steering, known: Wired, seen: Observed) -> bool:
    if not wants_a_plan(known, seen):
        return False
    made_at = None if steering.plan is None else steering.plan.made_at
    old = made_at is None or seen.at - made_at >= REPLAN_EVERY
    return old or steering.planned_for != reason_to_plan(known, seen)


async def _look_ahead(work: AsyncConnection, foresight: Foresight, known: Wired, now: datetime) -> None:
    foresight.ahead = await signals(work, known, now)
    if foresight.learned_at is None or now - foresight.learned_at >= LEARN_EVERY:
        foresight.visits = await past_visits(work, known, now)
        foresight.stays, foresight.learned_at = None, now


def _decide(steering: Steering, known: Wired, tree: Tree, seen: Observed, rhythm: Rhythm) -> Steered:
    """Plan where that is due, then steer. Without a plan charging goes on in fair shares."""
    if not wants_a_plan(known, seen):
        steering.plan = None
    elif _plan_is_due(steering, known, seen):
        steering.planned_for = reason_to_plan(known, seen)
        try:
            steering.plan = foresee(known, steering.memories, seen, steering.foresight)
        except Refusal as refusal:
            log.warning("no plan", site=known.name, reason=str(refusal))
            steering.plan = None
    return steer(known, tree, steering.memories, steering.capabilities, seen, steering.plan, rhythm)


def _plan_shown(plan: Plan | None) -> bytes | None:
    if plan is None:
        return None
    return msgspec.json.encode(
        {
            "made_at": plan.made_at,
            "edges": plan.edges,
            "price": [round(each, 5) for each in plan.price],
            "power": {evse: [round(watts) for watts in row] for evse, row in plan.power.items()},
        }
    )


def _by_its_clock(command: Command, memory: Memory) -> Command:
    """Instants of a profile by the station's own clock, where that is wrong."""
    offset = memory.clock_offset
    if not offset or not isinstance(command, SetProfile):
        return command
    profile = command.profile
    moved = {
        name: at + offset
        for name in ("valid_from", "valid_to", "start")
        if (at := getattr(profile, name)) is not None
    }
    return msgspec.structs.replace(command, profile=msgspec.structs.replace(profile, **moved))


async def _show_plan(work: AsyncConnection, site_id: UUID, told: bytes | None, now: datetime) -> None:
    values = {"plan": None if told is None else told.decode(), "planned_at": now}
    await work.execute(sa.update(energy_sites).where(energy_sites.c.site_id == site_id).values(**values))


async def _show(work: AsyncConnection, site_id: UUID, encoded: bytes, now: datetime) -> None:
    await work.execute(
        sa.update(energy_sites)
        .where(energy_sites.c.site_id == site_id)
        .values(picture=encoded.decode(), pictured_at=now)
    )
