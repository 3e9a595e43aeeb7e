import asyncio

import pytest

from gridlane.kernel.bus import LocalBus, matches


@pytest.mark.parametrize(
    ("pattern", "subject", "covered"),
    [
        ("station.1.wake", "station.1.wake", True),
        ("station.*.wake", "station.7.wake", True),
        ("station.>", "station.7.wake", True),
        ("station.>", "station", False),
        ("station.*", "station.7.wake", False),
        ("station.7", "station", False),
    ],
)
def test_a_pattern_covers_subjects_by_the_rules_of_nats(pattern, subject, covered):
    assert matches(pattern, subject) is covered


async def test_a_subscription_hears_until_it_ends():
    bus, heard = LocalBus(), []
    end = await bus.subscribe("a.*", lambda subject, payload: heard.append((subject, payload)))
    bus.publish("a.b", b"1")
    await end()
    bus.publish("a.b", b"2")
    await asyncio.sleep(0)
    assert heard == [("a.b", b"1")]
