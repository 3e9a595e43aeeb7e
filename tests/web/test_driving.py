import pytest

from gridlane.web.driving import state_of, why_of


def row(**known):
    return {"refused": False, "status": "active", "charging_state": None, "energy": 0.0} | known


def told(**known):
    state = state_of(row(**known))
    return state, why_of(row(**known), state)


def test_who_has_not_plugged_in_is_told_to_plug_in_and_not_to_move_the_car():
    assert told(charging_state="Idle") == ("preparing", "plug_in")


def test_a_connected_car_without_energy_yet_is_about_to_begin():
    assert told(charging_state="EVConnected") == ("preparing", None)


@pytest.mark.parametrize("state", ["Idle", "EVConnected"])
def test_a_car_that_has_charged_and_draws_no_more_is_full(state):
    assert told(charging_state=state, energy=7_000.0) == ("finishing", None)


def test_a_refused_session_names_the_token():
    assert told(refused=True, charging_state="Idle") == ("failed", "token_refused")


def test_an_ended_session_is_ended_whatever_it_said_last():
    assert told(status="ended", charging_state="Idle") == ("ended", None)
