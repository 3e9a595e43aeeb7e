"""What charging costs in the demo network: one price a kilowatt-hour by day and by night, and for a plug that is kept."""

from datetime import timedelta
from uuid import UUID

import msgspec

from gridlane.app.demo.network import DAYS
from gridlane.kernel.access import system
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.ids import new_id
from gridlane.tariffs import publishing
from gridlane.tariffs.exchange import from_ocpi
from gridlane.tariffs.precedence import Assignment

_TARIFF = {
    "country_code": "DE",
    "party_id": "GRL",
    "id": "demo",
    "last_updated": "2026-01-01T00:00:00Z",
    "currency": "EUR",
    "elements": [
        {
            "price_components": [{"type": "ENERGY", "price": 0.39, "vat": 19.0, "step_size": 1}],
            "restrictions": {"start_time": "22:00", "end_time": "06:00"},
        },
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.49, "vat": 19.0, "step_size": 1},
                {"type": "PARKING_TIME", "price": 3.0, "vat": 19.0, "step_size": 60},
            ]
        },
    ],
}


async def publish_prices(database: Database, organization_id: UUID) -> None:
    """A tariff for every site and everybody."""
    caller = system(organization_id, "demo")
    now = system_clock() - timedelta(days=DAYS + 1)  # in force before the history begins
    async with database.unit_of_work(Scope(organization_id)) as work:
        version = await publishing.create(
            work, caller, "Berlin", from_ocpi(msgspec.json.encode(_TARIFF)), now, now
        )
        everywhere = Assignment(
            id=new_id(),
            tariff_id=version.tariff_id,
            valid_from=now,
            valid_until=None,
            site_id=None,
            station_id=None,
            group_id=None,
            for_guests=False,
        )
        await publishing.assign(work, caller, everywhere, now)
