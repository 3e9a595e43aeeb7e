"""Counts the cases by the names of their tests: ``test_tc16_013_014_...`` and ``test_tc_e_07_e_08_...``."""

import re
from pathlib import Path
from typing import NamedTuple

import cases
import not_tested

HERE = Path(__file__).parent


class Block(NamedTuple):
    """A published list: its name, the ids that are due, and those without a test with the reason."""

    name: str
    due: list[str]
    not_tested: dict[str, str]

    @property
    def tested(self) -> int:
        return len(self.due) - len(self.not_tested)


BLOCKS = (
    Block("OCPP 1.6", cases.OCPP_16, not_tested.OCPP_16),
    Block("OCPP 2.0.1 Core and Advanced Security", cases.OCPP_201, not_tested.OCPP_201),
    Block(
        "OCPP 2.0.1 Local Authorization List, Smart Charging and Reservation",
        cases.OCPP_201_MORE,
        not_tested.OCPP_201_MORE,
    ),
)


def tested() -> list[str]:
    """The ids that tests play, one for each time they do."""
    found = []
    for file in sorted(HERE.glob("test_ocpp*.py")):
        for name in re.findall(r"def test_tc16_((?:\d{3}_(?:\d_)?)+)", file.read_text()):
            found += re.findall(r"\d{3}(?:_\d)?(?=_|$)", name)
        for name in re.findall(r"def test_tc_((?:[a-p]_\d{2,3}_)+)", file.read_text()):
            found += [one.upper() for one in re.findall(r"[a-p]_\d{2,3}", name)]
    return found


def line() -> str:
    """The sentence of the README."""
    counts = [f"{one.tested} of the {len(one.due)} published cases of {one.name}" for one in BLOCKS]
    return f"Played by number, with the stored state proved: {', '.join(counts)}."


def page() -> str:
    """docs/conformance.md"""
    rows = [f"| {one.name} | {len(one.due)} | {one.tested} | {len(one.not_tested)} |" for one in BLOCKS]
    reasons = [
        f"| {one.name} | {id_} | {reason} |" for one in BLOCKS for id_, reason in one.not_tested.items()
    ]
    return "\n".join(
        [
            "# Conformance cases",
            "",
            "The Open Charge Alliance publishes test cases for central systems. `tests/conformance/` plays them by",
            "number with a virtual station on real sockets over a real database. A case counts only when its test proves",
            "what is stored and what the station does next, not just an answer. Passing them here is not a certificate.",
            "",
            "| List | Due | Played | Not yet |",
            "|---|---|---|---|",
            *rows,
            "",
            "## Not yet played",
            "",
            "| List | Case | Why |",
            "|---|---|---|",
            *reasons,
            "",
        ]
    )
