"""What the symptoms of a network have in common, and so what caused them: one finding per cause.

A dark site is one fault, not twelve. Symptoms are drawn together from the widest cause to the narrowest: our own side, a
mobile carrier, a site (its power or its network), a model and firmware, a station, a connector. A wider cause is named
when most of what it would hit is hit, at about the same time, and clearly more than elsewhere.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from gridlane.maintenance.rules import RULES, SEVERITIES, Rule, Severity
from gridlane.maintenance.symptoms import Symptom

TOGETHER = timedelta(minutes=3)
"""Links that broke within so long of each other may have broken for one reason."""


class Cause(msgspec.Struct, frozen=True):
    """``rank``: the higher, the wider."""

    name: str
    rank: int
    title: str
    next_step: str | None = None


_TABLE = (
    Cause("platform", 60, "Our own internet access or gateway", "Look at Gridlane's own host, firewall and certificate first: stations of many sites went at once."),
    Cause("carrier", 50, "The mobile carrier", "Ask the carrier; the stations on other networks are fine. They will come back by themselves."),
    Cause("site_power", 40, "Power of the site", "Call the site: the main switch or the grid connection. Stations restart by themselves when power is back."),
    Cause("site_network", 40, "Network of the site", "Restart the site's router or call its internet provider; the stations themselves are fine."),
    Cause("firmware", 30, "Model and firmware", "Stop the roll-out of this firmware; go back to the one before, or ask the maker with the collected logs."),
    Cause("station", 20, "The station"),
    Cause("station_link", 20, "The station's own link or power"),
    Cause("credentials", 20, "Password or certificate"),
    Cause("tampering", 20, "Somebody at the station"),
    Cause("connector", 10, "The connector"),
)  # fmt: skip
CAUSES = {cause.name: cause for cause in _TABLE}


class StationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a station shares with others."""

    id: UUID
    site_id: UUID | None
    model: str | None  # vendor, model and firmware in one
    address: str | None
    carrier: str | None  # the issuer's part of its ICCID


