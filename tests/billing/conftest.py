"""Builders: a tariff of one element, a session from minutes and kWh."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx2
import pytest
import sqlalchemy as sa

import local_stripe
from gridlane.accounts.model import organizations
from gridlane.accounts.people import people
from gridlane.billing.ledger import Movement
from gridlane.billing.payments import Payments
from gridlane.billing.port import Source
from gridlane.billing.settlement import Settlement
from gridlane.billing.stripe import Stripe
from gridlane.billing.wallet import Wallet, credit
from gridlane.charging.model import sessions
from gridlane.kernel.access import system
from gridlane.kernel.database import Scope
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.stations.model import sites, stations
from gridlane.tariffs import publishing
from gridlane.tariffs.exchange import from_json
from gridlane.tariffs.precedence import Assignment
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
def clock():
    return lambda: NOW


@pytest.fixture
def organization():
    return new_id()


@pytest.fixture
def scope(organization):
    return Scope(organization)


@pytest.fixture(scope="session")
def stripe_server(tmp_path_factory):
    """A real `localstripe` process of this test run; gives its address."""
    with local_stripe.local_stripe(tmp_path_factory.mktemp("localstripe")) as address:
        yield address


@pytest.fixture
def stripe(stripe_server):
    httpx2.delete(f"{stripe_server}/_config/data")
    return Stripe(local_stripe.KEY, stripe_server)


@pytest.fixture
def card(stripe_server, organization):
    """``card("4242...")``: a customer with a saved card, as a source to pay from."""

    def build(number="4242424242424242"):
        customer = local_stripe.ask(stripe_server, "customers", email="anna@example.org")["id"]
        method = local_stripe.card(stripe_server, number)
        local_stripe.ask(stripe_server, f"payment_methods/{method}/attach", customer=customer)
        return Source(provider="stripe", organization_id=organization, customer=customer, method=method)

    return build


@pytest.fixture
def wallet_of(database, organization):
    """``await wallet_of(25)``: a (given) person whose wallet holds so many euros, as a source to pay from."""

    async def build(euros, person=None):
        person = person or new_id()
        if euros:
            async with database.unit_of_work(Scope(organization)) as work:
                amount = Money.of(str(euros), "EUR")
                await credit(
                    work, organization, person, amount, Movement.TOPPED_UP, f"top-up {new_id()}", NOW
                )
        return Source(provider="wallet", organization_id=organization, person_id=person)

    return build


@pytest.fixture
def payments(database, stripe):
    return Payments(database, {"wallet": Wallet(database, lambda: NOW), "stripe": stripe}, lambda: NOW)


class World:
    """One organization with a station, a tariff for everyone and people with wallets, over a real database."""

    def __init__(self, database, organization):
        self.database, self.organization = database, organization
        self.site, self.station = new_id(), new_id()

    async def build(self, tariff):
        row = {"organization_id": self.organization, "created_at": NOW}
        async with self.database.as_owner() as work:
            await work.execute(
                sa.insert(organizations).values(id=self.organization, name="Gridlane Demo", created_at=NOW)
            )
            await work.execute(sa.insert(sites).values(id=self.site, name="Garage", city="Berlin", **row))
            station = {
                "id": self.station,
                "site_id": self.site,
                "identity": "A",
                "name": "A",
                "changed_at": NOW,
            }
            await work.execute(sa.insert(stations).values(**station, **row))
        caller = system(self.organization)
        async with self.database.unit_of_work(caller.scope) as work:
            version = await publishing.create(work, caller, "Public", tariff, NOW, NOW)
            assignment = Assignment(id=new_id(), tariff_id=version.tariff_id, valid_from=NOW)
            await publishing.assign(work, caller, assignment, NOW)
        return self

    async def person(self, name="Anna"):
        id_ = new_id()
        async with self.database.as_owner() as work:
            email = f"{name.lower()}-{id_}@example.org"
            row = {"id": id_, "name": name, "email": email, "created_at": NOW}
            await work.execute(sa.insert(people).values(**row))
        return id_

    async def session(self, person=None, kwh=10.0, minutes=60, **fields):
        """An ended session, as the owner of the station would have stored it."""
        id_ = new_id()
        row = {
            "id": id_,
            "organization_id": self.organization,
            "site_id": self.site,
            "station_id": self.station,
            "transaction_id": str(id_),
            "status": "ended",
            "evse": 1,
            "started_at": NOW,
            "ended_at": NOW + timedelta(minutes=minutes),
            "person_id": person,
            "received_at": NOW,
            "first_received_at": NOW,
            "energy": kwh * 1000,
        }
        async with self.database.as_owner() as work:
            await work.execute(sa.insert(sessions).values(**row | fields))
        return id_

    async def rows(self, table, **where):
        async with self.database.as_owner() as work:
            return (await work.execute(sa.select(table).filter_by(**where))).mappings().all()


@pytest.fixture
async def world(database, organization, tariff):
    return await World(database, organization).build(tariff(ENERGY=0.5, FLAT=1))


@pytest.fixture
def settlement(database, payments):
    return Settlement(database, payments, lambda: NOW)


@pytest.fixture
def confirm(stripe_server):
    """``confirm("pi_...")``: what the payment form in the guest's browser does at the provider."""

    return partial(local_stripe.confirm, stripe_server)
