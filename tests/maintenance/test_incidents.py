from datetime import timedelta

from gridlane.kernel.ids import new_id
from gridlane.maintenance.causes import explain
from gridlane.maintenance.incidents import SETTLED, Changed, Incident, Opened, Over, follow


def lost(network, stations):
    return [network.symptom("link_lost", one) for one in stations]


def opened(change):
    """The incident that a change opens."""
    finding = change.finding
    return Incident(
        id=new_id(),
        cause=finding.cause,
        subject=finding.subject,
        rule=finding.rule,
        severity=finding.severity,
        live=frozenset(one.key for one in change.symptoms),
    )


def test_a_finding_opens_one_incident_and_then_nothing_changes(network):
    stations, _ = network.site(4), network.site(4)
    findings = explain(lost(network, stations), network.census)
    (change,) = follow([], findings, network.now)
    assert isinstance(change, Opened)
    assert follow([opened(change)], findings, network.now) == []


def test_a_wider_cause_takes_over_the_narrower_incidents(network):
    stations, _ = network.site(4), network.site(4)
    alone = [opened(one) for one in follow([], explain(lost(network, stations[:1]), network.census), network.now)]  # fmt: skip
    (change,) = follow(alone, explain(lost(network, stations), network.census), network.now)
    assert isinstance(change, Opened)
    assert change.merged == (alone[0].id,)


def test_stations_that_come_back_one_by_one_stay_in_their_incident(network):
    stations, _ = network.site(4), network.site(4)
    (change,) = follow([], explain(lost(network, stations), network.census), network.now)
    site = opened(change)
    (change,) = follow([site], explain(lost(network, stations[:1]), network.census), network.now)
    assert isinstance(change, Changed)
    assert (change.incident, len(change.went), change.came) == (site.id, 3, ())


def test_an_incident_without_symptoms_is_over_when_it_stays_quiet(network):
    quiet = Incident(
        id=new_id(), cause="station_link", subject="station:1:link", rule="link_lost", severity="major",
        live=frozenset(), quiet_since=network.now,
    )  # fmt: skip
    assert follow([quiet], [], network.now + SETTLED - timedelta(seconds=1)) == []
    assert follow([quiet], [], network.now + SETTLED) == [Over(quiet.id)]


def test_a_symptom_that_returns_in_the_quiet_time_keeps_the_incident_open(network):
    (station, *_), _ = network.site(3), network.site(3)
    findings = explain(lost(network, [station]), network.census)
    quiet = Incident(
        id=new_id(), cause="station_link", subject=findings[0].subject, rule="link_lost", severity="major",
        live=frozenset(), quiet_since=network.now - timedelta(hours=1),
    )  # fmt: skip
    (change,) = follow([quiet], findings, network.now)
    assert isinstance(change, Changed)
    assert len(change.came) == 1


def test_another_symptom_of_a_lost_station_joins_the_incident_of_its_site(network):
    stations, _ = network.site(4), network.site(4)
    (change,) = follow([], explain(lost(network, stations), network.census), network.now)
    site = opened(change)
    signs = [*lost(network, stations), network.symptom("flapping", stations[0])]
    (change,) = follow([site], explain(signs, network.census), network.now)
    assert isinstance(change, Changed)
    assert [one.rule for one in change.came] == ["flapping"]


def test_new_evidence_changes_the_cause_in_place(network):
    stations, _ = network.site(4), network.site(4)
    (change,) = follow([], explain(lost(network, stations), network.census), network.now)
    site = opened(change)
    assert site.cause == "site_network"
    signs = [*lost(network, stations), network.symptom("power_lost", stations[1], 1)]
    (change,) = follow([site], explain(signs, network.census), network.now)
    assert isinstance(change, Changed)
    assert change.finding.cause == "site_power"
