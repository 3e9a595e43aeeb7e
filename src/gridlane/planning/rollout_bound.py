"""An upper bound for a rollout: prices on demand, money, feeders and floors take the sites apart.

With the prices fixed every site by itself picks the path of layouts that earns most: it fills its capacity with the wants
that leave most after their price, and pays for money and power. The sum of what all sites earn plus the price of all
that is limited is a bound, whatever the prices; they are moved by the volume method.
"""

from typing import NamedTuple

import numpy as np

from gridlane.planning.compiled import compiled
from gridlane.planning.lagrangian import NARROWEST_AVERAGE, WIDEST_AVERAGE, average_in, blend
from gridlane.planning.reach import Floats, Indices
from gridlane.planning.rollout import NOTHING, Network, Paths, Rollout


class Prices(NamedTuple):
    """One price per limited thing, all at least 0."""

    want: Floats  # T x wants
    money: Floats  # T: of the cumulative budget
    power: Floats  # T x feeders
    floor: Floats  # classes


class Use(NamedTuple):
    """What a choice of all sites takes of each limited thing."""

    want: Floats
    money: Floats
    power: Floats
    floor: Floats


def nothing_used(rollout: Rollout) -> Use:
    n, t = rollout.network, rollout.periods
    return Use(
        np.zeros_like(n.demand), np.zeros(t), np.zeros((t, len(n.feeder_kw))), np.zeros(len(rollout.floors))
    )


class Ranking(NamedTuple):
    """Per period the entries of every block, best margin first; kept from call to call because it changes little."""

    order: Indices  # T x entries
    margin: Floats  # T x kinds x entries of one block: what each leaves after its price, in that order
    amount: Floats  # running sums over the useful ones: arrivals served
    value: Floats  # and what they leave
    useful: Indices  # T x kinds: how many of the block have a margin above 0


def first_ranking(n: Network) -> Ranking:
    periods, blocks = len(n.worth), np.diff(n.offsets)
    order = np.tile(np.arange(len(n.wants), dtype=np.int32), (periods, 1))
    kinds = n.capacity.shape[1]
    longest = int(blocks.max(initial=1))
    margin, amount, value = (np.zeros((periods, kinds, longest + 1)) for _ in range(3))
    return Ranking(order, margin, amount, value, np.zeros((periods, kinds), dtype=np.int32))


@compiled
def earn(n: Network, prices: Prices, ranking: Ranking, paths: Paths, use: Use) -> float:
    """Let every site earn the most it can; fills ``paths`` and ``use``, gives what all earn together."""
    for taken in (use.want.ravel(), use.money, use.power.ravel(), use.floor):
        taken[:] = 0.0
    periods, kinds = len(n.worth), n.capacity.shape[1]
    money = np.cumsum(prices.money[::-1])[
        ::-1
    ]  # a unit spent in a period counts in every later cumulative budget
    room = np.zeros(kinds)
    for layout in n.options:
        for k in range(kinds):
            room[k] = max(room[k], n.capacity[layout, k])
    most = np.max(n.option_start[1:] - n.option_start[:-1])
    value = np.empty((periods, most))
    earned = 0.0
    for j in range(len(n.ground)):
        first, count = n.option_start[j], n.option_start[j + 1] - n.option_start[j]
        for t in range(periods):
            for k in range(kinds):
                rank_wants(n, prices, ranking, j, k, t)
                sum_up(n, ranking, j, k, t, room[k])
            for o in range(count):
                layout = n.options[first + o]
                value[t, o] = -n.upkeep[layout] * money[t]
                if n.feeder[j] >= 0:
                    value[t, o] -= n.power[layout] * prices.power[t, n.feeder[j]]
                for k in range(kinds):
                    value[t, o] += fill_value(ranking, k, t, n.capacity[layout, k])
        earned += best_path(n, j, value, money, paths)
        count_use(n, j, ranking, paths, use)
    use.money[:] = np.cumsum(use.money)
    return earned


@compiled
def rank_wants(n: Network, prices: Prices, ranking: Ranking, j: int, k: int, t: int) -> None:
    """Sort a block's entries by what they leave after their price. Insertion sort: last time's order is nearly right."""
    block = j * n.capacity.shape[1] + k
    begin, count = n.offsets[block], n.offsets[block + 1] - n.offsets[block]
    order, margin = ranking.order[t, begin : begin + count], ranking.margin[t, k]
    last = t == len(n.worth) - 1
    useful = 0
    for q in range(count):
        e = order[q]
        want = n.wants[e]
        worth = n.worth[t]
        if last and n.group[want] >= 0:
            worth += prices.floor[n.group[want]]
        mine = n.gains[e] * worth - prices.want[t, want]
        useful += mine > 1e-12
        at = q
        while at > 0 and margin[at - 1] < mine:
            margin[at], order[at] = margin[at - 1], order[at - 1]
            at -= 1
        margin[at], order[at] = mine, e
    ranking.useful[t, k] = useful


