"""The control of power as a process of its own, so that it can be killed: its timers run faster by a factor.

Usage: python -m gridlane.bench.energy_controller FACTOR, with GRIDLANE_DATABASE_URL and GRIDLANE_NATS_URL.
"""

import asyncio
import sys
from datetime import timedelta

from gridlane.energy.control import Control
from gridlane.energy.pacing import Pace
from gridlane.energy.steering import Rhythm
from gridlane.energy.worst_case import Timing
from gridlane.kernel import bus as buses
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings


def rhythm(factor: float) -> Rhythm:
    """The usual timers of protocol and pacing, ``factor`` times as fast."""
    usual, pace = Timing(), Pace()
    return Rhythm(
        timing=Timing(
            skew=usual.skew / factor,
            late=usual.late / factor,
            follow=usual.follow / factor,
            settle=usual.settle / factor,
            deadline=usual.deadline / factor,
            ask_every=usual.ask_every / factor,
            phases_sure=usual.phases_sure / factor,
        ),
        pace=Pace(
            per_hour=pace.per_hour * factor,
            apart=pace.apart / factor,
            lasts=pace.lasts / factor,
            renew_before=pace.renew_before / factor,
        ),
        ask_fallback_every=timedelta(seconds=10) / factor,
        verify_every=timedelta(minutes=15) / factor,
        lease=max(timedelta(seconds=3), timedelta(seconds=12) / factor),
    )


async def _run(factor: float) -> None:
    settings = Settings()
    assert settings.database_url is not None
    database = Database(settings.database_url)
    bus = await buses.connect(settings.nats_url)
    await Control(database, bus, system_clock, f"controller-{new_id()}", rhythm(factor)).run()


if __name__ == "__main__":
    asyncio.run(_run(float(sys.argv[1])))
