"""Made-up rows for every table there is, so that a new table is covered by tests that go through all of them."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gridlane.accounts.people import people
from gridlane.app import tables  # noqa: F401 (so that every table is known)
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import metadata

KEPT_ASIDE = {"facts", "fact_readers", "nodes", "ownerships", "people"}
"""Machinery; people are made by hand."""


def encoded(ids: UUID, text: str) -> dict[str, Any]:
    """What stands in the columns that hold a structure, by table and column: made up, but of its form."""
    money = {"amount": "1", "currency": "EUR"}
    agreement = {"employer_id": str(ids), "employee_id": str(ids), "per_kilowatt_hour": money}
    paid_back = {"agreement": agreement, "month": "2026-01-01", "energy": 1, "total": money, "cut": money}
    code = {"code": text, "kind": "percent", "value": "1", "valid_from": "2026-01-01T00:00:00Z"}
    forms: dict[str, Any] = {
        "alert_rules.channels": [],
        "campaigns.firmware": json.dumps({"location": text}),
        "campaigns.plan": "{}",
        "configuration_templates.applies": json.dumps({"vendor": text}),
        "configuration_templates.settings": "[]",
        "assumptions.content": json.dumps({"currency": text}),
        "notices.words": json.dumps({"en": [text, text]}),
        "free_vends.content": json.dumps({"reason": text}),
        "promotions.content": json.dumps(code),
        "reimbursements.content": json.dumps(paid_back),
    }
    assert forms.keys() <= {
        f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in table.c
    }
    return forms


def made_up(column: sa.Column[Any], ids: UUID, text: str) -> Any:
    """A value of a column's type."""
    kind = column.type
    if isinstance(kind, sa.Uuid):
        return ids
    if isinstance(kind, ARRAY):
        return []
    if isinstance(kind, JSONB | sa.JSON):
        return {"note": text}
    values: list[tuple[Any, Any]] = [
        (sa.LargeBinary, text.encode()), (sa.Boolean, False), (sa.DateTime, system_clock()), (sa.Date, date(2026, 1, 1)),
        (sa.Numeric, Decimal(1)), (sa.Float, 1.0), (sa.Integer, 1), (sa.Interval, "1 hour"), (sa.Text, text),
    ]  # fmt: skip
    return next((value for type_, value in values if isinstance(kind, type_)), None)


async def sow(
    database,
    ids: UUID,
    person: UUID,
    text: str,
    personal: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> set[str]:
    """One row in every table for an organization ``ids``; gives the tables that took theirs.

    ``personal`` is the text in the rows of ``person``; ``given`` has values by table and column that are not made up.
    """
    sown = set()
    async with database.as_owner() as work:
        address = f"{personal or text}@example.org"
        row = {"id": person, "email": address, "name": personal or text, "created_at": system_clock()}
        await work.execute(sa.insert(people).values(row))
    for table in metadata.sorted_tables:
        if table.name in KEPT_ASIDE:
            continue
        words = personal if personal and "person_id" in table.c else text
        formed = {**encoded(ids, words), **(given or {})}
        row = {
            column.name: person
            if column.name == "person_id"
            else formed.get(f"{table.name}.{column.name}", made_up(column, ids, words))
            for column in table.c
            if f"{table.name}.{column.name}" in formed
            or (
                not (column.server_default is not None and not column.primary_key) and column.computed is None
            )
        }
        if table.name == "organizations":
            row["details"] = {"note": words}
        try:
            async with database.as_owner() as work:
                await work.execute(sa.insert(table).values(row))
            sown.add(table.name)
        except sa.exc.DBAPIError:
            continue
    return sown
