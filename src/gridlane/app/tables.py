"""Every package's tables, imported so that migrations and their test see them all."""

from gridlane.kernel import audit, facts, ownership

__all__ = ["audit", "facts", "ownership"]
