"""``python -m gridlane``."""

from gridlane.cli.main import run

run()
