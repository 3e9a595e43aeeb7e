"""What a driver can use."""

import msgspec


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """One of these OCPI connector types (any where none is named), at least so much power (W)."""

    connectors: frozenset[str] = frozenset()
    min_power: float = 0.0

    def met_by(self, connectors: frozenset[str], max_power: float) -> bool:
        """A plug whose connectors nobody has told is taken to fit: the driver sees it on the screen."""
        plugs_in = not self.connectors or not connectors or not self.connectors.isdisjoint(connectors)
        return plugs_in and max_power >= self.min_power