class Census(msgspec.Struct, frozen=True):
    """The stations of one organization that are in service, by id."""

    stations: Mapping[UUID, StationFacts]

    def sharing(self, of: Callable[[StationFacts], Hashable]) -> dict[Hashable, set[UUID]]:
        groups: dict[Hashable, set[UUID]] = defaultdict(set)
        for one in self.stations.values():
            key = of(one)
            if key is not None:
                groups[key].add(one.id)
        return groups


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Symptoms with one cause. ``subject`` is what the cause concerns, such as ``site:<id>``."""

    cause: str
    subject: str
    rule: str
    symptoms: tuple[Symptom, ...]
    why: str  # a sentence: what speaks for this cause

    @property
    def rank(self) -> int:
        return CAUSES[self.cause].rank

    @property
    def severity(self) -> Severity:
        return min((RULES[one.rule].severity for one in self.symptoms), key=SEVERITIES.index)

    @property
    def since(self) -> datetime:
        return min(one.since for one in self.symptoms)


def explain(symptoms: Iterable[Symptom], census: Census) -> list[Finding]:
    """The findings that account for every symptom of one organization, widest first."""
    left = {one.key: one for one in symptoms if one.place.station_id in census.stations}
    findings: list[Finding] = []
    for find in (_platform, _carriers, _sites_lost, _sites_unsupplied, _models, _stations, _alone):
        for finding in find(list(left.values()), census):
            findings.append(finding)
            for one in finding.symptoms:
                left.pop(one.key, None)
    return findings


# --- links -------------------------------------------------------------------------------------------------------


def _lost(symptoms: Sequence[Symptom]) -> dict[UUID, Symptom]:
    return {one.place.station_id: one for one in symptoms if one.rule == "link_lost"}


def _all_of(burst: Sequence[Symptom], symptoms: Sequence[Symptom]) -> tuple[Symptom, ...]:
    """The lost links, and what else the links of these stations show."""
    stations = {one.place.station_id for one in burst}
    others = [
        one for one in symptoms
        if one.place.station_id in stations and one.rule in ("flapping", "restarting", "weak_signal")
    ]  # fmt: skip
    return (*burst, *others)


def _platform(symptoms: Sequence[Symptom], census: Census) -> Iterator[Finding]:
    """At least half of all stations went at once, at three sites or more."""
    for burst in _bursts(_lost(symptoms).values()):
        sites = {census.stations[one.place.station_id].site_id for one in burst}
        if len(burst) >= 6 and len(sites) >= 3 and 2 * len(burst) > len(census.stations):
            why = f"{len(burst)} of all {len(census.stations)} stations, at {len(sites)} sites, went within {_minutes(burst)}."
            yield Finding(
                cause="platform",
                subject="platform",
                rule="link_lost",
                symptoms=_all_of(burst, symptoms),
                why=why,
            )


def _carriers(symptoms: Sequence[Symptom], census: Census) -> Iterator[Finding]:
    """Most stations of one carrier went at once, at two sites or more.

    A station whose neighbours without that carrier are gone as well says nothing about the carrier.
    """
    lost = _lost(symptoms)
    others_lost = {
        (one.site_id, one.carrier) for one in census.stations.values() if one.id in lost and one.site_id is not None
    }  # fmt: skip
    for carrier, sharing in census.sharing(lambda one: one.carrier).items():
        elsewhere = {site for site, other in others_lost if other != carrier}
        stations = {one for one in sharing if census.stations[one].site_id not in elsewhere}
        for burst in _bursts(lost[station] for station in stations if station in lost):
            sites = {census.stations[one.place.station_id].site_id for one in burst}
            if len(burst) >= 3 and len(sites) >= 2 and len(burst) >= 0.6 * len(stations):
                why = f"{len(burst)} of {len(stations)} stations with SIM cards of {carrier} went within {_minutes(burst)}, at {len(sites)} sites."
                yield Finding(
                    cause="carrier",
                    subject=f"carrier:{carrier}",
                    rule="link_lost",
                    symptoms=_all_of(burst, symptoms),
                    why=why,
                )


def _sites_lost(symptoms: Sequence[Symptom], census: Census) -> Iterator[Finding]:
    """Most stations of a site went at once: its power, if they have separate ways out or told of it, else its network."""
    lost = _lost(symptoms)
    for site, stations in census.sharing(lambda one: one.site_id).items():
        for burst in _bursts(lost[station] for station in stations if station in lost):
            if len(burst) < 2 or len(burst) < 0.6 * len(stations):
                continue
            signs = [one for one in symptoms if one.rule in _SUPPLY and one.place.station_id in stations]
            ways = {_way_out(census.stations[one.place.station_id]) for one in burst} - {None}
            whole = len(burst) == len(stations)
            cause = "site_power" if signs or (whole and len(ways) > 1) else "site_network"
            why = f"{len(burst)} of the site's {len(stations)} stations went within {_minutes(burst)}"
            why += (
                ", and told of lost power." if signs else
                f", though they use {len(ways)} different ways to the internet." if cause == "site_power" else
                ", and no station told of lost power."
            )  # fmt: skip
            yield Finding(
                cause=cause,
                subject=f"site:{site}",
                rule="link_lost",
                symptoms=(*_all_of(burst, symptoms), *signs),
                why=why,
            )


_SUPPLY = ("under_voltage", "over_voltage", "power_lost")


def _way_out(station: StationFacts) -> str | None:
    return station.carrier or station.address


def _sites_unsupplied(symptoms: Sequence[Symptom], census: Census) -> Iterator[Finding]:
    """Two or more stations of a site complain of their supply."""
    at_site: dict[UUID, list[Symptom]] = defaultdict(list)
    for one in symptoms:
        site = census.stations[one.place.station_id].site_id
        if one.rule in _SUPPLY and site is not None:
            at_site[site].append(one)
    for site, signs in at_site.items():
        hit = {one.place.station_id for one in signs}
        if len(hit) >= 2:
            why = f"{len(hit)} stations of the site complain of their supply."
            yield Finding(
                cause="site_power", subject=f"site:{site}", rule=signs[0].rule, symptoms=tuple(signs), why=why
            )


# --- models ------------------------------------------------------------------------------------------------------

SHARE_OF_MODEL = 0.2
LIFT = 4.0


def _models(symptoms: Sequence[Symptom], census: Census) -> Iterator[Finding]:
    """One symptom at three or more stations of one model and firmware, and hardly at others."""
    by_rule: dict[str, list[Symptom]] = defaultdict(list)
    for one in symptoms:
        if RULES[one.rule].family not in ("security", "supply") and one.rule != "link_lost":
            by_rule[one.rule].append(one)
    models = census.sharing(lambda one: one.model)
    for rule, signs in by_rule.items():
        hit = {one.place.station_id for one in signs}
        for model, stations in models.items():
            mine, others = hit & stations, hit - stations
            if len(mine) < 3 or len(mine) < SHARE_OF_MODEL * len(stations):
                continue
            elsewhere = len(others) / max(1, len(census.stations) - len(stations))
            if len({census.stations[one].site_id for one in mine}) < 2 or len(mine) / len(
                stations
            ) < LIFT * max(elsewhere, 0.01):
                continue
            why = f"{len(mine)} of {len(stations)} stations of {model} show it, {len(others)} of all others."
            of_model = tuple(one for one in signs if one.place.station_id in mine)
            yield Finding(
                cause="firmware", subject=f"model:{model}:{rule}", rule=rule, symptoms=of_model, why=why
            )


# --- one station -------------------------------------------------------------------------------------------------


def _stations(symptoms: Sequence[Symptom], census: Census) -> Iterator[Finding]:
    """A station turned away at the door, or with the same symptom at several connectors, or as a whole."""
    at_station: dict[UUID, list[Symptom]] = defaultdict(list)
    for one in symptoms:
        at_station[one.place.station_id].append(one)
    for station, signs in at_station.items():
        yield from _one_station(station, signs)


def _one_station(station: UUID, signs: list[Symptom]) -> Iterator[Finding]:
    subject = f"station:{station}"
    link = [one for one in signs if RULES[one.rule].family == "link" or one.rule == "restarting"]
    turned_away = next((one for one in link if one.rule == "refused_at_the_door"), None)
    if turned_away is not None:
        why = str(turned_away.evidence.get("sentence", "Its handshakes are refused."))
        yield Finding(
            cause="credentials",
            subject=f"{subject}:link",
            rule=turned_away.rule,
            symptoms=tuple(link),
            why=why,
        )
    elif any(one.rule == "restarting" for one in link):
        why = "It connects anew because it starts anew."
        yield Finding(
            cause="station", subject=f"{subject}:restarting", rule="restarting", symptoms=tuple(link), why=why
        )
    elif link:
        worst = min(link, key=lambda one: SEVERITIES.index(RULES[one.rule].severity))
        yield Finding(
            cause="station_link",
            subject=f"{subject}:link",
            rule=worst.rule,
            symptoms=tuple(link),
            why="Its neighbours are connected.",
        )
    by_rule: dict[str, list[Symptom]] = defaultdict(list)
    for one in signs:
        if one not in link:
            by_rule[one.rule].append(one)
    for name, alike in by_rule.items():
        yield from _alike(RULES[name], subject, alike)


def _alike(rule: Rule, subject: str, alike: list[Symptom]) -> Iterator[Finding]:
    if len({one.place.evse for one in alike}) > 1:
        why = f"{len(alike)} connectors of the station show the same."
        yield Finding(
            cause="station",
            subject=f"{subject}:{rule.name}",
            rule=rule.name,
            symptoms=tuple(alike),
            why=why,
        )
    elif rule.cause != "connector":
        yield Finding(
            cause=rule.cause,
            subject=f"{subject}:{rule.name}",
            rule=rule.name,
            symptoms=tuple(alike),
            why="Only this station shows it.",
        )


def _alone(symptoms: Sequence[Symptom], _census: Census) -> Iterator[Finding]:
    """What is left: single connectors, all symptoms of one together."""
    at_connector: dict[tuple[UUID, int], list[Symptom]] = defaultdict(list)
    for one in symptoms:
        at_connector[one.place.station_id, one.place.evse].append(one)
    for (station, evse), signs in at_connector.items():
        worst = min(signs, key=lambda one: SEVERITIES.index(RULES[one.rule].severity))
        yield Finding(
            cause="connector",
            subject=f"station:{station}:{evse}",
            rule=worst.rule,
            symptoms=tuple(signs),
            why="No other connector shows it.",
        )


# --- time --------------------------------------------------------------------------------------------------------


def _bursts(symptoms: Iterable[Symptom]) -> Iterator[list[Symptom]]:
    """Symptoms that began together: each within ``TOGETHER`` of the first of its burst."""
    burst: list[Symptom] = []
    for one in sorted(symptoms, key=lambda one: one.since):
        if burst and one.since - burst[0].since > TOGETHER:
            yield burst
            burst = []
        burst.append(one)
    if burst:
        yield burst


def _minutes(burst: Sequence[Symptom]) -> str:
    spread = max(one.since for one in burst) - min(one.since for one in burst)
    return f"{max(1, round(spread.total_seconds()))} s" if spread < timedelta(minutes=2) else f"{round(spread.total_seconds() / 60)} min"  # fmt: skip
