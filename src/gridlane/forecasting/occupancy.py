"""Whether a plug will be in use at a later instant, and whether the present stay still goes on then: learned from the past.

A row is one plug at one moment, looked at ``ahead`` minutes: how it stands and since when, its neighbours, and how it was
used at that time of the week in the eight weeks before. Trees learn from such rows what happened (``trees``); sites follow
from their plugs. Rows are made by the same function for learning, for the product and for ``gridlane bench waiting``.

All times are local minutes since a Monday 0:00, so that habits keep to the clock on the wall.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gridlane.forecasting.trees import Trees

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SLOT, SLOTS, WEEKDAYS = 15, 96, 7
DAY = 24 * 60
REMEMBERED = 56
"""Days: habits are those of eight weeks."""
LATELY = 7
LONGEST_STATE = 14.0 * DAY
"""Minutes: a state that lasts longer tells no more."""
AHEAD = 24 * 60
"""Minutes: what is further ahead is forecast like this, at its own time of the week."""
AROUND = (1.0, 2.0, 3.0, 2.0, 1.0)
"""A slot is told apart from those beside it only by what exceeds chance."""
AHEAD_COLUMN, HABIT_COLUMN = 6, 11
"""Of ``features``: minutes ahead, and the share of such days on which the plug was in use."""
MOST_SET_RIGHT = 60
"""Days."""


class Week(NamedTuple):
    """How plugs were used. ``used``: plugs x 7 x 96, days on which each was in use in that slot; ``days``: plugs x 7, days
    that were seen; ``lately``: share of the last week; ``usual``: slow and fast x 96, the mean share of all such plugs.
    """

    used: Floats
    days: Floats
    lately: Floats
    usual: Floats


class Moments(NamedTuple):
    """Plugs at moments; ``plug`` is a row of a ``Week``, ``elapsed`` minutes since it is in use or free, ``now`` the local
    minute of the week, ``ahead`` minutes. ``others_busy`` of ``plugs`` at the site (this one counted) are in use.
    """

    plug: Ints
    busy: Flags
    elapsed: Floats
    others_busy: Ints
    plugs: Ints
    fast: Flags
    now: Floats
    ahead: Floats


def features(at: Moments, week: Week) -> Floats:
    """One row for each moment."""
    then = at.now + at.ahead
    all_days, like_days, that_day = _shares(week, at.plug, at.fast, then)
    _, _, today = _shares(week, at.plug, at.fast, at.now)
    seen = week.days[at.plug].sum(axis=1)
    level = week.used[at.plug].mean(axis=(1, 2)) * WEEKDAYS / np.maximum(seen, 1.0)
    return np.column_stack(
        (
            at.busy,
            np.minimum(at.elapsed, LONGEST_STATE),
            at.others_busy,
            at.plugs,
            at.others_busy / at.plugs,
            at.fast,
            np.minimum(at.ahead, AHEAD),
            then % DAY,
            then // DAY % WEEKDAYS,
            all_days,
            like_days,
            that_day,
            today,
            level,
            week.lately[at.plug],
            seen,
        )
    ).astype(np.float64)


def _shares(week: Week, plug: Ints, fast: Flags, minute: Floats) -> tuple[Floats, Floats, Floats]:
    """The share of days on which the plug was in use at this time: of all days, of working or free days, of this weekday.

    Each is drawn towards the one before it, the first towards that of plugs like it, so that few days do not mislead.
    """
    slot = (minute // SLOT).astype(np.int64) % SLOTS
    weekday = (minute // DAY).astype(np.int64) % WEEKDAYS
    weights = np.asarray(AROUND) / sum(AROUND)
    around = (slot[:, None] + np.arange(-2, 3)) % SLOTS
    used = np.einsum(
        "rdk,k->rd", week.used[plug[:, None, None], np.arange(WEEKDAYS)[:, None], around[:, None, :]], weights
    )
    days = week.days[plug]
    usual = week.usual[fast.astype(np.int64), slot]
    alike = (np.arange(WEEKDAYS) >= 5) == (weekday >= 5)[:, None]
    rows = np.arange(plug.size)
    all_days = (used.sum(axis=1) + 2.0 * usual) / (days.sum(axis=1) + 2.0)
    like_days = ((used * alike).sum(axis=1) + 2.0 * all_days) / ((days * alike).sum(axis=1) + 2.0)
    that_day = (used[rows, weekday] + 3.0 * like_days) / (days[rows, weekday] + 3.0)
    return all_days, like_days, that_day


class Chances(NamedTuple):
    """Trees, and how their log-odds are bent by what happened after the time they learned from.

    ``bend``: weights of 1, the log-odds, the logarithm of the time ahead, and the product of both.
    """

    trees: "Trees"
    bend: Floats

    def of(self, rows: Floats) -> Floats:
        """The chance for each row of ``features``."""
        return np.asarray(1.0 / (1.0 + np.exp(-(_bent(self.trees.log_odds(rows), rows) @ self.bend))))


def _bent(log_odds: Floats, rows: Floats) -> Floats:
    far = np.log1p(rows[:, AHEAD_COLUMN])
    return np.column_stack((np.ones(log_odds.size), log_odds, far, log_odds * far))


class Model(NamedTuple):
    """``in_use``: the chance that a plug is in use then. ``goes_on``: that the present stay has not ended by then.

    ``score``: the Brier score of ``in_use`` on days that the trees did not see; ``simple``: that of weekly habits alone.
    """

    in_use: Chances
    goes_on: Chances
    score: float
    simple: float

    @property
    def is_better(self) -> bool:
        return self.score < self.simple


def free_count(in_use: Floats) -> Floats:
    """The chance that exactly 0, 1, 2, ... of the plugs are free, from the chance of each to be in use."""
    chance = np.zeros(in_use.size + 1)
    chance[0] = 1.0
    for number, busy in enumerate(in_use):
        chance[1 : number + 2] = chance[1 : number + 2] * busy + chance[: number + 1] * (1.0 - busy)
        chance[0] *= busy
    return chance


# --- the past ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class History:
    """Stays of plugs, sorted by plug and begin, none overlapping; ``day`` 0 is a Monday.

    Per plug: its ``site``, whether it is ``fast``, and the days ``first`` to ``last`` in which it was in service.
    """

    plug: Ints
    begin: Floats
    end: Floats
    site: Ints
    fast: Flags
    first: Ints
    last: Ints

    @classmethod
    def of(
        cls, plug: Ints, begin: Floats, end: Floats, site: Ints, fast: Flags, until: float | None = None
    ) -> "History":
        """From stays in any order; a plug is in service from its first stay to its last, or to ``until``."""
        order = np.lexsort((begin, plug))
        plug, begin, end = plug[order], begin[order], end[order]
        new = np.ones(plug.size, dtype=bool)
        reached = -np.inf
        for at in range(plug.size):
            if at and plug[at] == plug[at - 1] and begin[at] <= reached:
                new[at], reached = False, max(reached, float(end[at]))
            else:
                reached = float(end[at])
        starts = np.flatnonzero(new)
        ends = np.maximum.reduceat(end, starts) if starts.size else end
        first = np.full(site.size, np.iinfo(np.int64).max)
        last = np.full(site.size, -1)
        np.minimum.at(first, plug, (begin // DAY).astype(np.int64))
        np.maximum.at(last, plug, (end // DAY).astype(np.int64))
        if until is not None:
            last[last >= 0] = int(until // DAY)
        return cls(plug[starts], begin[starts], ends, site, fast, first, last)

    def only(self, plugs: Flags) -> "History":
        """The past of some plugs."""
        stays = plugs[self.plug]
        number = np.cumsum(plugs) - 1
        kept = number[self.plug[stays]], self.begin[stays], self.end[stays]
        return History(*kept, self.site[plugs], self.fast[plugs], self.first[plugs], self.last[plugs])

    @property
    def days(self) -> int:
        return int(self.last.max(initial=-1)) + 1

    def state(self, plug: Ints, minute: Floats) -> tuple[Flags, Floats, Floats]:
        """Whether each plug is in use at a minute, since when it is so, and until when a present stay lasts."""
        span = (self.days + 400.0) * DAY
        found = np.searchsorted(self.plug * span + self.begin, plug * span + minute, side="right") - 1
        at = np.maximum(found, 0)
        known = (found >= 0) & (self.plug[at] == plug)
        busy = known & (self.end[at] > minute)
        free_since = np.where(known, self.end[at], minute - LONGEST_STATE)
        return busy, np.where(busy, self.begin[at], free_since), np.where(busy, self.end[at], minute)

    def in_service(self, plug: Ints, minute: Floats) -> Flags:
        day = minute // DAY
        return np.asarray((self.first[plug] <= day) & (day <= self.last[plug]))

    def slots(self) -> NDArray[np.uint8]:
        """Plugs x days x 96: whether each was in use as a slot began."""
        minutes = np.arange(self.days * SLOTS, dtype=np.float64) * SLOT
        busy = np.zeros((self.site.size, self.days, SLOTS), dtype=np.uint8)
        for plug in range(self.site.size):
            used = self.state(np.full(minutes.size, plug), minutes)[0] & self.in_service(
                np.full(minutes.size, plug), minutes
            )
            busy[plug] = used.reshape(self.days, SLOTS)
        return busy

    def moments(self, plug: Ints, minute: Floats, ahead: Floats) -> Moments:
        """How things stood."""
        busy, since, _ = self.state(plug, minute)
        others, plugs = np.zeros(plug.size, dtype=np.int64), np.zeros(plug.size, dtype=np.int64)
        for other in range(self.site.size):
            near = self.site[plug] == self.site[other]
            if not near.any():
                continue
            who = np.full(int(near.sum()), other)
            serving = self.in_service(who, minute[near])
            plugs[near] += serving
            others[near] += serving & self.state(who, minute[near])[0] & (plug[near] != other)
        return Moments(
            plug, busy, minute - since, others, np.maximum(plugs, 1), self.fast[plug], minute % (WEEKDAYS * DAY), ahead
        )  # fmt: skip


def week_before(history: History, slots: NDArray[np.uint8], day: int, remembered: int = REMEMBERED) -> Week:
    """The habits as they were known in the night before ``day``, from so many days."""
    past = np.arange(max(0, day - remembered), day)
    serving = (history.first[:, None] <= past) & (past <= history.last[:, None])
    used = np.zeros((history.site.size, WEEKDAYS, SLOTS))
    days = np.zeros((history.site.size, WEEKDAYS))
    for weekday in range(WEEKDAYS):
        chosen = past % WEEKDAYS == weekday
        used[:, weekday] = slots[:, past[chosen]].sum(axis=1)
        days[:, weekday] = serving[:, chosen].sum(axis=1)
    recent = past[-LATELY:]
    seen_lately = serving[:, -LATELY:].sum(axis=1)
    lately = slots[:, recent].sum(axis=(1, 2)) / (SLOTS * np.maximum(seen_lately, 1))
    level = used.sum(axis=(1, 2)) / (SLOTS * np.maximum(days.sum(axis=1), 1.0))
    usual = np.stack(
        [_usual(used[history.fast == kind], days[history.fast == kind]) for kind in (False, True)]
    )
    return Week(used, days, np.where(seen_lately > 0, lately, level), usual)


def _usual(used: Floats, days: Floats) -> Floats:
    return np.asarray(used.sum(axis=(0, 1)) / max(days.sum(), 1.0))


class Lessons(NamedTuple):
    """Rows to learn from: of any plugs with whether they were in use then, of plugs in use with whether the stay went on."""

    rows: Floats
    busy_then: Flags
    busy_rows: Floats
    went_on: Flags


def lessons(history: History, first_day: int, last_day: int, count: int, seed: int = 1) -> Lessons:
    """About ``count`` moments drawn by chance from ``first_day`` up to (not with) ``last_day``, with what happened then.

    One day in five sees only two weeks of habits, so that new sites are learned too.
    """
    draw = np.random.default_rng(seed)
    slots = history.slots()
    each = max(1, count // max(last_day - first_day, 1))
    parts = []
    for day in range(first_day, last_day):
        serving = np.flatnonzero((history.first <= day) & (day < history.last))
        if serving.size:
            week = week_before(history, slots, day, 14 if draw.random() < 0.2 else REMEMBERED)
            parts.append(_of_day(history, week, day, draw.choice(serving, 3 * each), each, draw))
    if not parts:
        nothing, none = np.zeros((0, 16)), np.zeros(0, dtype=bool)
        return Lessons(nothing, none, nothing, none)
    return Lessons(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def _of_day(
    history: History, week: Week, day: int, plug: Ints, each: int, draw: np.random.Generator
) -> Lessons:
    """Moments of one day: ``each`` of any kind, and of the others those in use, which are few."""
    minute = day * DAY + np.floor(draw.uniform(0, DAY, plug.size))
    ahead = np.floor(2.0 * (AHEAD / 2.0) ** draw.uniform(size=plug.size))
    busy, _, until = history.state(plug, minute)
    kept = history.in_service(plug, minute + ahead) & (busy | (np.arange(plug.size) < each))
    plug, minute, ahead, busy, until = plug[kept], minute[kept], ahead[kept], busy[kept], until[kept]
    rows = features(history.moments(plug, minute, ahead), week)
    any_kind = np.flatnonzero(kept) < each
    then = history.state(plug, minute + ahead)[0]
    return Lessons(rows[any_kind], then[any_kind], rows[busy], (until > minute + ahead)[busy])


def learned(history: History, first_day: int, last_day: int, count: int, trees: int, seed: int = 1) -> Model:
    """Grow trees on days ``first_day`` up to (not with) ``last_day``, and set them right on the last of these days.

    Takes half a minute of one core for 300,000 moments and 200 trees.
    """
    from gridlane.forecasting.trees import grown

    set_right = min(MOST_SET_RIGHT, max((last_day - first_day) // 4, 1))
    early = lessons(history, first_day, last_day - set_right, count, seed)
    late = lessons(history, last_day - set_right, last_day, max(count // 5, 1), seed + 1)
    in_use = _set_right(grown(early.rows, early.busy_then, trees=trees, seed=seed), late.rows, late.busy_then)
    ends = grown(early.busy_rows, early.went_on, trees=max(trees // 2, 1), seed=seed)
    score = np.mean((in_use.of(late.rows) - late.busy_then) ** 2)
    simple = np.mean((late.rows[:, HABIT_COLUMN] - late.busy_then) ** 2)
    return Model(in_use, _set_right(ends, late.busy_rows, late.went_on), float(score), float(simple))


def _set_right(trees: "Trees", rows: Floats, happened: Flags) -> Chances:
    """Bend the log-odds to what happened later (Platt); as they are where that was always the same."""
    from sklearn.linear_model import LogisticRegression

    if happened.all() or not happened.any():
        return Chances(trees, np.array([0.0, 1.0, 0.0, 0.0]))
    found = LogisticRegression(fit_intercept=False, C=100.0).fit(_bent(trees.log_odds(rows), rows), happened)
    return Chances(trees, found.coef_[0])


MARKS: Floats = np.array(
    [0, 3, 6, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1080, 1440], dtype=float
)
"""Minutes ahead at which the end of a stay is asked for; by line in between."""


def goes_on(model: Model, at: Moments, week: Week) -> Floats:
    """Moments x ``MARKS``: the chance that each present stay lasts longer, never rising."""
    rows, marks = at.plug.size, MARKS.size
    every = Moments._make(np.repeat(column, marks) for column in at)._replace(ahead=np.tile(MARKS, rows))
    chances = model.goes_on.of(features(every, week)).reshape(rows, marks)
    chances[:, 0] = 1.0
    return np.minimum.accumulate(chances, axis=1)


def left(going_on: Floats, share: float) -> Floats:
    """Minutes after which each stay has ended with a chance of ``share``, from what ``goes_on`` gives."""
    wanted = 1.0 - share
    return np.array([np.interp(-wanted, -chances, MARKS) for chances in going_on])
