"""How OCPP carries signed meter values, and what a charging transaction may bill from them.

1.6 puts them into a sample of format SignedData: as the record itself, as its hex or base64, or as a JSON object (OCA, Signed
Meter Values in OCPP). 2.x has a type for them. ``check_transaction`` is what a verifying customer would check, so it is
checked before a bill is made of it.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct

from gridlane.ocpp.ocmf import OcmfRecord, Reading, TimeStatus, Verdict, verify


class SignedMeterData(Struct, frozen=True, kw_only=True):
    """A signed value as it came. ``raw`` is the carrier's text, byte for byte; ``data`` what it carries."""

    raw: str
    data: str
    encoding: str
    public_key: str | None = None

    @property
    def is_ocmf(self) -> bool:
        return self.data.lstrip().startswith("OCMF|")


def signed_data_of_16(value: str) -> SignedMeterData:
    """From the ``value`` of a sample whose format is SignedData. Never refuses: what is not understood is kept."""
    if value.lstrip().startswith("{"):
        carried = _json_object(value)
        data = carried.get("signedMeterData") or carried.get("signedMeterValue")
        if isinstance(data, str):
            key = carried.get("publicKey")
            return SignedMeterData(
                raw=value,
                data=_unwrapped(data),
                encoding=str(carried.get("encodingMethod", "")),
                public_key=key if isinstance(key, str) and key else None,
            )
    data = _unwrapped(value)
    return SignedMeterData(raw=value, data=data, encoding="OCMF" if data.startswith("OCMF|") else "")


def signed_data_of_2x(signed_meter_data: str, encoding_method: str, public_key: str) -> SignedMeterData:
    """From a SignedMeterValueType; its public key is empty where the station sends that once only."""
    return SignedMeterData(
        raw=signed_meter_data,
        data=_unwrapped(signed_meter_data),
        encoding=encoding_method,
        public_key=public_key or None,
    )


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _unwrapped(text: str) -> str:
    """The text that is hidden in hex or base64, if there is one."""
    compact = "".join(text.split())
    if text.lstrip().startswith("OCMF|"):
        return text
    for decode in (bytes.fromhex, lambda t: base64.b64decode(t, validate=True)):
        try:
            return decode(compact).decode()
        except (ValueError, binascii.Error):
            continue
    return text


# ---- what may be billed --------------------------------------------------------------------------------------------


class Problem(Enum):
    """Why a transaction's signed values cannot carry a bill."""

    NO_RECORDS = "there are no signed records"
    NOT_SIGNED_BY_THE_METER = "a record's signature does not verify"
    METERS_DIFFER = "the records come from different meters"
    PAGES_MISSING = "the meter's own page numbers have a gap or a double"
    OUTSIDE_OF_TRANSACTION = "a record was not made for a transaction"
    NO_BEGIN = "the first reading is not the begin of a transaction"
    NO_END = "the last reading is not the end of a transaction"
    SEVERAL_TRANSACTIONS = "a begin or an end stands between the others"
    METER_NOT_GOOD = "the meter was not in good state at the begin or the end"
    ENERGY_UNUSABLE = "the meter flagged its energy as unusable"
    VALUE_MISSING = "the begin or the end has no value"
    REGISTERS_DIFFER = "begin and end are not of the same register and unit"
    REGISTER_NOT_BILLABLE = "the register is not one of imported or exported energy"
    UNIT_UNKNOWN = "the unit is neither Wh nor kWh"
    VALUE_FELL = "a value is lower than one before it"
    TIME_FELL = "a time is earlier than one before it"
    TIME_UNUSABLE = "the meter flagged its time as unusable, or its clock was not synchronised"
    USERS_DIFFER = "the records name different users"

    @property
    def sentence(self) -> str:
        return self.value


FOR_TIME_ONLY: Final = frozenset({Problem.TIME_UNUSABLE})
"""These forbid a price by time, not one by energy."""


class TransactionCheck(Struct, frozen=True, kw_only=True):
    """What was found. ``energy_wh`` is end minus begin, exact; None where it may not be billed."""

    problems: frozenset[Problem]
    begin: Reading | None = None
    end: Reading | None = None
    energy_wh: Decimal | None = None

    @property
    def energy_is_billable(self) -> bool:
        return self.energy_wh is not None

    @property
    def time_is_billable(self) -> bool:
        return not self.problems


