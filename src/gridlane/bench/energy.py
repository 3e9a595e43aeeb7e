"""Load management on measured sessions: ours, acnportal's rules, the published controller, the clairvoyant optimum.

Tuned on May 2019; what is shown comes from June to August. The bound is an outer relaxation (loose by at most 0.04 %)
of all that can be done with the sessions known beforehand, so "% of optimum" can only be understated. Times are CPU.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gridlane import energy
from gridlane.bench import energy_data as data
from gridlane.bench.energy_opponents import ACNPORTAL_RULES, PublishedController, acnportal
from gridlane.bench.energy_scale import allocator_rows, plan_rows
from gridlane.bench.table import Options, Row, Table
from gridlane.energy.lookahead import Aims, LookAhead, StepwiseLookAhead, clairvoyant, learned_peak
from gridlane.energy.network import Network
from gridlane.energy.policies import EqualShare, InOrder, Uncontrolled, earliest_departure, least_laxity
from gridlane.energy.program import Floats
from gridlane.energy.replay import Outcome, Policy, Sessions, Stations, Vehicles, replay

HOURS = data.HOURS
AIMS = Aims(early=1e-3, urgency=4.0)
REVENUE = 0.30  # USD per kWh, as in the published runs
TARIFF = "sce_tou_ev_4_march_2019"

PLAYED = ("beliefs", "lookahead", "network", "policies", "program", "replay")
"""The files of ``gridlane.energy`` that replays run through."""

RULES: dict[str, Callable[[], Policy]] = {
    "LLF": lambda: InOrder(least_laxity),
    "EDF": lambda: InOrder(earliest_departure),
    "equal share": EqualShare,
}


@dataclass(slots=True)
class Case:
    """One site, size and period, with its bound."""

    site: str
    kilowatts: float
    period: data.Period
    network: Network
    sessions: Sessions
    best: float

    @property
    def flat(self) -> Floats:
        return np.zeros(int(self.sessions.end.max()) + 1)

    def share(self, outcome: Outcome) -> float:
        return 100 * outcome.energy / self.best

    def play(
        self, policy: Policy, *, vehicles: Vehicles | None = None, stations: Stations | None = None
    ) -> Outcome:
        return replay(self.sessions, self.network, policy, hours=HOURS, vehicles=vehicles, stations=stations)


def run(options: Options) -> Table:
    """The full run takes about an hour of CPU, in chunks that are remembered until the code of sharing power changes."""
    chunks = _quick() if options.quick else _full()
    rows = [*allocator_rows(options), *plan_rows(options)]
    remembered = 0
    for name, make in chunks:
        file = _memory() / f"{name}.json"
        if file.is_file() and not options.quick:
            rows += [Row(**each) for each in json.loads(file.read_text())]
            remembered += 1
            continue
        found = list(make())
        file.write_text(json.dumps([asdict(each) for each in found], default=float))
        rows += found
    return Table("energy", rows, options, _remarks(options, remembered))


Chunk = tuple[str, Callable[[], Iterator[Row]]]


def _quick() -> Iterator[Chunk]:
    days = ("2019-06-03", 2)
    case = _case("caltech", 30.0, *days)
    yield "quick-l1", lambda: energy_rows(case, published=True)
    yield "quick-l2", lambda: station_rows(case, published=False)
    yield "quick-l4", lambda: belief_rows(_case("caltech", 50.0, *days))
    yield "quick-acnportal", lambda: acnportal_rows(_case("caltech", 30.0, "2019-06-03", 1))


def _full() -> Iterator[Chunk]:
    june, july = ("2019-06-03", 14), ("2019-07-01", 14)
    for kilowatts in (30.0, 50.0, 20.0, 40.0):
        published = kilowatts == 30.0
        yield (
            f"l1-caltech-{kilowatts:g}",
            partial(_of_case, energy_rows, "caltech", kilowatts, june, published=published),
        )
    for kilowatts in (30.0, 40.0, 50.0):
        yield (
            f"l2-caltech-{kilowatts:g}",
            partial(_of_case, station_rows, "caltech", kilowatts, june, published=True),
        )
    for month, days, before in (
        ("2019-07-01", 31, ("2019-06-01", 30)),
        ("2019-08-01", 31, ("2019-07-01", 31)),
    ):
        yield f"l3-{month}", partial(profit_rows, month, days, before)
    for site, kilowatts, count in (("caltech", 50.0, 14), ("caltech", 30.0, 14), ("jpl", 50.0, 5)):
        yield (
            f"l4-{site}-{kilowatts:g}",
            partial(_of_case, belief_rows, site, kilowatts, ("2019-07-01", count)),
        )
    yield "acnportal", partial(_of_case, acnportal_rows, "caltech", 30.0, ("2019-06-03", 7))
    for kilowatts in (40.0, 60.0, 80.0):
        yield (
            f"l1-jpl-{kilowatts:g}",
            partial(_of_case, energy_rows, "jpl", kilowatts, (july[0], 5), published=False),
        )


def _of_case(
    rows: Callable[..., Iterator[Row]], site: str, kilowatts: float, days: tuple[str, int], **more: bool
) -> Iterator[Row]:
    return rows(_case(site, kilowatts, *days), **more)


def _memory() -> Path:
    """A folder for the chunks that ran, named by the code that they ran."""
    package = Path(energy.__file__).parent
    code = hashlib.sha256()
    for file in [
        *(package / f"{each}.py" for each in PLAYED),
        *sorted(Path(__file__).parent.glob("energy*.py")),
    ]:
        code.update(file.read_bytes())
    folder = Path(tempfile.gettempdir()) / "gridlane-bench-energy" / code.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def energy_rows(case: Case, *, published: bool) -> Iterator[Row]:
    """L1: ideal vehicles, continuous power, departures and energies known."""
    ours = case.play(LookAhead(price=case.flat, aims=_always(AIMS)))
    rules = {name: case.play(make()) for name, make in RULES.items()}
    peer, note = _best_of({name: case.share(each) for name, each in rules.items()})
    if published:
        controller = case.play(PublishedController())
        peer = case.share(controller)
        note = f"peer: published controller, {_milliseconds(controller)} ms a step; {note}"
    name = _name("L1", case)
    met = 100 * case.best / float(case.sessions.energy.sum())
    yield Row(
        f"{name}, % of optimum",
        case.share(ours),
        "",
        peer,
        100.0,
        at_least=99.4,
        note=f"{note}; the optimum meets {met:.1f} %",
    )
    yield Row(f"{name}, CPU", _milliseconds(ours), "ms a step")
    yield from _safety(name, ours)
    yield Row(f"{name}, fairness", _jain(case, ours), "Jain", _jain(case, rules["equal share"]))


def station_rows(case: Case, *, published: bool) -> Iterator[Row]:
    """L2: pilots of the real stations, 6 or 8 A at least, batteries that taper; the bound stays the ideal one."""
    pilots = data.pilots_of_site(case.site)
    battery, stations = data.tapering(case.sessions, case.network), Stations(pilots=pilots)
    never = case.play(
        StepwiseLookAhead(price=case.flat, aims=_always(AIMS), pilots=pilots),
        vehicles=battery,
        stations=stations,
    )
    paused = case.play(
        StepwiseLookAhead(price=case.flat, aims=_always(AIMS), pilots=pilots, keeps=3),
        vehicles=battery,
        stations=stations,
    )
    rules = {
        name: case.share(case.play(make(), vehicles=battery, stations=stations))
        for name, make in RULES.items()
    }
    peer, note = _best_of(rules)
    if published:
        controller = case.play(PublishedController(pilots=pilots), vehicles=battery, stations=stations)
        peer, note = case.share(controller), f"peer: published controller with pilots; {note}"
    name = _name("L2", case)
    yield Row(
        f"{name}, never pausing, % of ideal optimum",
        case.share(never),
        "",
        peer,
        100.0,
        at_least=None if not published else min(float(peer) + 3.0, 100.0),
        note=f"{note}; goal: 3 points over the published controller",
    )
    yield Row(
        f"{name}, pauses >= 15 min, % of ideal optimum", case.share(paused), "", None, 100.0, at_least=95.0
    )
    yield from _safety(name, paused)


def profit_rows(month: str, days: int, before: tuple[str, int]) -> Iterator[Row]:
    """L3: 150 kW, time-of-use prices and a demand charge; the peak that is worth its price is learned from last month."""
    case = _case("caltech", 150.0, month, days)
    steps = int(case.sessions.end.max()) + 1
    tariff = data.tariff_of(TARIFF, case.period, steps)
    for wanted, unmet_price, goal in (("highest profit", REVENUE, 98.5), ("energy >= 99 %", 0.55, 98.5)):
        optimum = clairvoyant(
            case.sessions,
            case.network,
            hours=HOURS,
            price=tariff.price,
            unmet_price=unmet_price,
            peak_price=tariff.demand,
        )
        best = _profit(optimum.power.sum(axis=0), tariff)
        met = 100 * float(optimum.power.sum()) * HOURS / float(case.sessions.energy.sum())
        peak = learned_peak([_past(before)], hours=HOURS, unmet_price=unmet_price, peak_price=tariff.demand)
        aims = _aims_with_peak(
            1.02 * peak, tariff.demand, unmet_price=2.0 if wanted != "highest profit" else 1.0
        )
        for label, outcome, floor in _profit_runs(case, tariff, aims, goal):
            share = 100 * _profit(outcome.power, tariff) / best
            served = 100 * outcome.energy / float(case.sessions.energy.sum())
            name = f"L3 {month[:7]}, {label}, {wanted}"
            note = f"energy met {served:.1f} %, of the optimum {met:.1f} %; peak {outcome.peak:.1f} kW, of the optimum {optimum.peak:.1f}"
            yield Row(f"{name}, % of optimal profit", share, "", None, 100.0, at_least=floor, note=note)
            if wanted != "highest profit":
                yield Row(f"{name}, energy met", served, "%", None, met, at_least=99.0)
    for label, policy in (("uncontrolled", Uncontrolled()), ("LLF", InOrder(least_laxity))):
        outcome = case.play(policy)
        yield Row(
            f"L3 {month[:7]}, {label}, % of optimal profit", 100 * _profit(outcome.power, tariff) / best
        )


def _profit_runs(
    case: Case, tariff: data.Tariff, aims: Callable[[int, float], Aims], goal: float
) -> Iterator[tuple[str, Outcome, float]]:
    pilots = data.pilots_of_site(case.site)
    yield "ideal", case.play(LookAhead(price=tariff.price, aims=aims)), goal
    stepwise = StepwiseLookAhead(price=tariff.price, aims=aims, pilots=pilots, keeps=3)
    battery = data.tapering(case.sessions, case.network)
    yield "real", case.play(stepwise, vehicles=battery, stations=Stations(pilots=pilots)), 95.0


def belief_rows(case: Case) -> Iterator[Row]:
    """L4: departures and energies as drivers state them, and as learned from the site's past."""
    stated = data.as_stated(case.site, case.network, case.period)
    forecasts = data.learned(case.site, case.network, case.period)
    ours = case.play(LookAhead(price=case.flat, aims=_always(AIMS), beliefs=forecasts))
    believed = replay(stated, case.network, LookAhead(price=case.flat, aims=_always(AIMS)), hours=HOURS)
    rule = replay(stated, case.network, InOrder(least_laxity), hours=HOURS)
    name, gain = _name("L4", case), case.share(ours) - case.share(believed)
    note = f"peer: LLF on stated inputs; our plan on stated inputs {case.share(believed):.2f}"
    yield Row(
        f"{name}, learned, % of optimum",
        case.share(ours),
        "",
        case.share(rule),
        100.0,
        at_least=97.0 if case.kilowatts >= 50 else None,
        note=note,
    )
    room = 100 - case.share(believed)
    yield Row(f"{name}, points over stated inputs", gain, "", None, room, at_least=2.0)


