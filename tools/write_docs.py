"""Write the generated pages of docs/, and the counts in the README, anew: ``make docs``. A test compares the committed pages with what this would write."""

import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path

from gridlane.cli.endpoints import endpoints_module
from gridlane.cli.reference import PAGES as OPERATORS_PAGES
from gridlane.maintenance.pages import faults_page
from gridlane.ocpp.pages import errors_page, quirks_page
from gridlane.stations.dialects.pages import support_page
from gridlane.stations.reasons import refusals_page

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests/conformance"))
conformance = importlib.import_module("counting")

PAGES: dict[str, Callable[[], str]] = {
    "docs/conformance.md": conformance.page,
    "docs/operators/faults.md": faults_page,
    "docs/operators/refusals.md": refusals_page,
    "docs/ocpp-errors.md": errors_page,
    "docs/ocpp-quirks.md": quirks_page,
    "docs/ocpp-support.md": support_page,
    **OPERATORS_PAGES,
    "ui/shared/api/endpoints.ts": endpoints_module,
}
"""Page -> the function that makes it."""


def main() -> None:
    for path, page in PAGES.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page())
        print(f"wrote {path}")
    write_readme()


def write_readme() -> None:
    """Put the count of conformance cases between its markers."""
    readme = ROOT / "README.md"
    told = f"<!-- conformance -->\n{conformance.line()}\n<!-- /conformance -->"
    readme.write_text(
        re.sub(r"<!-- conformance -->\n.*\n<!-- /conformance -->", lambda _: told, readme.read_text())
    )


if __name__ == "__main__":
    main()
