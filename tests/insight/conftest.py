from datetime import timedelta

import pytest

from gridlane.insight.rolling_up import RollUp
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id


@pytest.fixture
async def opened(installation):
    database = Database(installation.url, pool=2)
    yield database
    await database.close()


@pytest.fixture
def roll_up(installation, opened):
    return RollUp(opened, installation.settings)


@pytest.fixture
async def charged(installation, roll_up):
    """A session of 11 kWh that ended an hour ago, over one hour, with its EVSE known for four hours."""
    now = system_clock()
    station = await installation.register("CP-1")
    evse, session, card = new_id(), new_id(), new_id()
    o, site = installation.organization_id, installation.site_id
    await installation.sql(
        "INSERT INTO evses (id, organization_id, station_id, number, max_power) VALUES (%s, %s, %s, 1, 11000)",
        evse, o, station["id"],
    )  # fmt: skip
    await installation.sql(
        "INSERT INTO availability_intervals (evse_id, since, until, organization_id, state, known_at) VALUES "
        "(%s, %s, %s, %s, 'available', now()), (%s, %s, NULL, %s, 'faulted', now())",
        evse, now - timedelta(hours=4), now - timedelta(hours=1), o, evse, now - timedelta(hours=1), o,
    )  # fmt: skip
    await installation.sql(
        "INSERT INTO sessions (id, organization_id, site_id, station_id, transaction_id, status, evse, started_at, ended_at,"
        " energy, first_register, register, received_at, first_received_at, token_key) "
        "VALUES (%s, %s, %s, %s, 'T1', 'ended', 1, %s, %s, 11000, 500, 11500, now(), %s, %s)",
        session, o, site, station["id"], now - timedelta(hours=2), now - timedelta(hours=1),
        now - timedelta(hours=2), card,
    )  # fmt: skip
    await installation.sql(
        "INSERT INTO bills (id, organization_id, session_id, revision, content, periods, currency, net, tax, rated_at) "
        "VALUES (%s, %s, %s, 1, '', '', 'EUR', 5.00, 0.95, now()), (%s, %s, %s, 2, '', '', 'EUR', 5.50, 1.05, now())",
        new_id(), o, session, new_id(), o, session,
    )  # fmt: skip
    await roll_up.recent()
    return station