def acnportal_rows(case: Case) -> Iterator[Row]:
    """The same sessions in acnportal's own simulator: do our copies of its rules say the same, at what cost?"""
    copies: dict[str, Policy] = {
        "RoundRobin": EqualShare(), "least_laxity_first": RULES["LLF"](), "earliest_deadline_first": RULES["EDF"]()
    }  # fmt: skip
    for rule in ACNPORTAL_RULES:
        theirs = acnportal(rule, case.sessions, case.network, case.kilowatts)
        copy = case.play(copies[rule])
        note = f"CPU a step: ours {_milliseconds(copy)} ms, theirs {_milliseconds(theirs)} ms"
        yield Row(
            f"acnportal {rule}, % of optimum", case.share(copy), "", case.share(theirs), 100.0, note=note
        )


def _case(site: str, kilowatts: float, first: str, days: int) -> Case:
    period = data.Period.days(first, days)
    network = data.network_of_site(site, kilowatts)
    sessions = data.sessions_of(site, network, period)
    flat = np.zeros(int(sessions.end.max()) + 1)
    bound = clairvoyant(sessions, network, hours=HOURS, price=flat, unmet_price=1.0)
    best = float(bound.power.sum()) * HOURS
    return Case(site, kilowatts, period, network, sessions, best)


