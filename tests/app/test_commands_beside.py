"""Commands that are given beside a running ``gridlane up`` find its database by themselves."""

import pytest
from typer.testing import CliRunner

from gridlane.cli.admin import app
from gridlane.cli.roles import DatabaseNotNamed
from gridlane.kernel import embedded_postgres, migrating


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    tmp_path.chmod(0o755)
    monkeypatch.setenv("GRIDLANE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("GRIDLANE_DATABASE_URL", raising=False)
    return tmp_path


def test_waiting_mails_and_the_set_up_link_are_told_beside_a_running_server_and_refused_without_one(data_dir):
    server = embedded_postgres.start(data_dir / "postgres")
    try:
        migrating.migrate(server.url())
        done = CliRunner().invoke(app, ["set-up-link"])
        assert done.exit_code == 0, done.output
        assert "/console/setup?token=" in done.output
        assert CliRunner().invoke(app, ["mails"]).exit_code == 0
    finally:
        server.stop()
    assert isinstance(CliRunner().invoke(app, ["mails"]).exception, DatabaseNotNamed)
