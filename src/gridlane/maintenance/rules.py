"""The rules by which a fault is noticed: one row each, and the tables that translate what stations say into them.

A rule looks at a condition that has lasted for ``patience``, or counts occurrences: ``times`` of them ``within`` a span,
at one place, since the last one that shows the opposite (``ends_with``). Rules name symptoms; what caused them is told by
``causes``.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from gridlane.maintenance.symptoms import Condition, Occurrence, Place, Symptom

Severity = Literal["critical", "major", "minor"]
Family = Literal["link", "supply", "hardware", "charging", "security", "software"]

SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor")


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """``cause`` is what a symptom alone points to. Where no playbook can be tried (none without risk for a ground fault, none
    for a station without a link), a person is called ``person_after`` so long. ``hands_off``: nothing at all is tried at
    that station before somebody has looked at it.
    """

    name: str
    title: str
    severity: Severity
    family: Family
    cause: str
    next_step: str
    condition: str | None = None
    patience: timedelta = timedelta(0)
    counts: tuple[str, ...] = ()
    ends_with: tuple[str, ...] = ()
    times: int = 1
    within: timedelta = timedelta(0)
    playbook: str | None = None
    person_after: timedelta = timedelta(0)
    hands_off: bool = False


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


_TABLE = (
    # the link
    Rule(name="link_lost", person_after=timedelta(minutes=15), title="No connection", severity="major", family="link", cause="station_link",
         condition="link_lost", patience=_s(40),
         next_step="Look whether the station has power (breaker, display). If it has, check its modem or network cable."),
    Rule(name="refused_at_the_door", title="Turned away when it connects", severity="major", family="link", cause="credentials",
         condition="refused_at_the_door",
         next_step="Open the connection doctor: it names the failed step, most often a wrong password or an expired certificate."),
    Rule(name="flapping", person_after=timedelta(hours=1), title="The connection comes and goes", severity="minor", family="link", cause="station_link",
         counts=("connected",), times=5, within=timedelta(minutes=10),
         next_step="Check signal strength or cable of the station; compare with its neighbours on the same network."),
    Rule(name="unresponsive", title="Connected, but does not answer", severity="major", family="software", cause="station",
         counts=("command_unanswered",), ends_with=("command_answered", "booted", "restarted_on_purpose"), times=3, within=timedelta(minutes=30),
         next_step="Restart the station; if it still does not answer, cut its power for a minute.", playbook="restart"),
    Rule(name="restarting", title="Restarts again and again", severity="major", family="software", cause="station",
         counts=("booted",), times=3, within=timedelta(minutes=15),
         next_step="Fetch its log; check the supply and, if several of this model do it, its firmware."),
    # the supply
    Rule(name="under_voltage", title="Voltage too low", severity="critical", family="supply", cause="connector",
         condition="under_voltage", next_step="Check the supply: main switch, phases, the building's breaker."),
    Rule(name="over_voltage", hands_off=True, title="Voltage too high", severity="critical", family="supply", cause="connector",
         condition="over_voltage", next_step="Have an electrician measure the supply; do not switch on by force."),
    Rule(name="power_lost", person_after=timedelta(minutes=5), title="Power was lost during charging", severity="major", family="supply", cause="station",
         counts=("session_lost_power",), ends_with=("session_good",), within=timedelta(minutes=15),
         next_step="Check the breaker of the station and of the site."),
    # the hardware
    Rule(name="ground_failure", hands_off=True, title="Ground fault", severity="critical", family="hardware", cause="connector",
         condition="ground_failure", next_step="Do not reset. Send an electrician: residual current, moisture or a damaged cable."),
    Rule(name="over_current", hands_off=True, title="Current too high", severity="critical", family="hardware", cause="connector",
         condition="over_current", next_step="Do not reset before the cable and the vehicle's charger were looked at."),
    Rule(name="too_hot", title="Too hot", severity="major", family="hardware", cause="connector", condition="too_hot",
         next_step="Let it cool; clean contacts and air inlets. If it returns, replace the connector.", playbook="cool_down"),
    Rule(name="lock_failed", title="The plug lock is stuck", severity="major", family="hardware", cause="connector",
         condition="lock_failed", next_step="Unlock it; if it stays stuck, clean or replace the lock.", playbook="free_the_lock"),
    Rule(name="meter_failed", title="The meter has failed", severity="major", family="hardware", cause="connector",
         condition="meter_failed", next_step="Restart; if the meter stays silent it must be replaced (nothing can be billed).", playbook="restart"),
    Rule(name="contactor_failed", hands_off=True, title="The power contactor has failed", severity="critical", family="hardware", cause="connector",
         condition="contactor_failed", next_step="Take it out of use and send a technician: it may be welded."),
    Rule(name="reader_failed", title="The card reader has failed", severity="minor", family="hardware", cause="station",
         condition="reader_failed", next_step="Restart; drivers can start by app meanwhile.", playbook="restart"),
    Rule(name="vehicle_communication_failed", title="Cannot talk to the vehicle", severity="minor", family="hardware", cause="connector",
         condition="vehicle_communication_failed", patience=_s(30),
         next_step="If it lasts without a vehicle, restart; check the pilot contact.", playbook="restart"),
    Rule(name="weak_signal", person_after=timedelta(hours=1), title="Weak signal", severity="minor", family="link", cause="station_link",
         condition="weak_signal", patience=timedelta(minutes=5), next_step="Move or replace the antenna."),
    Rule(name="internal_error", title="Internal error", severity="major", family="software", cause="connector",
         condition="internal_error", next_step="Restart the station and fetch its log.", playbook="restart"),
    Rule(name="station_faulted", title="The station as a whole is faulted", severity="major", family="hardware", cause="station",
         counts=("station_faulted",), ends_with=("station_well", "booted"), within=timedelta(days=7),
         next_step="Restart the station and fetch its log.", playbook="restart"),
    Rule(name="faulted", title="Faulted, without a reason told", severity="major", family="hardware", cause="connector",
         condition="faulted", patience=_s(5), next_step="Restart the station and fetch its log.", playbook="restart"),
    # charging
    Rule(name="no_energy", title="Starts, but delivers no energy", severity="major", family="charging", cause="connector",
         condition="no_energy", patience=_s(30), counts=("session_empty",), ends_with=("session_good",), times=3, within=timedelta(hours=24),
         next_step="Restart; if the next charge is empty too, the contactor or the pilot is broken.", playbook="restart_and_see"),
    Rule(name="starts_fail", title="Starts fail", severity="major", family="charging", cause="station",
         counts=("start_failed",), ends_with=("session_started",), times=3, within=timedelta(hours=24),
         next_step="Look at the answers to the start commands; restart the station.", playbook="restart_and_see"),
    Rule(name="silent_meter", title="Charges without telling meter values", severity="major", family="charging", cause="connector",
         condition="silent_meter", next_step="Ask for meter values; if none come, restart when the charge is over.", playbook="wake_the_meter"),
    Rule(name="stuck_session", title="A session does not end though the plug is free", severity="minor", family="charging", cause="station",
         condition="stuck_session", patience=timedelta(minutes=2),
         next_step="Close the session; the station has lost it.", playbook="close_the_session"),
    Rule(name="power_fell", person_after=timedelta(hours=1), title="Delivers less power than it used to", severity="minor", family="charging", cause="connector",
         condition="power_fell", next_step="Check a lost phase, a derated module, dirty contacts."),
    Rule(name="limit_refused", title="Refuses power limits", severity="major", family="software", cause="station",
         counts=("limit_refused",), ends_with=("limit_taken",), times=2, within=timedelta(hours=1),
         next_step="The site counts it at its full rating until then. Check its smart charging settings or firmware."),
    # software
    Rule(name="clock_wrong", title="Its clock is wrong", severity="minor", family="software", cause="station",
         condition="clock_wrong", next_step="A restart sets the clock; if it drifts again check its time server.", playbook="set_the_clock"),
    Rule(name="firmware_failed", title="A firmware update failed", severity="minor", family="software", cause="station",
         counts=("firmware_failed",), ends_with=("firmware_installed",), within=timedelta(days=7),
         next_step="Read the status in the station's firmware history and try again."),
    Rule(name="memory_exhausted", title="Out of memory", severity="minor", family="software", cause="station",
         counts=("security:MemoryExhaustion",), ends_with=("booted", "restarted_on_purpose"), within=timedelta(days=1),
         next_step="Restart it when nobody charges.", playbook="restart"),
    # security
    Rule(name="tampering", hands_off=True, title="The housing was opened or tampered with", severity="critical", family="security", cause="tampering",
         counts=("security:TamperDetectionActivated",), within=timedelta(days=1),
         next_step="Call the site, look at cameras, inspect it before it charges again."),
    Rule(name="certificate_trouble", title="A certificate is not valid", severity="major", family="security", cause="credentials",
         counts=("security:InvalidCsmsCertificate", "security:InvalidCentralSystemCertificate",
                 "security:InvalidChargingStationCertificate", "security:InvalidChargePointCertificate"),
         within=timedelta(days=1), next_step="Install the right authority or renew the station's certificate."),
    Rule(name="bad_firmware_offered", hands_off=True, title="Firmware with a bad signature", severity="critical", family="security", cause="tampering",
         counts=("security:InvalidFirmwareSignature", "security:InvalidFirmwareSigningCertificate"), within=timedelta(days=1),
         next_step="Find out where the image came from; do not repeat the update."),
    Rule(name="maintenance_login", title="Failed logins at the station's own maintenance door", severity="major", family="security",
         cause="tampering", counts=("security:MaintenanceLoginFailed",), times=3, within=timedelta(hours=1),
         next_step="Ask whether a technician is there; otherwise treat it as an attack."),
)  # fmt: skip

SETTLED_BY_PERSON = "settled_by_person"
"""The occurrence by which a person says that what was counted before is dealt with."""

RULES = {rule.name: rule for rule in _TABLE}

OF_ERROR = {
    "GroundFailure": "ground_failure",
    "OverCurrentFailure": "over_current",
    "OverVoltage": "over_voltage",
    "UnderVoltage": "under_voltage",
    "HighTemperature": "too_hot",
    "ConnectorLockFailure": "lock_failed",
    "PowerMeterFailure": "meter_failed",
    "PowerSwitchFailure": "contactor_failed",
    "ReaderFailure": "reader_failed",
    "EVCommunicationError": "vehicle_communication_failed",
    "WeakSignal": "weak_signal",
    "InternalError": "internal_error",
    "ResetFailure": "internal_error",
}
"""ChargePointErrorCode of 1.6 -> rule; others are ``faulted``. 2.x stations name the same things in their events."""

OF_COMPONENT = {
    "ConnectorPlugRetentionLock": "lock_failed",
    "CableBreakawaySensor": "ground_failure",
    "EVRetentionLock": "lock_failed",
    "ElectricalFeed": "under_voltage",
    "EnergyMeter": "meter_failed",
    "FiscalMetering": "meter_failed",
    "GroundIsolationProtection": "ground_failure",
    "LeakageCurrent": "ground_failure",
    "RCD": "ground_failure",
    "OverCurrentBreaker": "over_current",
    "OverCurrentProtection": "over_current",
    "PowerContactor": "contactor_failed",
    "TemperatureSensor": "too_hot",
    "TokenReader": "reader_failed",
    "CPPWMController": "vehicle_communication_failed",
}
"""Component of a 2.x event about a problem (2.0.1 part 2, appendix 3) -> rule."""


def of_error(code: str | None) -> str:
    """The rule for an error code of 1.6, or for the code a 2.x station wrote into an event."""
    return OF_ERROR.get(code or "", "faulted")


def seen(
    conditions: Iterable[Condition], occurrences: Iterable[Occurrence], now: datetime
) -> dict[tuple[str, Place], Symptom]:
    """Every symptom that holds now, by rule and place."""
    found: dict[tuple[str, Place], Symptom] = {}
    for symptom in (*_lasting(conditions, now), *_repeated(occurrences, now)):
        known = found.get(symptom.key)
        if known is None or symptom.since < known.since:
            found[symptom.key] = symptom
    return found


def _lasting(conditions: Iterable[Condition], now: datetime) -> Iterator[Symptom]:
    by_condition = {rule.condition: rule for rule in _TABLE if rule.condition}
    for one in conditions:
        rule = by_condition.get(one.kind)
        if rule is not None and now - one.since >= rule.patience:
            yield Symptom(rule.name, one.place, one.since, one.detail)


def _repeated(occurrences: Iterable[Occurrence], now: datetime) -> Iterator[Symptom]:
    at_place: dict[Place, list[Occurrence]] = defaultdict(list)
    for one in sorted(occurrences, key=lambda one: one.at):
        at_place[one.place].append(one)
        if one.place.evse:  # what happens at a connector happens at its station too
            at_place[Place(one.place.station_id)].append(one)
    for place, happened in at_place.items():
        for rule in _TABLE:
            if rule.counts and _level(rule) == bool(place.evse):
                yield from _counted(rule, place, happened, now)


def _level(rule: Rule) -> bool:
    """Whether the rule counts at connectors, not at whole stations."""
    return rule.cause == "connector"


def _counted(rule: Rule, place: Place, happened: list[Occurrence], now: datetime) -> Iterator[Symptom]:
    signs: list[Occurrence] = []
    for one in happened:
        if one.kind in rule.ends_with or one.kind == SETTLED_BY_PERSON:
            signs.clear()
        elif one.kind in rule.counts and one.at > now - rule.within:
            signs.append(one)
    if len(signs) >= rule.times:
        evidence = {"count": len(signs), "last_at": signs[-1].at.isoformat(), **signs[-1].detail}
        yield Symptom(rule.name, place, signs[0].at, evidence)
