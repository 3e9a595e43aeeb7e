"""What the plan of a site is made from: the signals ahead, and what each vehicle still needs until when.

What drivers state is kept where they state it; the rest is forecast from the site's own past visits, and a site without
any begins with usual ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.charging.model import sessions
from gridlane.energy.appetite import wish
from gridlane.energy.capacity import Conditions, headroom
from gridlane.energy.circuit import Evse
from gridlane.energy.memory import Memory
from gridlane.energy.model import series_values
from gridlane.energy.observing import Observed, Running
from gridlane.energy.plan import Mode, Need, Outlook, Plan, Wants, make_plan
from gridlane.energy.signals.ports import Series, SeriesMisses
from gridlane.energy.steering import mode_of
from gridlane.energy.trees import Wired
from gridlane.forecasting.stays import Arrival, Forecast, Stays, Visit
from gridlane.kernel.quantities import WattHours, Watts
from gridlane.tariffs import spot_feeds

HORIZON = timedelta(hours=48)
HISTORY = timedelta(days=60)
VISITS = 1500
REPLAN_EVERY = timedelta(minutes=5)
ENERGY_SHARE = 0.8
"""Plan for more energy than most take; see ``beliefs``."""
STAY_SHARE = 0.25
"""Three of four stay longer: what is to be ready by an unstated departure is ready for them."""
SOON = timedelta(minutes=15)  # for who said that they would be gone by now


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The signals of a site, as far as they are known; price per kWh, CO2 in kg per kWh, sun in W."""

    price: Series | None = None
    co2: Series | None = None
    sun: Series | None = None


@dataclass(slots=True, kw_only=True)
class Foresight:
    """What is known for planning of one site."""

    ahead: Ahead = field(default_factory=Ahead)
    visits: Sequence[Visit] = ()
    stays: Stays | None = None
    learned_at: datetime | None = None


async def signals(work: AsyncConnection, wired: Wired, now: datetime) -> Ahead:
    """The series that the site's sources told, or the spot prices of its feed."""
    query = (
        sa.select(series_values.c.kind, series_values.c.begins_at, series_values.c.value)
        .where(
            series_values.c.site_id == wired.site_id,
            series_values.c.begins_at > now - timedelta(days=1),
            series_values.c.begins_at < now + HORIZON + timedelta(days=1),
        )
        .order_by(series_values.c.begins_at)
    )
    points: dict[str, list[tuple[datetime, float]]] = {}
    for row in await work.execute(query):
        points.setdefault(row.kind, []).append((row.begins_at, row.value))
    found: dict[str, Any] = {
        kind: Series(kind, tuple(at for at, _ in rows), tuple(value for _, value in rows))
        for kind, rows in points.items()
    }
    feed = wired.settings.price_feed
    if "price" not in found and feed is not None:
        spot = await spot_feeds.load(work, feed, now - timedelta(days=1), now + HORIZON)
        if spot is not None:
            found["price"] = Series(
                feed,
                tuple(each.start for each in spot.prices),
                tuple(float(each.price) for each in spot.prices),
            )
    return Ahead(**found)


async def past_visits(work: AsyncConnection, wired: Wired, now: datetime) -> list[Visit]:
    """How long vehicles stayed at the site lately, and what they took."""
    query = (
        sa.select(sessions.c.started_at, sessions.c.ended_at, sessions.c.energy)
        .where(
            sessions.c.station_id.in_({each.station_id for each in wired.places.values()}),
            sessions.c.started_at > now - HISTORY,
            sessions.c.ended_at.is_not(None),
            sessions.c.energy > 0,
        )
        .order_by(sessions.c.started_at.desc())
        .limit(VISITS)
    )
    zone = ZoneInfo(wired.site.time_zone)
    return [
        Visit(
            arrival=_arrival(row.started_at, zone),
            stay=max(0.1, (row.ended_at - row.started_at).total_seconds() / 3600),
            energy=row.energy / 1000,
        )
        for row in await work.execute(query)
    ]


