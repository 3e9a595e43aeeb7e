"""Build the screens: the operators' console to ``ui/dist/console``, the drivers' app to ``ui/dist/driver``.

Needs no Node on the machine (see ``node.py``). What is installed already is not installed again.
"""

import sys
from pathlib import Path

from node import npm

UI = Path(__file__).resolve().parent.parent / "ui"


def main() -> int:
    if not installed(UI) and (failed := npm(["--prefix", str(UI), "ci", "--loglevel", "error"])):
        return failed
    if failed := npm(["--prefix", str(UI), "run", "--silent", "build"]):
        return failed
    (UI / "dist" / ".built").touch()
    return 0


def installed(ui: Path) -> bool:
    """Whether node_modules holds what the lock asks for: npm writes its own list when it is done."""
    done = ui / "node_modules" / ".package-lock.json"
    return done.exists() and done.stat().st_mtime >= (ui / "package-lock.json").stat().st_mtime


if __name__ == "__main__":
    sys.exit(main())
