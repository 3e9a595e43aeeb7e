"""Write the generated pages of docs/ anew: ``make docs``. A test compares the committed pages with what this would write."""

from collections.abc import Callable
from pathlib import Path

from gridlane.cli.reference import PAGES as OPERATORS_PAGES
from gridlane.ocpp.pages import errors_page, quirks_page
from gridlane.stations.dialects.pages import support_page
from gridlane.stations.reasons import refusals_page

ROOT = Path(__file__).resolve().parent.parent

PAGES: dict[str, Callable[[], str]] = {
    "docs/operators/refusals.md": refusals_page,
    "docs/ocpp-errors.md": errors_page,
    "docs/ocpp-quirks.md": quirks_page,
    "docs/ocpp-support.md": support_page,
    **OPERATORS_PAGES,
}
"""Page -> the function that makes it."""


def main() -> None:
    for path, page in PAGES.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page())
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
