"""What the plan believes of the plugged-in vehicles: forecasts learned from the site's own visits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridlane.energy.program import Floats
from gridlane.energy.replay import View
from gridlane.forecasting.stays import Forecast

ENERGY_QUANTILE = 0.8
"""Plan for more energy than most take: what a vehicle does not take falls back to the others at once, while what was
not planned for may be gone with the hours. Chosen on May 2019 of ACN-Data; splitting the energy into parts by their
chance was no better."""


@dataclass(slots=True)
class Learned:
    """Forecasts by number of session."""

    forecasts: Sequence[Forecast]
    energy_quantile: float = ENERGY_QUANTILE

    def remaining(self, view: View) -> Floats:
        """The energy to plan for, kWh, given what each has taken."""
        return np.array(
            [
                self.forecasts[session].energy_quantile(self.energy_quantile, float(taken)) - taken
                for session, taken in zip(view.session, view.delivered, strict=True)
            ]
        )

    def presence(self, view: View, ahead: Floats) -> Floats:
        """The chance that each is still there after ``ahead`` hours, given how long it has stayed."""
        elapsed = (view.step - view.begin) * view.hours
        pairs = zip(view.session, elapsed, strict=True)
        return np.array([self.forecasts[session].presence(float(so_far), ahead) for session, so_far in pairs])
