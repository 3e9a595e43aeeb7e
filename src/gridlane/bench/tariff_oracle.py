"""A second rating for the benchmark: thousands of sessions at once on a grid of seconds, in whole numbers.

It shares no code with the product: it reads the fields of a tariff, but cuts nothing, compiles nothing and knows no
``Money``. Rows are sessions, columns seconds; every element is asked at every second. Left to the tests: reservations,
and bounds on the price where tax rates differ.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Flag = NDArray[np.bool_]

CHARGING, PARKING, HELD = range(3)
KINDS = ("FLAT", "ENERGY", "TIME", "PARKING_TIME")
MICRO = 1_000_000
CENTS = {"FLAT": 10_000, "ENERGY": MICRO * 10_000, "TIME": 3_600 * 10_000, "PARKING_TIME": 3_600 * 10_000}
"""What a price in millionths times a counted quantity must be divided by to give cents."""


@dataclass(frozen=True)
class Sessions:
    """Sessions of the same number of periods, one after the other without a gap.

    Shapes: ``start`` (n) in Unix seconds; ``seconds``, ``activity``, ``energy`` (mWh), ``current`` (mA, -1 unknown):
    (n, periods).
    """

    start: Whole
    seconds: Whole
    activity: Whole
    energy: Whole
    current: Whole


@dataclass(frozen=True)
class Bills:
    """Cents per session, element and kind (order of KINDS), whether that line exists, and the sums."""

    lines: Whole
    exists: Flag
    net: Whole
    tax: Whole


def rate(sessions: Sessions, tariff: Any, zone: str) -> Bills:
    """The bills of all sessions under one tariff."""
    grid = _Grid(sessions, zone)
    elements = [_matches(grid, element.restrictions) for element in tariff.elements]
    prices = [
        {component.type.value: _prices(component, grid) for component in element.price_components}
        for element in tariff.elements
    ]
    shape = (len(sessions.start), len(tariff.elements), len(KINDS))
    cost, exists = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    _flat(grid, tariff, elements, prices, cost, exists)
    _energy(grid, tariff, elements, prices, cost, exists)
    _times(grid, tariff, elements, prices, cost, exists)
    divisors = np.array([CENTS[kind] for kind in KINDS])
    lines = _half_up(cost, np.broadcast_to(divisors, cost.shape))
    return _summed(tariff, np.where(exists, lines, 0), exists)


class _Grid:
    """The sessions second by second: column s is the s-th second of each; ``live`` where the session still lasts."""

    def __init__(self, sessions: Sessions, zone: str) -> None:
        ends = np.cumsum(sessions.seconds, axis=1)
        self.width = int(ends[:, -1].max())
        self.second = np.arange(self.width)[None, :]
        self.at = sessions.start[:, None] + self.second
        self.live = self.second < ends[:, -1:]
        self.local = self.at + _offsets(self.at, zone)
        self.before = np.zeros(self.at.shape, np.int64)
        self.after = np.zeros(self.at.shape, np.int64)
        self.power = np.zeros(self.at.shape, np.int64)
        self.current = np.zeros(self.at.shape, np.int64)
        self.activity = np.full(self.at.shape, HELD)
        self.idle = np.zeros(self.at.shape, np.int64)
        stretch = np.zeros(len(ends), np.int64)
        for k in range(ends.shape[1]):
            lasts = sessions.seconds[:, k]
            begins, energy = ends[:, k] - lasts, sessions.energy[:, k]
            self._flow(begins[:, None], lasts[:, None], energy[:, None])
            inside = (self.second >= begins[:, None]) & (self.second < ends[:, k : k + 1])
            self.power[inside] = np.broadcast_to((energy * 3_600 // lasts)[:, None], inside.shape)[inside]
            self.current[inside] = np.broadcast_to(sessions.current[:, k : k + 1], inside.shape)[inside]
            self.activity[inside] = np.broadcast_to(sessions.activity[:, k : k + 1], inside.shape)[inside]
            parks = sessions.activity[:, k] == PARKING
            goes_on = (
                parks & (sessions.activity[:, k - 1] == PARKING) if k else np.zeros(len(parks), np.bool_)
            )
            stretch = np.where(goes_on, stretch, begins)
            self.idle[inside] = (self.second - stretch[:, None])[inside]

    def _flow(self, begins: Whole, lasts: Whole, energy: Whole) -> None:
        self.before += energy * np.clip(self.second - begins, 0, lasts) // lasts
        self.after += energy * np.clip(self.second + 1 - begins, 0, lasts) // lasts


def _offsets(at: Whole, zone: str) -> Whole:
    """Seconds east of UTC, asked of the tz database once a minute; offsets change on whole minutes."""
    where, first = ZoneInfo(zone), int(at.min()) // 60
    minutes = range(first, int(at.max()) // 60 + 1)
    table = [datetime.fromtimestamp(minute * 60, UTC).astimezone(where).utcoffset() for minute in minutes]
    seconds = np.array([int(offset.total_seconds()) if offset else 0 for offset in table])
    return seconds[at // 60 - first]


def _matches(grid: _Grid, r: Any) -> Flag:
    """Where everything but the energy restrictions of an element holds."""
    day, clock = grid.local // 86_400, grid.local % 86_400
    holds = grid.live.copy()
    start, end = _clock(r.start_time, 0), _clock(r.end_time, 0) or 86_400
    holds &= (clock >= start) & (clock < end) if start < end else (clock >= start) | (clock < end)
    if r.day_of_week:
        names = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
        holds &= np.isin((day + 3) % 7, [names.index(name) for name in r.day_of_week])
    epoch = date(1970, 1, 1)
    if r.start_date:
        holds &= day >= (date.fromisoformat(r.start_date) - epoch).days
    if r.end_date:
        holds &= day < (date.fromisoformat(r.end_date) - epoch).days
    seconds = np.broadcast_to(grid.second, holds.shape)
    for value, low, high in (
        (seconds, r.min_duration, r.max_duration),
        (grid.power, _times_million(r.min_power), _times_million(r.max_power)),
        (grid.current, _thousandfold(r.min_current), _thousandfold(r.max_current)),
    ):
        if low is not None:
            holds &= value >= low
        if high is not None:
            holds &= value < high
    if r.min_current is not None or r.max_current is not None:
        holds &= grid.current >= 0
    return holds


def _in_band(r: Any, energy: Whole | int) -> Any:
    low, high = _times_million(r.min_kwh), _times_million(r.max_kwh)
    return (energy >= (low or 0)) & (energy < (high if high is not None else 2**62))


def _flat(grid: _Grid, tariff: Any, elements: list[Flag], prices: Any, cost: Whole, exists: Flag) -> None:
    free = np.ones(len(cost), np.bool_)
    firsts = []
    for index, element in enumerate(tariff.elements):
        if "FLAT" in prices[index]:
            holds = elements[index] & _in_band(element.restrictions, grid.before)
            firsts.append((index, np.where(holds.any(axis=1), holds.argmax(axis=1), grid.width)))
    if not firsts:
        return
    earliest = np.min([first for _, first in firsts], axis=0)
    for index, first in firsts:  # of several in the same second the first of the list
        chosen = free & (first == earliest) & (first < grid.width)
        cost[chosen, index, 0] = prices[index]["FLAT"][0][0, 0]
        exists[chosen, index, 0] = True
        free &= ~chosen


def _energy(grid: _Grid, tariff: Any, elements: list[Flag], prices: Any, cost: Whole, exists: Flag) -> None:
    marks = {0, 2**61}
    for element in tariff.elements:
        r = element.restrictions
        marks |= {m for m in (_times_million(r.min_kwh), _times_million(r.max_kwh)) if m is not None}
    bands = sorted(marks)
    last = np.full(len(cost), -1)
    last_element, last_price = np.zeros(len(cost), np.int64), np.zeros(len(cost), np.int64)
    total = np.zeros(len(cost), np.int64)
    steps = np.zeros(len(tariff.elements), np.int64)
    for number, (low, high) in enumerate(pairwise(bands)):
        flow = np.clip(grid.after, low, high) - np.clip(grid.before, low, high)
        untaken = flow > 0
        for index, element in enumerate(tariff.elements):
            if "ENERGY" not in prices[index] or not _in_band(element.restrictions, low):
                continue
            price, steps[index] = prices[index]["ENERGY"]
            taken = untaken & elements[index]
            untaken &= ~taken
            flowed = np.where(taken, flow, 0)
            cost[:, index, 1] += (flowed * price).sum(axis=1)
            exists[:, index, 1] |= taken.any(axis=1)
            total += flowed.sum(axis=1)
            column = grid.width - 1 - taken[:, ::-1].argmax(axis=1)
            position = np.where(taken.any(axis=1), column * len(bands) + number, -1)
            newer = position > last
            last = np.where(newer, position, last)
            last_element = np.where(newer, index, last_element)
            last_price = np.where(newer, _at(price, column), last_price)
    step = steps[last_element] * 1_000
    _rounded_up(cost, 1, last >= 0, last_element, last_price, total, step)


def _times(grid: _Grid, tariff: Any, elements: list[Flag], prices: Any, cost: Whole, exists: Flag) -> None:
    total = np.zeros((len(cost), 2), np.int64)
    last, last_kind = np.full(len(cost), -1), np.zeros(len(cost), np.int64)
    last_element, last_price, last_step = (np.zeros(len(cost), np.int64) for _ in range(3))
    for kind, activity in ((2, CHARGING), (3, PARKING)):
        untaken = grid.live & (grid.activity == activity)
        if activity == PARKING:
            untaken &= grid.idle >= tariff.idle_grace
        for index, element in enumerate(tariff.elements):
            if KINDS[kind] not in prices[index]:
                continue
            price, step = prices[index][KINDS[kind]]
            taken = untaken & elements[index] & _in_band(element.restrictions, grid.before)
            untaken &= ~taken
            seconds = taken.sum(axis=1)
            cost[:, index, kind] += seconds * price[0, 0]
            exists[:, index, kind] |= seconds > 0
            total[:, kind - 2] += seconds
            column = np.where(seconds > 0, grid.width - 1 - taken[:, ::-1].argmax(axis=1), -1)
            newer = column > last
            last = np.where(newer, column, last)
            last_kind = np.where(newer, kind, last_kind)
            last_element = np.where(newer, index, last_element)
            last_price = np.where(newer, price[0, 0], last_price)
            last_step = np.where(newer, step, last_step)
    for kind in (2, 3):
        chosen = (last >= 0) & (last_kind == kind)
        _rounded_up(cost, kind, chosen, last_element, last_price, total[:, kind - 2], last_step)


def _rounded_up(
    cost: Whole, kind: int, chosen: Flag, element: Whole, price: Whole, total: Whole, step: Whole
) -> None:
    added = np.where(chosen & (step > 0), -total % np.maximum(step, 1), 0)
    cost[np.arange(len(cost)), element, kind] += added * price


def _summed(tariff: Any, lines: Whole, exists: Flag) -> Bills:
    vats = {c.vat for element in tariff.elements for c in element.price_components}
    net, tax = np.zeros(len(lines), np.int64), np.zeros(len(lines), np.int64)
    of_kind = {
        (i, KINDS.index(c.type.value)): c.vat
        for i, e in enumerate(tariff.elements)
        for c in e.price_components
    }
    for vat in vats:
        amount = sum(
            (lines[:, index, kind] for (index, kind), rate in of_kind.items() if rate == vat),
            start=np.zeros(len(lines), np.int64),
        )
        part_net, part_tax = _split(amount, vat, tariff, tariff.tax_included.value == "YES")
        net, tax = net + part_net, tax + part_tax
    if len(vats) == 1:
        net, tax = _bounded(tariff, net, tax, next(iter(vats)))
    return Bills(lines, exists, net, tax)


def _bounded(tariff: Any, net: Whole, tax: Whole, vat: Decimal | None) -> tuple[Whole, Whole]:
    for limit, is_low in ((tariff.min_price, True), (tariff.max_price, False)):
        for is_gross in (False, True):
            amount = None if limit is None else limit.after_taxes if is_gross else limit.before_taxes
            if amount is None:
                continue
            have, bound = net + tax if is_gross else net, int(amount * 100)
            wrong = have < bound if is_low else have > bound
            moved = _split(np.where(wrong, bound, have), vat, tariff, is_gross)
            net, tax = np.where(wrong, moved[0], net), np.where(wrong, moved[1], tax)
    return net, tax


def _split(amount: Whole, vat: Decimal | None, tariff: Any, is_gross: bool) -> tuple[Whole, Whole]:
    tenths = 0 if tariff.tax_included.value == "N/A" else int((vat or 0) * 10)
    if is_gross:
        tax = _half_up(amount * tenths, np.full(amount.shape, 1_000 + tenths))
        return amount - tax, tax
    return amount, _half_up(amount * tenths, np.full(amount.shape, 1_000))


def _prices(component: Any, grid: _Grid) -> tuple[Whole, int]:
    """The price in millionths at every second (or in one cell), and the step."""
    price = np.full((1, 1), int(component.price * MICRO))
    if component.schedule:
        since = np.array([int(entry.since.timestamp()) for entry in component.schedule])
        values = np.array([int(component.price * MICRO), *(int(e.price * MICRO) for e in component.schedule)])
        price = values[np.searchsorted(since, grid.at, side="right")]
    return price, component.step_size


def _at(price: Whole, column: Whole) -> Whole:
    return (
        price[0, 0] + np.zeros(len(column), np.int64)
        if price.size == 1
        else price[np.arange(len(column)), column]
    )


def _half_up(above: Whole, below: Whole) -> Whole:
    sign = np.where(above < 0, -1, 1)
    rounded: Whole = sign * ((2 * np.abs(above) + below) // (2 * below))
    return rounded


def _clock(text: str | None, default: int) -> int:
    return default if text is None else int(text[:2]) * 3_600 + int(text[3:]) * 60


def _times_million(value: Decimal | None) -> int | None:
    return None if value is None else int(value * MICRO)


def _thousandfold(value: Decimal | None) -> int | None:
    return None if value is None else int(value * 1_000)
