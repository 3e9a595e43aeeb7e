from datetime import UTC, datetime, timedelta

import pytest

from gridlane.kernel.ids import new_id
from gridlane.stations.state import ConnectorState, Live, StationState

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Street:
    """Builds stations' states in a sentence."""

    now = NOW

    @staticmethod
    def later(**delta):
        return NOW + timedelta(**delta)

    @staticmethod
    def station(*, approval="accepted", connected=True, **connectors):
        """``station(available=2)``: a station with two connectors in that state, each on its EVSE."""
        plugs = {}
        for status, count in connectors.items():
            for _ in range(count):
                evse = len(plugs) + 1
                plugs[evse, 1] = ConnectorState(id=new_id(), evse_id=new_id(), status=status, status_at=NOW)
        station = StationState(
            id=new_id(),
            organization_id=new_id(),
            site_id=None,
            identity="CP-1",
            approval=approval,
            protocol="ocpp2.0.1",
            connected_at=NOW if connected else None,
            connectors=plugs,
        )
        return Live(station, None)


@pytest.fixture
def street():
    return Street
