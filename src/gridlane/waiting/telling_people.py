"""News of waiting for a person's inbox, from where it goes on by mail and push: a plug is free, it is one's turn."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts import inbox
from gridlane.accounts.people import people
from gridlane.stations.model import sites

WORDS: dict[str, dict[str, tuple[str, str]]] = {
    "free": {
        "en": ("A plug is free", "At {site} a plug is free now. It is not kept for you."),
        "de": (
            "Ein Ladepunkt ist frei",
            "Bei {site} ist jetzt ein Ladepunkt frei. Er wird nicht freigehalten.",
        ),
    },
    "held": {
        "en": ("It is your turn", "At {site} a plug is kept for you for a few minutes."),
        "de": ("Sie sind dran", "Bei {site} wird ein Ladepunkt einige Minuten für Sie freigehalten."),
    },
    "missed": {
        "en": (
            "Your place in line is gone",
            "You did not come to {site} in time; the plug went to the next.",
        ),
        "de": (
            "Ihr Platz in der Schlange ist weg",
            "Sie kamen nicht rechtzeitig zu {site}; der Nächste ist dran.",
        ),
    },
}
"""What is told -> language -> title and text."""


async def tell(
    work: AsyncConnection,
    organization_id: UUID,
    person_id: UUID,
    site_id: UUID,
    what: str,
    key: str,
    now: datetime,
) -> None:
    """Put it into the person's inbox, once per ``key``."""
    language = await work.scalar(sa.select(people.c.language).where(people.c.id == person_id))
    site = await work.scalar(sa.select(sites.c.name).where(sites.c.id == site_id))
    words = WORDS[what]
    title, text = words.get(language or "en", words["en"])
    news = inbox.News(
        topic="waiting", key=key, title=title, text=text.format(site=site), link=f"/places/{site_id}"
    )
    await inbox.put(work, organization_id, person_id, news, now)
