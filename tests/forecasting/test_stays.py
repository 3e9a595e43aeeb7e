import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridlane.forecasting.stays import Arrival, Outcomes, Stays, Visit


def visits(count=400, seed=3):
    """A site where mornings stay about eight hours and evenings two, and drivers ask for twice what they take."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        morning = random.random() < 0.5
        hour = float(random.normal(8 if morning else 18, 0.5))
        stay = float(max(0.2, random.normal(8 if morning else 2, 0.5)))
        energy = float(random.uniform(5, 20))
        arrival = Arrival(hour=hour, working_day=True, stated_energy=2 * energy)
        made.append(Visit(arrival=arrival, stay=stay, energy=energy))
    return made


@pytest.fixture(scope="module")
def site():
    return Stays(visits())


def asked(site, **arrival):
    return site.forecast([Arrival(**({"hour": 8.0, "working_day": True} | arrival))])[0]


def test_a_forecast_follows_the_hour_of_arrival(site):
    assert asked(site, hour=8.0).stay_quantile(0.5) == pytest.approx(8, abs=0.6)
    assert asked(site, hour=18.0).stay_quantile(0.5) == pytest.approx(2, abs=0.6)


def test_drivers_who_ask_for_too_much_are_not_believed(site):
    assert asked(site, stated_energy=30.0).energy_quantile(0.5) == pytest.approx(15, abs=2.5)


def test_the_longer_it_has_stayed_the_later_it_is_expected_to_leave(site):
    forecast = asked(site, hour=8.0)
    assert forecast.stay_quantile(0.1, elapsed=8.5) > 8.5 > forecast.stay_quantile(0.1)


def test_who_stays_longer_than_anybody_may_go_at_any_time(site):
    presence = asked(site).presence(100.0, np.array([0.0, 0.5, 1.0]))
    assert presence.tolist() == [1.0, 0.5, 0.25]


def test_presence_begins_at_one_and_never_rises(site):
    presence = asked(site).presence(1.0, np.arange(0, 24, 0.25))
    assert presence[0] == 1.0
    assert (np.diff(presence) <= 0).all()


def test_without_any_history_what_the_driver_states_stands_in():
    forecast = asked(Stays([]), stated_stay=4.0, stated_energy=20.0)
    assert 2.0 < forecast.stay_quantile(0.5) <= 4.0
    assert forecast.energy_quantile(1.0) == 20.0


def test_without_history_and_statement_a_usual_visit_stands_in():
    forecast = asked(Stays([]))
    assert 1.0 < forecast.stay_quantile(0.5) < 9.0


def test_few_visits_count_alike_until_there_are_enough_for_trees():
    few = [Visit(arrival=Arrival(hour=8.0, working_day=True), stay=3.0, energy=10.0)] * 20
    assert asked(Stays(few), hour=20.0).stay_quantile(0.5) == 3.0


def test_nobody_arriving_asks_for_nothing(site):
    assert site.forecast([]) == []


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0.1, 20), st.floats(0.01, 5)), min_size=1, max_size=20),
    st.lists(st.floats(0, 1), min_size=2, max_size=5),
)
def test_quantiles_never_cross(pairs, shares):
    pairs = sorted(pairs)
    outcomes = Outcomes(np.array([v for v, _ in pairs]), np.array([w for _, w in pairs]))
    found = [outcomes.quantile(share) for share in sorted(shares)]
    assert found == sorted(found)


def test_nine_in_ten_stay_longer_than_the_lowest_tenth_says(site):
    later = visits(300, seed=9)
    forecasts = site.forecast([each.arrival for each in later])
    below = np.mean([v.stay < f.stay_quantile(0.1) for v, f in zip(later, forecasts, strict=True)])
    assert 0.04 < below < 0.17
