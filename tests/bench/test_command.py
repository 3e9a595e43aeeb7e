from typer.testing import CliRunner

from gridlane.cli.bench import app


def test_figures_that_could_not_be_written_are_refused_before_the_run(tmp_path):
    done = CliRunner().invoke(app, ["codec", "--json", str(tmp_path / "missing" / "codec.json")])
    assert done.exit_code == 2
    assert "There is no directory" in done.output


def test_an_unknown_benchmark_is_answered_with_those_there_are():
    done = CliRunner().invoke(app, ["nothing"])
    assert done.exit_code == 2
    assert "tariffs" in done.output
