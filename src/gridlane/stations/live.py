"""Live state on the bus: what changed, as differences, a few times a second and never one event per message.

A gateway gathers the stations whose state changed and publishes one message per organization and interval on
``live.<organization>``. Whoever shows live state starts from the tables and applies these. Whoever has to act soon (the
control of power) hears on ``moved``, sooner, at which sites something changed, and looks for himself.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from gridlane.kernel.bus import Bus
from gridlane.stations.availability import evse_state
from gridlane.stations.owner import Owner
from gridlane.stations.state import Live

INTERVAL = 0.4  # seconds
SOON = 0.02  # seconds, so that what is committed together is told together

LiveCharging = Callable[[Any], list[dict[str, Any]]]
"""Gives the running sessions of a station as the screens show them; charging knows how."""


class LiveFeed:
    """Gathers changed owners; ``run`` publishes them."""

    def __init__(self, bus: Bus, charging: LiveCharging) -> None:
        self._bus = bus
        self._charging = charging
        self._changed: dict[UUID, Owner] = {}
        self._moved: set[UUID] = set()

    def changed(self, owner: Owner) -> None:
        self._changed[owner.station_id] = owner
        site_id = owner.live.station.site_id
        if site_id is None:
            return
        if not self._moved:
            asyncio.get_running_loop().call_later(SOON, self._tell_moved)
        self._moved.add(site_id)

    def _tell_moved(self) -> None:
        moved, self._moved = self._moved, set()
        self._bus.publish("moved", msgspec.json.encode(sorted(moved)))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            self.publish()

    def publish(self) -> None:
        changed, self._changed = self._changed, {}
        by_organization: dict[UUID | None, dict[UUID, Any]] = {}
        for station_id, owner in changed.items():
            organization = owner.live.station.organization_id
            by_organization.setdefault(organization, {})[station_id] = self.view(owner.live)
        for organization_id, stations in by_organization.items():
            self._bus.publish(f"live.{organization_id}", msgspec.json.encode({"stations": stations}))

    def view(self, live: Live) -> dict[str, Any]:
        """A station as the screens show it."""
        station = live.station
        evses: dict[int, list[Any]] = {}
        for (number, _), connector in station.connectors.items():
            evses.setdefault(number, []).append(connector)
        connected = station.connected_at is not None
        return {
            "connected": connected,
            "approval": station.approval,
            "site_id": station.site_id,
            "evses": {
                str(number): {
                    "state": evse_state(connectors, connected=connected),
                    "error": next((one.error for one in connectors if one.error), None),
                }
                for number, connectors in sorted(evses.items())
            },
            "sessions": self._charging(live.charging),
        }
