"""Runs under ``gridlane.kernel.migrating``: one transaction per migration, a short lock timeout, so that a migration
that would stop the network gives up instead.
"""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from gridlane.kernel.database import metadata

url = str(context.config.attributes["owner_url"]).replace("postgresql://", "postgresql+psycopg://", 1)
engine = create_engine(url, poolclass=NullPool)
with engine.connect() as connection:
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
