"""The planner's own process: ``python -m gridlane.planning.answering`` takes questions on its input and answers on its output.

A plan keeps a core busy for minutes and loads a solver of a hundred megabytes; neither belongs into a process that serves
sockets or pages. Both ways go frames of msgpack behind four bytes of length. While a plan is made, progress goes out and a
frame ``{"do": "stop"}`` comes in at any time. See ``planning.process`` for the other end.
"""

import os
import struct
import sys
import tempfile
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

import msgspec
import numpy as np

from gridlane.kernel.errors import Refusal
from gridlane.planning.deciding import IN_MONEY, check, decide
from gridlane.planning.explaining import degrees
from gridlane.planning.front import Against, front
from gridlane.planning.geojson import as_geojson
from gridlane.planning.investment import Investment
from gridlane.planning.investment_reading import investment_of
from gridlane.planning.paper import as_pdf
from gridlane.planning.placement import Progress, Watch
from gridlane.planning.plan import Plan
from gridlane.planning.reading import read_page, scenario_of
from gridlane.planning.report import as_html, served_shares
from gridlane.planning.scenario import Objective, Scenario
from gridlane.planning.shipped import shipped
from gridlane.planning.whatif import Change, WhatIf

Question = dict[str, Any]
Answer = dict[str, Any]

PACE = 0.4
"""Seconds between two words about progress."""

OPEN_AT_ONCE = 4
"""Plans kept ready to play with; the one not touched for longest is put away first."""


class Desk:
    """Answers questions one after another; ``tell`` sends a word in between, ``stop`` is set from outside.

    Whoever hands over a question clears ``stop`` before: a stop that arrives between the question and its answer counts.
    """

    def __init__(self, tell: Callable[[Answer], None]) -> None:
        self.tell = tell
        self.stop = threading.Event()
        self.opened: OrderedDict[str, WhatIf] = OrderedDict()
        self.kinds: dict[str, Callable[[Question], Answer]] = {
            "read": self.read,
            "check": self.check,
            "plan": self.plan,
            "front": self.front,
            "what_if": self.what_if,
            "report": self.report,
        }

    def answer(self, question: Question) -> Answer:
        try:
            return self.kinds[question["do"]](question)
        except Refusal as refusal:
            return {"refused": told(refusal)}
        except Exception as trouble:  # noqa: BLE001 - whoever asks must get an answer, whatever went wrong
            traceback.print_exc()
            return {"failed": f"{type(trouble).__name__}: {trouble}"}

    def read(self, question: Question) -> Answer:
        """Check a scenario; gives what is in it and how to draw it."""
        with opened(question) as (scenario, investment):
            return {
                "name": scenario.name,
                "counts": counts(scenario, investment),
                "map": map_of(scenario),
                "page": page_of(question),
            }

    def check(self, question: Question) -> Answer:
        """Whether a plan can be made at all."""
        with opened(question) as (scenario, investment):
            if "against" in question:
                check(scenario, None)
            else:
                check(scenario, investment)
            return {}

    def plan(self, question: Question) -> Answer:
        """The best plan; ``stop_asked`` (it was asked while the plan waited) asks for the first that has a proof."""
        os.nice(5)
        with opened(question) as (scenario, investment):
            watch = self.watching(scenario, question.get("seconds"))
            made = decide(scenario, investment, seed=int(question.get("seed", 0)), watch=watch)
            return {"plan": made.as_json(), "served": served_marks(scenario, made)}

    def front(self, question: Question) -> Answer:
        os.nice(5)
        with opened(question) as (scenario, _):
            watch = self.watching(scenario, question.get("seconds"))
            points = front(
                scenario,
                Against(question["against"]),
                steps=int(question.get("steps", 8)),
                seed=int(question.get("seed", 0)),
                watch=watch,
                tell=lambda found: self.tell({"points": [asdict(one) for one in found]}),
            )
            return {"points": [asdict(one) for one in points]}

    def what_if(self, question: Question) -> Answer:
        """Move, swap or leave out a site of a plan that was opened before; ``unknown`` asks for the plan itself."""
        key = question["plan_id"]
        if key not in self.opened:
            if "sites" not in question:
                return {"unknown": True}
            with opened(question) as (scenario, _):
                self.opened[key] = WhatIf(scenario, question["sites"])
            while len(self.opened) > OPEN_AT_ONCE:
                self.opened.popitem(last=False)
        self.opened.move_to_end(key)
        return {"change": changed(self.opened[key], question)}

    def report(self, question: Question) -> Answer:
        """A finished plan as ``html``, ``pdf`` or ``geojson``."""
        made = msgspec.convert(question["plan"], Plan)
        if question["form"] == "geojson":
            return {"content": msgspec.json.encode(as_geojson(made))}
        with opened(question) as (scenario, _):
            if question["form"] == "pdf":
                return {"content": as_pdf(scenario, made)}
            return {"content": as_html(scenario, made).encode()}

    def watching(self, scenario: Scenario, seconds: float | None) -> Watch:
        """Tell of progress a few times a second; stop when asked to or when the time is over."""
        begun, last = time.monotonic(), 0.0

        def watch(progress: Progress) -> bool:
            nonlocal last
            now = time.monotonic()
            if now - last >= PACE:
                last = now
                self.tell({"progress": in_values(scenario, progress) | {"seconds": round(now - begun, 1)}})
            return not self.stop.is_set() and (seconds is None or now - begun < seconds)

        return watch


def told(refusal: Refusal) -> dict[str, Any]:
    problems = getattr(refusal, "problems", None) or [str(refusal)]
    return {"code": refusal.code, "sentence": str(refusal), "problems": problems}