def wants_a_plan(wired: Wired, seen: Observed) -> bool:
    """Whether anybody there may charge at another time than now."""
    return wired.settings.peak_price > 0 or any(
        mode_of(wired, each) is not Mode.NOW for each in seen.running.values()
    )


def reason_to_plan(wired: Wired, seen: Observed) -> tuple[Any, ...]:
    """What the plan rests on besides the time: when it changes the plan is made anew."""
    return tuple(
        sorted(
            (str(each.id), mode_of(wired, each).value, str(each.departs), str(each.wanted))
            for each in seen.running.values()
        )
    )


def foresee(wired: Wired, memories: Mapping[str, Memory], seen: Observed, foresight: Foresight) -> Plan:
    """The plan for everybody who is there now. Raises PlanNotSolved."""
    by_id = {each.id: each for each in wired.site.evses}
    stays = foresight.stays = foresight.stays or Stays(foresight.visits)
    zone = ZoneInfo(wired.site.time_zone)
    evses = list(seen.running)
    forecasts = stays.forecast([_arrival(seen.running[evse].started_at, zone) for evse in evses])
    needs = [
        need(wired, by_id[evse], memories[evse], seen.running[evse], forecast, seen.at)
        for evse, forecast in zip(evses, forecasts, strict=True)
    ]
    lasting = Conditions(
        readings=seen.conditions.readings, dimmed_to=seen.conditions.dimmed_to, fresh_for=HORIZON
    )
    return make_plan(
        wired.site,
        needs,
        outlook(wired, foresight.ahead),
        wants(wired),
        seen.at,
        lambda at: headroom(wired.site, lasting, at),
    )


def need(
    wired: Wired, evse: Evse, memory: Memory, running: Running, forecast: Forecast, now: datetime
) -> Need:
    """What one vehicle still needs: as stated, else as forecast, given how long it has stayed and what it has taken."""
    elapsed = max(0.0, (now - running.started_at).total_seconds() / 3600)
    taken = running.energy / 1000
    if running.wanted is None:
        left = forecast.energy_quantile(ENERGY_SHARE, taken) - taken
    else:
        left = max(0.0, running.wanted / 1000 - taken)
    departs = running.departs
    if departs is None:
        departs = now + timedelta(hours=max(0.25, forecast.stay_quantile(STAY_SHARE, elapsed) - elapsed))
    elif departs <= now:
        departs = now + SOON
    return Need(
        evse=evse.id,
        energy=WattHours(1000 * left),
        departs=min(departs, now + HORIZON),
        most=wish(memory.appetite, evse, now),
        mode=mode_of(wired, running),
        vehicle_phases=memory.phases,
    )


def outlook(wired: Wired, ahead: Ahead) -> Outlook:
    """The signals as functions of an instant. Beyond what is known a day is as the day before."""
    flat = wired.settings.flat_price
    return Outlook(
        price=_known(ahead.price, flat),
        co2=None if ahead.co2 is None else _known(ahead.co2, 0.0),
        sun=None if ahead.sun is None else _in_kilowatts(_known(ahead.sun, 0.0)),
    )


def wants(wired: Wired) -> Wants:
    settings = wired.settings
    return Wants(
        unmet_price=settings.unmet_price,
        peak_price=settings.peak_price,
        co2_price=settings.co2_price,
        export_most=Watts(settings.export_power),
    )


def _known(series: Series | None, otherwise: float) -> Callable[[datetime], float]:
    def at(instant: datetime) -> float:
        if series is None:
            return otherwise
        for days in range(3):
            try:
                return series.at(instant - timedelta(days=days))
            except SeriesMisses:
                continue
        return otherwise

    return at


def _in_kilowatts(watts: Callable[[datetime], float]) -> Callable[[datetime], float]:
    return lambda at: watts(at) / 1000


def _arrival(started_at: datetime, zone: ZoneInfo) -> Arrival:
    local = started_at.astimezone(zone)
    return Arrival(hour=local.hour + local.minute / 60, working_day=local.weekday() < 5)
