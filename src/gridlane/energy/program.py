"""The look-ahead plan as one sparse linear program, assembled in arrays and solved by HiGHS.

Variables are the power of each vehicle in each step of its stay; what stays unmet of its energy; the sums of vehicles
that weigh alike on all limits; and, where the site has more than vehicles, import, export and a battery. A limit on
the magnitude of a sum of phasors (line currents behind a delta winding) is cut by tangents from outside; the solution
may be above such a limit by ``1 / cos(tangent_spacing / 2) - 1``, 0.14 % at 6 degrees, and is for the allocator to keep.

Energies are kWh and powers kW in here, so that the solver sees numbers near 1. Money has one currency.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil, cos, pi, radians
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridlane.kernel.errors import Kind, Refusal

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]

GAP = 3e-4  # relative; prices of energy are not known better
SIMPLEX_UP_TO = 8_000  # columns; beyond, the interior point method is faster (measured, docs/benchmarks.md)


class PlanNotSolved(Refusal):
    code = "plan_not_solved"
    kind = Kind.UNAVAILABLE
    sentence = "No plan could be made now: {status}. Charging goes on in equal shares."


@dataclass(slots=True, kw_only=True)
class Limits:
    """``|sum over kinds of weight[limit, kind] * power[kind]| <= capacity[limit, step]``.

    Vehicles of one ``kind`` weigh alike on every limit. Real weights >= 0 are plain sums.
    """

    kind: Ints  # of each vehicle
    weight: Complexes  # limits x kinds, amperes (or kW) per kW
    capacity: Floats  # limits x steps

    @classmethod
    def none(cls, vehicles: int, steps: int) -> "Limits":
        return cls(
            kind=np.zeros(vehicles, dtype=np.int64),
            weight=np.zeros((0, 1), dtype=np.complex128),
            capacity=np.zeros((0, steps)),
        )


@dataclass(slots=True, kw_only=True)
class Battery:
    """A stationary battery. ``wear`` is the price of a kWh taken out."""

    level: float
    size: float
    power: float
    efficiency: float = 0.95  # each way
    wear: float = 0.0


@dataclass(slots=True, kw_only=True)
class Discharge:
    """Vehicles that may feed back, in the order of vehicles; ``power`` 0 where one may not."""

    power: Floats
    level: Floats  # kWh in the battery now
    size: Floats
    efficiency: float = 0.95
    wear: float = 0.03


@dataclass(slots=True, kw_only=True)
class Program:
    """What is to be planned. Vehicle ``j`` may charge in steps ``first[j]`` up to but without ``last[j]``.

    ``unmet_price`` is what a kWh not charged costs in the objective, ``early`` what each vehicle's kWh is worth
    more per hour that it comes earlier (small: it only decides between equals). ``peak_price`` is per kW above ``peak_so_far`` of the
    billing period. ``least`` is kW that a vehicle is not to fall below while it wants energy. ``presence[j, step]`` is
    the chance that a vehicle will still be there then: energy planned for later counts for as much. ``extra_price[j, step]``
    is what a kWh of this vehicle costs more (or less) than the site's price, by what its driver wants. ``other_power`` is what the rest of the site draws less what it generates; None is nothing.
    """

    hours: Floats  # length of each step
    price: Floats  # of a kWh imported, each step
    first: Ints
    last: Ints
    most: Floats  # kW of each vehicle
    energy: Floats  # kWh of each vehicle
    unmet_price: Floats
    limits: Limits
    least: Floats | None = None
    presence: Floats | None = None
    extra_price: Floats | None = None
    early: Floats | float = 1e-4
    tangent_spacing: float = radians(6)
    peak_price: float = 0.0
    peak_so_far: float = 0.0
    other_power: Floats | None = None
    export_price: Floats | None = None
    export_most: float = 0.0
    battery: Battery | None = None
    discharge: Discharge | None = None


@dataclass(slots=True, kw_only=True)
class Solution:
    """``power[vehicle, step]`` in kW, negative feeds back. Prices are what one unit more would save."""

    power: Floats
    unmet: Floats
    peak: float
    cost: float
    peak_shadow_price: float
    limit_shadow_price: Floats  # limits x steps, per A (or kW) of capacity
    battery_power: Floats | None = None


def solve(program: Program) -> Solution:
    """The cheapest plan, to a relative GAP.

    Raises PlanNotSolved where the solver finds none, which for checked input means a solver at its end.
    """
    draft = _Draft(program)
    columns = draft.vehicles()
    draft.site(columns)
    draft.cut_limits()
    return draft.solved()


@dataclass(slots=True)
class _Columns:
    vehicle: Ints
    step: Ints
    charge: Ints
    discharge: Ints  # -1 where none


@dataclass(slots=True)
class _Draft:
    """The program while it is written: columns, then rows as triplets."""

    program: Program
    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    cost: list[Floats] = field(default_factory=list)
    row_lower: list[Floats] = field(default_factory=list)
    row_upper: list[Floats] = field(default_factory=list)
    rows: list[Ints] = field(default_factory=list)
    columns: list[Ints] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    width: int = 0
    height: int = 0
    pairs: _Columns | None = None
    unmet: Ints | None = None
    sums: Ints | None = None  # kinds x steps, -1 where nobody is
    peak: int = -1
    battery_in: Ints | None = None
    battery_out: Ints | None = None
    cut_rows: list[tuple[Ints, Ints, Ints]] = field(default_factory=list)  # limit, step, row

    def vehicles(self) -> _Columns:
        """Charging, unmet energy and, where allowed, discharging with the battery's level."""
        p = self.program
        stays = np.maximum(p.last - p.first, 0)
        vehicle = np.repeat(np.arange(p.first.size), stays)
        begins = np.concatenate(([0], np.cumsum(stays)))[:-1]
        step = np.arange(vehicle.size) - begins[vehicle] + p.first[vehicle]
        middle = (np.cumsum(p.hours) - p.hours / 2)[step] if step.size else np.zeros(0)
        hours = p.hours[step]
        per_kw = (0.0 if self._has_site else p.price[step]) * hours + np.broadcast_to(p.early, p.first.shape)[
            vehicle
        ] * middle * hours
        if p.extra_price is not None:
            per_kw = per_kw + p.extra_price[vehicle, step] * hours
        if p.presence is not None:
            per_kw = per_kw + p.unmet_price[vehicle] * (1.0 - p.presence[vehicle, step]) * hours
        charge = self.add_columns(self._least(vehicle, step), p.most[vehicle], per_kw)
        self.unmet = self.add_columns(np.zeros(p.energy.size), np.maximum(p.energy, 0.0), p.unmet_price)
        discharge = np.full(vehicle.size, -1, dtype=np.int64)
        feeds = np.zeros(p.energy.size, dtype=np.bool_) if p.discharge is None else p.discharge.power > 0
        one_way = ~feeds[vehicle]
        need = self.add_rows(np.where(feeds, 0.0, p.energy), np.where(feeds, np.inf, p.energy))
        self.put(need[vehicle[one_way]], charge[one_way], hours[one_way])
        self.put(need[~feeds], self.unmet[~feeds], np.ones((~feeds).sum()))
        self.pairs = _Columns(vehicle, step, charge, discharge)
        if p.discharge is not None and feeds.any():
            self._feeding(p.discharge, feeds, need)
        self._sums()
        return self.pairs

    def _least(self, vehicle: Ints, step: Ints) -> Floats:
        p = self.program
        if p.least is None:
            return np.zeros(vehicle.size)
        kept = np.minimum(p.least, p.most)[vehicle]
        passed = np.cumsum(p.hours)[step] - (np.cumsum(p.hours) - p.hours)[p.first[vehicle]]
        return np.where(kept * passed <= p.energy[vehicle], kept, 0.0)

    def _feeding(self, terms: Discharge, feeds: NDArray[np.bool_], need: Ints) -> None:
        assert self.pairs is not None
        assert self.unmet is not None
        pairs, p = self.pairs, self.program
        at = np.flatnonzero(feeds[pairs.vehicle])
        who, hours = pairs.vehicle[at], p.hours[pairs.step[at]]
        pairs.discharge[at] = self.add_columns(np.zeros(at.size), terms.power[who], terms.wear * hours)
        level = self.add_columns(np.zeros(at.size), terms.size[who], np.zeros(at.size))
        opens = pairs.step[at] == p.first[who]
        begin = np.where(opens, terms.level[who], 0.0)
        rows = self.add_rows(begin, begin)
        self.put(rows, level, np.ones(at.size))
        self.put(rows[~opens], level[np.flatnonzero(~opens) - 1], -np.ones((~opens).sum()))
        self.put(rows, pairs.charge[at], -terms.efficiency * hours)
        self.put(rows, pairs.discharge[at], hours / terms.efficiency)
        closes = pairs.step[at] == p.last[who] - 1
        wanted = need[who[closes]]
        self.put(wanted, level[closes], np.ones(closes.sum()))
        self.put(wanted, self.unmet[who[closes]], np.ones(closes.sum()))
        self.raise_rows(wanted, np.minimum(terms.level + p.energy, terms.size)[who[closes]])

    def _sums(self) -> None:
        assert self.pairs is not None
        pairs, steps = self.pairs, self.program.hours.size
        kinds = self.program.limits.weight.shape[1]
        cell = self.program.limits.kind[pairs.vehicle] * steps + pairs.step
        used, where = np.unique(cell, return_inverse=True)
        feeding = pairs.discharge >= 0
        low = np.full(used.size, -np.inf if feeding.any() else 0.0)
        sums = self.add_columns(low, np.full(used.size, np.inf), np.zeros(used.size))
        rows = self.add_rows(np.zeros(used.size), np.zeros(used.size))
        self.put(rows, sums, -np.ones(used.size))
        self.put(rows[where], pairs.charge, np.ones(cell.size))
        self.put(rows[where[feeding]], pairs.discharge[feeding], -np.ones(int(feeding.sum())))
        self.sums = np.full(kinds * steps, -1, dtype=np.int64)
        self.sums[used] = sums
        self.sums = self.sums.reshape(kinds, steps)

    @property
    def _has_site(self) -> bool:
        p = self.program
        return p.other_power is not None or p.battery is not None or p.discharge is not None

    def site(self, columns: _Columns) -> None:
        """The peak, and where the site has more than vehicles: import, export, the battery, and their balance."""
        p, steps = self.program, self.program.hours.size
        self.peak = int(self.add_columns([p.peak_so_far], [np.inf], [p.peak_price])[0])
        if not self._has_site:
            below = self.add_rows(np.full(steps, -np.inf), np.zeros(steps))
            self._total(below)
            self.put(below, np.full(steps, self.peak), -np.ones(steps))
            return
        earns = np.zeros(steps) if p.export_price is None else p.export_price
        imported = self.add_columns(np.zeros(steps), np.full(steps, np.inf), p.price * p.hours)
        exported = self.add_columns(np.zeros(steps), np.full(steps, p.export_most), -earns * p.hours)
        spilled = self.add_columns(np.zeros(steps), np.full(steps, np.inf), np.zeros(steps))
        other = np.zeros(steps) if p.other_power is None else p.other_power
        balance = self.add_rows(-other, -other)  # vehicles + battery - import + export + spilled = -other
        self._total(balance)
        self.put(balance, imported, -np.ones(steps))
        self.put(balance, exported, np.ones(steps))
        self.put(balance, spilled, np.ones(steps))
        below = self.add_rows(np.full(steps, -np.inf), np.zeros(steps))
        self.put(below, imported, np.ones(steps))
        self.put(below, np.full(steps, self.peak), -np.ones(steps))
        if p.battery is not None:
            self._battery(p.battery, balance)

    def _battery(self, battery: Battery, balance: Ints) -> None:
        hours, steps = self.program.hours, self.program.hours.size
        most = np.full(steps, battery.power)
        self.battery_in = self.add_columns(np.zeros(steps), most, np.zeros(steps))
        self.battery_out = self.add_columns(np.zeros(steps), most, battery.wear * hours)
        low = np.zeros(steps)
        low[-1:] = min(battery.level, battery.size)  # the plan may not end by selling what was there
        level = self.add_columns(low, np.full(steps, battery.size), np.zeros(steps))
        begin = np.zeros(steps)
        begin[:1] = battery.level
        rows = self.add_rows(begin, begin)
        self.put(rows, level, np.ones(steps))
        self.put(rows[1:], level[:-1], -np.ones(max(steps - 1, 0)))
        self.put(rows, self.battery_in, -battery.efficiency * hours)
        self.put(rows, self.battery_out, hours / battery.efficiency)
        self.put(balance, self.battery_in, np.ones(steps))
        self.put(balance, self.battery_out, -np.ones(steps))

    def _total(self, rows: Ints) -> None:
        assert self.sums is not None
        kind, step = np.nonzero(self.sums >= 0)
        self.put(rows[step], self.sums[kind, step], np.ones(step.size))

    def cut_limits(self) -> None:
        """One row for each tangent, limit and step that the vehicles there could exceed at all."""
        assert self.sums is not None
        assert self.pairs is not None
        p, steps = self.program, self.program.hours.size
        most = np.zeros(self.sums.size)
        np.add.at(
            most, p.limits.kind[self.pairs.vehicle] * steps + self.pairs.step, p.most[self.pairs.vehicle]
        )
        reach = most.reshape(self.sums.shape)
        for limit in range(p.limits.weight.shape[0]):
            weight, room = p.limits.weight[limit], p.limits.capacity[limit]
            tight = np.flatnonzero(np.abs(weight) @ reach > room * (1 + 1e-9))
            if tight.size:
                for direction in _directions(weight, p.tangent_spacing):
                    self._cut(limit, tight, (weight * np.conj(direction)).real, room)

    def _cut(self, limit: int, steps: Ints, along: Floats, room: Floats) -> None:
        assert self.sums is not None
        rows = self.add_rows(np.full(steps.size, -np.inf), room[steps])
        kinds = np.flatnonzero(np.abs(along) > 1e-12)
        where = self.sums[np.ix_(kinds, steps)]
        kind, index = np.nonzero(where >= 0)
        self.put(rows[index], where[kind, index], along[kinds[kind]])
        self.cut_rows.append((np.full(steps.size, limit), steps, rows))

    def add_columns(self, lower: object, upper: object, cost: object) -> Ints:
        low = np.asarray(lower, dtype=np.float64)
        self.lower.append(low)
        self.upper.append(np.asarray(upper, dtype=np.float64))
        self.cost.append(np.asarray(cost, dtype=np.float64))
        self.width += low.size
        return np.arange(self.width - low.size, self.width)

    def add_rows(self, lower: Floats, upper: Floats) -> Ints:
        self.row_lower.append(np.array(lower))
        self.row_upper.append(np.array(upper))
        self.height += lower.size
        return np.arange(self.height - lower.size, self.height)

    def raise_rows(self, rows: Ints, lower: Floats) -> None:
        begin = 0
        for block in self.row_lower:
            inside = (rows >= begin) & (rows < begin + block.size)
            block[rows[inside] - begin] = lower[inside]
            begin += block.size

    def put(self, rows: Ints, columns: Ints, values: Floats) -> None:
        self.rows.append(rows)
        self.columns.append(columns)
        self.values.append(values)

    def solved(self) -> Solution:
        highs = _solver()
        large = self.width > SIMPLEX_UP_TO
        highs.setOptionValue("solver", "ipm" if large else "simplex")
        highs.setOptionValue("run_crossover", "off" if large else "on")
        highs.setOptionValue("ipm_optimality_tolerance", GAP)
        highs.passModel(self._model())
        highs.run()
        status = highs.modelStatusToString(highs.getModelStatus())
        if status not in {"Optimal", "Unknown"}:
            raise PlanNotSolved(status=status)
        found = highs.getSolution()
        values, duals = np.array(found.col_value), np.array(found.row_dual)
        return self._read(values, duals, float(highs.getInfo().objective_function_value))

    def _model(self) -> Any:
        import highspy

        rows, columns, values = (np.concatenate(each) for each in (self.rows, self.columns, self.values))
        order = np.argsort(rows, kind="stable")
        model: Any = highspy.HighsLp()
        model.num_col_, model.num_row_ = self.width, self.height
        model.col_cost_ = np.concatenate(self.cost)
        model.col_lower_, model.col_upper_ = np.concatenate(self.lower), np.concatenate(self.upper)
        model.row_lower_, model.row_upper_ = np.concatenate(self.row_lower), np.concatenate(self.row_upper)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=self.height))))
        model.a_matrix_.index_ = columns[order]
        model.a_matrix_.value_ = values[order]
        return model

    def _read(self, values: Floats, duals: Floats, cost: float) -> Solution:
        assert self.pairs is not None
        assert self.unmet is not None
        p, pairs = self.program, self.pairs
        power = np.zeros((p.first.size, p.hours.size))
        net = np.clip(values[pairs.charge], 0.0, p.most[pairs.vehicle])
        feeding = pairs.discharge >= 0
        net[feeding] -= values[pairs.discharge[feeding]]
        power[pairs.vehicle, pairs.step] = net
        shadow = np.zeros(p.limits.capacity.shape)
        for limit, step, rows in self.cut_rows:
            np.add.at(shadow, (limit, step), -duals[rows])
        return Solution(
            power=power,
            unmet=np.maximum(values[self.unmet], 0.0),
            peak=float(values[self.peak]),
            cost=cost,
            peak_shadow_price=p.peak_price,
            limit_shadow_price=shadow,
            battery_power=self._battery_power(values),
        )

    def _battery_power(self, values: Floats) -> Floats | None:
        if self.battery_in is None or self.battery_out is None:
            return None
        return np.asarray(values[self.battery_in] - values[self.battery_out])


