"""``gridlane bench NAME``: run one benchmark, print its table, and exit 0 (goals met), 1 (missed) or 2 (could not run)."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from gridlane.bench import BENCHES
from gridlane.bench.table import COULD_NOT_RUN, CouldNotRun, Options

app = typer.Typer()


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="one of: " + ", ".join(BENCHES))],
    *,
    quick: Annotated[bool, typer.Option(help="end within a minute on two cores")] = False,
    seed: Annotated[int, typer.Option(help="what all randomness comes from")] = Options().seed,
    json: Annotated[Path | None, typer.Option(help="write the same figures to this file")] = None,
) -> None:
    """Measure: ours, peer, limit, goal."""
    if name not in BENCHES:
        typer.echo(f"There is no benchmark {name!r}. There are: {', '.join(BENCHES)}.", err=True)
        raise typer.Exit(COULD_NOT_RUN)
    if json is not None and not json.resolve().parent.is_dir():  # said before the run, not after it
        typer.echo(f"There is no directory {json.parent} for the figures.", err=True)
        raise typer.Exit(COULD_NOT_RUN)
    try:
        table = import_module(f"gridlane.bench.{name.replace('-', '_')}").run(
            Options(quick=quick, seed=seed, json_file=json)
        )
    except CouldNotRun as reason:
        typer.echo(f"gridlane bench {name} could not run: {reason}", err=True)
        raise typer.Exit(COULD_NOT_RUN) from None
    table.print()
    if json is not None:
        table.write_json(json)
    raise typer.Exit(table.exit_code)
