import importlib.util
from pathlib import Path

import pytest

from gridlane.ocpp.actions import Direction, actions_of
from gridlane.ocpp.version import Version

ROOT = Path(__file__).resolve().parents[2]


def load_generator():
    spec = importlib.util.spec_from_file_location("generate_messages", ROOT / "tools/generate_messages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("version", Version)
def test_the_messages_in_the_tree_are_what_the_generator_writes_today(version):
    committed = (ROOT / "src/gridlane/ocpp" / version.package / "messages.py").read_text()

    assert load_generator().generate(version.package) == committed


@pytest.mark.parametrize(("version", "count"), [(Version.V16, 39), (Version.V201, 64), (Version.V21, 91)])
def test_every_action_of_a_version_is_there(version, count):
    assert len(actions_of(version)) == count


@pytest.mark.parametrize(
    ("version", "from_station"), [(Version.V16, 13), (Version.V201, 24), (Version.V21, 36)]
)
def test_directions_are_those_of_the_standard(version, from_station):
    directions = [action.direction for action in actions_of(version).values()]

    assert directions.count(Direction.TO_CENTRAL) == from_station
    assert directions.count(Direction.BOTH) == 1


def test_only_the_periodic_event_stream_is_never_answered():
    unanswered = [
        action.name for version in Version for action in actions_of(version).values() if not action.response
    ]

    assert unanswered == ["NotifyPeriodicEventStream"]


@pytest.mark.parametrize("version", Version)
def test_no_word_of_the_standards_descriptions_is_in_the_tree(version):
    source = (ROOT / "src/gridlane/ocpp" / version.package / "messages.py").read_text()

    assert "description:" not in source.replace("description: Annotated", "").replace("description: str", "")
    assert source.count('"""') == 2