_THREAD = threading.local()


def _solver() -> Any:
    """One for each thread, kept. Silent: highspy's own ``__init__`` prints a banner before any option can be set, for
    callbacks that are not needed here.
    """
    if not hasattr(_THREAD, "highs"):
        import highspy

        plain: Any = highspy.Highs
        _THREAD.highs = plain.__new__(plain)
        super(plain, _THREAD.highs).__init__()
        _THREAD.highs.setOptionValue("output_flag", False)
        _THREAD.highs.setOptionValue("parallel", "off")
    return _THREAD.highs


def _directions(weight: Complexes, spacing: float) -> Iterator[complex]:
    """Where the sum of phasors may point, at most ``spacing`` apart; one direction for a plain sum."""
    angles = np.angle(weight[np.abs(weight) > 1e-12])
    if angles.size == 0:
        return
    begin, width = _arc(angles)
    count = max(1, ceil(width / spacing))
    if width < 1e-9:
        yield complex(np.exp(1j * begin))
        return
    for index in range(count + 1):
        yield complex(np.exp(1j * (begin + width * index / count)))


def _arc(angles: Floats) -> tuple[float, float]:
    """The smallest arc over which sums with weights >= 0 of these directions may point: where it begins, its width."""
    sorted_angles = np.sort(np.mod(angles, 2 * pi))
    gaps = np.diff(np.concatenate((sorted_angles, sorted_angles[:1] + 2 * pi)))
    widest = int(np.argmax(gaps))
    begin = float(sorted_angles[(widest + 1) % sorted_angles.size])
    width = 2 * pi - float(gaps[widest])
    return (begin, width) if width < pi else (0.0, 2 * pi)


def overrun_of_tangents(spacing: float) -> float:
    """By how much of its capacity a phasor limit may be exceeded between two tangents."""
    return 1 / cos(spacing / 2) - 1
