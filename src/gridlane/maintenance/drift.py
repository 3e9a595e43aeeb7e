"""Drift: whether a connector slowly becomes worse, told from chance by cumulative sums (and its power by ``peaks``). Pure.

Each signal keeps what is usual (mean and spread, learned from the first values and then only slowly) and the two sums of
Page's test (E. S. Page, Continuous inspection schemes, Biometrika 41, 1954): deviations beyond a slack are added up in
each direction; a sum over the threshold is drift, while single odd values die away. What is recent is an exponentially
weighted mean (S. W. Roberts, Technometrics 1, 1959).
"""

import math
from typing import Any

import msgspec
from msgspec.structs import replace

from gridlane.maintenance.peaks import Peak, Peaks, after_charge

WARM = 8  # values from which what is usual is learned
SLACK = 0.5  # spreads; smaller deviations are chance
THRESHOLD = 5.0  # spreads; more than this, added up, is drift
CALM = 1.0
SLOW, FAST = 0.02, 0.25
CLIP = 4.0  # no single value counts more spreads than this
ALL_OF_IT = 0.85  # of what was allowed: who takes this much was held back by it
FULL = 80.0  # percent; a battery that begins fuller takes less and less, whatever the connector can


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one quantity of one connector. ``low`` and ``high`` are Page's sums, in spreads."""

    seen: int = 0
    usual: float = 0.0
    spread: float = 0.0
    recent: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def rose(self) -> bool:
        return self.high > THRESHOLD


def follow(signal: Signal, value: float, least_spread: float) -> Signal:
    """The signal after another value. ``least_spread`` is what counts as no deviation at all."""
    seen = signal.seen + 1
    recent = value if signal.seen == 0 else signal.recent + FAST * (value - signal.recent)
    if signal.seen < WARM:  # Welford's running mean and variance
        usual = signal.usual + (value - signal.usual) / seen
        variance = signal.spread**2 * max(signal.seen - 1, 0)
        variance += (value - signal.usual) * (value - usual)
        spread = math.sqrt(variance / (seen - 1)) if seen > 1 else 0.0
        return replace(signal, seen=seen, usual=usual, spread=spread, recent=recent)
    spread = max(signal.spread, least_spread)
    deviation = max(-CLIP, min(CLIP, (value - signal.usual) / spread))
    low = max(0.0, signal.low - deviation - SLACK)
    high = max(0.0, signal.high + deviation - SLACK)
    usual = signal.usual + SLOW * deviation * spread if low < CALM and high < CALM else signal.usual
    return replace(signal, seen=seen, usual=usual, recent=recent, low=low, high=high)


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The signals of a connector: ``starts`` (1 delivered, 0 not), ``power`` (what its charges reached), ``temperature``
    (a charge's highest, in degrees Celsius).
    """

    starts: Signal = Signal(usual=1.0, recent=1.0)
    power: Peaks = Peaks()
    temperature: Signal = Signal()


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What one charge tells of its connector, and what held it back from outside: the highest ``limit`` that was sent for
    it, the vehicle's own most (``vehicle``), the state of charge it came with (``soc``). ``rating`` is the connector's;
    ``who`` tells one vehicle from another.
    """

    delivered: bool
    peak: float | None = None  # W
    temperature: float | None = None
    limit: float | None = None  # W
    vehicle: float | None = None  # W
    soc: float | None = None  # percent
    rating: float | None = None  # W
    who: str | None = None


def after(health: Health, charge: Charge) -> Health:
    """The health after another charge."""
    starts = follow(replace(health.starts, seen=max(health.starts.seen, 1)), float(charge.delivered), 0.2)
    power, temperature = health.power, health.temperature
    if charge.delivered and charge.peak is not None and charge.peak > 0 and not held_back(power, charge):
        power = after_charge(power, Peak(math.log(charge.peak), charge.who))
    if charge.temperature is not None:
        temperature = follow(temperature, charge.temperature, 3.0)
    return Health(starts=starts, power=power, temperature=temperature)


def held_back(power: Peaks, charge: Charge) -> bool:
    """Whether a charge's peak is what a limit or its vehicle allowed, so that it says nothing of the hardware.

    A limit at which the connector could give all it has (its rating, else its best so far) is none.
    """
    if charge.peak is None:
        return True
    whole = charge.rating or (math.inf if power.best is None else math.exp(power.best))
    allowed = [one for one in (charge.limit, charge.vehicle) if one is not None and one < whole]
    taken = any(charge.peak >= ALL_OF_IT * one for one in allowed)
    return taken or (charge.soc is not None and charge.soc >= FULL)


def score(health: Health, links_a_day: float) -> tuple[int, dict[str, Any]]:
    """0 to 100, and what was taken off for what."""
    off = {
        "starts": 60 * (1 - min(1.0, health.starts.recent)),
        "power": 30 * _lost_power(health.power),
        "temperature": 15 * min(1.0, health.temperature.high / (2 * THRESHOLD)),
        "link": min(25.0, 2.5 * max(0.0, links_a_day - 1)),
    }
    taken = {name: round(points) for name, points in off.items() if round(points) > 0}
    return max(0, 100 - sum(taken.values())), taken


def _lost_power(power: Peaks) -> float:
    """Twice the share of its usual power that a connector no longer gives, at most 1."""
    return min(1.0, 2 * (1 - math.exp(power.recent - power.usual))) if power.fell else 0.0
