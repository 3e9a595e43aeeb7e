from datetime import UTC, datetime

import pytest

from gridlane.energy.signals.daily import DailySeries
from gridlane.energy.signals.ports import SourceUnavailable


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def test_a_value_holds_at_its_local_hour_also_when_the_clocks_change():
    daily = DailySeries(range(24), "Europe/Berlin", clock=lambda: at("2026-03-28T12:00"))
    series = await daily.fetch()
    assert series.at(at("2026-03-28T08:30")) == 9  # winter: UTC+1
    assert series.at(at("2026-03-29T08:30")) == 10  # summer: UTC+2


@pytest.mark.parametrize("wrong", [{"values": [0.3]}, {"values": range(24), "time_zone": "Mars/Olympus"}])
async def test_what_is_no_day_is_refused(wrong):
    with pytest.raises(SourceUnavailable):
        await DailySeries(**wrong).fetch()
