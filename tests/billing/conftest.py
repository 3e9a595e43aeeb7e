"""Builders: a tariff of one element, a session from minutes and kWh."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gridlane.tariffs.exchange import from_json
from gridlane.tariffs.session import Activity, Period


@pytest.fixture
def tariff():
    """``tariff(ENERGY=0.5, FLAT=1, vat=19, **fields)``."""

    def build(vat=19, currency="EUR", tax_included="YES", **given):
        components = [{"type": k, "price": v, "vat": vat} for k, v in given.items() if k.isupper()]
        raw = {
            "country_code": "DE",
            "party_id": "GRL",
            "id": "T1",
            "currency": currency,
            "elements": [{"price_components": components}],
            "last_updated": "2026-01-01T00:00:00Z",
            "tax_included": tax_included,
        }
        return from_json(json.dumps(raw | {k: v for k, v in given.items() if not k.isupper()}))

    return build


@pytest.fixture
def session():
    """``session(("charging", 30, 5.5), ("parking", 10))``: minutes and kWh, one after the other."""

    def build(*stretches):
        at, periods = datetime(2026, 1, 12, 8, 30, tzinfo=UTC), []
        for activity, minutes, *energy in stretches:
            end = at + timedelta(minutes=minutes)
            periods.append(Period(at, end, Activity(activity), energy[0] * 1000 if energy else 0.0))
            at = end
        return periods

    return build
