from datetime import timedelta

from gridlane.kernel.ids import new_id
from gridlane.maintenance.causes import CAUSES
from gridlane.maintenance.rules import OF_COMPONENT, OF_ERROR, RULES, SETTLED_BY_PERSON, SEVERITIES, seen

STATION = new_id()


def names(network, conditions=(), occurrences=()):
    return {symptom.rule for symptom in seen(conditions, occurrences, network.now).values()}


def test_a_short_loss_of_the_link_is_no_symptom(network):
    assert names(network, [network.condition("link_lost", STATION, ago=20)]) == set()
    assert names(network, [network.condition("link_lost", STATION, ago=50)]) == {"link_lost"}


def test_five_connections_in_ten_minutes_are_flapping(network):
    often = [network.happened("connected", STATION, ago=100 * place) for place in range(5)]
    assert names(network, (), often) == {"flapping"}
    assert names(network, (), often[:4]) == set()


def test_one_good_charge_ends_the_suspicion_of_empty_ones(network):
    empty = [network.happened("session_empty", STATION, 1, ago=600 * place) for place in range(1, 4)]
    assert names(network, (), empty) == {"no_energy"}
    assert names(network, (), [*empty, network.happened("session_good", STATION, 1, ago=10)]) == set()


def test_empty_charges_at_two_plugs_are_counted_apart(network):
    empty = [network.happened("session_empty", STATION, evse, ago=100) for evse in (1, 2, 1)]
    assert names(network, (), empty) == set()


def test_what_a_person_settled_counts_no_more(network):
    signs = [network.happened("security:TamperDetectionActivated", STATION, ago=300)]
    assert names(network, (), signs) == {"tampering"}
    assert names(network, (), [*signs, network.happened(SETTLED_BY_PERSON, STATION, ago=5)]) == set()


def test_restarts_on_purpose_are_not_counted(network):
    boots = [network.happened("restarted_on_purpose", STATION, ago=60 * place) for place in range(5)]
    assert names(network, (), boots) == set()


def test_the_tables_name_only_rules_and_causes_that_exist():
    assert {*OF_ERROR.values(), *OF_COMPONENT.values()} <= set(RULES)
    assert {rule.cause for rule in RULES.values()} <= set(CAUSES)
    assert all(rule.severity in SEVERITIES and (rule.counts or rule.condition) for rule in RULES.values())


def test_a_counting_rule_knows_its_span():
    assert all(rule.within > timedelta(0) for rule in RULES.values() if rule.counts)
