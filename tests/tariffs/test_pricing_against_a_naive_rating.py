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


def naive(periods, tariff, zone):
    """(amount per line in cents, net, tax) of the session."""
    where = ZoneInfo(zone)
    uses = {}  # (element, dimension) -> [quantity, cost as Fraction, price now]
    last_energy = last_time = None
    flat_of_phase, phase, began, used, idle = set(), None, None, 0, 0
    for period in periods:
        if phase is not (now := _phase(period)):
            phase, began, used, idle = now, period.start.replace(microsecond=0), 0, 0
            flat_of_phase.discard(phase)
        thresholds = _thresholds(tariff)
        first, last = period.start.replace(microsecond=0), period.end.replace(microsecond=0)
        seconds = int((last - first).total_seconds())
        energy = round(period.energy * 1000)
        for step in range(max(seconds, 1)):
            at = first + timedelta(seconds=step)
            have = used + (energy * step // seconds if seconds else 0)
            will = used + (energy * (step + 1) // seconds if seconds else energy)

            def holding(dimension, reached, at=at, local=at.astimezone(where)):
                return _first(tariff, dimension, phase, local, at - began, reached, period, energy, seconds)

            if phase not in flat_of_phase and (found := holding(Dimension.FLAT, have)):
                flat_of_phase.add(phase)
                _use(uses, found, 1, at)
            while have < will:
                upto = min([k for k in thresholds if have < k < will], default=will)
                if found := holding(Dimension.ENERGY, have):
                    last_energy = _use(uses, found, upto - have, at)
                have = upto
            if seconds:
                start = used + energy * step // seconds
                kind = {Activity.PARKING: Dimension.PARKING_TIME, Activity.HELD: None}.get(
                    period.activity, Dimension.TIME
                )
                in_grace = kind is Dimension.PARKING_TIME and idle < tariff.idle_grace
                if kind and not in_grace and (found := holding(kind, start)):
                    last_time = _use(uses, found, 1, at)
                idle = idle + 1 if period.activity is Activity.PARKING else 0
        if not seconds and period.activity is not Activity.PARKING:
            idle = 0
        used += energy
    _step(uses, last_energy, 1000)
    _step(uses, last_time, 1)
    return _money(uses, tariff, bool(periods))


def _phase(period):
    return period.activity if period.activity in (Activity.RESERVED, Activity.RESERVED_IN_VAIN) else "session"


def _first(tariff, dimension, phase, local, elapsed, reached, period, energy, seconds):
    wanted = {
        "session": [None],
        Activity.RESERVED: [ReservationRestriction.RESERVATION],
        Activity.RESERVED_IN_VAIN: [
            ReservationRestriction.RESERVATION_EXPIRES,
            ReservationRestriction.RESERVATION,
        ],
    }[phase]
    for use in wanted:
        for index, element in enumerate(tariff.elements):
            if element.restrictions.reservation is not use:
                continue
            for component in element.price_components:
                if component.type is dimension and _holds(
                    element.restrictions, local, elapsed, reached, period, energy, seconds
                ):
                    return index, component
    return None


def _holds(r, local, elapsed, reached, period, energy, seconds):
    kwh = Decimal(reached) / 1_000_000
    milliwatts = energy * 3600 // seconds if seconds else 0
    power = Decimal(milliwatts if period.power is None else round(period.power * 1000)) / 10**6
    current = None if period.current is None else Decimal(round(period.current * 1000)) / 1000
    clock = local.time().replace(tzinfo=None)
    start = time.fromisoformat(r.start_time or "00:00")
    end = time.fromisoformat(r.end_time or "00:00")
    if end == time(0):
        in_window = clock >= start
    elif start < end:
        in_window = start <= clock < end
    else:
        in_window = clock >= start or clock < end
    return (
        in_window
        and (r.start_date is None or local.date() >= date.fromisoformat(r.start_date))
        and (r.end_date is None or local.date() < date.fromisoformat(r.end_date))
        and (not r.day_of_week or DAYS[local.weekday()] in r.day_of_week)
        and (r.min_kwh is None or kwh >= r.min_kwh)
        and (r.max_kwh is None or kwh < r.max_kwh)
        and (r.min_power is None or power >= r.min_power)
        and (r.max_power is None or power < r.max_power)
        and ((r.min_current is None and r.max_current is None) or current is not None)
        and (r.min_current is None or current >= r.min_current)
        and (r.max_current is None or current < r.max_current)
        and (r.min_duration is None or elapsed >= timedelta(seconds=r.min_duration))
        and (r.max_duration is None or elapsed < timedelta(seconds=r.max_duration))
    )


def _thresholds(tariff):
    limits = [element.restrictions for element in tariff.elements]
    return {int(k * 1_000_000) for r in limits for k in (r.min_kwh, r.max_kwh) if k is not None}


def _use(uses, found, quantity, at):
    index, component = found
    unit = {Dimension.ENERGY: 1_000_000, Dimension.FLAT: 1}.get(component.type, 3600)
    now = component.price
    for entry in component.schedule:
        if entry.since <= at:
            now = entry.price
    use = uses.setdefault((index, component.type), [0, Fraction(0), component, unit, now])
    use[0] += quantity
    use[1] += Fraction(now) * quantity / unit
    use[4] = now
    return (index, component.type)


def _step(uses, last, multiplier):
    if last is None:
        return
    use = uses[last]
    total = sum(other[0] for (_, dimension), other in uses.items() if dimension is last[1])
    step = use[2].step_size * multiplier
    if step:
        use[1] += Fraction(use[4]) * (-total % step) / use[3]


def _cents(amount):
    exact = Decimal(amount.numerator * 100) / Decimal(amount.denominator)
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


ORDER = [Dimension.FLAT, Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME]


def _money(uses, tariff, is_session):
    uses = dict(sorted(uses.items(), key=lambda item: (ORDER.index(item[0][1]), item[0][0])))
    lines = [_cents(use[1]) for use in uses.values()]
    parts = {}
    for use, amount in zip(uses.values(), lines, strict=True):
        parts[use[2].vat] = parts.get(use[2].vat, 0) + amount
    taxless = tariff.tax_included is TaxIncluded.NOT_APPLICABLE
    inside = tariff.tax_included is TaxIncluded.YES
    share = {vat: Fraction(0 if taxless else (vat or 0)) / 100 for vat in parts}

    def tax_on_net(vat, net):
        return _cents(Fraction(net, 100) * share[vat])

    def tax_in_gross(vat, gross):
        return _cents(Fraction(gross, 100) * share[vat] / (1 + share[vat]))

    net_tax = {}
    for vat, amount in parts.items():
        tax = tax_in_gross(vat, amount) if inside else tax_on_net(vat, amount)
        net_tax[vat] = (amount - tax, tax) if inside else (amount, tax)
    for limit, is_low in ((tariff.min_price, True), (tariff.max_price, False)):
        for field in ("before_taxes", "after_taxes"):
            bound = getattr(limit, field) if limit else None
            if bound is None or not is_session:
                continue
            gross = field == "after_taxes"
            have = {vat: net + (tax if gross else 0) for vat, (net, tax) in net_tax.items()}
            missing = int(bound * 100) - sum(have.values())
            if missing == 0 or (missing > 0) is not is_low:
                continue
            if not have:
                vats = [c.vat for e in tariff.elements for c in e.price_components if c.vat is not None]
                have = {(vats[0] if vats else None): 0}
                share |= {vat: Fraction(0 if taxless else (vat or 0)) / 100 for vat in have}
            total, left, new = sum(have.values()), missing, {}
            for position, vat in enumerate(have):
                if total == 0:
                    part = missing if position == 0 else 0
                elif position == len(have) - 1:
                    part = left
                else:
                    part = _cents(Fraction(missing * have[vat], total * 100))
                left -= part
                if gross:
                    tax = tax_in_gross(vat, have[vat] + part)
                    new[vat] = (have[vat] + part - tax, tax)
                else:
                    new[vat] = (have[vat] + part, tax_on_net(vat, have[vat] + part))
            net_tax = new
    return lines, sum(net for net, _ in net_tax.values()), sum(tax for _, tax in net_tax.values())


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