def _past(before: tuple[str, int]) -> tuple[Sessions, Network, Floats]:
    period, network = data.Period.days(*before), data.network_of_site("caltech", 150.0)
    sessions = data.sessions_of("caltech", network, period)
    return sessions, network, data.tariff_of(TARIFF, period, int(sessions.end.max()) + 1).price


def _aims_with_peak(peak: float, demand: float, unmet_price: float) -> Callable[[int, float], Aims]:
    def aims(step: int, so_far: float) -> Aims:
        return Aims(
            unmet_price=unmet_price, early=2e-4, urgency=4.0, peak_price=demand, peak_floor=max(peak, so_far)
        )

    return aims


def _always(aims: Aims) -> Callable[[int, float], Aims]:
    return lambda step, peak: aims


def _profit(power: Floats, tariff: data.Tariff) -> float:
    energy = float(power.sum()) * HOURS
    return (
        REVENUE * energy
        - float((power * tariff.price[: power.size]).sum()) * HOURS
        - tariff.demand * float(power.max())
    )


def _jain(case: Case, outcome: Outcome) -> float:
    possible = np.minimum(
        case.sessions.energy,
        case.network.most[case.sessions.evse] * (case.sessions.end - case.sessions.begin) * HOURS,
    )
    share = outcome.delivered / np.maximum(possible, 1e-9)
    return float(share.sum() ** 2 / (share.size * (share**2).sum()))


def _safety(name: str, outcome: Outcome) -> Iterator[Row]:
    yield Row(f"{name}, steps over a limit", outcome.steps_over, "", at_most=0)


def _best_of(shares: dict[str, float]) -> tuple[float, str]:
    return max(shares.values()), ", ".join(f"{name} {share:.1f}" for name, share in shares.items())


def _milliseconds(outcome: Outcome) -> float:
    return round(float(outcome.seconds.mean()) * 1e3, 2) if outcome.seconds.size else 0.0


def _name(goal: str, case: Case) -> str:
    return f"{goal} {case.site} {case.kilowatts:g} kW"


def _remarks(options: Options, remembered: int) -> list[str]:
    remarks = ["tuned on May 2019, measured on June to August; a session's demand is what it really took"]
    if options.quick:
        remarks.append(
            "quick: two days of one site; L3 (a month's demand charge) and JPL only in the full run"
        )
    elif remembered:
        remarks.append(f"{remembered} chunks are from an earlier run of the same code")
    return remarks
