"""Why an EVSE has the current it has, as a reason that programs can compare and people can read.

"8 A: garage feeder is full (63 A), three vehicles share it, you leave last."
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from gridlane.energy.allocation import Share
from gridlane.energy.capacity import Headroom
from gridlane.energy.circuit import Evse, Site
from gridlane.energy.plan import Mode, Need, Plan
from gridlane.energy.worst_case import Standing, could_draw, told
from gridlane.kernel.quantities import Amperes


class Because(StrEnum):
    """The kinds of reasons; each has its words in every language below."""

    HAS_WISH = "has_wish"
    VEHICLE_TAKES_LESS = "vehicle_takes_less"
    CIRCUIT_FULL = "circuit_full"
    WAITS_FOR_TURN = "waits_for_turn"
    WAITS_FOR_PRICE = "waits_for_price"
    WAITS_FOR_GREEN = "waits_for_green"
    WAITS_FOR_SUN = "waits_for_sun"
    WAITS_FOR_OTHERS = "waits_for_others"
    FALLBACK_ONLY = "fallback_only"
    NOT_TRUSTED = "not_trusted"
    FEEDS_BACK = "feeds_back"
    NOBODY_HERE = "nobody_here"


@dataclass(frozen=True, slots=True)
class Reason:
    """``because`` with what it is about; ``order`` says when the vehicle leaves among those who share."""

    because: Because
    current: Amperes
    details: dict[str, Any] = field(default_factory=dict)


WORDS: dict[str, dict[Because, str]] = {
    "en": {
        Because.HAS_WISH: "{current}: all that was asked for",
        Because.VEHICLE_TAKES_LESS: "{current}: the vehicle takes {drew} and no more",
        Because.CIRCUIT_FULL: "{current}: {circuit} is full ({limit}), {vehicles} share it{order}",
        Because.WAITS_FOR_TURN: "{current}: {circuit} cannot feed all at once ({limit}), {vehicles} take turns",
        Because.WAITS_FOR_PRICE: "{current}: waits for cheaper hours, goes on at {time}",
        Because.WAITS_FOR_GREEN: "{current}: waits for greener hours, goes on at {time}",
        Because.WAITS_FOR_SUN: "{current}: waits for the sun",
        Because.WAITS_FOR_OTHERS: "{current}: {wanted} as soon as other stations have confirmed theirs",
        Because.FALLBACK_ONLY: "{current}: the station is out of contact and keeps its safe limit",
        Because.NOT_TRUSTED: "{current}: the station does not keep its limits, {rating} are kept free for it",
        Because.FEEDS_BACK: "{current}: feeds back, the grid pays for it now",
        Because.NOBODY_HERE: "{current}: what the next vehicle begins with",
    },
    "de": {
        Because.HAS_WISH: "{current}: alles, was gewünscht wurde",
        Because.VEHICLE_TAKES_LESS: "{current}: das Fahrzeug nimmt {drew} und nicht mehr",
        Because.CIRCUIT_FULL: "{current}: {circuit} ist ausgelastet ({limit}), {vehicles} teilen sich den Strom{order}",
        Because.WAITS_FOR_TURN: "{current}: {circuit} kann nicht alle zugleich versorgen ({limit}), {vehicles} wechseln sich ab",
        Because.WAITS_FOR_PRICE: "{current}: wartet auf günstigere Stunden, weiter um {time}",
        Because.WAITS_FOR_GREEN: "{current}: wartet auf grünere Stunden, weiter um {time}",
        Because.WAITS_FOR_SUN: "{current}: wartet auf die Sonne",
        Because.WAITS_FOR_OTHERS: "{current}: {wanted}, sobald andere Stationen ihre Grenze bestätigt haben",
        Because.FALLBACK_ONLY: "{current}: die Station ist nicht erreichbar und hält ihre sichere Grenze",
        Because.NOT_TRUSTED: "{current}: die Station hält ihre Grenzen nicht ein, {rating} bleiben für sie frei",
        Because.FEEDS_BACK: "{current}: speist zurück, das Netz bezahlt gerade dafür",
        Because.NOBODY_HERE: "{current}: damit beginnt das nächste Fahrzeug",
    },
}
_ORDER = {
    "en": {"first": ", you leave first", "last": ", you leave last", "": ""},
    "de": {"first": ", Sie fahren als Erste", "last": ", Sie fahren als Letzte", "": ""},
}
_VEHICLES = {"en": ("one vehicle", "{count} vehicles"), "de": ("ein Fahrzeug", "{count} Fahrzeuge")}
_SAVING: dict[Mode, Because] = {Mode.GREENEST: Because.WAITS_FOR_GREEN, Mode.SOLAR: Because.WAITS_FOR_SUN}
_TAKES_LESS = 1.5  # A below its limit: the vehicle itself is the limit


def reason_for(
    site: Site,
    evse: Evse,
    share: Share,
    standing: Standing,
    room: dict[str, Headroom],
    plan: Plan,
    now: datetime,
) -> Reason:
    """The one reason that matters most for what the EVSE may draw now."""
    need, current = plan.needs.get(evse.id), told(standing, evse, now)
    if standing.disobeyed_at is not None or not standing.fallback_proven:
        rating = could_draw(standing, evse, now)
        return Reason(Because.NOT_TRUSTED, current, {"rating": rating})
    if not standing.in_contact:
        return Reason(Because.FALLBACK_ONLY, current)
    if share.current < 0:
        return Reason(Because.FEEDS_BACK, share.current)
    if share.bound_by is not None:
        return _of_circuit(site, share, room, plan, need, current)
    if share.current > current + 0.5:
        return Reason(Because.WAITS_FOR_OTHERS, current, {"wanted": share.current})
    waits = _of_plan(plan, need, current, now)
    if waits is not None:
        return waits
    if standing.drew is not None and 0 < standing.drew < current - _TAKES_LESS:
        return Reason(Because.VEHICLE_TAKES_LESS, current, {"drew": standing.drew})
    return Reason(Because.HAS_WISH, current)


def in_words(reason: Reason, language: str, time_zone: str = "UTC") -> str:
    """The sentence; English where the language has no words here."""
    spoken = language if language in WORDS else "en"
    details = dict(reason.details)
    facts = {"current": _amperes(reason.current, spoken)}
    for name in ("limit", "drew", "wanted", "rating"):
        if name in details:
            facts[name] = _amperes(details[name], spoken)
    if "vehicles" in details:
        one, many = _VEHICLES[spoken]
        facts["vehicles"] = one if details["vehicles"] == 1 else many.format(count=details["vehicles"])
    if "time" in details:
        facts["time"] = f"{details['time'].astimezone(ZoneInfo(time_zone)):%H:%M}"
    facts["order"] = _ORDER[spoken][details.get("order", "")]
    facts["circuit"] = details.get("circuit", "")
    return WORDS[spoken][reason.because].format(**facts)


def _of_circuit(
    site: Site, share: Share, room: dict[str, Headroom], plan: Plan, need: Need | None, current: Amperes
) -> Reason:
    circuit = next(each for each in site.circuits if each.id == share.bound_by)
    below = {each.id for each in site.evses if circuit.id in {c.id for c in site.chain(each.circuit)}}
    sharing = [each for each in plan.needs.values() if each.evse in below]
    headroom = room[circuit.id]
    limit = min(*headroom.phases, headroom.power / (3 * site.voltage))
    details = {"circuit": circuit.name or circuit.id, "limit": limit, "vehicles": max(1, len(sharing))}
    if not share.current:
        return Reason(Because.WAITS_FOR_TURN, current, details)
    return Reason(Because.CIRCUIT_FULL, current, details | {"order": _order_of(need, sharing)})


def _order_of(need: Need | None, sharing: list[Need]) -> str:
    if need is None or len(sharing) < 2:
        return ""
    others = [each.departs for each in sharing if each.evse != need.evse]
    return "first" if need.departs < min(others) else "last" if need.departs > max(others) else ""


def _of_plan(plan: Plan, need: Need | None, current: Amperes, now: datetime) -> Reason | None:
    if need is None or current > 0 or plan.target(need.evse, now) is None:
        return None
    begins = (
        edge
        for edge, watts in zip(plan.edges, plan.power[need.evse], strict=False)
        if edge > now and watts > 0
    )
    resumes = next(begins, None)
    if resumes is None:
        return None
    return Reason(_SAVING.get(need.mode, Because.WAITS_FOR_PRICE), current, {"time": resumes})


def _amperes(value: float, language: str) -> str:
    text = f"{value:.1f}".removesuffix(".0")
    return f"{text.replace('.', ',') if language == 'de' else text} A"
