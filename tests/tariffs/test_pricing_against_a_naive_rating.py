"""A second rating, deliberately naive: it walks through the session second by second with plain local datetimes and
exact fractions, and asks every element at every second. It shares no arithmetic with the product."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from gridlane.tariffs.pricing import price
from gridlane.tariffs.session import Activity, Period
from gridlane.tariffs.tariff import (
    DAYS,
    Dimension,
    PriceComponent,
    PricedFrom,
    PriceLimit,
    ReservationRestriction,
    Restrictions,
    Tariff,
    TariffElement,
    TaxIncluded,
    problems_of,
)

# --- the naive rating -------------------------------------------------------------------------------------------


class Naive:
    """Walks through a session; ``uses`` maps (element, dimension) to quantity, cost and the price that held last."""

    def __init__(self, tariff, zone):
        self.tariff, self.where = tariff, ZoneInfo(zone)
        self.uses = {}
        self.phase = self.began = self.last_energy = self.last_time = None
        self.used = self.idle = 0
        self.has_flat = False

    def walk(self, period):
        first, last = period.start.replace(microsecond=0), period.end.replace(microsecond=0)
        if self.phase is not (phase := _phase(period)):
            self.phase, self.began, self.used, self.idle, self.has_flat = phase, first, 0, 0, False
        self.period, self.seconds = period, int((last - first).total_seconds())
        self.energy, start = round(period.energy * 1000), self.used
        for step in range(max(self.seconds, 1)):
            self.at = first + timedelta(seconds=step)
            self.local = self.at.astimezone(self.where)
            self.second(
                start + self.energy * (step + 1) // self.seconds if self.seconds else start + self.energy
            )
        if not self.seconds and period.activity is not Activity.PARKING:
            self.idle = 0

    def second(self, until):
        if not self.has_flat and (found := self.holding(Dimension.FLAT)):
            self.has_flat = True
            self.use(found, 1)
        kind = {Activity.PARKING: Dimension.PARKING_TIME, Activity.HELD: None}.get(
            self.period.activity, Dimension.TIME
        )
        in_grace = kind is Dimension.PARKING_TIME and self.idle < self.tariff.idle_grace
        if self.seconds:
            if kind and not in_grace and (found := self.holding(kind)):
                self.last_time = self.use(found, 1)
            self.idle = self.idle + 1 if self.period.activity is Activity.PARKING else 0
        while self.used < until:
            upto = min([k for k in _thresholds(self.tariff) if self.used < k < until], default=until)
            if found := self.holding(Dimension.ENERGY):
                self.last_energy = self.use(found, upto - self.used)
            self.used = upto

    def holding(self, dimension):
        """The first component of the dimension whose element matches now."""
        for wanted in USES[self.phase]:
            for index, element in enumerate(self.tariff.elements):
                if element.restrictions.reservation is wanted and self.matches(element.restrictions):
                    for component in element.price_components:
                        if component.type is dimension:
                            return index, component
        return None

    def matches(self, r):
        kwh = Decimal(self.used) / 1_000_000
        milliwatts = self.energy * 3600 // self.seconds if self.seconds else 0
        power = Decimal(milliwatts if self.period.power is None else round(self.period.power * 1000)) / 10**6
        current = None if self.period.current is None else Decimal(round(self.period.current * 1000)) / 1000
        elapsed = int((self.at - self.began).total_seconds())
        return (
            _in_window(self.local.time(), r)
            and (r.start_date is None or self.local.date() >= date.fromisoformat(r.start_date))
            and (r.end_date is None or self.local.date() < date.fromisoformat(r.end_date))
            and (not r.day_of_week or DAYS[self.local.weekday()] in r.day_of_week)
            and _in_range(kwh, r.min_kwh, r.max_kwh)
            and _in_range(power, r.min_power, r.max_power)
            and _in_range(current, r.min_current, r.max_current)
            and _in_range(elapsed, r.min_duration, r.max_duration)
        )

    def use(self, found, quantity):
        index, component = found
        now = component.price
        for entry in component.schedule:
            if entry.since <= self.at:
                now = entry.price
        use = self.uses.setdefault((index, component.type), [0, Fraction(0), component, now])
        use[0] += quantity
        use[1] += Fraction(now) * quantity / UNIT[component.type]
        use[3] = now
        return (index, component.type)

    def step(self, last):
        if last is None:
            return
        use = self.uses[last]
        total = sum(other[0] for (_, dimension), other in self.uses.items() if dimension is last[1])
        if step := use[2].step_size * (1000 if last[1] is Dimension.ENERGY else 1):
            use[1] += Fraction(use[3]) * (-total % step) / UNIT[last[1]]


UNIT = {
    Dimension.ENERGY: 1_000_000,
    Dimension.FLAT: 1,
    Dimension.TIME: 3600,
    Dimension.PARKING_TIME: 3600,
}
ORDER = [Dimension.FLAT, Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME]
USES = {
    "session": [None],
    Activity.RESERVED: [ReservationRestriction.RESERVATION],
    Activity.RESERVED_IN_VAIN: [
        ReservationRestriction.RESERVATION_EXPIRES,
        ReservationRestriction.RESERVATION,
    ],
}


def naive(periods, tariff, zone):
    """(amount per line in cents, net, tax) of the session."""
    rating = Naive(tariff, zone)
    for period in periods:
        rating.walk(period)
    rating.step(rating.last_energy)
    rating.step(rating.last_time)
    uses = dict(sorted(rating.uses.items(), key=lambda item: (ORDER.index(item[0][1]), item[0][0])))
    lines = [_cents(use[1]) for use in uses.values()]
    parts = {}
    for use, amount in zip(uses.values(), lines, strict=True):
        parts[use[2].vat] = parts.get(use[2].vat, 0) + amount
    net_tax = {
        vat: _split(amount, vat, tariff, tariff.tax_included is TaxIncluded.YES)
        for vat, amount in parts.items()
    }
    if periods:
        for limit, is_low in ((tariff.min_price, True), (tariff.max_price, False)):
            for gross in (False, True):
                net_tax = _bound(net_tax, limit, is_low, gross, tariff)
    return lines, sum(net for net, _ in net_tax.values()), sum(tax for _, tax in net_tax.values())


def _phase(period):
    return period.activity if period.activity in (Activity.RESERVED, Activity.RESERVED_IN_VAIN) else "session"


def _in_range(value, low, high):
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= low) and (high is None or value < high)


def _in_window(clock, r):
    start = time.fromisoformat(r.start_time or "00:00")
    end = time.fromisoformat(r.end_time or "00:00")
    if end == time(0):
        return clock >= start
    if start < end:
        return start <= clock < end
    return clock >= start or clock < end


def _split(amount, vat, tariff, is_gross):
    rate = Fraction(0 if tariff.tax_included is TaxIncluded.NOT_APPLICABLE else vat or 0) / 100
    if is_gross:
        tax = _cents(Fraction(amount, 100) * rate / (1 + rate))
        return amount - tax, tax
    return amount, _cents(Fraction(amount, 100) * rate)


def _bound(net_tax, limit, is_low, gross, tariff):
    bound = None if limit is None else limit.after_taxes if gross else limit.before_taxes
    have = {vat: net + (tax if gross else 0) for vat, (net, tax) in net_tax.items()}
    missing = 0 if bound is None else int(bound * 100) - sum(have.values())
    if missing == 0 or (missing > 0) is not is_low:
        return net_tax
    if not have:
        vats = [c.vat for e in tariff.elements for c in e.price_components if c.vat is not None]
        have = {(vats[0] if vats else None): 0}
    total, left = sum(have.values()), missing
    if missing < 0:
        for vat in sorted(have, key=lambda vat: -(vat or 0)):
            part = max(left, -max(have[vat], 0))
            have[vat] += part
            left -= part
    elif total <= 0:
        have[next(iter(have))] += missing
    else:
        for position, vat in enumerate(have):
            part = left if position == len(have) - 1 else _cents(Fraction(missing * have[vat], total * 100))
            have[vat] += part
            left -= part
    return {vat: _split(amount, vat, tariff, gross) for vat, amount in have.items()}


def _thresholds(tariff):
    limits = [element.restrictions for element in tariff.elements]
    return {int(k * 1_000_000) for r in limits for k in (r.min_kwh, r.max_kwh) if k is not None}


def _cents(amount):
    exact = Decimal(amount.numerator * 100) / Decimal(amount.denominator)
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


# --- made-up tariffs and sessions -------------------------------------------------------------------------------

ZONES = ("Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
# near the changes of daylight saving of these zones, a plain Monday and a year's end
MOMENTS = [
    datetime(2026, 3, 29, 0, 50, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 40, tzinfo=UTC),
    datetime(2026, 3, 8, 6, 55, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 50, tzinfo=UTC),
    datetime(2026, 4, 4, 14, 50, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 20, tzinfo=UTC),
    datetime(2026, 1, 12, 16, 45, tzinfo=UTC),
    datetime(2026, 12, 31, 22, 50, tzinfo=UTC),
]
prices = st.integers(0, 90).map(lambda n: Decimal(n) / 100) | st.integers(0, 999_999).map(
    lambda n: Decimal(n) / 1_000_000
)
vats = st.sampled_from([None, Decimal(0), Decimal(19), Decimal(7), Decimal("5.5")])


@st.composite
def clocks(draw, around):
    """A time of day near the session, in any of the zones' offsets: a random hour but a telling minute."""
    local = around + timedelta(minutes=draw(st.integers(-10, 40)))
    hour = draw(st.sampled_from([local.hour, (local.hour + 1) % 24, (local.hour + 2) % 24, 0]))
    return f"{hour:02d}:{local.minute:02d}"


