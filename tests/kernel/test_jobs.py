"""Jobs over a real database, as a worker runs them."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa

from gridlane.kernel import jobs as jobs_module
from gridlane.kernel.jobs import BACKLOG, PERIODIC, PROMPT, Job, Jobs


@pytest.fixture
async def jobs(database_url):
    opened = Jobs(database_url)
    await opened.open()
    yield opened
    await opened.close()


@asynccontextmanager
async def worker(jobs, **settings):
    task = asyncio.create_task(jobs.run_worker(**settings))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_fresh_overtakes_a_backlog(jobs, database):
    done, all_done = [], asyncio.Event()

    async def work(number):
        done.append(number)
        if len(done) == 4:
            all_done.set()

    jobs.register(Job("test.work", work))
    async with database.as_owner() as connection:
        for number, priority in enumerate((BACKLOG, BACKLOG, PROMPT, PERIODIC)):
            await jobs.enqueue(connection, "test.work", priority=priority, number=number)
    async with worker(jobs, concurrency=1):
        await asyncio.wait_for(all_done.wait(), 30)
    assert done == [3, 2, 0, 1]


async def test_a_job_that_died_with_its_worker_is_taken_over_and_lets_go_of_its_lock(
    jobs, database, monkeypatch
):
    monkeypatch.setattr(jobs_module, "DEAD_AFTER", 2.0)
    done, all_done = [], asyncio.Event()

    async def work(number):
        done.append(number)
        if len(done) == 2:
            all_done.set()

    jobs.register(Job("test.work", work))
    async with database.as_owner() as connection:
        for number in range(2):
            await jobs.enqueue(connection, "test.work", lock="one", number=number)
    dead = await jobs.app.job_manager.register_worker()
    taken = await jobs.app.job_manager.fetch_job(queues=None, worker_id=dead)
    assert taken is not None
    async with database.as_owner() as connection:
        ago = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
        await connection.execute(sa.text(ago))
    async with worker(jobs, concurrency=1):
        await asyncio.wait_for(all_done.wait(), 30)
    assert done == [0, 1]
