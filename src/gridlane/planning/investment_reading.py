"""The parts of a scenario's page that speak of money, power and waiting: chargers, grid, layouts, periods."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridlane.planning.investment import Investment, Period
from gridlane.planning.layouts import Charger, GridStep, Layout
from gridlane.planning.reading import ScenarioBroken, read_page
from gridlane.planning.scenario import Decay
from gridlane.planning.sizing import WaitTarget, shipped_stays

AN_ITEM = re.compile(r"(\d+)\s*(?:x\s*)?([A-Za-z]\w*)")


@dataclass
class Values:
    """One table of the page being read; what is wrong becomes a sentence."""

    where: str
    given: dict[str, Any]
    problems: list[str] = field(default_factory=list)

    def number(
        self, name: str, default: float | None = None, *, above: float = -1e-12, most: float = 1e15
    ) -> float:
        value = self.given.get(name, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and above < value <= most:
            return float(value)
        limit = f"above {above:g}" if above >= 0 else "not negative"
        limit += f" and at most {most:g}" if most < 1e15 else ""
        self.problems.append(f"{self.where} {name} = {value!r}: must be a number {limit}")
        return default if default is not None else 1.0

    def text(self, name: str, default: str | None = None) -> str:
        value = self.given.get(name, default)
        if isinstance(value, str) and value:
            return value
        self.problems.append(f"{self.where} {name} = {value!r}: must be a text")
        return default or ""


def read_investment(page: Path) -> Investment | None:
    """None where the page asks for no money. Raises ScenarioBroken with everything that is wrong."""
    return investment_of(read_page(page / "plan.toml" if page.is_dir() else page))


def investment_of(settings: dict[str, Any]) -> Investment | None:
    """The same of a page that was read already."""
    if "chargers" not in settings and "periods" not in settings:
        return None
    problems: list[str] = []
    costs = Values("[costs]", settings.get("costs", {}), problems)
    wait = Values("[wait]", settings.get("wait", {}), problems)

    def rows(name: str, read: Callable[[Values], Any]) -> tuple[Any, ...]:
        given = settings.get(name, [])
        return tuple(read(Values(f"[[{name}]] {k}", row, problems)) for k, row in enumerate(given, start=1))

    chargers = rows("chargers", read_charger)
    found = Investment(
        currency=costs.text("currency", "EUR"),
        chargers=chargers,
        grid=rows("grid", lambda v: GridStep(v.number("up_to_kw", above=0), v.number("price"))),
        layouts=read_layouts(settings.get("layouts", []), {c.kind for c in chargers}, problems),
        periods=rows("periods", lambda v: Period(v.text("name"), v.number("budget"), v.number("demand", 1.0))),
        target=WaitTarget(wait.number("share", 0.95, above=0.5, most=0.999), wait.number("minutes", 5.0)),
        ground=costs.number("ground", 0.0),
        upgrade_fee=costs.number("upgrade", 0.0),
        closing_cost=costs.number("closing", 0.0),
        shared_power=costs.number("shared_power", 1.0, above=0, most=1.0),
        feeders_kw={name: Values("[feeders]", settings["feeders"], problems).number(name)
                    for name in settings.get("feeders", {})},
    )  # fmt: skip
    if problems:
        raise ScenarioBroken(problems)
    return found


def read_charger(values: Values) -> Charger:
    decay, stays = values.text("decay", "step"), values.text("stays", "dc_fast")
    if decay not in set(Decay):
        values.problems.append(f"{values.where} decay = {decay!r}: must be one of {', '.join(Decay)}")
        decay = "step"
    try:
        sample = shipped_stays(stays)
    except ValueError as unknown:
        values.problems.append(f"{values.where} stays: {unknown}")
        sample = shipped_stays("dc_fast")
    return Charger(
        kind=values.text("kind"),
        kw=values.number("kw", above=0),
        price=values.number("price"),
        upkeep=values.number("upkeep", 0.0),
        stays=sample,
        radius_m=values.number("radius_m", 500.0, above=0),
        decay=Decay(decay),
        peak_arrivals=values.number("peak_arrivals_per_1000", above=0) / 1000.0,
    )


def read_layouts(given: Any, kinds: set[str], problems: list[str]) -> tuple[Layout, ...]:
    """``layouts = ["4 AC", "4 AC + 2 DC"]``."""
    found = []
    for text in given if isinstance(given, list) else [given]:
        items = AN_ITEM.findall(str(text))
        unknown = {kind for _, kind in items} - kinds
        if not items or unknown:
            known = ", ".join(sorted(kinds)) or "none"
            problems.append(f'layouts: {text!r} is not like "4 AC + 2 DC" with kinds among {known}')
        else:
            found.append(Layout({kind: int(count) for count, kind in items}))
    return tuple(found)
