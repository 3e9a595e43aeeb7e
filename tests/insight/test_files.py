import csv
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pypdf
import pytest

from gridlane.insight.files import written
from gridlane.insight.sheets import KINDS, TITLES, Column, Sheet
from gridlane.insight.window import Window

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WINDOW = Window(since=date(2026, 5, 1), until=date(2026, 6, 1))
SHEET = Sheet(
    kind="sessions",
    columns=(Column("station", "text"), Column("started", "moment"), Column("energy", "number"), Column("net", "money")),
    rows=[("=HYPERLINK(1)", NOW, 12.346, Decimal("5.50")), ("#import", None, 0.0, None)],
)  # fmt: skip


def made(form, language="en"):
    return written(SHEET, WINDOW, form, language, "Europe/Berlin", NOW)


def test_csv_has_local_times_and_no_formulas():
    head, first, _ = csv.reader(io.StringIO(made("csv").decode("utf-8-sig")))
    assert head == ["Station", "Started", "Energy, kWh", "Net"]
    assert first == ["'=HYPERLINK(1)", "2026-06-01T14:00:00+02:00", "12.346", "5.50"]


def test_xlsx_holds_what_a_station_says_as_text():
    with zipfile.ZipFile(io.BytesIO(made("xlsx"))) as book:
        page = book.read("xl/worksheets/sheet1.xml").decode()
        assert "=HYPERLINK(1)" in book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in page


def test_pdf_says_it_in_german_and_runs_no_code_of_a_station():
    text = pypdf.PdfReader(io.BytesIO(made("pdf", "de"))).pages[0].extract_text()
    assert "Ladevorgänge" in text
    assert "12,35" in text
    assert "#import" in text


def test_parquet_keeps_types():
    frame = pl.read_parquet(io.BytesIO(made("parquet")))
    assert frame["started"].to_list() == [NOW, None]
    assert frame["net"].to_list()[0] == Decimal("5.500000")


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_report_has_its_title_in_every_language(language):
    assert KINDS.keys() <= TITLES[language].keys()
    assert TITLES["en"].keys() == TITLES[language].keys()
