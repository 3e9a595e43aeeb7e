"""Certificates that are over soon: told once, and the station asked for a new request (A02)."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from gridlane.kernel import access, facts
from gridlane.kernel.bus import Bus
from gridlane.kernel.database import Database
from gridlane.kernel.facts import Recorded
from gridlane.stations import asking_operations
from gridlane.stations.certificates import CertificateExpiring, issued_certificates
from gridlane.stations.commands import Trigger

RENEWED_BEFORE = timedelta(days=30)
PATIENCE = timedelta(days=7)

TRIGGERS = {
    "ChargingStationCertificate": "SignChargingStationCertificate",
    "V2GCertificate": "SignV2GCertificate",
    "V2G20Certificate": "SignV2G20Certificate",
}


async def renew(database: Database, bus: Bus, now: datetime) -> int:
    """Ask for what is over within 30 days and has no successor; gives how many."""
    issued, newer = issued_certificates, issued_certificates.alias("newer")
    has_successor = sa.exists().where(
        newer.c.station_id == issued.c.station_id,
        newer.c.kind == issued.c.kind,
        newer.c.status == "accepted",
        newer.c.expires_at > issued.c.expires_at,
    )
    query = sa.select(issued).where(
        issued.c.status == "accepted",
        issued.c.expiry_told_at.is_(None),
        issued.c.expires_at < now + RENEWED_BEFORE,
        sa.not_(has_successor),
    )
    async with database.as_owner() as work:
        found = (await work.execute(query.limit(500))).mappings().all()
        for row in found:
            fact = CertificateExpiring(kind=row["kind"], serial=row["serial"], expires_at=row["expires_at"])
            await facts.record(work, [Recorded(fact, row["station_id"], row["organization_id"], now)])
            message = TRIGGERS.get(row["kind"])
            if message is not None:
                caller = access.system(row["organization_id"])
                wish = Trigger(message=message)
                await asking_operations.put(work, caller, [row["station_id"]], wish, expires_in=PATIENCE)
            told = sa.update(issued).where(issued.c.id == row["id"]).values(expiry_told_at=now)
            await work.execute(told)
    for row in found:
        bus.publish(f"station.{row['station_id']}.operations")
    return len(found)
