from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gridlane.maintenance.playbooks import (
    FAILED,
    PATIENCE_FOR_IDLE,
    PLAYBOOKS,
    RUNS_A_DAY,
    Ask,
    GaveUp,
    Helped,
    Next,
    Run,
    Seen,
    filled,
    may_start,
    proceed,
)
from gridlane.maintenance.rules import RULES
from gridlane.stations.asking_operations import command_of

RESTART = PLAYBOOKS["restart"]


def run(network, **more):
    fields = {"playbook": "restart", "step": 0, "started_at": network.now, "step_since": network.now} | more
    return Run(**fields)


def seen(**more):
    return Seen(**({"symptom_lasts": True, "connected": True, "idle": True} | more))


def test_the_first_step_is_asked_when_nobody_charges(network):
    assert proceed(run(network), seen(), network.now) == Ask(RESTART.steps[0])
    assert proceed(run(network), seen(idle=False), network.now) is None
    assert proceed(run(network), seen(connected=False), network.now) is None


def test_a_step_waits_long_for_its_moment_but_not_forever(network):
    late = network.now + PATIENCE_FOR_IDLE + timedelta(seconds=1)
    assert proceed(run(network), seen(idle=False), late) == GaveUp("somebody charges all the time")


def test_it_has_helped_when_the_symptom_is_gone(network):
    asked = run(network, asked_at=network.now)
    assert proceed(asked, seen(symptom_lasts=False), network.now) == Helped(by_us=True)
    assert proceed(run(network), seen(symptom_lasts=False), network.now) == Helped(by_us=False)


def test_a_refused_command_leads_to_the_next_step_and_at_last_to_a_person(network):
    first = run(network, asked_at=network.now)
    assert isinstance(proceed(first, seen(operation="refused"), network.now), Next)
    last = run(network, step=1, asked_at=network.now)
    assert isinstance(proceed(last, seen(operation="refused"), network.now), GaveUp)


def test_an_effect_has_its_time_to_show(network):
    asked = run(network, asked_at=network.now)
    in_time, late = network.now + RESTART.steps[0].wait, network.now + RESTART.steps[0].wait * 1.01
    assert proceed(asked, seen(operation="verified"), in_time) is None
    assert isinstance(proceed(asked, seen(operation="verified"), late), Next)


def test_a_fault_that_shows_itself_again_ends_the_waiting(network):
    asked = run(network, playbook="restart_and_see", asked_at=network.now)
    assert proceed(asked, seen(sign_again=True), network.now) == GaveUp("the fault has shown itself again")


def test_nothing_is_tried_more_often_than_allowed_nor_everywhere_at_once():
    assert may_start(runs_today=0, under_way=0, stations=10) is None
    assert may_start(runs_today=RUNS_A_DAY, under_way=0, stations=10) == "tried often enough today"
    assert may_start(runs_today=0, under_way=3, stations=10) == "wait"
    assert may_start(runs_today=0, under_way=3, stations=1000) is None


def test_every_rule_names_a_playbook_that_exists_and_every_step_is_a_command():
    assert {rule.playbook for rule in RULES.values() if rule.playbook} <= set(PLAYBOOKS)
    for playbook in PLAYBOOKS.values():
        for step in playbook.steps:
            if step.command is not None:
                command_of(
                    step.command, filled(step.params, evse=1, connector=1, session="x")
                )  # raises CommandUnclear


def test_no_playbook_is_played_against_what_must_be_looked_at_first():
    assert all(rule.playbook is None for rule in RULES.values() if rule.hands_off)


@given(
    st.sampled_from(sorted(PLAYBOOKS)),
    st.lists(st.sampled_from([*sorted(FAILED), "verified", "sent", None]), min_size=1, max_size=20),
)
def test_every_run_comes_to_an_end(name, fates):
    now = datetime(2026, 5, 4, tzinfo=UTC)
    current = Run(playbook=name, step=0, started_at=now, step_since=now)
    for turn in range(200):
        move = proceed(current, seen(operation=fates[turn % len(fates)]), now)
        if isinstance(move, GaveUp):
            return
        if isinstance(move, Ask):
            current = replace(current, asked_at=now)
        elif isinstance(move, Next):
            current = replace(current, step=current.step + 1, step_since=now, asked_at=None)
        now += timedelta(hours=1)
    raise AssertionError("it goes on and on")
