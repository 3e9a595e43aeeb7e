"""The map of a plan as one SVG that needs no foreign host: demand by who serves it, what exists, and the new sites."""

from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from gridlane.planning.plan import Plan
from gridlane.planning.scenario import Scenario

Floats = NDArray[np.float64]

WIDTH = 1000.0
"""Of the drawing, in its own units; the height follows the extent of the demand."""


LARGEST_DOT = 14.0
"""Of a demand point, so that a few points do not hide the sites."""

FEW = 60
"""Sites up to which their markers are large enough to read their numbers without zooming."""


@dataclass(frozen=True)
class Frame:
    """From metres east and north to the drawing's units, north up."""

    left: float
    top: float
    scale: float
    height: float

    @classmethod
    def around(cls, x: Floats, y: Floats) -> "Frame":
        margin = 0.02 * max(float(np.ptp(x)), float(np.ptp(y)), 100.0)
        scale = WIDTH / (float(np.ptp(x)) + 2 * margin)
        height = max((float(np.ptp(y)) + 2 * margin) * scale, 0.2 * WIDTH)
        return cls(float(x.min()) - margin, float(y.max()) + margin, scale, height)

    def place(self, x: float, y: float) -> tuple[str, str]:
        return f"{(x - self.left) * self.scale:.1f}", f"{(self.top - y) * self.scale:.1f}"


def draw(scenario: Scenario, plan: Plan, before: Floats, after: Floats) -> str:
    """``before`` and ``after`` are the served shares of every demand point, 0 to 1."""
    demand = scenario.demand
    frame = Frame.around(demand.x, demand.y)
    states = np.where(before >= 0.5, "had", np.where(after >= 0.5, "new", "none"))
    dot = min(LARGEST_DOT, max(1.2, 0.75 * typical_spacing(demand.x, demand.y) * frame.scale))
    layers = [
        dots(frame, demand.x, demand.y, (states == state) & (demand.weight > 0), f"demand {state}", dot)
        for state in ("none", "had", "new")
    ]
    stations = scenario.stations
    layers.append(dots(frame, stations.x, stations.y, np.ones(len(stations), bool), "station", 3.0))
    layers += [marker(frame, plan, rank) for rank in range(len(plan.sites), 0, -1)]
    bar = scale_bar(frame)
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {frame.height:.0f}" role="img" aria-label="Map of the plan">'
        f"<g id=ground>{''.join(layers)}</g>{bar}</svg>"
    )


def typical_spacing(x: Floats, y: Floats) -> float:
    """The side of the square each demand point would have if they shared the map evenly."""
    cells = len(np.unique(np.column_stack((x, y)), axis=0))
    return float(np.sqrt(max(np.ptp(x) * np.ptp(y), 1.0) / max(cells, 1))) * 0.8


def dots(frame: Frame, x: Floats, y: Floats, which: NDArray[np.bool_], name: str, size: float) -> str:
    """Many dots as one path of round-capped strokes of no length: a city of ten thousand stays below 150 kB."""
    places = dict.fromkeys(frame.place(a, b) for a, b in zip(x[which], y[which], strict=True))
    line = "".join(f"M{a} {b}h0" for a, b in places)
    return f'<path class="{name}" stroke-width="{size:.1f}" d="{line}"/>' if line else ""


def marker(frame: Frame, plan: Plan, rank: int) -> str:
    site = plan.sites[rank - 1]
    x, y = frame.place(site.x, site.y)
    size = 11 if len(plan.sites) <= FEW else 6
    words = escape(f"{rank}. {site.kind} {site.id}: " + "; ".join(site.reasons))
    return (
        f'<a href="#site-{rank}" class="site"><circle cx="{x}" cy="{y}" r="{size}"/>'
        f'<text x="{x}" y="{y}" dy="{0.36 * size:.1f}" style="font-size:{size}px">{rank}</text><title>{words}</title></a>'
    )


def scale_bar(frame: Frame) -> str:
    metres = 10.0 ** np.floor(np.log10(0.3 * WIDTH / frame.scale))
    length = metres * frame.scale
    words = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    y = frame.height - 12
    return (
        f'<g class="bar"><path d="M12 {y:.0f}h{length:.1f}"/><text x="12" y="{y - 5:.0f}">{words}</text></g>'
    )
