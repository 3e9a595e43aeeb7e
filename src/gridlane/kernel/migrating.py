"""Bring a database to the present schema. Safe to run from many processes at once, and on a live system:
one runs, the others wait.
"""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config

_LOCK = 0x6772_6964_6C61_6E65  # "gridlane"


def migrate(owner_url: str, revision: str = "head") -> None:
    """Apply every missing migration, in order, each in its own transaction."""
    with psycopg.connect(owner_url, autocommit=True) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        command.upgrade(alembic_config(owner_url), revision)


def alembic_config(owner_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.attributes["owner_url"] = owner_url
    return config
