"""``gridlane energy replay``: one's own sessions again under other policies: cost, energy, peak, CO2."""

import csv
import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.table import Table

from gridlane.kernel.clock import NotAnInstant, parse_instant
from gridlane.kernel.errors import InputInvalid

app = typer.Typer(help="Power: replay one's own sessions under another policy.", no_args_is_help=True)

STEP = timedelta(minutes=5)
COLUMNS = ("evse", "arrival", "departure", "energy_kwh")


@dataclass(frozen=True, slots=True)
class Past:
    """Sessions of a file, with the step count from the first arrival's hour."""

    names: tuple[str, ...]
    begin: datetime
    sessions: Any
    most: float


@app.callback()
def _energy() -> None:
    """Power: replay one's own sessions under another policy."""


@app.command()
def replay(
    sessions: Annotated[
        Path, typer.Argument(help="CSV (or .csv.gz) with evse, arrival, departure, energy_kwh.")
    ],
    limit: Annotated[float, typer.Option(help="What the connection may carry, kW.")],
    policy: Annotated[
        list[str] | None, typer.Option(help="Policies to compare; all when none is named.")
    ] = None,
    rating: Annotated[float, typer.Option(help="The most an EVSE gives, kW.")] = 11.0,
    prices: Annotated[Path | None, typer.Option(help="CSV with time and price per kWh.")] = None,
    co2: Annotated[Path | None, typer.Option(help="CSV with time and kg CO2 per kWh.")] = None,
    demand: Annotated[float, typer.Option(help="Price of the highest kW of the whole file.")] = 0.0,
    out: Annotated[Path | None, typer.Option(help="Write the figures as JSON here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the power over time as SVG here.")] = None,
) -> None:
    """Play a file of past sessions again under each policy and compare energy, peak, cost and CO2."""
    past = read_sessions(sessions, rating)
    names = policy or list(POLICIES)
    unknown = [each for each in names if each not in POLICIES]
    if unknown:
        raise InputInvalid(problems={"policy": f"there is no {unknown[0]}; there are {', '.join(POLICIES)}"})
    steps = int(past.sessions.end.max()) + 1
    price, carbon = (_series(file, past.begin, steps) for file in (prices, co2))
    results = {name: _played(name, past, limit, price, demand) for name in names}
    figures = [_figures(name, past, outcome, price, carbon, demand) for name, outcome in results.items()]
    _print(figures, priced=prices is not None or demand > 0, carbon=co2 is not None)
    if out is not None:
        out.write_text(json.dumps(figures, indent=2) + "\n")
    if plot is not None:
        plot.write_text(drawn({name: outcome.power for name, outcome in results.items()}, limit))


def _uncontrolled(_price: Any, _demand: float) -> Any:
    from gridlane.energy.policies import Uncontrolled

    return Uncontrolled()


def _equal(_price: Any, _demand: float) -> Any:
    from gridlane.energy.policies import EqualShare

    return EqualShare()


def _first_come(_price: Any, _demand: float) -> Any:
    from gridlane.energy.policies import InOrder, first_come

    return InOrder(first_come)


def _plan(price: Any, demand: float) -> Any:
    from gridlane.energy.lookahead import Aims, LookAhead

    def aims(step: int, peak: float) -> Aims:
        return Aims(urgency=4.0, unmet_price=2.0, peak_price=demand, peak_floor=peak)

    return LookAhead(price=price, aims=aims)


POLICIES: dict[str, Callable[[Any, float], Any]] = {
    "uncontrolled": _uncontrolled, "equal": _equal, "first-come": _first_come, "plan": _plan,
}  # fmt: skip
"""Name of a policy -> what makes it from prices per step and the price of the peak."""


