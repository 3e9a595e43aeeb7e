from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.insight.scheduling import last_whole, next_time

DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))
EVERY = st.sampled_from(("day", "week", "month"))


@pytest.mark.parametrize(
    ("every", "since", "until"),
    [
        ("day", date(2026, 2, 28), date(2026, 3, 1)),
        ("week", date(2026, 2, 16), date(2026, 2, 23)),
        ("month", date(2026, 2, 1), date(2026, 3, 1)),
    ],
)
def test_the_last_whole_time_before_a_day(every, since, until):
    assert last_whole(every, date(2026, 3, 1)) == (since, until)


@given(EVERY, DAYS)
def test_the_last_whole_time_is_past_and_follows_the_one_before(every, today):
    since, until = last_whole(every, today)
    assert since < until <= today
    assert last_whole(every, until) == (since, until)


@given(EVERY, st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)))  # noqa: DTZ001
def test_the_next_time_is_a_morning_to_come_within_a_month(every, after):
    at = next_time(every, after, "Europe/Berlin")
    assert after < at <= after + timedelta(days=32)
    assert at.astimezone(ZoneInfo("Europe/Berlin")).hour == 6
