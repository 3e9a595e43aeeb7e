import pytest
import sqlalchemy as sa
from alembic import autogenerate
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from gridlane.kernel import audit
from gridlane.kernel.access import system
from gridlane.kernel.database import Scope, metadata
from gridlane.kernel.ids import new_id
from gridlane.kernel.migrating import alembic_config


async def test_a_unit_of_work_without_a_scope_sees_no_row(database):
    organization = new_id()
    async with database.unit_of_work(Scope(organization)) as work:
        await audit.record(work, system(organization), "site.created", None)

    async with database.unit_of_work(Scope()) as work:
        assert (await work.execute(sa.select(audit.audit_entries))).all() == []
    async with database.unit_of_work(Scope(organization)) as work:
        assert len((await work.execute(sa.select(audit.audit_entries))).all()) == 1


async def test_a_unit_of_work_that_fails_leaves_nothing_behind(database):
    organization = new_id()

    async def failing():
        async with database.unit_of_work(Scope(organization)) as work:
            await audit.record(work, system(organization), "site.created", None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    async with database.unit_of_work(Scope(organization)) as work:
        assert (await work.execute(sa.select(audit.audit_entries))).all() == []


async def test_the_application_role_is_no_superuser_and_cannot_pass_row_level_security(database):
    async with database.unit_of_work(Scope()) as work:
        role = (
            await work.execute(
                sa.text("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
            )
        ).one()
    assert tuple(role) == ("gridlane_app", False, False)


async def test_every_table_of_an_organization_is_protected_by_row_level_security(database):
    async with database.as_owner() as work:
        unprotected = (
            await work.execute(
                sa.text(
                    "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
                    "WHERE a.attname = 'organization_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
                    "AND NOT c.relrowsecurity AND has_table_privilege('gridlane_app', c.oid, 'SELECT') "
                    "AND c.relname <> 'facts'"
                )
            )
        ).all()
    assert unprotected == []


def test_the_migrations_make_exactly_the_tables_the_packages_declare(database_url):
    import gridlane.app.tables  # noqa: F401 (declares every table)

    def ours(_object, name, kind, _reflected, _compared):
        foreign = name.startswith("procrastinate_") or name == "alembic_version" or name in partitions
        return not (kind == "table" and foreign)

    engine = sa.create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = connection.execute(
            sa.text("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
        )
        partitions = set(found.scalars())
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "target_metadata": metadata, "compare_type": False}
        )
        differences = autogenerate.compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_the_migrations_are_one_line_without_branches(database_url):
    script = ScriptDirectory.from_config(alembic_config(database_url))
    assert len(script.get_heads()) == 1
