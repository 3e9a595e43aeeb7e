"""Hostile frames, a slice of what ``gridlane bench fuzz`` sends by the hundred thousand."""

from typing import get_args

import pytest

from gridlane.bench.fuzz import Findings, attack
from gridlane.bench.ocpp_frames import MUTATIONS, hostile_frames
from gridlane.ocpp.quirks import RuleName, quirks_in, read_station_file, station_files
from gridlane.ocpp.version import Version


@pytest.mark.parametrize("version", Version)
def test_every_call_is_answered_with_the_oracles_code_and_nothing_breaks(version):
    found = Findings()

    attack(version, hostile_frames(version, seed=11, count=2000), found)

    assert not +found.crashes
    assert not +found.unanswered
    assert not +found.misjudged
    assert found.calls > 1500


def test_every_way_to_break_a_frame_occurs():
    seen = {frame.mutation.split(":")[0] for frame in hostile_frames(Version.V21, seed=11, count=2000)}

    assert seen == {name for name, _ in MUTATIONS}


RULES = "".join(f"  - {{rule: {name}}}\n" for name in get_args(RuleName))
EVERY_RULE = f"station: every\nwhy: y\nseen: []\nexamples: []\nmatch: []\nmend:\n{RULES}"


@pytest.mark.parametrize("version", Version)
def test_no_station_file_makes_a_hostile_frame_dangerous(version):
    quirks = quirks_in([*station_files(), read_station_file("every.yaml", EVERY_RULE.encode())])
    found = Findings()

    attack(version, hostile_frames(version, 13, 1500), found, quirks)

    assert not +found.crashes
    assert not +found.unanswered
