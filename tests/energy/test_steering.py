"""What a look at a site makes of meters that measure the charging too."""

from dataclasses import replace as replaced
from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from gridlane.energy.capacity import Conditions, LoadReading
from gridlane.energy.circuit import Circuit, CircuitKind, Evse, Rotation, Site
from gridlane.energy.memory import unknown
from gridlane.energy.observing import Observed
from gridlane.energy.settings import Settings
from gridlane.energy.steering import without_charging
from gridlane.energy.trees import Place, Wired
from gridlane.kernel.clock import parse_instant

NOW = parse_instant("2026-03-02T12:00:00Z")
EVSE = Evse(id="e", circuit="c", rating=32.0, rotation=Rotation.STR)


def wired(includes):
    return Wired(
        site_id=UUID(int=9),
        organization_id=UUID(int=8),
        name="Site",
        site=Site(circuits=(Circuit(id="c", kind=CircuitKind.CONNECTION, current=63.0),), evses=(EVSE,)),
        places={"e": Place(evse_id=UUID(int=7), station_id=UUID(int=1), number=1, name="1")},
        settings=Settings(),
        trusted={},
        includes_charging=frozenset(includes),
        changed_at=NOW,
    )


def drawing(amperes, phases, ago=5):
    memory = unknown("e")
    standing = replaced(memory.standing, drew=amperes, drew_at=NOW - timedelta(seconds=ago))
    return {"e": replace(memory, standing=standing, phases=phases)}


def left(includes, memories):
    readings = {"c": LoadReading(NOW, (30.0, 30.0, 30.0))}
    seen = Observed(at=NOW, conditions=Conditions(readings=readings))
    return without_charging(wired(includes), memories, seen).readings["c"].phases


def test_what_charges_is_taken_off_a_meter_that_measures_it_on_the_phase_where_it_is():
    assert left(["c"], drawing(16.0, 1)) == (30.0, 14.0, 30.0)


def test_a_meter_of_the_other_loads_alone_stays_as_it_reads():
    assert left([], drawing(16.0, 1)) == (30.0, 30.0, 30.0)


def test_what_was_measured_long_ago_or_on_unknown_phases_is_not_taken_off():
    assert left(["c"], drawing(16.0, 1, ago=60)) == (30.0, 30.0, 30.0)
    assert left(["c"], drawing(16.0, None)) == (30.0, 30.0, 30.0)
