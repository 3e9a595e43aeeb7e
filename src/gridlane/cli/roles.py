"""The roles that run alone, any number of each, over one database and one NATS."""

import gc
from typing import Annotated

import typer

from gridlane.kernel import telemetry
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.settings import Settings

app = typer.Typer()


class DatabaseNotNamed(Refusal):
    code = "database_not_named"
    kind = Kind.INVALID
    sentence = "There is no database: `gridlane up` does not run over {directory}, and GRIDLANE_DATABASE_URL is not set."


def settings_for(process: str) -> Settings:
    """The settings with a database: the one that is named, else that of ``gridlane up`` over the same data directory."""
    settings = with_running_database(Settings())
    if settings.database_url is None:
        raise DatabaseNotNamed(directory=settings.data_dir)
    telemetry.configure(settings, process)
    return settings


def with_running_database(settings: Settings) -> Settings:
    if settings.database_url is not None:
        return settings

    from gridlane.kernel import embedded_postgres

    url = embedded_postgres.running(settings.data_dir.resolve() / "postgres")
    return settings.model_copy(update={"database_url": url})


@app.command()
def gateway(
    metrics_port: Annotated[int, typer.Option(help="Port for /metrics on loopback; 0: none.")] = 0,
) -> None:
    """Run a gateway: the process that holds stations' sockets."""
    gc.disable()  # importing makes no garbage; the role turns it on again when it serves
    from gridlane.app import gateway as role

    role.run(settings_for("gateway"), metrics_port=metrics_port)


@app.command()
def api() -> None:
    """Run the API and the screens."""
    from gridlane.app import api as role

    role.run(settings_for("api"))


@app.command()
def worker() -> None:
    """Run jobs, facts and what dead gateways left behind."""
    from gridlane.app import worker as role

    role.run(settings_for("worker"))


@app.command()
def migrate() -> None:
    """Bring the database to the present schema; safe on a live system, and from many processes at once."""
    from gridlane.kernel import migrating

    settings = settings_for("migrate")
    assert settings.database_url is not None
    migrating.migrate(settings.database_url)