@compiled
def sum_up(n: Network, ranking: Ranking, j: int, k: int, t: int, room: float) -> None:
    """Running sums over the ranked wants, as far as any layout has room."""
    begin = n.offsets[j * n.capacity.shape[1] + k]
    amount = value = 0.0
    for q in range(ranking.useful[t, k]):
        ranking.amount[t, k, q], ranking.value[t, k, q] = amount, value
        want = n.wants[ranking.order[t, begin + q]]
        amount += n.demand[t, want]
        value += ranking.margin[t, k, q] * n.demand[t, want]
        if amount >= room:
            ranking.useful[t, k] = q + 1
            break
    ranking.amount[t, k, ranking.useful[t, k]], ranking.value[t, k, ranking.useful[t, k]] = amount, value


@compiled
def fill_value(ranking: Ranking, k: int, t: int, room: float) -> float:
    """What so much room earns: whole wants up to the one that fills it, and a part of that."""
    count = ranking.useful[t, k]
    if room <= 0.0 or count == 0:
        return 0.0
    amount = ranking.amount[t, k]
    if room >= amount[count]:
        return float(ranking.value[t, k, count])
    q = np.searchsorted(amount[: count + 1], room, side="right") - 1
    return float(ranking.value[t, k, q] + (room - amount[q]) * ranking.margin[t, k, q])


@compiled
def may_become(n: Network, before: int, after: int) -> bool:
    """A layout may stay, be built, grow in every kind, or be closed."""
    if before == NOTHING:
        return True
    grows = True
    for k in range(n.counts.shape[1]):
        grows = grows and n.counts[after, k] >= n.counts[before, k]
    return grows or after == NOTHING


@compiled
def cost_of_change(n: Network, j: int, before: int, after: int) -> float:
    if before == after:
        return 0.0
    if after == NOTHING:
        return n.closing_cost
    if before == NOTHING:
        return float(n.ground[j] + n.price[after])
    return n.upgrade_fee + max(0.0, float(n.price[after] - n.price[before]))


@compiled
def best_path(n: Network, j: int, value: Floats, money: Floats, paths: Paths) -> float:
    """Dynamic programme over the periods; what was closed stays closed, what was never built may wait."""
    periods = len(n.worth)
    first, count = n.option_start[j], n.option_start[j + 1] - n.option_start[j]
    best = np.full((periods, count), -np.inf)
    came_from = np.zeros((periods, count), dtype=np.int64)
    for o in range(count):
        if may_become(n, n.options[first], n.options[first + o]):
            cost = cost_of_change(n, j, n.options[first], n.options[first + o])
            best[0, o] = value[0, o] - cost * money[0]
    for t in range(1, periods):
        for o in range(count):
            for before in range(count):
                if best[t - 1, before] == -np.inf:
                    continue
                if not may_become(n, n.options[first + before], n.options[first + o]):
                    continue
                cost = cost_of_change(n, j, n.options[first + before], n.options[first + o])
                total = best[t - 1, before] + value[t, o] - cost * money[t]
                if total > best[t, o]:
                    best[t, o], came_from[t, o] = total, before
    at = int(np.argmax(best[periods - 1]))
    earned = best[periods - 1, at]
    for t in range(periods - 1, -1, -1):
        paths[j, t] = n.options[first + at]
        at = came_from[t, at]
    return float(earned)


@compiled
def count_use(n: Network, j: int, ranking: Ranking, paths: Paths, use: Use) -> None:
    kinds, last = n.capacity.shape[1], len(n.worth) - 1
    before = n.options[n.option_start[j]]
    for t in range(len(n.worth)):
        layout = paths[j, t]
        use.money[t] += cost_of_change(n, j, before, layout) + n.upkeep[layout]
        before = layout
        if n.feeder[j] >= 0:
            use.power[t, n.feeder[j]] += n.power[layout]
        for k in range(kinds):
            room = n.capacity[layout, k]
            begin = n.offsets[j * kinds + k]
            for q in range(ranking.useful[t, k]):
                if room <= 0.0:
                    break
                e = ranking.order[t, begin + q]
                want = n.wants[e]
                amount = min(room, n.demand[t, want])
                use.want[t, want] += amount
                room -= amount
                if t == last and n.group[want] >= 0:
                    use.floor[n.group[want]] += n.gains[e] * amount


