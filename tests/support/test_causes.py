"""Each cause, told by the facts that tell it; and that every set of facts has one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.billing.checkout import Trouble
from gridlane.charging.authorizing import RULES
from gridlane.kernel.ids import new_id
from gridlane.support.attempt import Asked, Attempt, Charged, Judged, Stood, Told
from gridlane.support.causes import CAUSES, cause_of
from gridlane.support.explaining import explained
from gridlane.support.timeline import GERMAN_REASONS, WORDS

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
LATER = AT + timedelta(minutes=30)


def attempt(**known):
    return Attempt(at=AT, organization_id=None, station_id=new_id(), station="A", place="P", evse=1, **known)


def asked(status, **known):
    return Asked(at=AT, by="app", expires_at=AT + timedelta(minutes=3), status=status, **known)


def session(**known):
    usual = {
        "status": "ended",
        "ended_at": AT + timedelta(minutes=5),
        "charging_state": None,
        "stop_reason": None,
    }
    usual |= {"energy": 0.0, "refused": False, "verdict": "accepted"}
    return Charged(id=new_id(), started_at=AT, **usual | known)


def running(state):
    return attempt(charged=session(status="active", ended_at=None, charging_state=state))


def ended(reason, *states):
    told = tuple(Told(at=AT, phase="updated", charging_state=state) for state in states)
    return attempt(charged=session(stop_reason=reason), told=told)


def refused(reason):
    return attempt(judged=(Judged(at=AT, occasion="start", last4="1234", verdict="blocked", reason=reason),))


def stood(state):
    return attempt(
        stood=(Stood(since=AT - timedelta(hours=1), until=None, state=state),), asked=asked("expired")
    )


FACTS = {
    "charged": attempt(charged=session(energy=7_000.0)),
    "cancelled": attempt(trouble=Trouble.CANCELLED),
    "payment_declined": attempt(trouble=Trouble.DECLINED),
    "token_blocked": refused("the token is blocked"),
    "token_not_yet_valid": refused("the token is not valid yet"),
    "token_expired": refused("the token has expired"),
    "token_unknown": refused("nobody knows the token"),
    "token_not_here": refused("the token is not meant for this place"),
    "master_pass": refused("a master pass starts no session"),
    "reserved": refused("the EVSE is reserved for somebody else"),
    "charging_elsewhere": refused("the token is charging elsewhere"),
    "no_credit": refused("the budget or credit is used up"),
    "token_refused": attempt(charged=session(refused=True, verdict="invalid")),
    "station_offline": stood("offline"),
    "plug_faulted": stood("faulted"),
    "out_of_service": stood("unavailable"),
    "never_sent": attempt(asked=asked("expired")),
    "station_silent": attempt(asked=asked("timed_out")),
    "link_broke": attempt(asked=asked("unknown")),
    "station_refused": attempt(asked=asked("refused")),
    "station_failed": attempt(asked=asked("failed")),
    "not_plugged_in": attempt(asked=asked("unverified")),
    "emergency_stop": ended("EmergencyStop"),
    "electrical_fault": ended("GroundFault"),
    "power_cut": ended("PowerLoss"),
    "station_restarted": ended("Reboot"),
    "car_paused": running("SuspendedEV"),
    "station_paused": running("SuspendedEVSE"),
    "no_cable": running("Idle"),
    "no_agreement": running("EVConnected"),
    "car_took_nothing": ended("EVDisconnected", "EVConnected", "SuspendedEV"),
    "no_power_given": ended("Local", "SuspendedEVSE"),
    "cable_pulled": ended("EVDisconnected", "EVConnected"),
    "car_timed_out": ended("Timeout"),
    "stopped_for_card": ended("DeAuthorized"),
    "stopped_remotely": ended("Remote"),
    "stopped_here": ended("Local"),
    "told_late": attempt(charged=session(), told=(Told(at=AT, phase="started", offline=True),)),
    "lost_track": attempt(charged=session(status="presumed_ended", is_presumed_over=True)),
    "unclear": attempt(),
}


@pytest.mark.parametrize("code", FACTS)
def test_the_facts_tell_the_cause(code):
    assert cause_of(FACTS[code], LATER).code == code


def test_a_start_is_under_way_until_its_time_is_over():
    just = AT + timedelta(seconds=20)
    assert cause_of(attempt(asked=asked("agreed")), just).code == "under_way"
    assert cause_of(attempt(asked=asked("agreed")), LATER).code == "not_plugged_in"
    assert cause_of(running("EVConnected"), just).code == "under_way"


def test_every_cause_is_provoked_here():
    assert {cause.code for cause in CAUSES} == set(FACTS) | {"under_way"}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_every_cause_speaks_both_languages_in_whole_sentences(cause):
    for said in (cause.en, cause.de):
        assert said.what.endswith(".")
        assert said.advice.endswith(".")
    assert cause.en.what != cause.de.what


def test_every_rule_of_authorization_has_a_cause_and_german_words():
    named = {reason for reason, _ in RULES}
    assert named <= set(GERMAN_REASONS)
    for reason in named:
        assert cause_of(refused(reason), LATER).code != "token_refused"


def test_both_languages_have_the_same_lines():
    assert WORDS["en"].keys() == WORDS["de"].keys()


states = st.sampled_from([None, "Idle", "EVConnected", "Charging", "SuspendedEV", "SuspendedEVSE", "Strange"])
reasons = st.sampled_from([None, "Local", "Remote", "EVDisconnected", "PowerLoss", "Other", "Strange"])
statuses = st.sampled_from([None, "queued", "sent", "agreed", "verified", "refused", "unknown", "cancelled"])


@given(
    status=statuses, state=states, reason=reasons, energy=st.sampled_from([0.0, 1.0]), is_over=st.booleans(),
    with_start=st.booleans(), with_session=st.booleans(), late=st.integers(0, 4000),
)  # fmt: skip
def test_whatever_was_stored_there_is_an_answer_in_both_languages(
    status, state, reason, energy, is_over, with_start, with_session, late
):
    over = {"status": "ended", "ended_at": AT} if is_over else {"status": "active", "ended_at": None}
    charged = session(energy=energy, charging_state=state, stop_reason=reason, **over)
    told = (
        Told(at=AT, phase="started", charging_state=state),
        Told(at=AT, phase="ended", stopped_reason=reason),
    )
    it = attempt(
        asked=asked(status) if with_start else None,
        charged=charged if with_session else None,
        told=told if with_session and state != "Strange" else (),
    )
    for language in ("en", "de"):
        answer = explained(it, AT + timedelta(seconds=late), language)
        assert answer.what
        assert answer.advice
        assert [line.at for line in answer.timeline] == sorted(line.at for line in answer.timeline)
