"""A sheet as a file: CSV, XLSX, PDF or Parquet. Local times are those of the zone given."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Literal
from zoneinfo import ZoneInfo

from gridlane.insight.sheets import TITLES, Column, Language, Sheet
from gridlane.insight.window import Window

Format = Literal["csv", "xlsx", "pdf", "parquet"]
MEDIA: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "parquet": "application/vnd.apache.parquet",
}


def written(
    sheet: Sheet, window: Window, form: Format, language: Language, zone: str, now: datetime
) -> bytes:
    """The file's content; takes a while for large sheets, so call it in a thread."""
    return _WRITERS[form](sheet, window, language, ZoneInfo(zone), now)


def name_of(kind: str, window: Window, form: str) -> str:
    return f"{kind}-{window.since}-{window.until}.{form}"


def _csv(sheet: Sheet, window: Window, language: Language, zone: ZoneInfo, now: datetime) -> bytes:
    """RFC 4180 with a byte order mark, so that spreadsheets read UTF-8; a cell that looks like a formula is made text."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow([TITLES[language][column.key] for column in sheet.columns])
    for row in sheet.rows:
        rows.writerow([_harmless(_exact(value, zone)) for value in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _harmless(value: Any) -> Any:
    dangerous = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if dangerous else value


def _exact(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, float):
        return round(value, 4)
    return "" if value is None else value


_CELLS = {
    "count": "0", "number": "#,##0.00", "share": "0.00%", "moment": "yyyy-mm-dd hh:mm", "day": "yyyy-mm-dd",
    "hours": "#,##0.00", "money": "#,##0.00", "text": "@",
}  # fmt: skip


def _xlsx(sheet: Sheet, window: Window, language: Language, zone: ZoneInfo, now: datetime) -> bytes:
    import xlsxwriter

    titles = TITLES[language]
    content = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "remove_timezone": True,
    }
    with xlsxwriter.Workbook(content, options) as book:
        page = book.add_worksheet(titles[sheet.kind][:31])
        head = book.add_format({"bold": True, "bottom": 1})
        forms = {kind: book.add_format({"num_format": form}) for kind, form in _CELLS.items()}
        for at, column in enumerate(sheet.columns):
            page.write_string(0, at, titles[column.key], head)
            page.set_column(at, at, 22 if column.kind in ("text", "moment") else 14, forms[column.kind])
        for line, row in enumerate(sheet.rows, start=1):
            for at, value in enumerate(row):
                if value is not None:
                    page.write(line, at, value.astimezone(zone) if isinstance(value, datetime) else value)
        page.freeze_panes(1, 0)
        page.autofilter(0, 0, max(1, len(sheet.rows)), len(sheet.columns) - 1)
    return content.getvalue()


def _pdf(sheet: Sheet, window: Window, language: Language, zone: ZoneInfo, now: datetime) -> bytes:
    import typst

    titles = TITLES[language]
    shown = [at for at, column in enumerate(sheet.columns) if column.key not in ("session", "evse_id")]
    paper = {
        "title": titles[sheet.kind],
        "period": f"{_day(window.since, language)} - {_day(date.fromordinal(window.until.toordinal() - 1), language)}",
        "made": f"{titles['made']} {_moment(now, language, zone)}",
        "none": titles["none"],
        "language": language,
        "columns": [
            {
                "name": titles[sheet.columns[at].key],
                "right": sheet.columns[at].kind not in ("text", "moment", "day"),
            }
            for at in shown
        ],
        "rows": [[_said(row[at], sheet.columns[at], language, zone) for at in shown] for row in sheet.rows],
    }
    pdf: bytes = typst.compile(_template(), sys_inputs={"paper": json.dumps(paper)}, pdf_standards=["a-2a"])
    return pdf


@cache
def _template() -> bytes:
    return resources.files("gridlane.insight").joinpath("templates/report.typ").read_bytes()


def _said(value: Any, column: Column, language: Language, zone: ZoneInfo) -> str:
    from babel.numbers import format_decimal, format_percent

    if value is None:
        return "-"
    if column.kind == "share":
        return str(format_percent(value, format="0.00 %" if language == "de" else "0.00%", locale=language))
    if isinstance(value, datetime):
        return _moment(value, language, zone)
    if isinstance(value, date):
        return _day(value, language)
    if column.kind == "count" or isinstance(value, int | float | Decimal):
        places = "#,##0" if column.kind == "count" else "#,##0.00"
        return str(format_decimal(value, format=places, locale=language))
    return str(value)


def _moment(at: datetime, language: Language, zone: ZoneInfo) -> str:
    from babel.dates import format_datetime

    return str(format_datetime(at.astimezone(zone), format="short", locale=language))


def _day(at: date, language: Language) -> str:
    from babel.dates import format_date

    return str(format_date(at, format="medium", locale=language))


def _parquet(sheet: Sheet, window: Window, language: Language, zone: ZoneInfo, now: datetime) -> bytes:
    import polars as pl

    kinds: dict[str, Any] = {
        "text": pl.String(), "count": pl.Int64(), "number": pl.Float64(), "share": pl.Float64(),
        "hours": pl.Float64(), "moment": pl.Datetime("us", "UTC"), "day": pl.Date(), "money": pl.Decimal(38, 6),
    }  # fmt: skip
    schema = {column.key: kinds[column.kind] for column in sheet.columns}
    content = io.BytesIO()
    pl.DataFrame(sheet.rows, schema=schema, orient="row", strict=False).write_parquet(content)
    return content.getvalue()


_WRITERS: dict[Format, Callable[[Sheet, Window, Language, ZoneInfo, datetime], bytes]] = {
    "csv": _csv,
    "xlsx": _xlsx,
    "pdf": _pdf,
    "parquet": _parquet,
}
