"""Builders of symptoms and networks, in a sentence."""

from datetime import UTC, datetime, timedelta

import pytest

from gridlane.kernel.ids import new_id
from gridlane.maintenance.causes import Census, StationFacts
from gridlane.maintenance.symptoms import Condition, Occurrence, Place, Symptom

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Network:
    """Stations at sites: ``network.site(4)`` gives four stations of a new site."""

    now = NOW

    def __init__(self):
        self.stations = {}

    def site(self, count, *, model="Maker One 1.0", address="10.0.0.1", carrier=None):
        site_id = new_id()
        made = [
            StationFacts(id=new_id(), site_id=site_id, model=model, address=address, carrier=carrier)
            for _ in range(count)
        ]
        self.stations |= {one.id: one for one in made}
        return [one.id for one in made]

    @property
    def census(self):
        return Census(self.stations)

    @staticmethod
    def symptom(rule, station_id, evse=0, *, ago=60.0, **evidence):
        return Symptom(rule, Place(station_id, evse), NOW - timedelta(seconds=ago), evidence)

    @staticmethod
    def condition(kind, station_id, evse=0, *, ago=60.0, **detail):
        return Condition(kind, Place(station_id, evse), NOW - timedelta(seconds=ago), detail)

    @staticmethod
    def happened(kind, station_id, evse=0, *, ago=60.0, **detail):
        return Occurrence(kind, Place(station_id, evse), NOW - timedelta(seconds=ago), detail)


@pytest.fixture
def network():
    return Network()
