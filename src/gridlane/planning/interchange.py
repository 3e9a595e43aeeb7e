"""Good plans fast: lazy greedy, then swaps of one open against one shut site until none helps, then kicks.

A swap's profit is ``gain[in] - loss[out] + extra[in, out]`` (Resende and Werneck, European Journal of Operational
Research 174, 2006). The three tables are kept up to date by touching only the rows a swap changes, so that a swap costs
about a millisecond where evaluating it afresh would cost a second.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.compiled import compiled
from gridlane.planning.reach import BySite, Floats, Indices, Reach, Rows

Flags = NDArray[np.bool_]

LARGEST_TABLE = 40_000_000
"""Entries of the table of extras that one exchange may hold (320 MB); beyond it the caller narrows the sites first."""


class Means(NamedTuple):
    """What may be spent: the expense of each site, the budget, and which sites may be opened at all."""

    expense: Floats
    budget: float
    allowed: Flags


class Tables(NamedTuple):
    """A plan in slots, who serves each row, and what every swap would change."""

    in_slot: Indices  # site of each slot, -1 when empty
    slot_of: Indices  # slot of each site, -1 when shut
    nearest: Indices  # per row: the site that serves it, and the one that would if that shut
    second: Indices
    d1: Floats  # what they cost
    d2: Floats
    gain: Floats  # per site: saving if it opened
    loss: Floats  # per slot: cost if it shut
    extra: Floats  # sites x slots: what gain and loss count twice


def greedy(reach: Reach, means: Means) -> Indices:
    """Sites in the order they are taken: always the largest saving per expense that the budget still affords."""
    taken = np.empty(reach.sites, dtype=np.int32)
    count = take_greedily(reach.by_site, reach.fallback.copy(), means, taken)
    return taken[:count].copy()


@compiled
def take_greedily(by_site: BySite, now: Floats, means: Means, taken: Indices) -> int:
    """Lazy: a saving computed earlier only ever shrinks, so the first one that is fresh and still the largest wins."""
    m = len(means.expense)
    ratio, fresh = np.empty(m), np.zeros(m, dtype=np.int64)
    for j in range(m):
        ratio[j] = saving(by_site, now, j) / means.expense[j] if means.allowed[j] else 0.0
    count, left = 0, means.budget
    while True:
        j = int(np.argmax(ratio))
        if ratio[j] <= 0.0:
            return count
        if means.expense[j] > left * (1 + 1e-12):
            ratio[j] = 0.0
        elif fresh[j] == count:
            taken[count] = j
            count += 1
            left -= means.expense[j]
            ratio[j] = 0.0
            for e in range(by_site.offsets[j], by_site.offsets[j + 1]):
                i = by_site.rows[e]
                now[i] = min(now[i], by_site.costs[e])
        else:
            ratio[j] = saving(by_site, now, j) / means.expense[j]
            fresh[j] = count


@compiled
def saving(by_site: BySite, now: Floats, j: int) -> float:
    total = 0.0
    for e in range(by_site.offsets[j], by_site.offsets[j + 1]):
        total += max(0.0, now[by_site.rows[e]] - by_site.costs[e])
    return total


def cost_of(reach: Reach, sites: Indices) -> float:
    """What a set of open sites costs all rows together."""
    return float(np.sum(service(reach.view, opened(reach, sites))[1]))


def opened(reach: Reach, sites: Indices) -> Flags:
    flags = np.zeros(reach.sites, dtype=np.bool_)
    flags[sites] = True
    return flags


@compiled
def service(rows: Rows, is_open: Flags) -> tuple[Indices, Floats]:
    """The site that serves each row (-1 for the fallback) and what it costs."""
    n = len(rows.fallback)
    server, paid = np.full(n, -1, dtype=np.int32), rows.fallback.copy()
    for i in range(n):
        for e in range(rows.start[i], rows.start[i + 1]):
            if is_open[rows.site[e]]:
                server[i], paid[i] = rows.site[e], rows.cost[e]
                break
    return server, paid


@dataclass(frozen=True)
class Exchange:
    """A plan being improved."""

    reach: Reach
    means: Means
    tables: Tables

    @classmethod
    def begin(cls, reach: Reach, means: Means, sites: Indices) -> "Exchange":
        n, m, slots = reach.rows, reach.sites, slots_needed(means, len(sites))
        tables = Tables(
            in_slot=np.full(slots, -1, np.int32),
            slot_of=np.full(m, -1, np.int32),
            nearest=np.full(n, -1, np.int32),
            second=np.full(n, -1, np.int32),
            d1=np.empty(n),
            d2=np.empty(n),
            gain=np.zeros(m),
            loss=np.zeros(slots),
            extra=np.zeros((m, slots)),
        )
        tables.in_slot[: len(sites)] = sites
        tables.slot_of[sites] = np.arange(len(sites), dtype=np.int32)
        fill(reach.view, tables)
        return cls(reach, means, tables)

    @property
    def sites(self) -> Indices:
        return np.sort(self.tables.in_slot[self.tables.in_slot >= 0])

    @property
    def cost(self) -> float:
        return float(np.sum(self.tables.d1))

    def descend(self, most_swaps: int) -> int:
        """Do the best swap until none helps; gives the number done."""
        log = np.empty((most_swaps, 3), dtype=np.int64)
        return descend(self.reach.view, self.reach.by_site, self.means, self.tables, log, 0)

    def shake(self, kicks: int, generator: np.random.Generator) -> None:
        """Kick a few neighbouring sites at random, descend, keep what got cheaper and undo the rest."""
        shake(self.reach.view, self.reach.by_site, self.means, self.tables, kicks, generator)


def slots_needed(means: Means, taken: int) -> int:
    """Room for every site the budget could ever buy, though not for thousands more than greedy took."""
    affordable = np.cumsum(np.sort(means.expense[means.allowed]))
    most = int(np.searchsorted(affordable, means.budget * (1 + 1e-12), side="right"))
    return max(taken, min(most, taken + taken // 4 + 8), 1)


@compiled
def fill(rows: Rows, tables: Tables) -> None:
    for i in range(len(rows.fallback)):
        find_nearest(rows, tables, i)
        account(rows, tables, i, 1.0)


@compiled
def find_nearest(rows: Rows, tables: Tables, i: int) -> None:
    tables.nearest[i] = tables.second[i] = -1
    tables.d1[i] = tables.d2[i] = rows.fallback[i]
    for e in range(rows.start[i], rows.start[i + 1]):
        if tables.slot_of[rows.site[e]] >= 0:
            if tables.nearest[i] < 0:
                tables.nearest[i], tables.d1[i] = rows.site[e], rows.cost[e]
            else:
                tables.second[i], tables.d2[i] = rows.site[e], rows.cost[e]
                return


@compiled
def account(rows: Rows, tables: Tables, i: int, sign: float) -> None:
    """Add (or with sign -1 take back) what row ``i`` contributes to gain, loss and extra."""
    near, far = tables.d1[i], tables.d2[i]
    slot = tables.slot_of[tables.nearest[i]] if tables.nearest[i] >= 0 else -1
    if slot >= 0:
        tables.loss[slot] += sign * (far - near)
    for e in range(rows.start[i], rows.start[i + 1]):
        cost = rows.cost[e]
        if cost >= far:
            return
        j = rows.site[e]
        if tables.slot_of[j] >= 0:
            continue
        if cost < near:
            tables.gain[j] += sign * (near - cost)
        if slot >= 0:
            tables.extra[j, slot] += sign * (far - max(cost, near))


@compiled
def swap(rows: Rows, by_site: BySite, tables: Tables, enter: int, slot: int) -> None:
    """Open ``enter`` (or nothing, -1) in ``slot``, shutting what was there; brings every table up to date."""
    leave = tables.in_slot[slot]
    touched = np.empty(len(rows.fallback), dtype=np.int32)
    count = 0
    for j in (np.int64(enter), np.int64(leave)):
        if j < 0:
            continue
        for e in range(by_site.offsets[j], by_site.offsets[j + 1]):
            i = by_site.rows[e]
            if tables.d2[i] < 0.0:
                continue  # marked below: taken back already
            if j == enter:
                concerned = by_site.costs[e] < tables.d2[i]
            else:
                concerned = tables.nearest[i] == leave or tables.second[i] == leave
            if concerned:
                account(rows, tables, i, -1.0)
                tables.d2[i] = -1.0
                touched[count] = i
                count += 1
    tables.in_slot[slot] = enter
    if leave >= 0:
        tables.slot_of[leave] = -1
    if enter >= 0:
        tables.slot_of[enter] = slot
    for t in range(count):
        find_nearest(rows, tables, touched[t])
        account(rows, tables, touched[t], 1.0)


@compiled
def affordable(means: Means, tables: Tables) -> float:
    """What is left of the budget, with a hair for rounding."""
    left = means.budget * (1 + 1e-9)
    for slot in range(len(tables.in_slot)):
        if tables.in_slot[slot] >= 0:
            left -= means.expense[tables.in_slot[slot]]
    return left


@compiled
def best_swap(means: Means, tables: Tables) -> tuple[float, int, int]:
    """The most profitable swap that keeps within the budget: its profit, the site that enters, the slot it takes."""
    best, enter, into = 0.0, -1, -1
    left = affordable(means, tables)
    for j in range(len(tables.gain)):
        if tables.slot_of[j] >= 0 or not means.allowed[j]:
            continue
        for slot in range(len(tables.in_slot)):
            profit = tables.gain[j] - tables.loss[slot] + tables.extra[j, slot]
            if profit > best:
                leave = tables.in_slot[slot]
                freed = means.expense[leave] if leave >= 0 else 0.0
                if means.expense[j] - freed <= left:
                    best, enter, into = profit, j, slot
    return best, enter, into


@compiled
def descend(
    rows: Rows, by_site: BySite, means: Means, tables: Tables, log: NDArray[np.int64], done: int
) -> int:
    """Swap while it pays, writing (slot, left, entered) into ``log`` from row ``done`` on; gives the rows written."""
    smallest = 1e-9 * np.sum(tables.d1)
    while done < len(log):
        profit, enter, slot = best_swap(means, tables)
        if enter < 0 or profit <= smallest:
            return done
        log[done, 0], log[done, 1], log[done, 2] = slot, tables.in_slot[slot], enter
        done += 1
        swap(rows, by_site, tables, enter, slot)
    return done


@compiled
def shake(
    rows: Rows, by_site: BySite, means: Means, tables: Tables, kicks: int, generator: np.random.Generator
) -> None:
    log = np.empty((400, 3), dtype=np.int64)
    best = np.sum(tables.d1)
    for _ in range(kicks):
        done = 0
        for _ in range(generator.integers(2, 5)):
            slot, enter = pick_neighbours(rows, by_site, means, tables, generator)
            if enter >= 0:
                log[done, 0], log[done, 1], log[done, 2] = slot, tables.in_slot[slot], enter
                done += 1
                swap(rows, by_site, tables, enter, slot)
        done = descend(rows, by_site, means, tables, log, done)
        now = np.sum(tables.d1)
        if now <= best * (1 + 1e-12):
            best = now
            continue
        for step in range(done - 1, -1, -1):
            swap(rows, by_site, tables, log[step, 1], log[step, 0])


@compiled
def pick_neighbours(
    rows: Rows, by_site: BySite, means: Means, tables: Tables, generator: np.random.Generator
) -> tuple[int, int]:
    """A random open site's slot and a random shut site that shares a row with it, or -1 where none was met."""
    left = affordable(means, tables)
    for _ in range(20):
        slot = generator.integers(0, len(tables.in_slot))
        leave = tables.in_slot[slot]
        if leave < 0 or by_site.offsets[leave] == by_site.offsets[leave + 1]:
            continue
        i = by_site.rows[generator.integers(by_site.offsets[leave], by_site.offsets[leave + 1])]
        j = rows.site[generator.integers(rows.start[i], rows.start[i + 1])]
        if tables.slot_of[j] < 0 and means.allowed[j] and means.expense[j] - means.expense[leave] <= left:
            return int(slot), int(j)
    return 0, -1