def read_sessions(file: Path, rating: float) -> Past:
    """The sessions of a CSV file.

    Raises InputInvalid naming line and column of what is not right.
    """
    import numpy as np

    from gridlane.energy.replay import Sessions

    with _opened(file) as text:
        rows = [_row(number, row) for number, row in enumerate(csv.DictReader(text), start=2)]
    if not rows:
        raise InputInvalid(problems={str(file): f"holds no sessions; columns are {', '.join(COLUMNS)}"})
    rows.sort(key=lambda each: each[1])
    names = tuple(sorted({evse for evse, *_ in rows}))
    number = {name: index for index, name in enumerate(names)}
    begin = rows[0][1].replace(minute=0, second=0, microsecond=0)
    first = np.array([(arrival - begin) // STEP for _, arrival, _, _ in rows], dtype=np.int64)
    last = np.array([(departure - begin) // STEP for _, _, departure, _ in rows], dtype=np.int64)
    last = np.maximum(last, first + 1)
    energy = np.array([each[3] for each in rows])
    evse = np.array([number[each[0]] for each in rows], dtype=np.int64)
    sessions = Sessions(
        evse=evse, begin=first, end=last, energy=energy, believed_end=last, believed_energy=energy
    )
    return Past(names, begin, sessions, rating)


def _row(line: int, row: dict[str, str]) -> tuple[str, datetime, datetime, float]:
    missing = [each for each in COLUMNS if not row.get(each)]
    if missing:
        raise InputInvalid(problems={f"line {line}, {missing[0]}": "is missing"})
    try:
        arrival, departure = parse_instant(row["arrival"]), parse_instant(row["departure"])
        energy = float(row["energy_kwh"])
    except (NotAnInstant, ValueError) as wrong:
        raise InputInvalid(problems={f"line {line}": str(wrong)}) from None
    if departure <= arrival or not 0 <= energy < 10_000:
        raise InputInvalid(
            problems={f"line {line}": "departure must lie after arrival, and energy between 0 and 10,000 kWh"}
        )
    return row["evse"], arrival, departure, energy


def _opened(file: Path) -> TextIO:
    if not file.is_file():
        raise InputInvalid(problems={str(file): "is not a file"})
    if file.suffix == ".gz":
        return gzip.open(file, "rt", newline="")
    return file.open(newline="")


def _series(file: Path | None, begin: datetime, steps: int) -> Any:
    import numpy as np

    from gridlane.energy.signals.files import read_series

    if file is None:
        return np.zeros(steps)
    series = read_series(file)
    return np.array([series.at((begin + step * STEP).astimezone(UTC)) for step in range(steps)])


def _played(name: str, past: Past, limit: float, price: Any, demand: float) -> Any:
    from gridlane.energy.replay import replay as play

    return play(
        past.sessions, _network(past, limit), POLICIES[name](price, demand), hours=STEP.total_seconds() / 3600
    )


def _network(past: Past, limit: float) -> Any:
    from gridlane.energy.circuit import Circuit, CircuitKind, Evse, Site
    from gridlane.energy.network import network_of
    from gridlane.kernel.quantities import Amperes, Watts

    rating = Amperes(past.most * 1000 / 690)
    connection = Circuit(id="connection", kind=CircuitKind.CONNECTION, power=Watts(limit * 1000))
    evses = tuple(
        Evse(id=name, circuit="connection", rating=rating, minimum=Amperes(min(6.0, rating)))
        for name in past.names
    )
    return network_of(Site(circuits=(connection,), evses=evses))


def _figures(name: str, past: Past, outcome: Any, price: Any, carbon: Any, demand: float) -> dict[str, Any]:
    wanted = float(past.sessions.energy.sum())
    return {
        "policy": name,
        "energy_kwh": round(outcome.energy, 1),
        "energy_share": round(outcome.energy / wanted, 4) if wanted else 1.0,
        "peak_kw": round(outcome.peak, 2),
        "energy_cost": round(outcome.cost(price), 2),
        "peak_cost": round(demand * outcome.peak, 2),
        "co2_kg": round(outcome.cost(carbon), 1),
        "minutes_over_limit": outcome.steps_over * int(STEP.total_seconds() // 60),
    }


def _print(figures: Iterable[dict[str, Any]], *, priced: bool, carbon: bool) -> None:
    table = Table()
    for heading in ("policy", "energy kWh", "of demand", "peak kW", "over limit, min"):
        table.add_column(heading, justify="left" if heading == "policy" else "right")
    if priced:
        table.add_column("cost", justify="right")
    if carbon:
        table.add_column("CO2 kg", justify="right")
    for each in figures:
        cells = [
            each["policy"], f"{each['energy_kwh']:,.0f}", f"{each['energy_share']:.1%}", f"{each['peak_kw']:.1f}",
            str(each["minutes_over_limit"]),
        ]  # fmt: skip
        if priced:
            cells.append(f"{each['energy_cost'] + each['peak_cost']:,.2f}")
        if carbon:
            cells.append(f"{each['co2_kg']:,.0f}")
        table.add_row(*cells)
    Console(soft_wrap=True).print(table)


COLOURS = ("#8a8f98", "#2f7ed8", "#e08a1e", "#16885a")
WIDTH, HEIGHT, MARGIN = 960, 320, 40


def drawn(powers: dict[str, Any], limit: float) -> str:
    """Power over time of each policy, and the limit, as an SVG picture."""
    highest: float = max([limit, *(float(each.max(initial=0.0)) for each in powers.values())]) * 1.05
    steps = max(each.size for each in powers.values())

    def height(kilowatts: float) -> float:
        return float(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * kilowatts / highest)

    def across(step: int) -> float:
        return float(MARGIN + (WIDTH - 2 * MARGIN) * step / max(steps - 1, 1))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{height(limit):.1f}" y2="{height(limit):.1f}" stroke="#c0392b" stroke-dasharray="6 4"/>',
        f'<text x="{MARGIN}" y="{height(limit) - 5:.1f}" fill="#c0392b">{limit:g} kW</text>',
    ]
    for index, (name, power) in enumerate(powers.items()):
        colour = COLOURS[index % len(COLOURS)]
        points = " ".join(
            f"{across(step):.1f},{height(float(power[step])):.1f}" for step in range(power.size)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4"/>')
        parts.append(f'<text x="{MARGIN + 140 * index}" y="{HEIGHT - 12}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])