def ranges(low, high, divisor):
    """None twice, one bound, or two in order."""

    def pair(values):
        numbers = sorted(values)
        return tuple(Decimal(n) / divisor for n in numbers)

    two = st.sets(st.integers(low, high), min_size=2, max_size=2).map(pair)
    one = st.integers(low, high).map(lambda n: (Decimal(n) / divisor, None))
    other = st.integers(low + 1, high).map(lambda n: (None, Decimal(n) / divisor))
    return st.one_of(st.just((None, None)), st.just((None, None)), two, one, other)


@st.composite
def restrictions(draw, around):
    kwh = draw(ranges(0, 4_000, 1000))
    power = draw(ranges(1, 22, 1))
    current = draw(ranges(1, 48, 1))
    durations = draw(ranges(0, 1_500, 1))
    minutes = [None if d is None else int(d) for d in durations]
    today = around.date()
    return Restrictions(
        start_time=draw(st.none() | clocks(around)),
        end_time=draw(st.none() | clocks(around)),
        start_date=draw(st.sampled_from([None, None, None, today.isoformat()])),
        end_date=draw(st.sampled_from([None, None, None, (today + timedelta(days=1)).isoformat()])),
        min_kwh=kwh[0],
        max_kwh=kwh[1],
        min_power=power[0] if (rare := draw(st.booleans())) else None,
        max_power=power[1] if rare else None,
        min_current=current[0] if (rare := draw(st.integers(0, 3)) == 0) else None,
        max_current=current[1] if rare else None,
        min_duration=minutes[0],
        max_duration=minutes[1],
        day_of_week=tuple(draw(st.sampled_from([(), (), DAYS[:5], DAYS[5:]]))),
    )


