"""What was acknowledged is stored, whoever is killed; the long run is ``gridlane bench kill``."""

import random

import pytest

from gridlane.bench.installed import installed
from gridlane.bench.kill import kill_under_load

pytestmark = pytest.mark.kill


async def test_killing_the_gateway_and_postgresql_under_load_loses_and_doubles_nothing():
    with installed(20) as made:
        found = await kill_under_load(made, random.Random(1), 1, stations=20, rate=60)
    assert found.acknowledged > 20
    assert (found.lost, found.twice, found.sessions_wrong) == (0, 0, 0)
    assert found.survived == 1
