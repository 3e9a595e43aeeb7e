from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.kernel.ids import new_id
from gridlane.maintenance.alert_rules import (
    ATTEMPTS,
    AlertRule,
    Channel,
    Happened,
    QuietHours,
    due,
    letter_of,
    pause,
    subject,
    text,
    wants,
)

NIGHT = QuietHours(time(22), time(7), "Europe/Berlin")
SITE = new_id()


def rule(**more):
    fields = {
        "id": new_id(), "name": "Night watch", "events": ("opened", "escalated"), "severities": ("critical", "major"),
        "site_id": None, "channels": (Channel("app"),), "quiet": NIGHT, "wakes": True, "repeat": None, "enabled": True,
    }  # fmt: skip
    return AlertRule(**fields | more)


def happened(**more):
    fields = {
        "event": "opened", "severity": "major", "site_id": SITE, "cause": "station", "rule": "internal_error",
        "stations": ("Garage 1",),
    }  # fmt: skip
    return Happened(**fields | more)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, {}),
        ({"site_id": SITE}, {}),
    ],
)
def test_a_rule_wants_what_it_names(asked, told):
    assert wants(rule(**asked), happened(**told))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"enabled": False}, {}),
        ({"site_id": new_id()}, {}),
        ({}, {"severity": "minor"}),
        ({}, {"event": "resolved"}),
    ],
)
def test_a_rule_is_silent_about_everything_else(asked, told):
    assert not wants(rule(**asked), happened(**told))


def test_in_quiet_hours_the_morning_is_waited_for():
    night = datetime(2026, 1, 10, 2, 0, tzinfo=UTC)
    assert due(rule(), "major", night) == datetime(2026, 1, 10, 6, 0, tzinfo=UTC)
    evening = datetime(2026, 1, 10, 22, 30, tzinfo=UTC)
    assert due(rule(), "major", evening) == datetime(2026, 1, 11, 6, 0, tzinfo=UTC)


def test_by_day_nobody_waits():
    noon = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
    assert due(rule(), "major", noon) == noon


def test_a_critical_fault_wakes_people_where_the_rule_says_so():
    night = datetime(2026, 1, 10, 2, 0, tzinfo=UTC)
    assert due(rule(), "critical", night) == night
    assert due(rule(wakes=False), "critical", night) > night


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 (made aware below)
    st.times().map(lambda at: at.replace(microsecond=0)),
    st.times().map(lambda at: at.replace(microsecond=0)),
)
def test_quiet_hours_end_within_a_day_and_are_over_then(at, begin, end):
    now = at.replace(tzinfo=UTC)
    quiet = QuietHours(begin, end, "Europe/Berlin")
    over = quiet.end_after(now)
    if over is not None:
        assert now < over <= now + timedelta(hours=25)


def test_pauses_grow_and_end():
    pauses = [pause(attempts) for attempts in range(1, ATTEMPTS)]
    assert pauses == sorted(pauses)
    assert pause(ATTEMPTS) is None


def test_a_message_says_what_where_why_and_what_to_do():
    told = text(happened(), "https://grid.example/console/faults/1")
    assert subject(happened()) == "Fault: Internal error (Garage 1)"
    assert "Cause: The station" in told
    assert "Next: Restart the station" in told
    assert told.endswith("https://grid.example/console/faults/1")


def test_a_station_cannot_write_into_a_mail():
    letter = letter_of("Fault: Internal error (CP-1\r\nBcc: all@example.org)", "Where: <b>CP-1</b>\n\nNext")
    assert "\n" not in letter.subject
    assert "<b>" not in letter.html
