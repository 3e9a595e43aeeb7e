"""Every package's tables, imported so that migrations and their test see them all."""

from gridlane.kernel import audit, facts, ownership
from gridlane.stations import availability
from gridlane.stations import model as stations

__all__ = ["audit", "availability", "facts", "ownership", "stations"]
