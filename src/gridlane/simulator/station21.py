"""A station of OCPP 2.1: one of 2.0.1 and the blocks that came with 2.1."""

from gridlane.simulator.v21.dynamic_charging import DynamicCharging21
from gridlane.simulator.v21.event_streams import EventStreams21
from gridlane.simulator.v21.grid_support import GridSupport21
from gridlane.simulator.v21.tariffs import Tariffs21


class Station21(Tariffs21, GridSupport21, EventStreams21, DynamicCharging21):
    """Answers also what only a central system of 2.1 asks."""
