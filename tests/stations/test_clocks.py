"""A station's clock is judged by what it tells of now: early is believed at once, late only when told twice alike."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gridlane.ocpp.version import Version
from gridlane.stations.clocks import AGREES, judged

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def after(*reports, offset=0.0):
    """The offset after reports that were so many seconds ahead of ours."""
    doubt = None
    for ahead in reports:
        offset, doubt = judged(offset, doubt, NOW + timedelta(seconds=ahead), NOW)
    return offset


def test_a_clock_that_is_ahead_is_known_at_once():
    assert after(3600) == 3600


def test_one_old_status_does_not_set_a_clock_back():
    assert after(-7200) == 0
    assert after(-7200, -0.2) == 0


def test_a_clock_that_is_behind_is_known_when_two_reports_agree():
    assert after(-7200, -7201) == -7201


def test_a_clock_that_was_put_right_is_right_again():
    assert after(3600, -0.3, -0.2) == -0.2


@given(st.floats(-1e6, 1e6), st.lists(st.floats(0, 3), min_size=2, max_size=9))
def test_small_delays_never_hide_the_clocks_error(ahead, delays):
    assert abs(after(*(ahead - delay for delay in delays)) - ahead) <= AGREES + 3


async def test_the_offset_is_stored_and_shown(installation):
    async with await installation.station("CP-1", Version.V201) as station:
        station.machine.clock_offset = timedelta(hours=1)
        await station.boot()

        async def known():
            shown = await installation.get(f"/stations/{station.id}")
            return 3590 < shown["clock_offset"] < 3610

        await installation.until(known, 20)
