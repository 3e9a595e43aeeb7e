"""Jobs: work that happens after its cause was committed, with retries, by ``procrastinate`` in the same PostgreSQL.

A job is enqueued in the unit of work that causes it: with the rollback it vanishes. Packages declare their jobs in a
``Jobs`` list; the composition root registers them and hands each its parts.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import procrastinate
from procrastinate.jobs import Job as ProcrastinateJob
from sqlalchemy.ext.asyncio import AsyncConnection

Work = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Job:
    """A named piece of work. ``cron`` makes it periodic (five fields, UTC); ``retries`` back off exponentially."""

    name: str
    work: Work
    cron: str | None = None
    retries: int = 8
    queue: str = "default"


class Jobs:
    """The jobs of this installation: enqueue from anywhere, run in workers."""

    def __init__(self, owner_url: str, jobs: Mapping[str, Job] | None = None) -> None:
        self._connector = procrastinate.PsycopgConnector(
            conninfo=owner_url, kwargs={"application_name": "gridlane jobs"}, min_size=1, max_size=4
        )
        self.app = procrastinate.App(connector=self._connector)
        self._jobs: dict[str, Job] = {}
        for job in (jobs or {}).values():
            self.register(job)

    def register(self, job: Job) -> None:
        self._jobs[job.name] = job
        strategy = (
            procrastinate.RetryStrategy(max_attempts=job.retries, exponential_wait=2)
            if job.retries
            else False
        )
        if job.cron is None:
            self.app.task(name=job.name, queue=job.queue, retry=strategy)(job.work)
            return

        async def periodic(timestamp: int) -> None:
            await job.work()

        task = self.app.task(name=job.name, queue=job.queue, retry=strategy, queueing_lock=job.name)(periodic)
        self.app.periodic(cron=job.cron)(task)

    async def enqueue(
        self,
        connection: AsyncConnection,
        name: str,
        *,
        at: datetime | None = None,
        lock: str | None = None,
        **arguments: Any,
    ) -> None:
        """Enqueue within the caller's unit of work. Jobs of one ``lock`` run one after another, in order."""
        raw = (await connection.get_raw_connection()).driver_connection
        job = self._jobs[name]
        await self.app.job_manager.defer_job_async(
            ProcrastinateJob(
                id=None,
                queue=job.queue,
                lock=lock,
                queueing_lock=None,
                task_name=name,
                task_kwargs=arguments,
                scheduled_at=at,
            ),
            connection=raw,
        )

    async def run_worker(self, concurrency: int = 4) -> None:
        """Run jobs until cancelled."""
        await self.app.run_worker_async(
            concurrency=concurrency,
            install_signal_handlers=False,
            delete_jobs="successful",
            fetch_job_polling_interval=2.0,
        )

    async def open(self) -> None:
        await self.app.open_async()

    async def close(self) -> None:
        await self.app.close_async()
