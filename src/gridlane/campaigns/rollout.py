"""When a firmware campaign asks which station, and when it stops. Pure: a plan and what stations reported in, steps out.

The canary goes first. The next wave begins when every station of the one before is done or failed and the soak time is
over. The campaign stops by itself as soon as too many of those that ended have failed. Done is what runs the version
that was sent; where no version was named, what reported Installed.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

TargetState = Literal["waiting", "asked", "installed", "done", "failed"]
ENDED = ("done", "failed")
NEVER_SENT = frozenset(("expired", "cancelled"))
ALREADY = "runs it already"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """``waves`` are shares of all stations reached after each wave that follows the canary; the last is 1."""

    canary: int = 1
    waves: tuple[float, ...] = (0.1, 0.5, 1.0)
    abort_share: float = 0.1
    """of the stations that ended; more failures than this stop the campaign"""
    abort_least: int = 1
    """failures below this number never stop it, except in the canary, where the first does"""
    soak: int = 3600
    """s between the end of a wave and the next"""
    at_once: int = 50
    """stations that update at the same time"""
    patience: int = 6 * 3600
    """s a station may take from being asked to running the version"""
    while_charging: bool = False


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A station of the campaign, as it was reported last."""

    station_id: UUID
    wave: int
    state: TargetState
    since: datetime
    firmware: str | None = None
    connected: bool = True
    charging: bool = False
    operation: str | None = None
    """status of the update's operation"""
    evidence: str = ""
    """what its operation ended with"""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One station moves on. ``ask``: send it the firmware."""

    station_id: UUID
    state: TargetState
    evidence: str = ""
    ask: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    steps: tuple[Step, ...] = ()
    outcome: Literal["done", "aborted"] | None = None
    why: str = ""


def wave_sizes(plan: Plan, stations: int) -> list[int]:
    """How many stations each wave has, the canary first; together all of them."""
    sizes = [min(plan.canary, stations)]
    for share in plan.waves:
        reached = stations if share >= 1 else math.ceil(stations * share)
        sizes.append(max(0, reached - sum(sizes)))
    sizes[-1] += stations - sum(sizes)
    return [size for size in sizes if size > 0]


def waves(plan: Plan, stations: Sequence[UUID]) -> list[tuple[UUID, int]]:
    """Each station with its wave, in the order given."""
    placed: list[tuple[UUID, int]] = []
    for wave, size in enumerate(wave_sizes(plan, len(stations))):
        placed += [(station, wave) for station in stations[len(placed) : len(placed) + size]]
    return placed


def decide(plan: Plan, version: str | None, targets: Sequence[Target], now: datetime) -> Decision:
    """What to do now. Applying the steps and deciding again changes nothing until something is reported."""
    steps = [step for one in targets if (step := _observed(plan, version, one, now)) is not None]
    after = _applied(targets, steps, now)
    if why := _too_many_failed(plan, after):
        return Decision(steps=tuple(steps), outcome="aborted", why=why)
    if all(one.state in ENDED for one in after):
        return Decision(steps=tuple(steps), outcome="done", why=_summary(after))
    return Decision(steps=(*steps, *_asks(plan, after, now)))


def _observed(plan: Plan, version: str | None, one: Target, now: datetime) -> Step | None:
    """What a station's reports say of it."""
    if one.state in ENDED:
        return None
    if version is not None and one.firmware == version:
        word = ALREADY if one.state == "waiting" else f"runs {version}"
        return Step(station_id=one.station_id, state="done", evidence=word)
    if one.state == "waiting":
        return None
    if one.state == "asked":
        if one.operation == "verified":
            if version is None:
                return Step(station_id=one.station_id, state="done", evidence=one.evidence)
            return Step(station_id=one.station_id, state="installed", evidence=one.evidence)
        if one.operation in NEVER_SENT:
            return Step(
                station_id=one.station_id, state="waiting", evidence="was not reached; asked again later"
            )
        if one.operation in ("refused", "failed", "unsupported", "unverified"):
            return Step(station_id=one.station_id, state="failed", evidence=one.evidence or one.operation)
    if now - one.since > timedelta(seconds=plan.patience):
        told = "said installed, but does not run it" if one.state == "installed" else "took too long"
        return Step(station_id=one.station_id, state="failed", evidence=told)
    return None


def _applied(targets: Iterable[Target], steps: Iterable[Step], now: datetime) -> list[Target]:
    moved = {step.station_id: step for step in steps}
    return [
        msgspec.structs.replace(one, state=moved[one.station_id].state, since=now)
        if one.station_id in moved
        else one
        for one in targets
    ]


def _too_many_failed(plan: Plan, targets: Sequence[Target]) -> str | None:
    failed = [one for one in targets if one.state == "failed"]
    ended = sum(one.state in ENDED for one in targets)
    if any(one.wave == 0 for one in failed):
        return f"{sum(one.wave == 0 for one in failed)} of the first stations failed"
    if len(failed) >= plan.abort_least and len(failed) > plan.abort_share * ended:
        return f"{len(failed)} of {ended} stations failed"
    return None


def _asks(plan: Plan, targets: Sequence[Target], now: datetime) -> list[Step]:
    wave = min(one.wave for one in targets if one.state not in ENDED)
    if not _soaked(plan, targets, wave, now):
        return []
    busy = sum(one.state in ("asked", "installed") for one in targets)
    ready = [
        one
        for one in targets
        if one.wave == wave
        and one.state == "waiting"
        and one.connected
        and (plan.while_charging or not one.charging)
    ]
    return [
        Step(station_id=one.station_id, state="asked", ask=True)
        for one in ready[: max(0, plan.at_once - busy)]
    ]


def _soaked(plan: Plan, targets: Iterable[Target], wave: int, now: datetime) -> bool:
    """Whether the waves before ended long enough ago."""
    ends = [one.since for one in targets if one.wave < wave and one.evidence != ALREADY]
    return not ends or now - max(ends) >= timedelta(seconds=plan.soak)


def _summary(targets: Sequence[Target]) -> str:
    failed = sum(one.state == "failed" for one in targets)
    return f"{len(targets) - failed} of {len(targets)} stations run it"