@st.composite
def components(draw, dimension, around):
    schedule = ()
    if dimension is Dimension.ENERGY and draw(st.integers(0, 3)) == 0:
        cuts = sorted(draw(st.sets(st.integers(-5, 30), min_size=1, max_size=4)))
        schedule = tuple(
            PricedFrom(
                since=around + timedelta(minutes=m), price=draw(st.integers(-50, 500)) * Decimal("0.001")
            )
            for m in cuts
        )
    return PriceComponent(
        type=dimension,
        price=draw(prices),
        step_size=draw(st.sampled_from([0, 1, 1, 60, 300, 500])),
        vat=draw(vats),
        schedule=schedule,
    )


@st.composite
def elements(draw, around):
    use = draw(st.sampled_from([None] * 5 + list(ReservationRestriction)))
    allowed = [Dimension.FLAT, Dimension.TIME] if use else list(Dimension)
    chosen = draw(st.sets(st.sampled_from(allowed), min_size=1))
    limits = draw(st.just(Restrictions()) | restrictions(around))
    if use:
        limits = Restrictions(reservation=use, min_duration=limits.min_duration, start_time=limits.start_time)
    made = tuple(draw(components(dimension, around)) for dimension in allowed if dimension in chosen)
    return TariffElement(price_components=made, restrictions=limits)


