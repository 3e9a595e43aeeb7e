from datetime import UTC, datetime, timedelta

from gridlane.insight.attempts import Try, starts


def tries(*told):
    begin = datetime(2026, 6, 1, 12, tzinfo=UTC)
    return [Try(who, begin + timedelta(minutes=minute), outcome) for who, minute, outcome in told]


def test_a_driver_who_succeeds_at_the_second_try_is_one_attempt_that_did_not_start_at_first():
    found = starts(tries(("anna", 0, "failed"), ("anna", 3, "delivered")))
    assert (found.attempts, found.first_time, found.later, found.share) == (1, 0, 1, 0.0)


def test_tries_of_other_drivers_and_of_later_are_attempts_of_their_own():
    found = starts(tries(("anna", 0, "failed"), ("ben", 1, "delivered"), ("anna", 30, "delivered")))
    assert (found.attempts, found.first_time) == (3, 2)


def test_a_driver_who_charged_and_comes_again_at_once_is_a_new_attempt():
    assert starts(tries(("anna", 0, "delivered"), ("anna", 5, "delivered"))).first_time == 2


def test_a_blocked_card_is_no_failure_of_the_network():
    found = starts(
        tries(("anna", 0, "refused"), ("anna", 1, "refused"), ("ben", 0, "refused"), ("ben", 2, "delivered"))
    )
    assert (found.attempts, found.first_time, found.refused) == (1, 1, 1)


def test_without_tries_there_is_no_share():
    assert starts([]).share is None
