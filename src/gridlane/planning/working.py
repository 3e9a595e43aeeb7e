"""Plans asked for, made one after another by a worker, each in a process of its own.

A plan is taken by a lease that is renewed while it grows. A worker that dies loses the lease, and another begins anew; a
plan that ends its planner twice is given up. Stopping is a flag in the row: the planner answers with its best so far.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from psycopg import OperationalError
from sqlalchemy.exc import OperationalError as DatabaseAway

from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.doorbell import Doorbell
from gridlane.planning.keeping import question_of
from gridlane.planning.model import planning_plans, planning_scenarios
from gridlane.planning.process import PlannerFailed, PlannerProcess, PlannerRefused

log = structlog.get_logger(__name__)

SUBJECT = "planning.asked"
LOOK_SECONDS = 5.0
LEASE = timedelta(seconds=30)
PACE = 0.5
MOST_ATTEMPTS = 2
POINTS_KEPT = 240
"""Of a plan's progress; of more, every second one is dropped."""


class Planner:
    """Takes plans as they are asked for; one at a time."""

    def __init__(self, database: Database, bus: Bus, clock: Clock = system_clock) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._bell = Doorbell()

    async def run(self) -> None:
        await self._bus.subscribe(SUBJECT, lambda _subject, _payload: self._bell.ring())
        while True:
            try:
                taken = await self.take()
                if taken is not None:
                    await self._try(taken)
                    continue
            except (OperationalError, DatabaseAway, OSError) as trouble:
                log.warning("database away", reason=str(trouble).strip())
            await self._bell.answered(LOOK_SECONDS)

    async def _try(self, plan: dict[str, Any]) -> None:
        try:
            await self.make(plan)
        except (OperationalError, DatabaseAway, OSError):
            raise
        except Exception as trouble:  # one plan must not end the planner of all
            log.exception("plan not kept", plan=str(plan["id"]))
            async with self._database.as_owner() as work:
                await self._end(
                    work, plan["id"], problem=f"Its result could not be kept ({type(trouble).__name__})."
                )

    async def take(self) -> dict[str, Any] | None:
        """The plan that has waited longest, with its scenario, held for a while; None when none waits."""
        now, plans = self._clock(), planning_plans.c
        waiting = (
            sa.select(plans.id)
            .where((plans.state == "waiting") | ((plans.state == "working") & (plans.held_until < now)))
            .order_by(plans.created_at)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        hold = (
            sa.update(planning_plans)
            .where(plans.id == waiting)
            .values(state="working", held_until=now + LEASE, attempts=plans.attempts + 1, started_at=now)
            .returning(planning_plans)
        )
        async with self._database.as_owner() as work:
            row = (await work.execute(hold)).mappings().first()
            if row is None:
                return None
            if row["attempts"] > MOST_ATTEMPTS:
                await self._end(work, row["id"], problem="The planner ended unexpectedly, twice.")
                return None
            query = sa.select(planning_scenarios).where(planning_scenarios.c.id == row["scenario_id"])
            scenario = (await work.execute(query)).mappings().one()
        question = {"do": row["kind"], "stop_asked": row["stop_asked"], **row["asked"]}
        return {**row, "question": question | question_of(dict(scenario))}

    async def make(self, plan: dict[str, Any]) -> None:
        """Make one plan and keep its result, or why there is none."""
        making = Making(plan)
        process = await PlannerProcess.start()
        watching = asyncio.create_task(self._watch(making, process))
        result: dict[str, Any] | None = None
        problem: str | None = None
        try:
            result = await process.ask(plan["question"], making.hear)
        except PlannerRefused as refusal:
            problem = str(refusal)
        except PlannerFailed as failure:
            log.warning("planner failed", plan=str(plan["id"]), reason=str(failure))
            problem = None if plan["attempts"] < MOST_ATTEMPTS else str(failure)
            if problem is None:
                return  # the lease runs out and it is begun anew
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await process.end()
        async with self._database.as_owner() as work:
            await self._note(work, plan["id"], making, self._clock())
            await self._end(work, plan["id"], result=result, problem=problem)

    async def _watch(self, making: "Making", process: PlannerProcess) -> None:
        """Keep the row up to date, renew the lease, and pass on that it should stop."""
        told = False
        while True:
            await asyncio.sleep(PACE)
            async with self._database.as_owner() as work:
                stop = await self._note(work, making.id, making, self._clock())
            if stop is None:  # deleted meanwhile
                await process.end()
                return
            if stop and not told:
                told = True
                await process.stop_working()

    async def _note(self, work: Any, plan_id: Any, making: "Making", now: datetime) -> bool | None:
        """Whether it should stop; None where the plan is gone."""
        answer = await work.execute(
            sa.update(planning_plans)
            .where(planning_plans.c.id == plan_id)
            .values(held_until=now + LEASE, progress=making.progress, best=making.best)
            .returning(planning_plans.c.stop_asked)
        )
        stop: bool | None = answer.scalar_one_or_none()
        return stop

    async def _end(
        self, work: Any, plan_id: Any, *, result: dict[str, Any] | None = None, problem: str | None = None
    ) -> None:
        state = "done" if result is not None else "failed"
        await work.execute(
            sa.update(planning_plans)
            .where(planning_plans.c.id == plan_id)
            .values(state=state, result=result, problem=problem, ended_at=self._clock(), held_until=None)
        )


class Making:
    """A plan under way: what its planner said so far."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.id = plan["id"]
        self.of_points = plan["kind"] == "front"
        self.progress: list[Any] = []
        self.best: list[Any] = []

    def hear(self, word: dict[str, Any]) -> None:
        if "points" in word:
            self.best = word["points"]
        if "progress" in word:
            told = dict(word["progress"])
            sites = told.pop("sites")
            if sites and not self.of_points:
                self.best = sites
            self.progress.append(told)
            if len(self.progress) > POINTS_KEPT:
                self.progress = self.progress[:-1:2] + self.progress[-1:]
