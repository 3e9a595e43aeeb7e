import base64
import json
from decimal import Decimal

import pytest

from gridlane.ocpp.ocmf import read_ocmf
from gridlane.ocpp.signed import Problem, check_transaction, signed_data_of_2x, signed_data_of_16

FLAGGED_TIME = {Problem.TIME_UNUSABLE}


@pytest.fixture
def problems(meter, reading):
    """What is found in the given records of one meter."""

    def find(*records):
        return set(check_transaction([read_ocmf(text) for text in records], meter.public).problems)

    return find


def test_one_record_with_begin_and_end_bills_their_difference_exactly(meter, reading):
    record = read_ocmf(meter.record([reading("B", "2935.60"), reading("E", "2965.10", 4)]))

    check = check_transaction([record], meter.public)

    assert check.problems == frozenset()
    assert str(check.energy_wh) == "29500.00"
    assert check.time_is_billable


def test_begin_and_end_may_be_records_of_their_own_in_any_order(meter, reading):
    begin = read_ocmf(meter.record([reading("B", "10.5")], page=7))
    end = read_ocmf(meter.record([reading("L", "10.75", 4)], page=8))

    assert check_transaction([end, begin], meter.public).energy_wh == Decimal(250)


def test_a_relative_clock_after_an_informative_begin_is_exact_enough(problems, meter, reading):
    assert (
        problems(meter.record([reading("B", "1.0", status="I"), reading("E", "2.0", 4, status="R")])) == set()
    )


@pytest.mark.parametrize(("begin", "end"), [("U", "S"), ("I", "I"), ("S", "U")])
def test_an_uncertain_clock_forbids_a_price_by_time_only(meter, reading, begin, end):
    record = read_ocmf(meter.record([reading("B", "1.0", status=begin), reading("E", "2.0", 4, status=end)]))

    check = check_transaction([record], meter.public)

    assert check.problems == FLAGGED_TIME
    assert check.energy_is_billable
    assert not check.time_is_billable


def test_a_meter_that_prints_two_quantities_bills_the_energy(meter, reading):
    duration = {"RI": '"01-00:00.08.06*FF"', "RU": '"Wh"'}
    record = meter.record(
        [
            reading("B", "0", **duration),
            reading("B", "5.0"),
            reading("E", "240", 4, **duration),
            reading("E", "6.5", 4),
        ]
    )

    assert check_transaction([read_ocmf(record)], meter.public).energy_wh == Decimal(1500)


@pytest.mark.parametrize("register", ["1-0:1.8.0*198", "1-0:2.8.0", "01-00:B2.08.00*FF", "01-00:98.08.00.FF"])
def test_registers_of_energy_are_billable(problems, meter, reading, register):
    rows = [reading("B", "1", RI=f'"{register}"'), reading("E", "2", 4, RI=f'"{register}"')]

    assert problems(meter.record(rows)) == set()


@pytest.mark.parametrize("register", ["1-0:16.7.0", "7-0:1.8.0", "energy", "1-0:1.8", ""])
def test_other_registers_are_not(problems, meter, reading, register):
    rows = [reading("B", "1", RI=f'"{register}"'), reading("E", "2", 4, RI=f'"{register}"')]

    assert Problem.REGISTER_NOT_BILLABLE in problems(meter.record(rows))


def test_nothing_is_billed_from_nothing(meter):
    assert check_transaction([], meter.public).problems == {Problem.NO_RECORDS}


def test_a_forged_record_bills_nothing(meter, new_meter, reading):
    record = read_ocmf(new_meter().record([reading("B", "1.0"), reading("E", "2.0", 4)]))

    check = check_transaction([record], meter.public)

    assert check.problems == {Problem.NOT_SIGNED_BY_THE_METER}
    assert check.energy_wh is None


def test_each_way_to_spoil_a_transaction_is_named(problems, meter, reading):
    begin, end = reading("B", "1.0"), reading("E", "2.0", 4)
    cases = {
        Problem.PAGES_MISSING: [meter.record([begin], 1), meter.record([end], 3)],
        Problem.METERS_DIFFER: [meter.record([begin], 1), meter.record([end], 2, MS="M-2")],
        Problem.USERS_DIFFER: [meter.record([begin], 1), meter.record([end], 2, ID="OTHER")],
        Problem.OUTSIDE_OF_TRANSACTION: [meter.record([begin, end], PG="F1")],
        Problem.NO_BEGIN: [meter.record([reading("C", "1.0"), end])],
        Problem.NO_END: [meter.record([begin, reading("C", "2.0", 4)])],
        Problem.SEVERAL_TRANSACTIONS: [
            meter.record([begin, end, reading("B", "2.0", 5), reading("E", "3.0", 6)])
        ],
        Problem.METER_NOT_GOOD: [meter.record([begin, reading("E", "2.0", 4, ST='"M"')])],
        Problem.ENERGY_UNUSABLE: [meter.record([begin, reading("E", "2.0", 4, EF='"E"')])],
        Problem.VALUE_FELL: [meter.record([begin, reading("E", "0.9", 4)])],
        Problem.TIME_FELL: [meter.record([reading("B", "1.0", 9), end])],
        Problem.REGISTERS_DIFFER: [meter.record([begin, reading("E", "2.0", 4, RU='"Wh"')])],
        Problem.TIME_UNUSABLE: [meter.record([begin, reading("E", "2.0", 4, EF='"t"')])],
        Problem.VALUE_MISSING: [meter.record([begin, reading("E", None, 4)])],
    }
    for problem, records in cases.items():
        assert problems(*records) == {problem}, problem


def test_an_error_during_the_charge_makes_its_energy_unusable(problems, meter, reading):
    rows = [reading("B", "1.0"), reading("X", "1.5", 2), reading("E", "2.0", 4)]

    assert problems(meter.record(rows)) == {Problem.ENERGY_UNUSABLE}


def test_a_double_of_a_record_is_noticed(problems, meter, reading):
    record = meter.record([reading("B", "1.0"), reading("E", "2.0", 4)])

    assert Problem.PAGES_MISSING in problems(record, record)


# ---- how OCPP carries them -----------------------------------------------------------------------------------------


def test_1_6_carries_a_record_plainly_in_hex_in_base64_or_in_an_object(meter, reading):
    record = meter.record([reading("B", "1.0")])
    packed = base64.b64encode(record.encode()).decode()
    carriers = [
        record,
        record.encode().hex(),
        packed,
        json.dumps({"signedMeterData": packed, "encodingMethod": "OCMF", "publicKey": "AB"}),
        json.dumps({"signedMeterValue": packed, "encodingMethod": "OCMF", "publicKey": ""}),
    ]

    found = [signed_data_of_16(carrier) for carrier in carriers]

    assert [data.data for data in found] == [record] * 5
    assert [data.raw for data in found] == carriers
    assert all(data.is_ocmf for data in found)
    assert [data.public_key for data in found] == [None, None, None, "AB", None]


@pytest.mark.parametrize("value", ["", "12.5", "{", '{"a":1}', "ALFEN;AP;0;3;ABC", "[" * 5000])
def test_what_is_not_understood_is_kept_as_it_came(value):
    data = signed_data_of_16(value)

    assert data.raw == value
    assert not data.is_ocmf


def test_2_x_carries_it_in_base64_with_its_key_or_without(meter, reading):
    record = meter.record([reading("B", "1.0")])

    data = signed_data_of_2x(base64.b64encode(record.encode()).decode(), "OCMF", "")

    assert (data.data, data.public_key, data.encoding) == (record, None, "OCMF")
