import json
from datetime import UTC, datetime

import msgspec
import pytest

from gridlane.kernel.ids import new_id
from gridlane.waiting.board import Board, Journey, Wish, plan_of
from gridlane.waiting.needs import Needs
from gridlane.waiting.outlook import Outlook, PlugNow, SiteNow

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ORGANIZATION = new_id()
HERE = Wish(52.5, 13.4)


def plug(state="available", kinds=("IEC_62196_T2_COMBO",), power=150_000.0):
    return PlugNow(new_id(), new_id(), 1, None, state, NOW, power, frozenset(kinds))


def site(km, *plugs):
    return SiteNow(new_id(), ORGANIZATION, 52.5, 13.4 + km / 67.7, "Europe/Berlin", plugs)


def board(*sites, prices=None):
    outlook = Outlook(None, clock=lambda: NOW, sites={one.id: one for one in sites}, as_of=NOW)
    made = Board(lambda: NOW)
    made.put(plan_of(outlook, prices or {}, NOW))
    return made


def ids(choices):
    return [one.site_id for one in choices]


def test_of_two_free_places_the_near_one_is_best():
    near, far = site(1, plug(), plug()), site(4, plug(), plug())
    assert ids(board(far, near).best(HERE)) == [near.id, far.id]


def test_a_free_place_a_little_further_beats_a_full_one():
    full, free = site(1, plug("occupied")), site(2, plug(), plug())
    assert ids(board(full, free).best(HERE))[0] == free.id


def test_what_does_not_work_or_fit_is_not_offered():
    broken, other = site(1, plug("faulted")), site(2, plug(kinds=("CHADEMO",)))
    wish = HERE._replace(needs=Needs(connectors=frozenset({"IEC_62196_T2_COMBO"})))
    assert board(broken, other).best(wish) == []


def test_cars_on_the_way_send_the_next_one_elsewhere():
    near, far = site(1, plug()), site(2, plug())
    made = board(near, far)
    assert ids(made.best(HERE))[0] == near.id
    journey = Journey(new_id(), near.id, NOW.timestamp() + 60)
    made.told(journey)
    assert ids(made.best(HERE))[0] == far.id
    made.told(msgspec.structs.replace(journey, given_up=True))
    assert ids(made.best(HERE))[0] == near.id


def test_a_live_message_changes_a_plug_at_once():
    near, far = site(1, plug()), site(2, plug())
    made = board(near, far)
    change = {"stations": {str(near.plugs[0].station_id): {"evses": {"1": {"state": "faulted"}}}}}
    made.heard(json.dumps(change).encode())
    assert ids(made.best(HERE)) == [far.id]


def test_a_dear_place_is_worth_a_detour_to_a_cheap_one():
    dear, cheap = site(1, plug(), plug()), site(1.5, plug(), plug())
    found = board(dear, cheap, prices={dear.id: 0.9, cheap.id: 0.4}).best(HERE)
    assert [one.price for one in found] == [pytest.approx(8.0), pytest.approx(18.0)]