class Bound:
    """A descent of prices under way. ``value`` is the lowest bound so far, ``average`` how often sites took layouts."""

    def __init__(self, rollout: Rollout) -> None:
        n = rollout.network
        self.rollout = rollout
        self.limit = np.concatenate(
            (
                n.demand.ravel(),
                n.budget,
                np.tile(n.feeder_kw, rollout.periods),
                -rollout.floors * rollout.group_demand,
            )
        )
        self.scale = self.scales()
        self.ranking = first_ranking(n)
        self.prices = np.zeros(len(self.limit))
        self.direction = np.zeros(len(self.limit))
        self.average = np.zeros((rollout.sites, rollout.periods, len(n.price)), dtype=np.float32)
        self.value = np.inf
        self.pace, self.widest = 0.3, WIDEST_AVERAGE
        self.failures = self.successes = 0

    def scales(self) -> Floats:
        """Money, power and floors are counted in units that make a whole budget weigh as much as all demand."""
        n = self.rollout.network
        norm = float(np.sqrt(np.sum(n.demand**2)))
        parts = [np.ones(n.demand.size), norm / np.maximum(n.budget, 1e-9)]
        parts.append(
            np.tile(
                norm / np.maximum(n.feeder_kw, 1e-9) / np.sqrt(max(len(n.feeder_kw), 1)), self.rollout.periods
            )
        )
        parts.append(norm / np.maximum(self.rollout.group_demand, 1e-9))
        return np.concatenate(parts)

    def split(self, vector: Floats) -> Prices:
        """A flat vector as the four kinds of prices."""
        n, t = self.rollout.network, self.rollout.periods
        a, b, c = n.demand.size, n.demand.size + t, n.demand.size + t + t * len(n.feeder_kw)
        return Prices(
            vector[:a].reshape(n.demand.shape),
            vector[a:b],
            vector[b:c].reshape(t, len(n.feeder_kw)),
            vector[c:],
        )

    def suggest(self, prices: Prices) -> None:
        """Begin from prices that a plan suggests."""
        flat = (prices.want.ravel(), prices.money, prices.power.ravel(), prices.floor)
        self.prices = np.concatenate(flat) / self.scale

    def descend(self, target: float, steps: int) -> None:
        """Move the prices so that the bound falls towards ``target``."""
        rollout = self.rollout
        paths: Paths = np.zeros((rollout.sites, rollout.periods), dtype=np.int16)
        use = nothing_used(rollout)
        trial = self.prices.copy()
        rows = np.arange(rollout.sites)
        for _ in range(steps):
            earned = earn(rollout.network, self.split(trial * self.scale), self.ranking, paths, use)
            taken = np.concatenate((use.want.ravel(), use.money, use.power.ravel(), -use.floor))
            bound = earned + float(np.dot(self.limit, trial * self.scale))
            newest = (taken - self.limit) * self.scale
            begun = bool(np.any(self.direction))
            held = (trial <= 0.0) & (newest <= 0.0)
            turn = np.where(held & (self.direction <= 0.0), 0.0, self.direction)
            share, along = blend(turn, np.where(held, 0.0, newest), self.widest) if begun else (1.0, 1.0)
            average_in(self.direction, newest, share)
            self.average *= np.float32(1.0 - share)
            for t in range(rollout.periods):
                self.average[rows, t, paths[:, t]] += np.float32(share)
            self.judge(bound, along, trial)
            free = (self.direction > 0.0) | (self.prices > 0.0)
            length = float(np.sum(self.direction[free] ** 2))
            if length < 1e-12 or self.value <= target:
                return
            stride = self.pace * (self.value - target) / length
            trial = np.clip(self.prices + stride * self.direction, 0.0, None)

    def judge(self, bound: float, along: float, trial: Floats) -> None:
        if bound < self.value:
            self.value, self.failures = bound, 0
            self.prices = trial
            self.successes = self.successes + 1 if along > 0.0 else 0
        else:
            self.failures, self.successes = self.failures + 1, 0
        if self.successes == 3:
            self.pace, self.successes = min(self.pace * 1.5, 2.0), 0
        if self.failures == 10:
            self.pace, self.failures = self.pace * 0.67, 0
            self.widest = max(self.widest * 0.8, NARROWEST_AVERAGE)
