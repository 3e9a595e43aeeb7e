"""Who charges in the demo network: made-up drivers with cards, wallets and vehicles, a delivery fleet, a site's host.

Nobody of them can sign in: they have no password, and their addresses lead nowhere (RFC 2606).
"""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import groups, vehicles
from gridlane.accounts.model import tokens
from gridlane.accounts.model import vehicles as vehicle_rows
from gridlane.accounts.people import memberships, people
from gridlane.app.demo.network import DAYS
from gridlane.billing import contracts
from gridlane.billing.ledger import Movement
from gridlane.billing.sharing import HostContract
from gridlane.billing.wallet import credit
from gridlane.kernel.access import Caller, system
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.stations.model import sites

DRIVERS = 240
"""Of the demo's cards so many belong to a person; the others are anonymous, and what they charge costs nobody anything."""
COURIERS, VANS = 24, 6
SEED = 11

_GIVEN = [
    "Ada",
    "Anton",
    "Ayşe",
    "Ben",
    "Carla",
    "Cem",
    "Clara",
    "David",
    "Elif",
    "Emil",
    "Emma",
    "Felix",
    "Greta",
    "Hanna",
    "Ida",
    "Ilias",
    "Jan",
    "Jonas",
    "Klara",
    "Lea",
    "Leo",
    "Lina",
    "Luca",
    "Maja",
    "Marie",
    "Mehmet",
    "Mia",
    "Mila",
    "Nele",
    "Noah",
    "Nora",
    "Oskar",
    "Paul",
    "Pia",
    "Romy",
    "Samir",
    "Selma",
    "Theo",
    "Tim",
    "Zoe",
]
_FAMILY = [
    "Arslan",
    "Bauer",
    "Becker",
    "Brandt",
    "Demir",
    "Engel",
    "Fischer",
    "Frank",
    "Fuchs",
    "Günther",
    "Haas",
    "Hofmann",
    "Huber",
    "Jansen",
    "Kaiser",
    "Keller",
    "Koch",
    "König",
    "Krause",
    "Kurz",
    "Lang",
    "Lorenz",
    "Maier",
    "Menzel",
    "Nowak",
    "Otto",
    "Peters",
    "Pohl",
    "Richter",
    "Roth",
    "Sauer",
    "Schulz",
    "Seidel",
    "Sommer",
    "Thoma",
    "Vogel",
    "Wagner",
    "Weber",
    "Winter",
    "Yilmaz",
]
_MODELS = (  # model, usable battery in Wh, AC in W, phases, DC in W
    ("Volkswagen ID.3", 58_000, 11_000, 3, 120_000),
    ("Tesla Model 3", 57_500, 11_000, 3, 170_000),
    ("Renault Zoe", 52_000, 22_000, 3, 46_000),
    ("Hyundai Ioniq 5", 74_000, 10_500, 3, 220_000),
    ("BMW i3", 37_900, 11_000, 3, 49_000),
    ("Dacia Spring", 25_000, 6_600, 1, 34_000),
)


async def bring_people(database: Database, organization_id: UUID, now: datetime) -> None:
    """Give the first cards their holders, each with money in the wallet and mostly a vehicle; found the fleet."""
    caller = system(organization_id, "demo")
    random_ = random.Random(SEED)
    begin = now - timedelta(days=DAYS + 1)
    async with database.as_owner() as work:
        query = (
            sa.select(tokens.c.id).where(tokens.c.organization_id == organization_id).order_by(tokens.c.id)
        )
        cards = list((await work.execute(query.limit(DRIVERS))).scalars())
        drivers = await _drivers(work, organization_id, cards, random_, begin)
    async with database.unit_of_work(Scope(organization_id)) as work:
        for person_id in drivers:
            amount = Money.of(random_.choice((1000, 2500, 4000)), "EUR")
            key = f"demo:{person_id}"
            await credit(work, organization_id, person_id, amount, Movement.TOPPED_UP, key, begin)
        await _found_fleet(work, caller, drivers[:COURIERS], begin)
        await _agree_with_a_host(work, caller, begin.date())


async def _drivers(
    work: AsyncConnection,
    organization_id: UUID,
    cards: Sequence[UUID],
    random_: random.Random,
    since: datetime,
) -> list[UUID]:
    names = random_.sample([f"{given} {family}" for given in _GIVEN for family in _FAMILY], len(cards))
    drivers = [new_id() for _ in cards]
    await work.execute(
        sa.insert(people),
        [
            {
                "id": id_,
                "name": name,
                "email": f"driver{place}@demo.invalid",
                "language": random_.choice(("de", "de", "en")),
                "verified_at": since,
                "created_at": since,
            }
            for place, (id_, name) in enumerate(zip(drivers, names, strict=True), start=1)
        ],
    )
    belongs = [
        {"organization_id": organization_id, "person_id": id_, "role": "driver", "since": since}
        for id_ in drivers
    ]
    await work.execute(sa.insert(memberships), belongs)
    for card, id_, name in zip(cards, drivers, names, strict=True):
        values = {"person_id": id_, "name": f"Card of {name}"}
        await work.execute(sa.update(tokens).where(tokens.c.id == card).values(values))
    cars = [
        _car(organization_id, id_, random_, since) for id_ in drivers[COURIERS:] if random_.random() < 0.8
    ]
    await work.execute(sa.insert(vehicle_rows), cars)
    return drivers


def _car(organization_id: UUID, person_id: UUID, random_: random.Random, since: datetime) -> dict[str, Any]:
    model, battery, ac_power, phases, dc_power = random_.choice(_MODELS)
    letters = "".join(random_.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=2))
    return {
        "id": new_id(),
        "organization_id": organization_id,
        "person_id": person_id,
        "name": model.split()[-1],
        "model": model,
        "plate": f"B-{letters} {random_.randint(10, 999)}E",
        "battery": battery,
        "ac_power": ac_power,
        "ac_phases": phases,
        "dc_power": dc_power,
        "created_at": since,
        "changed_at": since,
    }


async def _found_fleet(
    work: AsyncConnection, caller: Caller, couriers: Sequence[UUID], since: datetime
) -> None:
    """A delivery company: its drivers come first when power is short, and share some vans."""
    about = {
        "name": "City Couriers",
        "kind": "fleet",
        "rank": 10,
        "priority": 2.0,
        "note": "parcels, 6 to 20 o'clock",
    }
    fleet = await groups.create(work, caller, about)
    for person_id in couriers:
        await groups.add(work, caller, fleet["id"], person_id, since=since)
    for place in range(1, VANS + 1):
        van = {"name": f"Van {place}", "model": "Ford E-Transit", "battery": 68_000, "ac_power": 11_000, "ac_phases": 3, "dc_power": 115_000}  # fmt: skip
        await vehicles.add_to_group(work, caller, fleet["id"], van)


async def _agree_with_a_host(work: AsyncConnection, caller: Caller, day: date) -> None:
    """The first site's ground belongs to somebody who gets a share."""
    site_id = await work.scalar(sa.select(sites.c.id).order_by(sites.c.name, sites.c.id).limit(1))
    assert site_id is not None
    contract = HostContract(
        host_id=new_id(),
        percent=Decimal(12),
        per_kilowatt_hour=Money.of("0.22", "EUR"),
        monthly_minimum=Money.of(50, "EUR"),
    )
    await contracts.agree_with_host(work, caller, site_id, contract, day.replace(day=1))
