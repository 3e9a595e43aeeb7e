import json

import pytest
from typer.testing import CliRunner

from gridlane.cli.energy import app

HEADING = "evse,arrival,departure,energy_kwh\n"
BUSY = HEADING + "".join(
    f"e{n},2026-03-02T08:0{n}:00Z,2026-03-02T17:00:00Z,20\ne{n},2026-03-03T08:0{n}:00Z,2026-03-03T10:00:00Z,18\n"
    for n in range(4)
)


@pytest.fixture
def sessions(tmp_path):
    file = tmp_path / "sessions.csv"
    file.write_text(BUSY)
    return file


def run(*arguments):
    return CliRunner().invoke(app, ["replay", *map(str, arguments)])


def test_policies_are_compared_in_one_table(sessions, tmp_path):
    out = tmp_path / "figures.json"
    result = run(sessions, "--limit", 22, "--out", out)
    assert result.exit_code == 0, result.output
    figures = {each["policy"]: each for each in json.loads(out.read_text())}
    assert set(figures) == {"uncontrolled", "equal", "first-come", "plan"}
    assert figures["uncontrolled"]["minutes_over_limit"] > 0
    assert figures["plan"]["minutes_over_limit"] == 0
    assert figures["plan"]["peak_kw"] <= 22.0
    assert figures["plan"]["energy_share"] > 0.75


def test_prices_move_energy_and_a_picture_shows_it(sessions, tmp_path):
    prices, plot, out = tmp_path / "prices.csv", tmp_path / "power.svg", tmp_path / "figures.json"
    hours = [
        f"2026-03-0{day}T{hour:02}:00Z,{0.1 if 13 <= hour < 16 else 0.5}"
        for day in (2, 3)
        for hour in range(24)
    ]
    prices.write_text("time,price\n" + "\n".join(hours) + "\n")
    result = run(
        sessions, "--limit", 44, "--prices", prices, "--policy", "plan", "--policy", "equal", "--plot", plot,
        "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    cost = {each["policy"]: each["energy_cost"] for each in json.loads(out.read_text())}
    assert cost["plan"] < 0.8 * cost["equal"]
    assert plot.read_text().count("<polyline") == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADING, "holds no sessions"),
        (HEADING + "e,2026-03-02T08:00Z,,5\n", "line 2, departure"),
        (HEADING + "e,2026-03-02T08:00Z,2026-03-02T07:00Z,5\n", "line 2"),
        (HEADING + "e,2026-03-02T08:00Z,2026-03-02T09:00Z,much\n", "line 2"),
        (HEADING + "e,2026-03-02T08:00,2026-03-02T09:00Z,1\n", "line 2"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_with_its_line(tmp_path, text, said):
    file = tmp_path / "sessions.csv"
    file.write_text(text)
    assert said in str(run(file, "--limit", 22).exception)


def test_an_unknown_policy_is_refused_with_the_known_ones(sessions):
    assert "first-come" in str(run(sessions, "--limit", 22, "--policy", "luck").exception)
