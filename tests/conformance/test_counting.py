"""Every due case has exactly one test, or a reason why it has none; the count is what the documentation says."""

import re
from pathlib import Path

import counting

from gridlane.kernel.settings import Settings

ROOT = Path(__file__).parents[2]


def test_every_due_case_is_tested_once_or_has_a_reason():
    tested = counting.tested()
    due = [case for block in counting.BLOCKS for case in block.due]
    excused = [case for block in counting.BLOCKS for case in block.not_tested]
    assert sorted(tested) == sorted(set(tested)), "a case is tested twice"
    assert sorted([*tested, *excused]) == sorted(due)


def test_the_readme_says_how_many_cases_pass():
    readme = (ROOT / "README.md").read_text()
    told = re.search(r"<!-- conformance -->\n(.*)\n<!-- /conformance -->", readme)
    assert told is not None
    assert told.group(1) == counting.line(), "run `make docs`"


def test_the_settings_of_certification_are_the_defaults():
    assert Settings().unknown_stations == "approval"