@st.composite
def limits(draw):
    low = draw(st.none() | st.integers(0, 300))
    high = draw(st.none() | st.integers(low or 0, 800))

    def limit(cents):
        extra = draw(st.none() | st.integers(0, 100))
        after = None if extra is None else Decimal(cents + extra) / 100
        return PriceLimit(before_taxes=Decimal(cents) / 100, after_taxes=after)

    return None if low is None else limit(low), None if high is None else limit(high)


@st.composite
def cases(draw):
    around = draw(st.sampled_from(MOMENTS))
    low, high = draw(limits())
    tariff = Tariff(
        country_code="DE",
        party_id="GRL",
        id="T",
        currency="EUR",
        elements=tuple(draw(st.lists(elements(around), min_size=1, max_size=5))),
        last_updated=around,
        tax_included=draw(st.sampled_from(list(TaxIncluded))),
        min_price=low,
        max_price=high,
        idle_grace=draw(st.sampled_from([0, 0, 60, 200])),
    )
    at, periods = around + timedelta(milliseconds=draw(st.integers(0, 60_000))), []
    reserved = draw(st.sampled_from([None] * 4 + [Activity.RESERVED, Activity.RESERVED_IN_VAIN]))
    if reserved:
        end = at + timedelta(seconds=draw(st.integers(1, 300)))
        periods.append(Period(at, end, reserved))
        at = end
    for _ in range(draw(st.integers(0 if reserved else 1, 4))):
        end = at + timedelta(milliseconds=draw(st.integers(0, 400_000)))
        activity = draw(
            st.sampled_from([Activity.CHARGING, Activity.CHARGING, Activity.PARKING, Activity.HELD])
        )
        milliwatt_hours = 0 if activity is Activity.HELD else draw(st.integers(0, 3_000_000))
        current = draw(st.none() | st.integers(0, 48))
        power = draw(st.none() | st.none() | st.integers(0, 22_000))
        periods.append(Period(at, end, activity, milliwatt_hours / 1000, power, current))
        at = end + timedelta(seconds=draw(st.sampled_from([0, 0, 0, 7])))
    return periods, tariff, draw(st.sampled_from(ZONES))


@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False)
@given(cases())
def test_not_a_cent_differs_from_a_rating_second_by_second(case):
    periods, tariff, zone = case
    if problems_of(tariff):
        return
    note(f"{msgspec.json.encode(tariff).decode()}\n{periods}\n{zone}")
    lines, net, tax = naive(periods, tariff, zone)
    result = price(periods, tariff, zone)
    assert [line.amount.minor() for line in result.lines if line.dimension] == lines
    assert (result.net.minor(), result.tax.minor()) == (net, tax)
    assert result.net + result.tax == result.gross
