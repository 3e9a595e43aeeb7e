"""Plans side by side: what each achieves, what it costs, and which sites they share. Pure; plans as their JSON."""

from collections.abc import Mapping, Sequence
from typing import Any


def side_by_side(plans: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``columns`` has one entry per plan, ``shared`` the sites all of them chose, ``only`` those one alone chose."""
    chosen = [{site["id"] for site in plan["sites"]} for plan in plans]
    shared = set.intersection(*chosen) if chosen else set()
    return {
        "columns": [column(plan) for plan in plans],
        "shared": sorted(shared),
        "only": [
            sorted(mine - set().union(*(chosen[:k] + chosen[k + 1 :]))) for k, mine in enumerate(chosen)
        ],
        "comparable": len({(p["certificate"]["objective"], p["certificate"]["unit"]) for p in plans}) <= 1,
    }


def column(plan: Mapping[str, Any]) -> dict[str, Any]:
    proof = plan["certificate"]
    groups = plan["groups"]
    weight = sum(group["weight"] for group in groups) or 1.0
    return {
        "sites": len(plan["sites"]),
        "expense": sum(site["expense"] for site in plan["sites"]),
        "objective": proof["objective"],
        "unit": proof["unit"],
        "value": proof["value"],
        "bound": proof["bound"],
        "gap": proof["gap"],
        "proof": proof["proof"],
        "before": sum((group["before"] or 0.0) * group["weight"] for group in groups) / weight,
        "after": sum(group["after"] * group["weight"] for group in groups) / weight,
        "groups": {group["group"]: group["after"] for group in groups},
    }
