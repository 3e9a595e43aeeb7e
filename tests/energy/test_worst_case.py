from datetime import timedelta

import pytest

from gridlane.energy import worst_case as w
from gridlane.energy.circuit import Evse
from gridlane.kernel.clock import parse_instant

NOW = parse_instant("2026-03-02T12:00:00Z")
EVSE = Evse(id="e", circuit="c", rating=32.0, fallback=6.0)


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def limit(number, current, at=0, lasts=900):
    return w.Limit(number, current, later(at + lasts), later(at))


@pytest.fixture
def known():
    return w.contact(w.fallback_read_back(w.Standing(evse="e")))


def test_a_station_whose_fallback_was_never_read_back_counts_at_its_rating():
    assert w.could_draw(w.Standing(evse="e"), EVSE, NOW) == 32.0


def test_a_limit_counts_from_before_it_is_sent(known):
    assert w.could_draw(w.promise(known, limit(1, 16.0)), EVSE, NOW) == 16.0


def test_a_limit_below_the_fallback_frees_nothing(known):
    lowered = w.proven(w.promise(known, limit(1, 0.0)), 1, later(5))
    assert w.could_draw(lowered, EVSE, later(6)) == 6.0
    assert w.told(lowered, EVSE, later(6)) == 0.0


def test_what_it_draws_now_is_no_more_than_the_lower_limit_that_was_proven_since(known):
    drew = w.measured(w.promise(known, limit(1, 20.0)), EVSE, 19.5, later(5))
    assert w.draws_now(drew, EVSE, later(6)) == 19.5
    asked = w.promise(drew, limit(2, 8.0, at=10))
    assert w.draws_now(asked, EVSE, later(11)) == 19.5
    assert w.draws_now(w.proven(asked, 2, later(200)), EVSE, later(201)) == 8.0


def test_accepted_proves_nothing(known):
    standing = w.accepted(w.promise(w.promise(known, limit(1, 20.0)), limit(2, 8.0, at=10)), 2, later(11))
    assert w.could_draw(standing, EVSE, later(12)) == 20.0


def test_a_refused_limit_counts_no_more_and_the_older_does(known):
    standing = w.refused(w.promise(w.promise(known, limit(1, 10.0)), limit(2, 20.0, at=10)), 2)
    assert w.could_draw(standing, EVSE, later(12)) == 10.0


def test_a_limit_lapses_with_the_skew_of_clocks(known):
    standing = w.promise(known, limit(1, 20.0, lasts=100))
    assert w.could_draw(standing, EVSE, later(160)) == 20.0
    assert w.could_draw(standing, EVSE, later(161)) == 6.0


def test_an_unanswered_older_limit_counts_while_it_may_still_arrive(known):
    standing = w.promise(w.promise(known, limit(1, 20.0)), limit(2, 8.0, at=10))
    standing = w.accepted(standing, 2, later(11))
    assert w.could_draw(w.proven(standing, 2, later(20)), EVSE, later(20)) == 20.0
    assert w.could_draw(w.proven(standing, 2, later(121)), EVSE, later(121)) == 8.0


def lowered(known):
    """Told 20 A and drawing it, then told 8 A; the station accepted both."""
    standing = w.proven(w.promise(known, limit(1, 20.0)), 1, later(1))
    standing = w.measured(standing, EVSE, 20.0, later(5))
    return w.accepted(w.promise(standing, limit(2, 8.0, at=10)), 2, later(11))


def test_a_vehicle_that_drew_more_and_now_keeps_the_limit_proves_it(known):
    assert w.could_draw(w.measured(lowered(known), EVSE, 7.6, later(20)), EVSE, later(20)) == 8.0


def test_a_vehicle_that_stopped_by_itself_proves_nothing(known):
    assert w.could_draw(w.measured(lowered(known), EVSE, 0.0, later(20)), EVSE, later(20)) == 20.0


def test_a_late_meter_value_changes_nothing(known):
    standing = w.measured(lowered(known), EVSE, 20.0, later(15))
    assert w.measured(standing, EVSE, 8.0, later(15)) == standing


def test_the_schedule_read_back_proves_the_latest_limit_only(known):
    assert w.could_draw(w.read_back(lowered(known), 20.0, later(20)), EVSE, later(20)) == 20.0
    assert w.could_draw(w.read_back(lowered(known), 8.0, later(20)), EVSE, later(20)) == 8.0


def test_drawing_more_than_anything_told_counts_at_the_rating_until_trusted_again(known):
    standing = w.measured(lowered(known), EVSE, 30.0, later(20))
    assert w.could_draw(standing, EVSE, later(5000)) == 32.0
    assert w.could_draw(w.trusted_again(standing), EVSE, later(5000)) == 6.0


