"""A session nobody goes on with after a boot ends by itself, whether its station is there or away."""

from datetime import timedelta

import psycopg
import pytest

from gridlane.charging import silence
from gridlane.kernel.clock import system_clock
from gridlane.ocpp.version import Version


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
async def test_a_session_that_is_not_resumed_ends_without_another_word(installation, monkeypatch, version):
    monkeypatch.setattr(silence, "RESUMED_WITHIN", timedelta(seconds=1))
    await installation.issue_token("04AABBCCDD")
    async with await installation.station("CP-1", version, meter_interval=60) as station:
        await station.boot()
        await station.plug_in()
        await station.tap("04AABBCCDD")
        await station.until(lambda: station.evse().power > 0, "to charge")

        async def forget(status):
            return await installation.sql("SELECT 1 FROM sessions WHERE status = %s", status)

        await installation.until(lambda: forget("active"), 20)
        await station.until(
            lambda: not station.machine.queue and station.machine.in_flight is None, "to be heard"
        )
        station.evse().transaction = None  # it has lost its memory with the power
        await station.link.do(station.machine.power_cycle)
        await installation.until(lambda: forget("presumed_ended"), 20)


async def test_a_station_that_stays_away_is_found_for_its_sessions(installation):
    await installation.issue_token("04AABBCCDD")
    async with await installation.station("CP-1", Version.V201, meter_interval=60) as station:
        await station.boot()
        await station.plug_in()
        await station.tap("04AABBCCDD")
        await station.until(lambda: station.evse().power > 0, "to charge")
        await station.hang_up(stay_offline=True)

        async def away():
            return await installation.sql("SELECT id FROM stations WHERE NOT connected")

        ((station_id,),) = await installation.until(away, 20)
        await installation.sql("UPDATE sessions SET interrupted_at = now()")
        async with await psycopg.AsyncConnection.connect(installation.url, autocommit=True) as connection:
            assert await silence.overdue(connection, system_clock()) == []
            later = system_clock() + silence.RESUMED_WITHIN
            assert await silence.overdue(connection, later) == [station_id]
