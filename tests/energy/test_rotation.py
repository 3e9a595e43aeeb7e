from datetime import timedelta

from gridlane.energy.rotation import Turn, order_of_turns
from gridlane.kernel.clock import parse_instant

NOW = parse_instant("2026-03-02T12:00:00Z")


def turn(evse, charging, minutes, **more):
    return Turn(evse, charging, NOW - timedelta(minutes=minutes), **more)


def test_who_has_just_begun_keeps_the_turn():
    assert order_of_turns([turn("waits", False, 60), turn("began", True, 5)], NOW) == ["began", "waits"]


def test_who_waited_longest_comes_before_who_has_charged_for_a_while():
    turns = [turn("charged", True, 20), turn("waits", False, 10), turn("waits longer", False, 12)]
    assert order_of_turns(turns, NOW) == ["waits longer", "waits", "charged"]


def test_a_car_that_may_not_wake_is_not_paused():
    turns = [turn("waits", False, 60), turn("sleeper", True, 300, pause_safe=False)]
    assert order_of_turns(turns, NOW) == ["sleeper", "waits"]


def test_a_lower_tier_comes_first_whatever_it_has_had():
    turns = [turn("guest", False, 60, tier=1), turn("bus", True, 300, tier=0)]
    assert order_of_turns(turns, NOW) == ["bus", "guest"]


def test_nobody_waits_longer_than_the_others_keep_their_turn():
    charging = {"a", "b"}
    since = dict.fromkeys("abcd", NOW)
    longest = timedelta(0)
    for minute in range(600):
        now = NOW + timedelta(minutes=minute)
        turns = [Turn(each, each in charging, since[each]) for each in since]
        chosen = set(order_of_turns(turns, now)[:2])
        for each in chosen ^ charging:
            longest = max(longest, (now - since[each]) if each in chosen else timedelta(0))
            since[each] = now
        charging = chosen
    assert longest <= timedelta(minutes=16)