def test_what_was_drawn_just_before_a_lower_limit_was_proven_is_no_disobedience(known):
    standing = w.read_back(lowered(known), 8.0, later(20))
    told_late = w.measured(standing, EVSE, 20.0, later(21))
    assert told_late.believed
    assert told_late.excess == 1.0
    assert w.could_draw(told_late, EVSE, later(21)) == 8.0


def test_a_vehicle_that_goes_on_drawing_more_than_a_proven_lower_limit_disobeys(known):
    standing = w.read_back(lowered(known), 8.0, later(20))
    standing = w.measured(standing, EVSE, 20.0, later(21))
    assert not w.measured(standing, EVSE, 20.0, later(31)).believed


def test_a_vehicle_that_draws_more_than_even_the_older_limit_disobeys_at_once(known):
    standing = w.read_back(lowered(known), 8.0, later(20))
    assert not w.measured(standing, EVSE, 30.0, later(21)).believed


def test_a_chain_of_lower_limits_eases_from_the_highest(known):
    standing = w.read_back(lowered(known), 8.0, later(20))
    standing = w.accepted(w.promise(standing, limit(3, 7.0, at=21)), 3, later(22))
    standing = w.read_back(standing, 7.0, later(23))
    assert w.measured(standing, EVSE, 20.0, later(24)).believed


def test_what_the_last_vehicle_drew_to_its_end_is_no_disobedience_of_the_next(known):
    ended = w.session_ended(lowered(known), later(20))
    assert w.measured(ended, EVSE, 19.0, later(21)).believed
    assert not w.measured(ended, EVSE, 19.0, later(31)).believed


def test_a_vehicle_a_little_over_its_pilot_is_counted_so(known):
    standing = w.proven(w.promise(known, limit(1, 20.0)), 1, later(1))
    standing = w.measured(standing, EVSE, 22.0, later(5))
    assert standing.disobeyed_at is None
    assert w.could_draw(standing, EVSE, later(6)) == pytest.approx(22.0)


def test_after_the_session_only_the_fallback_counts(known):
    assert w.could_draw(w.session_ended(lowered(known), later(20)), EVSE, later(20)) == 6.0


def test_an_older_number_is_refused(known):
    with pytest.raises(w.NumberNotNew, match="another controller"):
        w.promise(w.promise(known, limit(3, 10.0)), limit(3, 12.0))


def test_after_a_restart_the_same_counts_as_before(known):
    standing = lowered(known)
    again = w.rebuilt("e", reversed(standing.limits), fallback_proven=True)
    assert w.could_draw(again, EVSE, later(20)) == w.could_draw(standing, EVSE, later(20))
    assert not again.in_contact


@pytest.mark.parametrize(
    ("seconds", "step"),
    [
        (5, w.Escalation.READ_BACK),
        (50, w.Escalation.READ_BACK),
        (100, w.Escalation.SEND_AGAIN),
        (150, w.Escalation.LOWER_STATION_MAXIMUM),
        (200, w.Escalation.STOP_TRANSACTION),
    ],
)
def test_an_unproven_decrease_escalates(known, seconds, step):
    assert w.escalation(lowered(known), later(10 + seconds)) is step


def test_a_raise_needs_no_proof(known):
    standing = w.accepted(w.promise(known, limit(1, 20.0)), 1, later(1))
    assert w.escalation(standing, later(500)) is w.Escalation.NOTHING


def test_what_a_station_answered_before_the_next_limit_was_promised_cannot_come_after_it(known):
    standing = w.accepted(w.promise(known, limit(1, 20.0)), 1, later(1))
    standing = w.accepted(w.promise(standing, limit(2, 10.0, at=6)), 2, later(7))
    assert w.could_draw(w.proven(standing, 2, later(8)), EVSE, later(9)) == 10.0


def test_a_limit_proven_while_an_older_one_could_still_arrive_is_proven_again_by_what_is_drawn_later(known):
    standing = w.measured(w.promise(known, limit(1, 20.0)), EVSE, 20.0, later(5))
    standing = w.accepted(w.promise(standing, limit(2, 10.0, at=6)), 1, later(6.5))
    standing = w.accepted(standing, 2, later(7))
    early = w.measured(standing, EVSE, 10.0, later(10))
    assert w.could_draw(early, EVSE, later(11)) == 20.0
    assert w.could_draw(w.measured(early, EVSE, 10.0, later(40)), EVSE, later(41)) == 10.0


def test_a_limit_proven_while_an_older_one_could_still_arrive_is_read_back_once_none_can(known):
    standing = w.promise(w.promise(known, limit(1, 20.0)), limit(2, 10.0, at=6))
    standing = w.accepted(w.accepted(standing, 1, later(6.5)), 2, later(7))
    early = w.proven(standing, 2, later(10))
    assert w.escalation(early, later(20)) is w.Escalation.NOTHING
    assert w.escalation(early, later(37)) is w.Escalation.READ_BACK
