"""What the power holds of people: how they wished to charge."""

from gridlane.energy.model import charging_wishes
from gridlane.kernel.personal import Holding, Share

SHARE = Share((Holding(charging_wishes),))
