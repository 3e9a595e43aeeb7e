"""All blocks of a 2.x station together."""

from gridlane.simulator.v2x.availability import Availability2x
from gridlane.simulator.v2x.holdings import Holdings2x
from gridlane.simulator.v2x.monitoring import Monitoring2x
from gridlane.simulator.v2x.people import People2x
from gridlane.simulator.v2x.provisioning import Provisioning2x
from gridlane.simulator.v2x.security import Security2x
from gridlane.simulator.v2x.smart_charging import SmartCharging2x
from gridlane.simulator.v2x.upkeep import Upkeep2x


class Blocks2x(
    Provisioning2x, Availability2x, Holdings2x, SmartCharging2x, Upkeep2x, Security2x, Monitoring2x, People2x
):
    """Answers every call of the central system; ``Station2x`` says and charges."""
