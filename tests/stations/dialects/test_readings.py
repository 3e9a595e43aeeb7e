"""Samples of both generations as readings: units, places, phases, contexts, and what stays as it came."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.ocpp.version import Version
from gridlane.stations.dialects.readings import scaled

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
REGISTER = "Energy.Active.Import.Register"


@pytest.fixture
def read16(wire):
    def read(*samples, at="2026-11-24T10:00:00Z"):
        values = [{"timestamp": at, "sampledValue": list(samples)}]
        return wire(Version.V16).report("MeterValues", connectorId=1, meterValue=values).readings

    return read


@pytest.fixture
def read2x(wire):
    def read(*samples):
        values = [{"timestamp": "2026-11-24T10:00:00Z", "sampledValue": list(samples)}]
        return wire(Version.V201).report("MeterValues", evseId=1, meterValue=values).readings

    return read


def one(readings):
    (reading,) = readings
    return reading


def rest_of(reading):
    return json.loads(reading.rest or "[]")


# --- units -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "field", "value"),
    [
        ({"value": "1500"}, "energy", 1500.0),
        ({"value": "7.4201", "unit": "kWh"}, "energy", 7420.1),
        ({"value": "1.5E3", "unit": "kWh", "measurand": REGISTER}, "energy", 1_500_000.0),
        ({"value": " 12.5 ", "unit": "Wh"}, "energy", 12.5),
        ({"value": "3", "measurand": "Energy.Active.Export.Register"}, "energy_export", 3.0),
        ({"value": "11.04", "measurand": "Power.Active.Import", "unit": "kW"}, "power", 11040.0),
        ({"value": "22", "measurand": "Power.Offered", "unit": "kW"}, "power_offered", 22000.0),
        ({"value": "16.1", "measurand": "Current.Import", "unit": "A"}, "current", 16.1),
        ({"value": "32", "measurand": "Current.Offered"}, "current_offered", 32.0),
        ({"value": "230.4", "measurand": "Voltage", "unit": "V"}, "voltage", 230.4),
        ({"value": "55", "measurand": "SoC", "unit": "Percent", "location": "EV"}, "soc", 55.0),
        ({"value": "50", "measurand": "Frequency", "unit": "Hertz"}, "frequency", 50.0),
        ({"value": "31.5", "measurand": "Temperature", "unit": "Celcius"}, "temperature", 31.5),
    ],
)
def test_a_common_sample_of_16_has_its_field_in_its_base_unit(read16, sample, field, value):
    reading = one(read16(sample))

    assert getattr(reading, field) == value
    assert reading.rest is None


@pytest.mark.parametrize(
    ("value", "unit", "field", "expected"),
    [
        (7.4201, {"unit": "kWh"}, "energy", 7420.1),
        (7420.1, {"multiplier": 0}, "energy", 7420.1),
        (74201, {"unit": "Wh", "multiplier": -1}, "energy", 7420.1),
        (7.4201, {"unit": "kWh", "multiplier": 3}, "energy", 7_420_100.0),
        (1e-7, {"unit": "kWh", "multiplier": 9}, "energy", 100_000.0),
    ],
)
def test_a_sample_of_2x_is_scaled_by_its_unit_and_its_power_of_ten(read2x, value, unit, field, expected):
    reading = one(read2x({"value": value, "unitOfMeasure": unit}))

    assert getattr(reading, field) == expected
    assert reading.rest is None


def test_a_temperature_in_another_scale_is_told_in_celsius_and_kept_as_it_came(read16):
    kelvin = {"value": "300.15", "measurand": "Temperature", "unit": "K"}
    fahrenheit = {"value": "212", "measurand": "Temperature", "unit": "Fahrenheit"}

    assert one(read16(kelvin)).temperature == 27.0
    assert one(read16(fahrenheit)).temperature == 100.0
    assert rest_of(one(read16(kelvin))) == [kelvin]


@given(st.decimals(-(10**9), 10**9, places=4), st.integers(-3, 6))
def test_scaling_is_exact_in_decimals(number, exponent):
    assert scaled(str(number), exponent) == float(number.scaleb(exponent))


@pytest.mark.parametrize("text", ["", "n/a", "NaN", "inf", "-Infinity", "1_000", "12,5", "0x10", "1e999"])
def test_a_text_that_is_no_number_is_kept_and_counts_nothing(read16, text):
    sample = {"value": text, "unit": "Wh"}

    reading = one(read16(sample))

    assert (reading.energy, reading.signed) == (None, False)
    assert rest_of(reading) == [sample]


def test_a_power_of_ten_beyond_all_numbers_is_kept_and_counts_nothing(read2x):
    sample = {"value": 1.0, "unitOfMeasure": {"unit": "Wh", "multiplier": 10**18}}

    reading = one(read2x(sample))

    assert reading.energy is None
    assert rest_of(reading) == [sample]


@pytest.mark.parametrize(
    "sample",
    [
        {"value": "5", "measurand": "Energy.Active.Import.Interval", "unit": "Wh"},
        {"value": "5", "measurand": "Energy.Reactive.Import.Register", "unit": "kvarh"},
        {"value": "5", "measurand": "Power.Factor"},
        {"value": "5", "measurand": REGISTER, "location": "Inlet"},
        {"value": "5", "measurand": "Power.Active.Import", "unit": "VA"},
        {"value": "5", "measurand": "Current.Import", "unit": "W"},
        {"value": "400", "measurand": "Voltage", "phase": "L1-L2"},
    ],
)
def test_what_is_no_register_at_the_outlet_is_kept_and_fills_no_field(read16, sample):
    reading = one(read16(sample))

    assert rest_of(reading) == [sample]
    assert (reading.energy, reading.power, reading.current, reading.voltage) == (None,) * 4


# --- phases and places -------------------------------------------------------------------------------------------


def test_phase_currents_have_fields_and_the_largest_is_the_current(read16):
    samples = [
        {"value": value, "measurand": "Current.Import", "phase": phase}
        for phase, value in (("L1", "15.5"), ("L2-N", "16.5"), ("L3", "0"))
    ]

    reading = one(read16(*samples))

    assert (reading.current_l1, reading.current_l2, reading.current_l3) == (15.5, 16.5, 0.0)
    assert (reading.current, reading.rest) == (16.5, None)


def test_a_current_without_phase_beside_phases_is_kept(read16):
    whole = {"value": "10", "measurand": "Current.Import"}

    reading = one(read16(whole, {"value": "16", "measurand": "Current.Import", "phase": "L1"}))

    assert (reading.current, reading.current_l1) == (16.0, 16.0)
    assert rest_of(reading) == [whole]


@pytest.mark.parametrize("phases", [("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N")])
def test_phases_alone_make_the_sum_of_energy_and_power_and_the_largest_voltage(read16, phases):
    energy = [{"value": "1.1", "phase": phase, "unit": "kWh"} for phase in phases]
    power = [{"value": "2.1", "phase": phase, "measurand": "Power.Active.Import"} for phase in phases]
    voltage = [
        {"value": str(230 + n), "phase": phase, "measurand": "Voltage"} for n, phase in enumerate(phases)
    ]

    reading = one(read16(*energy, *power, *voltage))

    assert (reading.energy, reading.power, reading.voltage) == (3300.0, 6.3, 232.0)
    assert rest_of(reading) == [*energy, *power, *voltage]


def test_the_total_counts_and_not_the_sum_where_both_are_told(read16):
    phases = [{"value": "1", "phase": phase} for phase in ("L1", "L2", "L3", "N")]

    reading = one(read16(*phases, {"value": "3.5"}))

    assert reading.energy == 3.5
    assert rest_of(reading) == phases


def test_the_cable_counts_where_the_outlet_says_nothing(read16):
    cable = {"value": "8", "location": "Cable"}

    assert one(read16(cable)).energy == 8.0
    both = one(read16(cable, {"value": "9", "location": "Outlet"}))
    assert (both.energy, rest_of(both)) == (9.0, [cable])


def test_of_two_equal_samples_the_first_counts_and_the_second_is_kept(read16):
    second = {"value": "2"}

    reading = one(read16({"value": "1"}, second))

    assert (reading.energy, rest_of(reading)) == (1.0, [second])


# --- signed ------------------------------------------------------------------------------------------------------

OCMF = 'OCMF|{"FV":"1.0","RD":[{"RV":1.50}]}|{"SD":"3045\\/0221"}'


def test_a_signed_value_of_16_is_kept_byte_for_byte_and_is_no_number(read16):
    signed = {"value": OCMF, "format": "SignedData", "context": "Transaction.Begin"}
    digits = {"value": "3045", "format": "SignedData", "context": "Transaction.Begin"}

    reading = one(read16(signed, digits))

    assert (reading.energy, reading.signed, reading.context) == (None, True, "Transaction.Begin")
    assert [sample["value"] for sample in rest_of(reading)] == [OCMF, "3045"]


def test_a_signed_value_of_2x_counts_by_its_number_and_is_kept_whole(read2x):
    signed = {
        "value": 1.5,
        "unitOfMeasure": {"unit": "kWh"},
        "signedMeterValue": {
            "signedMeterData": OCMF,
            "signingMethod": "",
            "encodingMethod": "OCMF",
            "publicKey": "",
        },
    }

    reading = one(read2x(signed, {"value": 7000, "measurand": "Power.Active.Import"}))

    assert (reading.energy, reading.power, reading.signed) == (1500.0, 7000.0, True)
    assert rest_of(reading) == [signed]


def test_a_vendors_own_data_beside_a_sample_is_kept(read2x):
    sample = {"value": 5.0, "customData": {"vendorId": "me", "crc": 7}}

    reading = one(read2x(sample))

    assert (reading.energy, reading.signed, rest_of(reading)) == (5.0, False, [sample])


# --- instants ----------------------------------------------------------------------------------------------------


def test_elements_of_one_instant_are_one_reading_and_others_come_in_their_order(wire):
    def element(second, *samples):
        return {"timestamp": f"2026-11-24T10:00:{second:02}+00:00", "sampledValue": list(samples)}

    readings = (
        wire(Version.V16)
        .report(
            "MeterValues",
            connectorId=2,
            transactionId=7,
            meterValue=[
                element(30, {"value": "20"}),
                element(0, {"value": "1", "phase": "L1"}),
                element(0, {"value": "2", "phase": "L2"}),
            ],
        )
        .readings
    )

    assert [(reading.at, reading.energy) for reading in readings] == [
        (AT, 3.0),
        (AT + timedelta(seconds=30), 20.0),
    ]


def test_samples_of_another_context_are_a_reading_of_their_own(read16):
    readings = read16(
        {"value": "1", "context": "Transaction.Begin"},
        {"value": "16", "measurand": "Current.Import"},
        {"value": "9", "context": "Transaction.End"},
        {"value": "7000", "measurand": "Power.Active.Import", "context": "Transaction.Begin"},
    )

    assert [(one.context, one.energy, one.power, one.current) for one in readings] == [
        ("Transaction.Begin", 1.0, 7000.0, None),
        ("Sample.Periodic", None, None, 16.0),
        ("Transaction.End", 9.0, None, None),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-24T11:00:00+01:00", AT),
        ("2026-11-24T10:00:00.250Z", AT + timedelta(milliseconds=250)),
        ("2026-11-24T10:00:00", AT),
    ],
)
def test_times_are_utc_whatever_zone_the_station_wrote(read16, written, meant):
    reading = one(read16({"value": "1"}, at=written))

    assert reading.at == meant
    assert reading.at.tzinfo is UTC
