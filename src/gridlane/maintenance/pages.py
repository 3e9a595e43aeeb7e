"""docs/operators/faults.md, made from the tables of rules, causes and playbooks."""

from datetime import timedelta

from gridlane.maintenance.causes import CAUSES
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
    lines += ["", "## What to do about a wider cause", "", "| Cause | Next step |", "|---|---|"]
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
