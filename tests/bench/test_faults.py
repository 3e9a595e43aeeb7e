from gridlane.bench.faults_broken import KINDS
from gridlane.maintenance.causes import CAUSES
from gridlane.maintenance.playbooks import PLAYBOOKS
from gridlane.maintenance.rules import RULES


def test_ten_kinds_of_fault_are_broken_and_each_has_a_name_to_be_found():
    assert len(KINDS) == len({kind.name for kind in KINDS}) == 10
    for kind in KINDS:
        assert all(cause in CAUSES and rule in RULES for cause, rule in kind.names)


def test_what_counts_as_curable_has_a_playbook():
    for kind in KINDS:
        playbooks = {RULES[rule].playbook for _, rule in kind.names}
        assert not kind.cure or playbooks <= set(PLAYBOOKS)
