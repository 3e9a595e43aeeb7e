"""From a spec to a station of its version."""

from gridlane.ocpp.version import Version
from gridlane.simulator.station import Station, StationSpec
from gridlane.simulator.station2x import Station2x
from gridlane.simulator.station16 import Station16


def make(spec: StationSpec) -> Station:
    return Station16(spec) if spec.version is Version.V16 else Station2x(spec)
