"""The best place for me now, pure: everything in minutes, so that a driver can see why.

Travel, wait (with the cars already on the way), charging time, price by what an hour is worth, and room: what my coming costs
those who come while I charge. The last plug of a popular site is left to those who have no other near; so nobody herds,
and everybody together waits least. Weights were chosen on a simulated city (``gridlane bench waiting``).
"""

from typing import NamedTuple

import numpy as np

from gridlane.forecasting.compiled_waits import Floats

DETOUR = 1.3
"""Roads against the straight line."""
IN_TOWN, BEYOND = 22.0, 60.0
"""km/h, on the first kilometres and on the rest."""
TOWN_KM = 6.0
EARTH_KM = 111.2
"""Kilometres a degree of latitude."""


class Weights(NamedTuple):
    """Minutes of travel that each is worth. ``followers``, ``strangers``: a full site to who can be sent elsewhere, or not."""

    wait: float = 0.65
    followers: float = 2.8
    strangers: float = 9.0
    hour: float = 15.0  # money per hour of a driver's time


def kilometres(latitude: float, longitude: float, latitudes: Floats, longitudes: Floats) -> Floats:
    """Straight lines on the ground, good enough within some hundred kilometres."""
    east = (longitudes - longitude) * np.cos(np.radians(latitude))
    return np.asarray(EARTH_KM * np.hypot(latitudes - latitude, east))


def travel_minutes(km: Floats) -> Floats:
    road = km * DETOUR
    return np.asarray(60.0 * (np.minimum(road, TOWN_KM) / IN_TOWN + np.maximum(road - TOWN_KM, 0.0) / BEYOND))


def costs(
    travel: Floats,
    wait: Floats,
    crowded: Floats,
    charging: Floats,
    price: Floats,
    weights: Weights,
    known_share: float,
) -> Floats:
    """Minutes each site costs in all. ``known_share``: of drivers who ask before they come."""
    room = known_share * weights.followers + (1.0 - known_share) * weights.strangers
    return np.asarray(travel + weights.wait * wait + room * crowded + charging + 60.0 * price / weights.hour)


def charging_minutes(energy: float, power: Floats, vehicle_power: float) -> Floats:
    """Minutes to charge ``energy`` (Wh): a car draws its most for part of the time only."""
    drawn = np.minimum(np.maximum(power, 1.0), vehicle_power) * 0.75
    return np.asarray(60.0 * energy / drawn)
