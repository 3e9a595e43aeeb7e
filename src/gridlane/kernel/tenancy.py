"""Row-level security for a table, written into its migration.

``gridlane_app`` sees a row when the row's organization, or its person, is the one the unit of work named. The
owner of the tables, who commits what stations say, is not subject to it.
"""

from alembic import op

from gridlane.kernel.embedded_postgres import APP

_SETTING = "nullif(current_setting('gridlane.{name}', true), '')::uuid"


def protect(table: str, *, organization: str | None = "organization_id", person: str | None = None) -> None:
    """Enable the policy on ``table`` by its organization column, its person column, or either."""
    conditions = [
        f"{column} = {_SETTING.format(name=name)}"
        for name, column in (("organization", organization), ("person", person))
        if column
    ]
    grant(table)
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY scope ON {table} TO {APP} USING ({' OR '.join(conditions)})")


def grant(table: str, verbs: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Let ``gridlane_app`` reach a table that belongs to no organization."""
    op.execute(f"GRANT {verbs} ON {table} TO {APP}")
