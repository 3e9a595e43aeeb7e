import pytest

from gridlane.bench import pieces
from gridlane.bench.planning_growth import plotted, title
from gridlane.bench.table import Options, Row


def fine(options: Options) -> list[Row]:
    return [Row("fine", options.seed, at_least=1.0)]


def broken(_options: Options) -> list[Row]:
    raise ValueError("no figures")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Everything in this process and this folder: what is asked here is what is kept, not how processes start."""
    monkeypatch.setattr(pieces.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(pieces, "apart", lambda work, *given: pieces.measured(work, given))
    return tmp_path


def test_a_piece_that_fails_loses_nothing_of_the_others(kept):
    rows, _ = pieces.in_pieces("trial", {"A": fine, "B": broken, "C": fine}, Options(seed=7), [])
    assert [row.name for row in rows] == ["fine", "A: all of it", "B", "fine", "C: all of it"]
    assert rows[2].ours == "could not run: ValueError: no figures"
    assert rows[2].met is False


def test_what_was_measured_is_kept_until_the_code_or_the_seed_changes(kept):
    code = kept / "code.py"
    code.write_text("x = 1")
    first, said = pieces.in_pieces("trial", {"A": fine}, Options(seed=7), [code])
    assert said == []
    again, said = pieces.in_pieces("trial", {"A": broken}, Options(seed=7), [code])
    assert again == first
    assert "A" in said[0]
    other_seed, _ = pieces.in_pieces("trial", {"A": fine}, Options(seed=8), [code])
    assert other_seed[0].ours == 8
    code.write_text("x = 2")
    changed, _ = pieces.in_pieces("trial", {"A": broken}, Options(seed=7), [code])
    assert changed[0].met is False


def test_a_process_of_its_own_tells_its_time_and_memory():
    run = pieces.apart(sorted, [2, 1])
    assert run.found == [1, 2]
    assert run.cpu_s >= 0.0
    assert run.peak_mb > 1.0


def test_growth_is_drawn_as_bars_that_double():
    names = [title("p-median", *size) for size in ((300, 100, 10), (1_000, 200, 20))]
    lines = plotted([Row(names[0], 0.02), Row(names[1], 0.04, peer=0.08)], "p-median")
    blocks = [line.count("\N{FULL BLOCK}") for line in lines[1:]]
    assert blocks == [4, 8, 0]
    assert lines[3].count("\N{LIGHT SHADE}") == 12
