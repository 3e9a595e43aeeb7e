import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.insight.uptime import (
    RULES,
    Exclusion,
    Interval,
    intersected,
    merged,
    together,
    uptime,
    uptime_of,
)

STATES = ("available", "occupied", "reserved", "unavailable", "faulted", "offline")
REASONS = (
    "planned_maintenance",
    "grid_outage",
    "vandalism",
    "natural_disaster",
    "vehicle_fault",
    "closed_hours",
)
MINUTE = timedelta(minutes=1)
# days on which the clock changes, or one that does not
DAYS = (datetime(2026, 3, 29), datetime(2026, 10, 25), datetime(2026, 6, 3))  # noqa: DTZ001 (local)
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")


def history(seed: int):
    """A ledger as a network would leave it, some exclusions, and a local day or three of it."""
    chance = random.Random(seed)
    zone = ZoneInfo(chance.choice(ZONES))
    day = chance.choice(DAYS)
    begin = day.replace(tzinfo=zone).astimezone(UTC)
    end = (day + timedelta(days=chance.choice((1, 3)))).replace(tzinfo=zone).astimezone(UTC)
    at = begin + MINUTE * chance.randrange(-2000, 600)
    intervals: list[Interval] = []
    while at < end + timedelta(hours=5):
        lasts = MINUTE * int(chance.expovariate(1 / 180) + 1)
        if chance.random() < 0.05:
            at += MINUTE * chance.randrange(90)  # a ledger that was cut: nothing is known
        if chance.random() < 0.1 and intervals:
            # the station's clock stepped back: its report comes right after the one before, as the ledger keeps it
            since = intervals[-1].since
            intervals[-1] = intervals[-1]._replace(until=since + MINUTE)
            at = since + MINUTE
        intervals.append(Interval(at, at + lasts, chance.choice(STATES)))
        at += lasts
    if chance.random() < 0.5:
        intervals[-1] = intervals[-1]._replace(until=None)
    exclusions = [
        Exclusion(since, since + MINUTE * chance.randrange(1, 900), chance.choice(REASONS))
        for since in (begin + MINUTE * chance.randrange(-600, 3000) for _ in range(chance.randrange(4)))
    ]
    return intervals, exclusions, (begin, end)


def minute_by_minute(intervals, exclusions, rule, period):
    """The law read aloud: look at every minute."""
    begin, end = period
    counts = {"observed": 0, "outage": 0, "excluded": 0}
    at = max(begin, min(one.since for one in intervals))
    while at < end:
        states = [one.state for one in intervals if one.since <= at and (one.until is None or at < one.until)]
        counts["observed"] += 60
        if not any(state in rule.up for state in states):
            counts["outage"] += 60
            if any(one.since <= at < one.until and one.reason in rule.excluded for one in exclusions):
                counts["excluded"] += 60
        at += MINUTE
    return counts


@pytest.mark.parametrize("law", ["nevi", "uk"])
@pytest.mark.parametrize("part", range(10))
def test_uptime_equals_a_look_at_every_minute_of_generated_histories(law, part):
    rule = RULES[law]
    for seed in range(part * 100, part * 100 + 100):
        intervals, exclusions, period = history(seed)
        found = uptime(intervals, exclusions, rule, period)
        expected = minute_by_minute(intervals, exclusions, rule, period)
        assert {name: getattr(found, name) for name in expected} == expected, seed


def test_a_day_on_which_the_clock_goes_forward_has_23_hours():
    zone = ZoneInfo("Europe/Berlin")
    period = (datetime(2026, 3, 29, tzinfo=zone), datetime(2026, 3, 30, tzinfo=zone))
    always = [Interval(datetime(2026, 1, 1, tzinfo=UTC), None, "available")]
    in_utc = (period[0].astimezone(UTC), period[1].astimezone(UTC))
    assert uptime(always, [], RULES["nevi"], in_utc).observed == 23 * 3600


def test_the_time_before_an_evse_was_known_counts_nowhere():
    period = (datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 3, tzinfo=UTC))
    found = uptime([Interval(datetime(2026, 5, 2, tzinfo=UTC), None, "available")], [], RULES["nevi"], period)
    assert (found.observed, found.share) == (86400, 1.0)
    assert uptime([], [], RULES["nevi"], period).share is None


def test_a_lost_link_is_downtime_in_one_country_and_not_measured_in_the_other():
    period = (datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC))
    half = [
        Interval(period[0], period[0] + timedelta(hours=12), "available"),
        Interval(period[0] + timedelta(hours=12), None, "offline"),
    ]
    assert uptime(half, [], RULES["nevi"], period).share == 0.5
    assert uptime(half, [], RULES["uk"], period).share == 1.0


def test_a_site_counts_its_evses_by_the_time_they_were_there():
    period = (datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 5, tzinfo=UTC))
    old = uptime([Interval(period[0], None, "available")], [], RULES["nevi"], period)
    new = uptime([Interval(period[1] - timedelta(days=1), None, "faulted")], [], RULES["nevi"], period)
    assert together([old, new]).share == pytest.approx(0.8)


pieces = st.lists(
    st.tuples(st.integers(0, 100), st.integers(0, 30)).map(
        lambda two: (datetime(2026, 1, 1, tzinfo=UTC) + MINUTE * two[0], datetime(2026, 1, 1, tzinfo=UTC) + MINUTE * sum(two))
    )
)  # fmt: skip


@given(pieces, pieces)
def test_what_lies_in_both_is_what_a_look_at_every_minute_finds(left, right):
    def minutes(some):
        return {
            minute
            for since, until in some
            for minute in range(int(since.timestamp() // 60), int(until.timestamp() // 60))
        }

    common = intersected(merged(left), merged(right))
    assert minutes(common) == minutes(left) & minutes(right)


def test_downtime_alone_gives_the_same_figures():
    intervals, exclusions, period = history(7)
    rule = RULES["nevi"]
    whole = [one for one in intervals if one.state not in rule.up]
    gaps = [
        (one.until, after.since)
        for one, after in pairwise(intervals)
        if one.until and one.until < after.since
    ]
    downs = [(one.since, one.until or period[1]) for one in whole] + gaps
    if intervals[-1].until:
        downs.append((intervals[-1].until, period[1]))
    found = uptime_of(intervals[0].since, downs, exclusions, rule, period)
    assert found == uptime(intervals, exclusions, rule, period)
