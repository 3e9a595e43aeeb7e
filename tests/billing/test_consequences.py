from datetime import timedelta

import pytest
import sqlalchemy as sa

from gridlane.billing.agreeing import agree_for_session
from gridlane.billing.consequences import JOBS, LISTENERS, Consequences
from gridlane.billing.model import agreements, documents, settlements
from gridlane.billing.parts import parts_of
from gridlane.billing.running_cost import cost_so_far
from gridlane.charging.ending import SessionCorrected, SessionEnded
from gridlane.charging.model import sessions
from gridlane.charging.starting import SessionAuthorized
from gridlane.kernel.bus import LocalBus
from gridlane.kernel.database import Scope
from gridlane.kernel.facts import Recorded
from gridlane.kernel.quantities import WattHours
from gridlane.kernel.settings import Settings
from gridlane.stations.model import operations, stations


class Bell(LocalBus):
    def __init__(self):
        super().__init__()
        self.rung = []

    def publish(self, subject, payload=b""):
        self.rung.append(subject)


@pytest.fixture
def bell():
    return Bell()


@pytest.fixture
def clock_later(clock):
    return lambda: clock() + timedelta(days=2)


@pytest.fixture
def consequences(database, bell, clock, tmp_path, stripe_server):
    settings = Settings(data_dir=tmp_path, stripe_api_key="sk_test_12345", stripe_url=stripe_server)
    return Consequences(database, bell, parts_of(settings, database, bell, clock), clock)


def ended(session, clock, **fields):
    common = {"session_id": session, "ended_at": clock(), "energy": WattHours(1.0), "reason": None}
    return SessionEnded(
        **common | {"presumed": False, "refused": False, "held": (), "missing_events": 0} | fields
    )


async def tell(consequences, world, fact, clock):
    row = next(row for row in LISTENERS if isinstance(fact, row.fact))
    await row.handle(consequences, Recorded(fact, fact.session_id, world.organization, clock()))


async def test_a_session_is_agreed_settled_and_corrected_by_what_is_told(
    world, consequences, wallet_of, clock
):
    anna = await world.person()
    await wallet_of(20, anna)
    session = await world.session(anna)
    common = {"token_id": None, "token_kind": None, "group_id": None, "request_id": None}
    await tell(consequences, world, SessionAuthorized(session_id=session, person_id=anna, **common), clock)
    assert len(await world.rows(agreements)) == 1
    for _ in range(2):
        await tell(consequences, world, ended(session, clock), clock)
    assert len(await world.rows(documents)) == 1
    async with world.database.as_owner() as work:
        await work.execute(sa.update(sessions).values(energy=20_000.0))
    fact = SessionCorrected(
        session_id=session,
        ended_at=clock(),
        energy=WattHours(20_000.0),
        energy_before=WattHours(10_000.0),
        refused=False,
        held=(),
        cause="late",
    )
    for _ in range(2):
        await tell(consequences, world, fact, clock)
    assert len(await world.rows(documents)) == 3


async def test_a_presumed_end_is_billed_only_after_a_day(
    world, consequences, database, bell, tmp_path, wallet_of, clock, clock_later
):
    anna = await world.person()
    await wallet_of(20, anna)
    session = await world.session(anna, status="presumed_ended", ended_at=None, presumed_end=clock())
    await tell(consequences, world, ended(session, clock, presumed=True), clock)
    await consequences.collect()
    assert await world.rows(settlements) == []
    settings = Settings(data_dir=tmp_path)
    later = Consequences(database, bell, parts_of(settings, database, bell, clock_later), clock_later)
    await later.collect()
    assert (await world.rows(settlements))[0]["state"] == "done"


async def test_a_display_is_told_the_running_cost_when_it_changes(world, consequences, bell, clock):
    anna = await world.person()
    session = await world.session(anna, status="active", ended_at=None, transaction_id="tx-1")
    async with world.database.as_owner() as work:
        await work.execute(sa.update(stations).values(connected=True, protocol="ocpp2.0.1"))
    async with world.database.unit_of_work(Scope(world.organization)) as work:
        await agree_for_session(work, session)
        bill = await cost_so_far(work, session, clock() + timedelta(minutes=30))
        assert str(bill.gross) == "6.00 EUR"
    for _ in range(2):
        await consequences.show_costs()
    (operation,) = await world.rows(operations)
    assert operation["kind"] == "cost_updated"
    assert '"total":"6.00"' in operation["params"]
    assert bell.rung == [f"station.{world.station}.operations"]


async def test_every_job_runs_on_an_empty_network(world, consequences):
    for job in JOBS:
        await job.work(consequences)
    assert await world.rows(settlements) == []
