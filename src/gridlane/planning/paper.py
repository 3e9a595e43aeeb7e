"""The report of a plan as PDF (PDF/A-3, tagged), drawn by typst from ``report.typ``, with the same map as the page."""

import json
from importlib import resources
from typing import Any

from gridlane.planning.drawing import draw
from gridlane.planning.plan import Plan
from gridlane.planning.report import served_shares
from gridlane.planning.scenario import Objective, Scenario

STYLE = """<style>path{fill:none;stroke-linecap:round}.none{stroke:#e3e8ec}.had{stroke:#b9cbd9}.new{stroke:#17a673}
.station{stroke:#7a8794}.site circle{fill:#0b5fd8;stroke:#fff}.site text{fill:#fff;font:600 6px sans-serif;text-anchor:middle}
.bar path{stroke:#16202b;stroke-width:2}.bar text{fill:#16202b;font:12px sans-serif}</style>"""
"""The page's colours on white, since a drawing inside a PDF knows no variables."""


def as_pdf(scenario: Scenario, plan: Plan) -> bytes:
    import typst

    picture = draw(scenario, plan, *served_shares(scenario, plan))
    picture = picture.replace("<g id=ground>", f"{STYLE}<g>").replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '
    )
    pdf: bytes = typst.compile(
        resources.files("gridlane.planning").joinpath("report.typ").read_bytes(),
        sys_inputs={"paper": json.dumps(paper_of(scenario, plan)), "picture": picture},
        pdf_standards=["a-3a"],
    )
    return pdf


def paper_of(scenario: Scenario, plan: Plan) -> dict[str, Any]:
    proof, told = plan.certificate, plan.settings
    in_money = told["objective"] in {Objective.SERVICE, Objective.COST}
    shares = in_money or told["objective"] == Objective.COVERAGE

    def share(value: float | None) -> str:
        if value is None:
            return "-"
        return f"{100 * value:.1f} %" if shares else f"{value:,.0f} m"

    return {
        "title": f"{plan.scenario}: {len(plan.sites)} {'sites that change' if in_money else 'new sites'}",
        "proof": proof.sentence(),
        "groups": [
            [group.group or "not classed", f"{group.weight:,.0f}", share(group.before), share(group.after)]
            for group in plan.groups
        ],
        "people": told["people"],
        "periods": [
            [period["name"], f"{period['budget']:,.0f}", f"{period['spent_so_far']:,.0f}"]
            for period in told.get("periods", ())
        ],
        "currency": told.get("currency", ""),
        "sites": [
            [str(rank), f"{site.kind} {site.id}", f"{site.lat:.5f}, {site.lon:.5f}", "; ".join(site.reasons)]
            for rank, site in enumerate(plan.sites, start=1)
        ],
        "found": (
            f"{told['demand_points']:,} demand points, {told['candidates']:,} candidate sites, "
            f"{told['existing_stations']:,} existing stations; seed {proof.seed}, {proof.cpu_s} s of computing. "
            + ("The search was stopped early. " if proof.stopped_early else "")
            + " ".join(plan.remarks)
        ),
        "input": proof.input_hash,
        "source": scenario.source,
    }