def check_transaction(records: Sequence[OcmfRecord], key: ec.EllipticCurvePublicKey) -> TransactionCheck:
    """Check the records of one transaction, in any order: one with begin and end, or one each, with others between."""
    ordered = sorted(records, key=lambda record: record.page)
    readings = [reading for record in ordered for reading in record.readings]
    if not readings:
        return TransactionCheck(problems=frozenset({Problem.NO_RECORDS}))
    billed = _of_one_register(readings)
    begin, end = billed[0], billed[-1]
    problems = _of_records(ordered, key) | _of_order(billed) | _of_billing(begin, end) | _of_flags(readings)
    energy = None
    if not problems - FOR_TIME_ONLY and begin.value is not None and end.value is not None:
        energy = (end.value - begin.value) * WATT_HOURS[str(end.unit)]
    return TransactionCheck(problems=frozenset(problems), begin=begin, end=end, energy_wh=energy)


WATT_HOURS: Final = {"Wh": Decimal(1), "kWh": Decimal(1000)}
ENDS: Final = frozenset("ELRAP")
ENERGY_REGISTERS: Final = frozenset({0x01, 0x02, 0x98, 0x9E, *range(0xB0, 0xB4), *range(0xC0, 0xC4)})
"""Group C of the OBIS codes of cumulated energy: import, export, loss-compensated ones, and OCMF's own B0-B3, C0-C3."""


def _of_one_register(readings: list[Reading]) -> list[Reading]:
    """A meter may print several quantities at each instant; the first energy that has both begin and end is billed."""
    ended = {reading.register for reading in readings if reading.reason in ENDS}
    begun = (reading.register for reading in readings if reading.reason == "B")
    billed = next((register for register in begun if register in ended and _is_energy(register)), None)
    return [reading for reading in readings if billed in {None, reading.register}]


def _of_records(records: list[OcmfRecord], key: ec.EllipticCurvePublicKey) -> set[Problem]:
    pages = [record.page for record in records]
    found = {
        Problem.NOT_SIGNED_BY_THE_METER: any(verify(record, key) is not Verdict.VALID for record in records),
        Problem.METERS_DIFFER: len({(r.gateway_serial, r.meter_serial) for r in records}) > 1,
        Problem.PAGES_MISSING: pages != list(range(pages[0], pages[0] + len(pages))),
        Problem.OUTSIDE_OF_TRANSACTION: any(record.fiscal for record in records),
        Problem.USERS_DIFFER: len({record.user for record in records if record.user}) > 1,
    }
    return {problem for problem, present in found.items() if present}


def _of_order(readings: list[Reading]) -> set[Problem]:
    between = readings[1:-1]
    values = [reading.value for reading in readings if reading.value is not None]
    times = [reading.at for reading in readings]
    found = {
        Problem.NO_BEGIN: readings[0].reason != "B",
        Problem.NO_END: len(readings) < 2 or readings[-1].reason not in ENDS,
        Problem.SEVERAL_TRANSACTIONS: any(r.reason == "B" or r.reason in ENDS for r in between),
        Problem.VALUE_FELL: any(later < earlier for earlier, later in pairwise(values)),
        Problem.TIME_FELL: any(later < earlier for earlier, later in pairwise(times)),
    }
    return {problem for problem, present in found.items() if present}


def _of_billing(begin: Reading, end: Reading) -> set[Problem]:
    found = {
        Problem.METER_NOT_GOOD: begin.status != "G" or end.status != "G",
        Problem.VALUE_MISSING: begin.value is None or end.value is None,
        Problem.REGISTERS_DIFFER: (begin.register, begin.unit) != (end.register, end.unit),
        Problem.REGISTER_NOT_BILLABLE: not _is_energy(end.register),
        Problem.UNIT_UNKNOWN: end.unit not in WATT_HOURS,
    }
    return {problem for problem, present in found.items() if present}


def _of_flags(readings: list[Reading]) -> set[Problem]:
    found = set()
    if any("E" in reading.errors or reading.reason == "X" for reading in readings):
        found.add(Problem.ENERGY_UNUSABLE)
    if any("t" in reading.errors for reading in readings) or not _clock_was_right(readings):
        found.add(Problem.TIME_UNUSABLE)
    return found


def _clock_was_right(readings: list[Reading]) -> bool:
    """Synchronised throughout, or a duration exact since an informative begin."""
    states = [reading.time_status for reading in readings]
    if states[0] is TimeStatus.INFORMATIVE:
        return all(state is TimeStatus.RELATIVE for state in states[1:])
    return all(state in {TimeStatus.SYNCHRONISED, TimeStatus.RELATIVE} for state in states)


def _is_energy(register: str | None) -> bool:
    """``1-b:1.8.0``, ``1-0:1.8.0*198``, ``01-00:B2.08.00*FF``: groups in hex, A for electricity, D for cumulated energy."""
    medium, _, rest = (register or "").partition("-")
    _, _, quantity = rest.partition(":")
    groups = quantity.split("*")[0].split(".")
    try:
        a, (c, d, _) = int(medium, 16), (int(group, 16) for group in groups[:3])
    except ValueError:
        return False
    return a == 1 and d == 8 and c in ENERGY_REGISTERS
