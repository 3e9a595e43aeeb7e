from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridlane.maintenance.causes import StationFacts, explain
from gridlane.maintenance.rules import RULES


def found(network, *symptoms):
    return [(one.cause, one.rule, len(one.symptoms)) for one in explain(symptoms, network.census)]


def lost(network, stations, **more):
    return [network.symptom("link_lost", one, **more) for one in stations]


def test_one_lost_station_is_its_own_link(network):
    first, *_ = network.site(4)
    assert found(network, *lost(network, [first])) == [("station_link", "link_lost", 1)]


def test_a_site_that_goes_at_once_is_one_fault_of_its_network(network):
    dark, _other = network.site(4), network.site(4)
    assert found(network, *lost(network, dark)) == [("site_network", "link_lost", 4)]


def test_a_site_that_goes_at_once_over_separate_ways_has_lost_its_power(network):
    dark = network.site(3) + network.site(1, address="10.9.9.9")
    for one in dark:
        network.stations[one] = StationFacts(
            id=one, site_id=network.stations[dark[0]].site_id, model="M", carrier=None,
            address=network.stations[one].address,
        )  # fmt: skip
    network.site(5)
    assert found(network, *lost(network, dark)) == [("site_power", "link_lost", 4)]


def test_a_dark_site_that_told_of_lost_power_has_lost_it(network):
    dark, _ = network.site(4), network.site(6)
    signs = [network.symptom("power_lost", dark[0], 1)]
    assert found(network, *lost(network, dark), *signs) == [("site_power", "link_lost", 5)]


def test_stations_of_a_site_that_go_hours_apart_are_two_faults(network):
    here, _ = network.site(3), network.site(3)
    apart = lost(network, here[:1], ago=7200) + lost(network, here[1:2], ago=60)
    assert [cause for cause, *_ in found(network, *apart)] == ["station_link", "station_link"]


def test_the_sim_cards_of_one_carrier_are_one_fault(network):
    mobile = [network.site(2, carrier="8949020") for _ in range(3)]
    for _ in range(3):
        network.site(4)
    assert found(network, *lost(network, [one for site in mobile for one in site])) == [
        ("carrier", "link_lost", 6)
    ]


def test_a_dark_site_says_nothing_about_the_carrier_of_its_modem(network):
    mobile = [network.site(1, carrier="8949020") for _ in range(3)]
    for _ in range(3):
        network.site(4)
    dark = network.site(3)
    modem = network.site(1, carrier="8949020")
    here = network.stations[dark[0]].site_id
    network.stations[modem[0]] = StationFacts(
        id=modem[0], site_id=here, model="M", address="10.9.9.9", carrier="8949020"
    )
    gone = [one for site in mobile for one in site] + dark + modem
    assert sorted(found(network, *lost(network, gone))) == [
        ("carrier", "link_lost", 3),
        ("site_power", "link_lost", 4),
    ]


def test_when_most_of_the_network_goes_at_once_we_look_at_ourselves(network):
    sites = [network.site(3) for _ in range(4)]
    assert found(network, *lost(network, [one for site in sites for one in site])) == [
        ("platform", "link_lost", 12)
    ]


def test_the_same_error_at_one_model_everywhere_is_its_firmware(network):
    new = [network.site(3, model="Maker One 2.0") for _ in range(2)]
    for _ in range(4):
        network.site(5)
    signs = [network.symptom("internal_error", one, 1) for site in new for one in site[:2]]
    assert found(network, *signs) == [("firmware", "internal_error", 4)]


def test_the_same_error_everywhere_is_not_blamed_on_one_model(network):
    sites = [network.site(3, model=f"Maker {number % 2}") for number in range(4)]
    signs = [network.symptom("internal_error", one, 1) for site in sites for one in site]
    assert {cause for cause, *_ in found(network, *signs)} == {"connector"}


def test_a_station_that_is_turned_away_is_not_just_offline(network):
    first, *_ = network.site(4)
    signs = [*lost(network, [first]), network.symptom("refused_at_the_door", first, sentence="Wrong.")]
    assert found(network, *signs) == [("credentials", "refused_at_the_door", 2)]


def test_two_plugs_with_the_same_error_are_one_fault_of_the_station(network):
    first, *_ = network.site(4)
    signs = [network.symptom("internal_error", first, evse) for evse in (1, 2)]
    assert found(network, *signs) == [("station", "internal_error", 2)]


def test_two_errors_of_one_plug_are_one_fault_named_by_the_worse(network):
    first, *_ = network.site(4)
    signs = [network.symptom("weak_signal", first, 1), network.symptom("ground_failure", first, 1)]
    assert ("connector", "ground_failure", 1) in found(network, *signs)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_symptom_is_in_exactly_one_finding(network, data):
    network = type(network)()
    sites = [
        network.site(
            data.draw(st.integers(1, 4)), model=f"M {number % 3}", carrier=["8949", None][number % 2]
        )
        for number in range(4)
    ]
    stations = [one for site in sites for one in site]
    signs = {
        one.key: one
        for one in data.draw(
            st.lists(
                st.builds(
                    lambda rule, station, evse, ago: network.symptom(rule, station, evse, ago=ago),
                    st.sampled_from(sorted(RULES)),
                    st.sampled_from(stations),
                    st.integers(0, 2),
                    st.floats(0, 600),
                )
            )
        )
    }
    explained = [one.key for finding in explain(signs.values(), network.census) for one in finding.symptoms]
    assert sorted(explained) == sorted(signs)
