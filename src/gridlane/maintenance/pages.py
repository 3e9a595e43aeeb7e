"""docs/operators/faults.md, made from the tables of rules, causes and playbooks."""

from datetime import timedelta

from gridlane.maintenance.causes import CAUSES
from gridlane.maintenance.playbooks import (
    AT_ONCE,
    PATIENCE_FOR_IDLE,
    PLAYBOOKS,
    RUNS_A_DAY,
    SHARE_AT_ONCE,
    Playbook,
)
from gridlane.maintenance.rules import RULES, Rule

_HEAD = """\
# Faults

Gridlane watches every station for signs of trouble, draws signs with one cause together into one **incident**, says what
the cause most likely is and why, what to do next, and what it costs while it lasts. Incidents are under *Faults* in the
console, on the page of every station they concern, and at `GET /api/v1/incidents` (permission `maintenance:read`).

An incident ends by itself when no station shows it any more for half a minute. Where no station can show it (a housing
that was opened), a person says that it is mended (`POST /incidents/{id}/resolve`, permission `maintenance:write`); what
stations still show cannot be called mended. *I look after it* tells everybody else that somebody does.

Two times are measured for every incident and summed up at `GET /incidents/figures`: from its first sign until it was
noticed, and until it was over. The money at stake is what these stations usually earn in an hour (the bills of the last
four weeks), times how long it has lasted.

## Causes

From the widest to the narrowest. A wider cause takes over what was noticed narrowly before.

| Cause | Named when |
|---|---|
| Our own internet access or gateway | more than half of all stations, at three sites or more, go at once |
| The mobile carrier | most stations with one carrier's SIM cards, at two sites or more, go at once |
| Power of the site | most stations of a site go at once and told of lost power, or all of them do over separate ways to the internet; or two of them complain of their voltage |
| Network of the site | most stations of a site go at once otherwise |
| Model and firmware | at least three stations, and a fifth of those with one firmware, at two sites, show the same; and four times as often as others |
| The station | it shows the same at several plugs, or as a whole |
| The connector | only this plug shows it |
"""


_PLAYBOOKS = f"""\
## What is tried by itself

A playbook is tried against a fault of one station or plug: a command, then a look at what the station does next, then the
next step or a person. Every step stands in the incident's story with its operation. Nobody who charges is disturbed: a
restart waits until nobody draws power (at most {PATIENCE_FOR_IDLE.seconds // 3600} hours). No station is tried more than {RUNS_A_DAY} times a day, and at most
{AT_ONCE} stations (or {SHARE_AT_ONCE:.0%} of them) are worked on at once. Nothing is tried at a station with a ground fault, too high a
current or voltage, a failed contactor, or signs of tampering. `GET /playbooks` tells how often each has helped;
`PUT /playbooks/{{name}}` with `{{"automatic": false}}` keeps one for people to ask for (`POST /incidents/{{id}}/playbook`).
"""


_HEALTH = """\
## Health before a fault

Every charge that ends teaches how its plug is doing: whether energy came, its highest power and temperature. `GET /health-scores`
lists every EVSE from 0 to 100, the worst first: up to 60 points are lost for empty charges, 30 for lost power, 25 for a link that
breaks several times a day, 15 for a temperature that rises (deviations from what is usual are added up: Page's cumulative sums).

Power that fell opens an incident (`power_fell`). One slow vehicle says nothing, and one strong charge proves the plug: it has lost
power when *nobody* gets much any more, and the vehicles that came before make so long a run of weak charges less likely than one in
a million. A plug where everybody got 22 kW is found out after four or five charges, one where every second vehicle is slow after
about twenty. A charge held back by a limit that was sent, by what its vehicle can take or by a battery that came nearly full says
nothing of it; the same slow vehicle again says nothing new.
"""


def _against(playbook: Playbook) -> str:
    return ", ".join(rule.title.lower() for rule in RULES.values() if rule.playbook == playbook.name)


def _steps(playbook: Playbook) -> str:
    return ", then ".join(
        f"`{step.command}` (seen within {_span(step.wait)})" if step.command else f"wait {_span(step.wait)}"
        for step in playbook.steps
    )


def faults_page() -> str:
    """The page, with a row for each rule."""
    lines = [
        _HEAD,
        "## What is noticed",
        "",
        "| Sign | Severity | When | Next step |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {rule.title} (`{rule.name}`) | {rule.severity} | {_when(rule)} | {rule.next_step} |"
        for rule in RULES.values()
    ]
    lines += ["", _PLAYBOOKS, "| Playbook | Against | Steps |", "|---|---|---|"]
    lines += [
        f"| {one.title} (`{one.name}`) | {_against(one)} | {_steps(one)} |" for one in PLAYBOOKS.values()
    ]
    lines += ["", _HEALTH]
    lines += ["## What to do about a wider cause", "", "| Cause | Next step |", "|---|---|"]
    lines += [f"| {one.title} (`{one.name}`) | {one.next_step} |" for one in CAUSES.values() if one.next_step]
    return "\n".join(lines) + "\n"


def _when(rule: Rule) -> str:
    lasting = f"lasts {_span(rule.patience)}" if rule.patience else "at once"
    counted = f"{rule.times} times within {_span(rule.within)}" if rule.times > 1 else "at once"
    return " or ".join(
        dict.fromkeys([lasting] * (rule.condition is not None) + [counted] * bool(rule.counts))
    )


def _span(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
