import pytest

from gridlane.energy.abilities import capability_of


@pytest.mark.parametrize(
    ("told", "units"),
    [
        ({}, set()),
        ({"ChargingScheduleAllowedChargingRateUnit": "Current"}, {"A"}),
        ({"ChargingScheduleAllowedChargingRateUnit": "Power"}, {"W"}),
        ({"ChargingScheduleAllowedChargingRateUnit": "Current,Power"}, {"A", "W"}),
        ({"RateUnit": "A, W"}, {"A", "W"}),
        ({"RateUnit": "horses"}, set()),
    ],
)
def test_the_units_of_both_worlds_are_understood(told, units):
    assert capability_of(told).units == units


def test_a_station_without_smart_charging_is_told_nothing():
    assert not capability_of({"SupportedFeatureProfiles": "Core,RemoteTrigger"}).supported
    assert not capability_of({"Enabled": "false"}).supported
    assert capability_of({"SupportedFeatureProfiles": "Core, SmartCharging"}).supported


def test_levels_and_phases_are_read_and_nonsense_counts_as_not_told():
    known = capability_of({"ProfileStackLevel": "3", "PeriodsPerSchedule": "24", "Phases3to1": "true"})
    assert (known.max_stack_level, known.max_periods, known.switches_phases) == (3, 24, True)
    assert capability_of({"ChargeProfileMaxStackLevel": "many"}).max_stack_level == 0
