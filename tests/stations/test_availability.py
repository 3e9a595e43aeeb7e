import asyncio

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.kernel import ownership
from gridlane.kernel.group_commit import Committer, Decision
from gridlane.stations.availability import evse_state, mark
from gridlane.stations.state import ConnectorState

STATUSES = [
    "available", "preparing", "charging", "suspended_ev", "suspended_evse", "finishing", "occupied", "reserved",
    "unavailable", "faulted",
]  # fmt: skip


def plugs(street, *statuses):
    return list(street.station(**dict.fromkeys(statuses, 1)).station.connectors.values())


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=4))
def test_an_evse_without_a_link_is_never_shown_as_free(statuses):
    from gridlane.kernel.ids import new_id

    connectors = [
        ConnectorState(id=new_id(), evse_id=new_id(), status=one, status_at=None) for one in statuses
    ]
    assert evse_state(connectors, connected=False) == "offline"


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["available", "charging"], "occupied"),
        (["available", "faulted"], "available"),
        (["faulted", "unavailable"], "faulted"),
        (["reserved", "available"], "reserved"),
        (["finishing"], "occupied"),
        (["unavailable"], "unavailable"),
    ],
)
def test_an_evse_is_what_its_connectors_make_it(street, statuses, state):
    assert evse_state(plugs(street, *statuses), connected=True) == state


async def test_the_ledger_keeps_one_open_interval_and_no_gap(street, database_url):
    live = street.station(available=1)
    faulted = street.station(faulted=1)
    faulted.station.connectors[1, 1] = ConnectorState(
        id=live.station.connectors[1, 1].id,
        evse_id=live.station.connectors[1, 1].evse_id,
        status="faulted",
        status_at=street.now,
    )
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO stations (id, identity, name, changed_at, created_at) VALUES (%s, 'a', 'a', now(), now())",
            (live.station.id,),
        )
        evse = live.station.connectors[1, 1].evse_id
        await connection.execute(
            "INSERT INTO evses (id, station_id, number) VALUES (%s, %s, 1)", (evse, live.station.id)
        )
        epoch = (await ownership.claim(connection, [live.station.id], "n", street.now))[live.station.id]
        committer = Committer(database_url)
        committer.start()
        for state, minute in ((live, 0), (live, 1), (faulted, 2), (live, 1)):
            settled = asyncio.get_running_loop().create_future()
            rows = mark(state, street.later(minutes=minute), cause="test")
            committer.submit(Decision(live.station.id, epoch, rows, [], settled.set_result))
            await settled
        await committer.stop()
        cursor = await connection.execute(
            "SELECT state, since, until FROM availability_intervals ORDER BY since"
        )
        intervals = await cursor.fetchall()
    assert [one[0] for one in intervals] == ["available", "faulted", "available"]
    assert [one[2] for one in intervals[:-1]] == [one[1] for one in intervals[1:]]
    assert intervals[-1][2] is None
