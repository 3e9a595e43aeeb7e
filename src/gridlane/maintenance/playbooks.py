"""Playbooks: what is tried from the chair against a fault, step by step, and how it is seen whether it helped.

A playbook is data; ``proceed`` is the one rule by which all are played: ask the station, watch what it does next, go on
to the next step when that did not help, and call a person when nothing did. Nobody who charges is disturbed, no station
is tried more than ``RUNS_A_DAY`` times a day, and only a few are worked on at the same time.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

RUNS_A_DAY = 3
AT_ONCE = 3
SHARE_AT_ONCE = 0.02
PATIENCE_FOR_IDLE = timedelta(hours=4)
"""How long a step waits for the station to be connected and nobody to charge."""


class Step(msgspec.Struct, frozen=True):
    """A command, and how long its effect may take to be seen. Without a command it only waits.

    In ``params`` the words ``{evse}``, ``{connector}`` and ``{session}`` stand for the symptom's own.
    """

    command: str | None
    params: dict[str, Any] = {}
    wait: timedelta = timedelta(minutes=3)
    needs_idle: bool = False


class Playbook(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    steps: tuple[Step, ...]


_RESET = Step("reset", {"immediate": False}, timedelta(minutes=4), needs_idle=True)
_HARD_RESET = Step("reset", {"immediate": True}, timedelta(minutes=6), needs_idle=True)
_AT = {"evse": "{evse}"}

_TABLE = (
    Playbook(name="restart", title="Restart the station, softly and then hard", steps=(_RESET, _HARD_RESET)),
    Playbook(
        name="restart_and_see",
        title="Restart the station and see whether the next charge works",
        steps=(Step("reset", {"immediate": False}, timedelta(hours=12), needs_idle=True),),
    ),
    Playbook(
        name="free_the_lock",
        title="Unlock the plug, ask for its state, restart",
        steps=(
            Step("unlock", {"evse": "{evse}", "connector": "{connector}"}, timedelta(seconds=45)),
            Step("trigger", {"message": "StatusNotification", **_AT}, timedelta(seconds=30)),
            _RESET,
        ),
    ),
    Playbook(
        name="wake_the_meter",
        title="Ask for meter values, then restart when the charge is over",
        steps=(Step("trigger", {"message": "MeterValues", **_AT}, timedelta(seconds=60)), _RESET),
    ),
    Playbook(
        name="set_the_clock",
        title="Let it read the time, then restart",
        steps=(Step("trigger", {"message": "Heartbeat"}, timedelta(minutes=6)), _RESET),
    ),
    Playbook(
        name="close_the_session",
        title="Close the session the station has lost",
        steps=(
            Step("instruct", {"what": "close_session", "params": {"session_id": "{session}"}}, timedelta(minutes=1)),
        ),
    ),
    Playbook(
        name="cool_down",
        title="Let it cool for a quarter of an hour, then restart",
        steps=(Step(None, wait=timedelta(minutes=15)), _RESET),
    ),
)  # fmt: skip
PLAYBOOKS = {playbook.name: playbook for playbook in _TABLE}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook being played at one place. ``asked_at`` is None while the step waits for its moment."""

    playbook: str
    step: int
    started_at: datetime
    step_since: datetime
    asked_at: datetime | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What matters to a run: the symptom, the station, and what became of the command."""

    symptom_lasts: bool
    connected: bool
    idle: bool
    operation: str | None = None  # its status
    sign_again: bool = False  # the fault has shown itself anew since the step


class Ask(msgspec.Struct, frozen=True):
    """Do the step that is due."""

    step: Step


class Next(msgspec.Struct, frozen=True):
    """The step was in vain; go to the next one."""

    why: str


class Helped(msgspec.Struct, frozen=True):
    """The symptom is gone. ``by_us``: after something was tried."""

    by_us: bool


class GaveUp(msgspec.Struct, frozen=True):
    why: str


Move = Ask | Next | Helped | GaveUp | None
"""None: wait."""

FAILED = frozenset(("refused", "timed_out", "failed", "unsupported", "expired", "unverified", "cancelled"))


def proceed(run: Run, seen: Seen, now: datetime) -> Move:
    """What a run does next."""
    if not seen.symptom_lasts:
        return Helped(by_us=run.asked_at is not None or run.step > 0)
    steps = PLAYBOOKS[run.playbook].steps
    step = steps[run.step]
    if run.asked_at is None:
        if seen.connected and (seen.idle or not step.needs_idle):
            return Ask(step)
        waited_too_long = now - run.step_since > PATIENCE_FOR_IDLE
        why = "somebody charges all the time" if seen.connected else "the station is not connected"
        return GaveUp(why) if waited_too_long else None
    why_in_vain = _in_vain(run, step, seen, now)
    if why_in_vain is None:
        return None
    return Next(why_in_vain) if run.step + 1 < len(steps) else GaveUp(why_in_vain)


def _in_vain(run: Run, step: Step, seen: Seen, now: datetime) -> str | None:
    assert run.asked_at is not None
    if seen.operation in FAILED:
        return f"the command ended {seen.operation}"
    if seen.sign_again:
        return "the fault has shown itself again"
    return "the fault is still there" if now - run.asked_at > step.wait else None


def may_start(*, runs_today: int, under_way: int, stations: int) -> str | None:
    """Why a run must not start now, or None: limits per station, and on how many are worked on at once."""
    if runs_today >= RUNS_A_DAY:
        return "tried often enough today"
    if under_way >= max(AT_ONCE, SHARE_AT_ONCE * stations):
        return "wait"
    return None


def filled(params: Any, **words: Any) -> Any:
    """The params with the symptom's own numbers in their places."""
    if isinstance(params, dict):
        return {key: filled(value, **words) for key, value in params.items()}
    if isinstance(params, str) and params[:1] == "{":
        return words[params.strip("{}")]
    return params
