import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.stations.transport.turnstile import Crowd, Pace, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.77", "198.51.100.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::ffff:198.51.100.77", "198.51.100.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", ""),
        ("/run/stations.sock", "/run/stations.sock"),
    ],
)
def test_an_address_belongs_to_what_one_customer_holds(address, network):
    assert network_of(address) == network


def test_networks_take_turns_however_many_wait_in_one():
    crowd = Crowd(100)
    for n in range(50):
        crowd.add("flood", f"flood {n}")
    crowd.add("village", "station")
    assert [crowd.take(), crowd.take(), crowd.take()] == ["flood 0", "station", "flood 1"]


def test_the_largest_network_makes_room_for_a_newcomer():
    crowd = Crowd(3)
    for guest in ("flood 0", "flood 1"):
        crowd.add("flood", guest)
    crowd.add("village", "station")
    assert crowd.add("town", "newcomer") == "flood 0"
    assert set(crowd.everyone()) == {"flood 1", "station", "newcomer"}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.sampled_from(["add", "discard", "take"]))
    )
)
def test_nobody_is_lost_or_kept_twice(steps):
    crowd, inside = Crowd(4), set()
    for number, (network, which, step) in enumerate(steps):
        if step == "add":
            inside.discard(crowd.add(network, (network, number)))
            inside.add((network, number))
        elif step == "discard":
            guest = (network, which)
            crowd.discard(network, guest)
            inside.discard(guest)
        else:
            inside.discard(crowd.take())
        assert set(crowd.everyone()) == inside
        assert len(crowd) == len(inside) <= 4


def test_a_pace_gives_its_burst_and_then_its_rate():
    pace = Pace(per_second=10, burst=3, now=0.0)
    assert [pace.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert pace.wait() == pytest.approx(0.1)
    assert not pace.take(0.05)
    assert pace.take(0.1)
    assert [pace.take(100.0) for _ in range(4)] == [True, True, True, False]
