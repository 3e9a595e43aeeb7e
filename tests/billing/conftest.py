"""Builders: a tariff of one element, a session from minutes and kWh."""

import json
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from gridlane.billing.ledger import Movement
from gridlane.billing.payments import Payments
from gridlane.billing.port import Source
from gridlane.billing.stripe import Stripe
from gridlane.billing.wallet import Wallet, credit
from gridlane.kernel.database import Scope
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
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


NOW = datetime(2026, 1, 12, 12, tzinfo=UTC)


@pytest.fixture
def organization():
    return new_id()


@pytest.fixture
def scope(organization):
    return Scope(organization)


@pytest.fixture(scope="session")
def stripe_server(tmp_path_factory):
    """A real `localstripe` process of this test run; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("localstripe")
    command = [sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port)]
    with subprocess.Popen(
        command,
        cwd=home,
        env=os.environ | {"TMPDIR": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address)
        yield address
        server.terminate()


def _wait_for(address):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            httpx2.get(f"{address}/v1/balance", auth=("sk_test_12345", ""))
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("localstripe did not start")


@pytest.fixture
def stripe(stripe_server):
    return Stripe("sk_test_12345", stripe_server)


@pytest.fixture
def card(stripe_server, organization):
    """``card("4242...")``: a customer with a saved card, as a source to pay from."""

    def build(number="4242424242424242"):
        def ask(path, **data):
            answer = httpx2.post(f"{stripe_server}/v1/{path}", data=data, auth=("sk_test_12345", ""))
            answer.raise_for_status()
            return answer.json()["id"]

        customer = ask("customers", email="anna@example.org")
        fields = {
            "card[number]": number,
            "card[exp_month]": "12",
            "card[exp_year]": "2030",
            "card[cvc]": "123",
        }
        method = ask("payment_methods", type="card", **fields)
        ask(f"payment_methods/{method}/attach", customer=customer)
        return Source(provider="stripe", organization_id=organization, customer=customer, method=method)

    return build


@pytest.fixture
def wallet_of(database, organization):
    """``await wallet_of(25)``: a person whose wallet holds so many euros, as a source to pay from."""

    async def build(euros):
        person = new_id()
        if euros:
            async with database.unit_of_work(Scope(organization)) as work:
                amount = Money.of(str(euros), "EUR")
                await credit(work, organization, person, amount, Movement.TOPPED_UP, f"top-up {person}", NOW)
        return Source(provider="wallet", organization_id=organization, person_id=person)

    return build


@pytest.fixture
def payments(database, stripe):
    return Payments(database, {"wallet": Wallet(database, lambda: NOW), "stripe": stripe}, lambda: NOW)