@contextmanager
def opened(question: Question) -> Iterator[tuple[Scenario, Investment | None]]:
    """The scenario asked about: a shipped one by name, or the files that came with the question."""
    page = page_of(question) | question.get("changes", {})
    if question.get("shipped"):
        yield scenario_of(page, shipped(question["shipped"])), investment_of(page)
        return
    with tempfile.TemporaryDirectory(prefix="gridlane-plan-") as folder:
        for name, content in question["files"].items():
            (Path(folder) / Path(name).name).write_bytes(content)
        yield scenario_of(page, Path(folder)), investment_of(page)


def page_of(question: Question) -> dict[str, Any]:
    given: dict[str, Any] = question.get("page") or {}
    return given or (read_page(shipped(question["shipped"]) / "plan.toml") if question.get("shipped") else {})


def counts(scenario: Scenario, investment: Investment | None) -> dict[str, Any]:
    demand, sites, stations = scenario.demand, scenario.sites, scenario.stations
    return {
        "demand_points": len(demand),
        "weight": float(demand.weight.sum()),
        "people": scenario.aim.people,
        "groups": sorted(set(demand.group) - {""}),
        "candidates": len(sites),
        "shut": int(np.count_nonzero(sites.shut)),
        "priced": bool(np.any(sites.expense != 1.0)),
        "stations": len(stations),
        "points": int(stations.points.sum()),
        "money": investment is not None,
    }


def map_of(scenario: Scenario) -> dict[str, Any]:
    """Columns to draw from, in degrees."""
    demand, sites, stations = scenario.demand, scenario.sites, scenario.stations
    return {
        "demand": places(scenario, demand.x, demand.y)
        | {"weight": [round(float(w), 1) for w in demand.weight], "group": list(demand.group)},
        "candidates": places(scenario, sites.x, sites.y)
        | {"id": list(sites.id), "kind": list(sites.kind), "shut": [bool(shut) for shut in sites.shut]},
        "stations": places(scenario, stations.x, stations.y)
        | {"id": list(stations.id), "kind": list(stations.kind), "points": [int(n) for n in stations.points]},
    }


def places(scenario: Scenario, x: Any, y: Any) -> dict[str, Any]:
    lon, lat = degrees(scenario.crs, x, y)
    return {"lon": [round(float(one), 5) for one in lon], "lat": [round(float(one), 5) for one in lat]}


def served_marks(scenario: Scenario, made: Plan) -> str:
    """One mark per demand point: 0 not served, 1 served already, 2 served by the plan."""
    before, after = served_shares(scenario, made)
    return marks(before, after)


def marks(before: Any, after: Any) -> str:
    return "".join("1" if b >= 0.5 else "2" if a >= 0.5 else "0" for b, a in zip(before, after, strict=True))


def in_values(scenario: Scenario, progress: Progress) -> dict[str, Any]:
    """Progress as people read it: value and bound instead of costs, and the sites of the best plan so far by id."""
    aim = scenario.aim
    value, bound = progress.cost, progress.bound
    if aim.share is None and aim.objective in {Objective.COVERAGE, Objective.FLOWS}:
        total = float(scenario.demand.weight.sum())
        value, bound = total - value, total - bound
    elif aim.objective in IN_MONEY:
        value, bound = abs(value), abs(bound)
    ids = scenario.sites.id
    sites = [] if progress.sites is None else [ids[j] for j in progress.sites if j < len(ids)]
    return {
        "stage": progress.stage,
        "value": float(value),
        "bound": float(bound) if np.isfinite(bound) else None,
        "sites": sites,
    }


def changed(game: WhatIf, question: Question) -> dict[str, Any]:
    if "other" in question:
        change: Change = game.swap(question["site"], question["other"])
    elif "lon" in question:
        x, y = game.metres(float(question["lon"]), float(question["lat"]))
        change = game.move(question["site"], x, y)
    else:
        change = game.drop(question["site"])
    return {
        "before": change.before,
        "after": change.after,
        "gained": change.gained,
        "lost": change.lost,
        "serves": change.serves,
        "advice": change.advice,
        "served": marks(game.share_now, change.share),
    }


# --- the wire ------------------------------------------------------------------------------------------------------


def frames(source: BinaryIO) -> Iterator[Any]:
    while len(head := source.read(4)) == 4:
        yield msgspec.msgpack.decode(source.read(struct.unpack(">I", head)[0]))


def hand_over(frame: Question, desk: Desk, questions: "SimpleQueue[Question | None]") -> None:
    """Line up a question; a stop reaches the one that is being answered or about to be."""
    if frame["do"] == "stop":
        desk.stop.set()
        return
    if frame.get("stop_asked"):
        desk.stop.set()
    else:
        desk.stop.clear()
    questions.put(frame)


def main() -> None:
    out, lock = os.fdopen(os.dup(1), "wb"), threading.Lock()
    os.dup2(2, 1)  # whatever a library prints must not end up between two frames

    def tell(answer: Answer) -> None:
        body = msgspec.msgpack.encode(answer)
        with lock:
            out.write(struct.pack(">I", len(body)) + body)
            out.flush()

    desk = Desk(tell)
    questions: SimpleQueue[Question | None] = SimpleQueue()

    def listen() -> None:
        for frame in frames(sys.stdin.buffer):
            hand_over(frame, desk, questions)
        desk.stop.set()
        questions.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while (question := questions.get()) is not None:
        tell({"answer": desk.answer(question)})


if __name__ == "__main__":
    main()
