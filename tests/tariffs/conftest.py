"""Builders: a tariff from a few words, a session from a few numbers."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gridlane.tariffs.exchange import from_json
from gridlane.tariffs.session import Activity, Period


@pytest.fixture
def tariff():
    """``tariff(element(...), ..., **fields)``; an element is a dict of OCPI."""

    def build(*elements, **fields):
        raw = {
            "country_code": "DE",
            "party_id": "GRL",
            "id": "T1",
            "currency": "EUR",
            "elements": list(elements),
            "last_updated": "2026-01-01T00:00:00Z",
        }
        return from_json(json.dumps(raw | fields))

    return build


@pytest.fixture
def element():
    """``element(ENERGY=0.25, vat=10, start_time="17:00")``: components by dimension, restrictions by name."""

    def build(vat=None, step_size=1, name=None, **given):
        dimensions = {k: v for k, v in given.items() if k.isupper()}
        components = [{"type": k, "price": v, "step_size": step_size} for k, v in dimensions.items()]
        if vat is not None:
            components = [c | {"vat": vat} for c in components]
        restrictions = {k: v for k, v in given.items() if not k.isupper()}
        made = {"price_components": components, "restrictions": restrictions}
        return made | ({"name": name} if name else {})

    return build


@pytest.fixture
def session():
    """``session("2026-01-12T16:00", ("charging", 30, 5.5), ("parking", 10))``: minutes and kWh, one after the other."""

    def build(start, *stretches, **common):
        at = datetime.fromisoformat(start).replace(tzinfo=UTC)
        periods = []
        for activity, minutes, *energy in stretches:
            end = at + timedelta(minutes=minutes)
            wh = energy[0] * 1000 if energy else 0.0
            periods.append(Period(at, end, Activity(activity), wh, **common))
            at = end
        return periods

    return build
