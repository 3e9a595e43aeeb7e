from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gridlane.campaigns.rollout import ENDED, Plan, Target, decide, wave_sizes, waves

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PLAN = Plan(canary=1, waves=(0.5, 1.0), soak=600, abort_share=0.25, abort_least=1)


def targets(*states, wave=0, **more):
    return [
        Target(station_id=UUID(int=wave * 100 + n), wave=wave, state=state, since=NOW, firmware="1.0", **more)
        for n, state in enumerate(states)
    ]


def asked(decision):
    return [step.station_id.int for step in decision.steps if step.ask]


def test_the_canary_goes_first_and_alone():
    assert asked(decide(PLAN, "2.0", targets("waiting") + targets("waiting", "waiting", wave=1), NOW)) == [0]


def test_the_next_wave_waits_until_the_canary_has_run_for_a_while():
    fleet = targets("done") + targets("waiting", "waiting", wave=1)
    assert asked(decide(PLAN, "2.0", fleet, NOW + timedelta(seconds=599))) == []
    assert asked(decide(PLAN, "2.0", fleet, NOW + timedelta(seconds=600))) == [100, 101]


def test_a_canary_that_fails_stops_everything():
    found = decide(PLAN, "2.0", targets("failed") + targets("waiting", wave=1), NOW)
    assert (found.outcome, found.why) == ("aborted", "1 of the first stations failed")


def test_too_many_failures_stop_the_campaign_and_a_few_do_not():
    fleet = targets("done") + targets("done", "done", "failed", "waiting", wave=1)
    assert decide(PLAN, "2.0", fleet, NOW).outcome is None
    fleet = targets("done") + targets("done", "failed", "waiting", wave=1)
    assert decide(PLAN, "2.0", fleet, NOW).outcome == "aborted"


def test_installed_is_not_believed_until_the_station_runs_the_version():
    (step,) = decide(PLAN, "2.0", targets("asked", operation="verified"), NOW).steps
    assert step.state == "installed"
    (step,) = decide(PLAN, "2.0", [replace(targets("installed")[0], firmware="2.0")], NOW).steps
    assert (step.state, step.evidence) == ("done", "runs 2.0")
    late = NOW + timedelta(seconds=PLAN.patience + 1)
    (step,) = decide(PLAN, "2.0", targets("installed"), late).steps
    assert (step.state, step.evidence) == ("failed", "said installed, but does not run it")


def test_without_a_version_installed_is_all_there_is_to_believe():
    (step,) = decide(
        PLAN, None, targets("asked", operation="verified", evidence="firmware installed"), NOW
    ).steps
    assert step.state == "done"


def test_a_station_that_runs_it_already_is_left_alone():
    (step,) = decide(PLAN, "1.0", targets("waiting"), NOW).steps
    assert (step.state, step.ask) == ("done", False)


def test_a_station_that_charges_or_is_offline_is_asked_later():
    assert asked(decide(PLAN, "2.0", targets("waiting", charging=True), NOW)) == []
    assert asked(decide(PLAN, "2.0", targets("waiting", connected=False), NOW)) == []
    assert asked(
        decide(replace(PLAN, while_charging=True), "2.0", targets("waiting", charging=True), NOW)
    ) == [0]


def test_a_station_that_was_never_reached_waits_again_and_is_no_failure():
    (step, again) = decide(PLAN, "2.0", targets("asked", operation="expired"), NOW).steps
    assert (step.state, again.ask) == ("waiting", True)


def test_no_more_update_at_once_than_planned():
    plan = replace(PLAN, at_once=2)
    assert asked(decide(plan, "2.0", targets("asked", "waiting", "waiting", "waiting"), NOW)) == [1]


@given(st.integers(1, 10), st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.integers(1, 500))
def test_waves_hold_every_station_once(canary, shares, stations):
    plan = Plan(canary=canary, waves=tuple(sorted(shares)))
    sizes = wave_sizes(plan, stations)
    assert sum(sizes) == stations
    assert all(size > 0 for size in sizes)
    placed = waves(plan, [UUID(int=n) for n in range(stations)])
    assert [station.int for station, _ in placed] == list(range(stations))
    assert [wave for _, wave in placed] == sorted(wave for _, wave in placed)


@given(st.integers(1, 60), st.data())
def test_a_campaign_always_ends_and_never_outruns_its_plan(stations, data):
    """Stations answer in any order with any outcome; the campaign ends, and by its own rules."""
    plan = Plan(canary=1, waves=(0.2, 1.0), soak=60, abort_share=0.3, at_once=7)
    fleet = {
        one: Target(station_id=one, wave=wave, state="waiting", since=NOW, firmware="1.0")
        for one, wave in waves(plan, [UUID(int=n) for n in range(stations)])
    }
    now = NOW
    for _ in range(stations * 6 + 20):
        found = decide(plan, "2.0", list(fleet.values()), now)
        for step in found.steps:
            operation = "sent" if step.ask else fleet[step.station_id].operation
            fleet[step.station_id] = replace(
                fleet[step.station_id], state=step.state, since=now, operation=operation
            )
        busy = [one for one in fleet.values() if one.state in ("asked", "installed")]
        assert len(busy) <= plan.at_once
        assert len({one.wave for one in busy}) <= 1
        if found.outcome:
            break
        for one in busy:
            outcome = data.draw(st.sampled_from(("runs", "fails", "expires")))
            changes = {
                "runs": {"firmware": "2.0"}, "fails": {"operation": "unverified"}, "expires": {"operation": "expired"},
            }  # fmt: skip
            if one.state == "asked":
                fleet[one.station_id] = replace(one, **changes[outcome])
        now += timedelta(seconds=61)
    failed = sum(one.state == "failed" for one in fleet.values())
    if found.outcome == "done":
        assert all(one.state in ENDED for one in fleet.values())
    elif found.outcome == "aborted":
        assert failed > 0
