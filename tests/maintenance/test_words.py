from pathlib import Path

import pytest

from gridlane.maintenance.causes import CAUSES
from gridlane.maintenance.playbooks import PLAYBOOKS
from gridlane.maintenance.rules import RULES

WORDS = Path(__file__).parents[2] / "ui/shared/words"


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_rule_cause_and_playbook_can_be_said(language):
    said = (WORDS / f"{language}.ts").read_text()
    keys = [f"fault.{name}" for name in RULES] + [f"fault_next.{name}" for name in RULES]
    keys += [f"fault_cause.{name}" for name in CAUSES] + [f"playbook.{name}" for name in PLAYBOOKS]
    keys += [f"fault_cause_next.{one.name}" for one in CAUSES.values() if one.next_step]
    assert [key for key in keys if f'"{key}":' not in said] == []
