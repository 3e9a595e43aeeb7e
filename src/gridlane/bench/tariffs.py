"""What rating a session costs, and whether it is right: cents compared with a rating that shares no code.

The speed is CPU time of one process on sessions that all differ: a start fee, energy at a day and a peak price, and an
idle fee after a grace, over one to three prices each. The check draws tariffs and sessions at random around changes of
price, of the date and of daylight saving, and compares every line, net and tax.
"""

import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import numpy as np

from gridlane.bench.table import Options, Row, Table
from gridlane.bench.tariff_oracle import CHARGING, HELD, KINDS, PARKING, Bills, Sessions, rate
from gridlane.kernel.quantities import Amperes, WattHours
from gridlane.tariffs.pricing import Priced, price
from gridlane.tariffs.session import Activity, Period
from gridlane.tariffs.tariff import (
    DAYS,
    Dimension,
    PriceComponent,
    PricedFrom,
    PriceLimit,
    Restrictions,
    Tariff,
    TariffElement,
    TaxIncluded,
    problems_of,
)

GOAL_PER_SECOND = 20_000
CASES, CASES_QUICK = 1_000_000, 30_000
CHUNK = 200
"""Sessions per tariff: a chunk is one tariff drawn, rated both ways and compared."""

REMARKS = (
    "reservations and bounds over several tax rates are compared in the tests, second by second, not here",
)


def run(options: Options) -> Table:
    cases = CASES_QUICK if options.quick else CASES
    speed = sessions_per_second(options)
    compared, mismatches, seconds = check(options.seed, cases)
    rows = [
        Row("typical sessions rated on one core", speed, "1/s", at_least=GOAL_PER_SECOND),
        Row("microseconds per typical session", 1e6 / speed, "us"),
        Row("cases compared", compared, at_least=cases, note=f"took {seconds:.0f} s"),
        Row("cases with a cent of difference", mismatches, at_most=0),
    ]
    return Table("tariffs", rows, options, REMARKS)


# ---- speed ---------------------------------------------------------------------------------------------------------


def sessions_per_second(options: Options) -> float:
    """The median of several rounds over sessions that all differ."""
    drawn, rounds = (5_000, 5) if options.quick else (20_000, 9)
    stays = [_typical_session(random.Random(f"{options.seed} {n}")) for n in range(drawn)]
    tariff = typical_tariff()
    return statistics.median(_round(stays, tariff) for _ in range(rounds))


def _round(stays: list[list[Period]], tariff: Tariff) -> float:
    began = time.process_time()
    for stay in stays:
        price(stay, tariff, "Europe/Berlin")
    return len(stays) / (time.process_time() - began)


def typical_tariff() -> Tariff:
    vat = Decimal(19)
    peak = Restrictions(start_time="17:00", end_time="20:00", day_of_week=DAYS[:5])
    return Tariff(
        country_code="DE",
        party_id="GRL",
        id="typical",
        currency="EUR",
        idle_grace=600,
        last_updated=datetime(2026, 1, 1, tzinfo=UTC),
        elements=(
            TariffElement(
                name="peak",
                restrictions=peak,
                price_components=(PriceComponent(type=Dimension.ENERGY, price=Decimal("0.59"), vat=vat),),
            ),
            TariffElement(
                price_components=(
                    PriceComponent(type=Dimension.FLAT, price=Decimal("0.35"), vat=vat),
                    PriceComponent(type=Dimension.ENERGY, price=Decimal("0.49"), vat=vat),
                    PriceComponent(type=Dimension.PARKING_TIME, price=Decimal(6), vat=vat, step_size=60),
                )
            ),
        ),
    )


def _typical_session(rng: random.Random) -> list[Period]:
    start = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(seconds=rng.randrange(28 * 86_400))
    full = start + timedelta(seconds=rng.randint(900, 4 * 3_600))
    gone = full + timedelta(seconds=rng.randint(0, 1_800))
    energy = WattHours(rng.randint(2_000_000, 60_000_000) / 1000)
    return [Period(start, full, Activity.CHARGING, energy), Period(full, gone, Activity.PARKING)]


