"""From a spec to a station of its version."""

from gridlane.ocpp.version import Version
from gridlane.simulator.station import Station, StationSpec
from gridlane.simulator.station2x import Station2x
from gridlane.simulator.station16 import Station16
from gridlane.simulator.station21 import Station21

_KINDS: dict[Version, type[Station]] = {
    Version.V16: Station16,
    Version.V201: Station2x,
    Version.V21: Station21,
}


def make(spec: StationSpec) -> Station:
    return _KINDS[spec.version](spec)