# ---- correctness ---------------------------------------------------------------------------------------------------

ZONES = ("Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Los_Angeles")
MOMENTS = (
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 3, 8, 6, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
    datetime(2026, 4, 4, 14, 30, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 0, tzinfo=UTC),
    datetime(2026, 1, 12, 16, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 22, 30, tzinfo=UTC),
)
ACTIVITIES = {CHARGING: Activity.CHARGING, PARKING: Activity.PARKING, HELD: Activity.HELD}
PERIODS = 4
LONGEST = 600


def check(seed: int, cases: int) -> tuple[int, int, float]:
    """Cases compared, cases with a difference, seconds of wall time."""
    began, mismatches, compared = time.monotonic(), 0, 0
    for chunk in range(-(-cases // CHUNK)):
        rng = random.Random(f"{seed} {chunk}")
        moment, zone = rng.choice(MOMENTS), rng.choice(ZONES)
        tariff = _drawn_tariff(rng, moment)
        sessions = _drawn_sessions(np.random.default_rng([seed, chunk]), moment)
        bills = rate(sessions, tariff, zone)
        results = (price(periods, tariff, zone) for periods in _as_periods(sessions))
        mismatches += sum(_differs(result, bills, n) for n, result in enumerate(results))
        compared += CHUNK
    return compared, mismatches, time.monotonic() - began


def _differs(result: Priced, bills: Bills, n: int) -> bool:
    seen = np.zeros(bills.lines.shape[1:], np.bool_)
    for line in result.lines:
        if line.dimension is None or line.element is None:
            continue
        place = line.element, KINDS.index(line.dimension.value)
        seen[place] = True
        if bills.lines[n][place] != line.amount.minor():
            return True
    return bool(
        (seen != bills.exists[n]).any()
        or result.net.minor() != bills.net[n]
        or result.tax.minor() != bills.tax[n]
        or result.gross != result.net + result.tax
    )


def _drawn_sessions(rng: np.random.Generator, moment: datetime) -> Sessions:
    shape = (CHUNK, PERIODS)
    return Sessions(
        start=int(moment.timestamp()) + rng.integers(0, 3_600, CHUNK),
        seconds=rng.integers(1, LONGEST, shape),
        activity=rng.choice([CHARGING, CHARGING, PARKING, HELD], shape),
        energy=rng.integers(0, 3_000_000, shape) * (rng.random(shape) < 0.8),
        current=np.where(rng.random(shape) < 0.5, -1, rng.integers(0, 48_000, shape)),
    )


def _as_periods(sessions: Sessions) -> Iterator[list[Period]]:
    for n in range(CHUNK):
        at, periods = datetime.fromtimestamp(int(sessions.start[n]), UTC), []
        for k in range(PERIODS):
            end = at + timedelta(seconds=int(sessions.seconds[n, k]))
            current = int(sessions.current[n, k])
            periods.append(
                Period(
                    at,
                    end,
                    ACTIVITIES[int(sessions.activity[n, k])],
                    WattHours(int(sessions.energy[n, k]) / 1000),
                    current=None if current < 0 else Amperes(current / 1000),
                )
            )
            at = end
        yield periods


def _drawn_tariff(rng: random.Random, moment: datetime) -> Tariff:
    """A tariff that passes its own checks; bounds only where all rates are the same."""
    one_rate = rng.random() < 0.5
    vats = (
        [rng.choice([None, Decimal(0), Decimal(19), Decimal("5.5")])]
        if one_rate
        else [None, Decimal(7), Decimal(19)]
    )
    while True:
        tariff = Tariff(
            country_code="DE",
            party_id="GRL",
            id="drawn",
            currency="EUR",
            last_updated=moment,
            elements=tuple(_drawn_element(rng, moment, vats) for _ in range(rng.randint(1, 5))),
            tax_included=rng.choice(list(TaxIncluded)),
            idle_grace=rng.choice([0, 0, 60, 300]),
            min_price=_drawn_limit(rng, 0, 150) if one_rate else None,
            max_price=_drawn_limit(rng, 150, 400) if one_rate else None,
        )
        if not problems_of(tariff):
            return tariff


def _drawn_limit(rng: random.Random, low: int, high: int) -> PriceLimit | None:
    if rng.random() < 0.6:
        return None
    before = rng.randint(low, high)
    after = Decimal(before + rng.randint(0, 60)) / 100 if rng.random() < 0.5 else None
    return PriceLimit(before_taxes=Decimal(before) / 100, after_taxes=after)


def _drawn_element(rng: random.Random, moment: datetime, vats: list[Decimal | None]) -> TariffElement:
    kinds = rng.sample(list(Dimension), rng.randint(1, 3))
    return TariffElement(
        price_components=tuple(_drawn_component(rng, kind, moment, rng.choice(vats)) for kind in kinds),
        restrictions=_drawn_restrictions(rng, moment) if rng.random() < 0.7 else Restrictions(),
    )


def _drawn_component(
    rng: random.Random, kind: Dimension, moment: datetime, vat: Decimal | None
) -> PriceComponent:
    schedule: tuple[PricedFrom, ...] = ()
    if kind is Dimension.ENERGY and rng.random() < 0.3:
        minutes = sorted(rng.sample(range(-10, 90), rng.randint(1, 5)))
        schedule = tuple(
            PricedFrom(since=moment + timedelta(minutes=m), price=Decimal(rng.randint(-900, 9_000)) / 10_000)
            for m in minutes
        )
    return PriceComponent(
        type=kind,
        price=Decimal(rng.randint(0, 999_999)) / rng.choice([10_000, 100_000, 1_000_000]),
        vat=vat,
        step_size=rng.choice([0, 1, 1, 60, 300, 500]),
        schedule=schedule,
    )


def _drawn_restrictions(rng: random.Random, moment: datetime) -> Restrictions:
    """One to three kinds of limits, near what the drawn sessions reach."""
    chosen = rng.sample(["clock", "days", "dates", "kwh", "power", "current", "duration"], rng.randint(1, 3))
    fields: dict[str, object] = {}
    for kind in chosen:
        if kind == "clock":
            fields |= {"start_time": _drawn_clock(rng, moment), "end_time": _drawn_clock(rng, moment)}
        elif kind == "days":
            fields["day_of_week"] = tuple(rng.sample(DAYS, rng.randint(1, 6)))
        elif kind == "dates":
            fields[rng.choice(["start_date", "end_date"])] = (
                (moment + timedelta(days=rng.randint(0, 1))).date().isoformat()
            )
        else:
            fields |= _drawn_range(rng, kind)
    return msgspec.convert(fields, Restrictions)


def _drawn_clock(rng: random.Random, moment: datetime) -> str:
    near = moment + timedelta(minutes=rng.randint(0, 90), hours=rng.choice([-5, -4, 0, 1, 2, 5, 11]))
    return f"{near.hour:02d}:{near.minute:02d}"


RANGES = {"kwh": (6_000, 1_000), "power": (20, 1), "current": (48, 1), "duration": (2_000, 1)}
"""Name -> highest value and its divisor."""


def _drawn_range(rng: random.Random, name: str) -> dict[str, object]:
    highest, divisor = RANGES[name]
    low, high = sorted(rng.sample(range(1, highest), 2))
    values: dict[str, object] = {
        f"min_{name}": low if name == "duration" else Decimal(low) / divisor,
        f"max_{name}": high if name == "duration" else Decimal(high) / divisor,
    }
    for bound in list(values):
        if rng.random() < 0.3:
            del values[bound]
    return values
