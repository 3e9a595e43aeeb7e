"""What reading an OCPP message costs, what turning it into a report costs, and whether our types say the same as the
official schemas.

CPU time of this process, the median of several rounds. The peer is the usual Python way: PyPI ``ocpp``'s ``unpack`` and
schema validation. The limit is msgspec decoding the same bytes into plain objects, checking nothing.
"""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec
from ocpp.messages import _validate_payload, unpack

from gridlane.bench.ocpp_payloads import Sample, samples
from gridlane.bench.table import Options, Row, Table
from gridlane.ocpp import codec, frames
from gridlane.ocpp.actions import Role
from gridlane.ocpp.codec import Rejected
from gridlane.ocpp.conversation import Conversation
from gridlane.ocpp.error_codes import Fault
from gridlane.ocpp.schemas import conforms
from gridlane.ocpp.version import Version
from gridlane.stations.dialects import dialect_for

MESSAGE_ID = "0d5c8d2e-1111-2222-3333-444444444444"
MEASURANDS = (
    ("Energy.Active.Import.Register", "Wh"),
    ("Power.Active.Import", "W"),
    ("Current.Import", "A"),
    ("Voltage", "V"),
    ("SoC", "Percent"),
    ("Power.Offered", "W"),
)


REMARK = (
    "times are judged as RFC 3339 with a zone (the schemas' format); integers of more than 64 bits, which the schemas"
    " allow and we refuse, are left out"
)


def run(options: Options) -> Table:
    seconds = 0.05 if options.quick else 0.5
    rows = [row for message in MESSAGES for row in timed(*message, seconds)]
    rows += [reported(*message, seconds) for message in REPORTS]
    count = 10_000 if options.quick else 100_000
    for version in Version:
        rows += agreement(version, options.seed, count)
    remarks = [REMARK]
    return Table("codec", rows, options, remarks)


# ---- cost ----------------------------------------------------------------------------------------------------------


def meter_values() -> dict[str, Any]:
    values = [
        {
            "value": f"{1000 + n}.5",
            "context": "Sample.Periodic",
            "measurand": name,
            "location": "Outlet",
            "unit": unit,
        }
        for n, (name, unit) in enumerate(MEASURANDS)
    ]
    return {
        "connectorId": 1,
        "transactionId": 42,
        "meterValue": [{"timestamp": "2026-11-23T10:00:00Z", "sampledValue": values}],
    }


def transaction_event() -> dict[str, Any]:
    values = [
        {
            "value": 1000.5 + n,
            "context": "Sample.Periodic",
            "measurand": name,
            "location": "Outlet",
            "unitOfMeasure": {"unit": unit, "multiplier": 0},
        }
        for n, (name, unit) in enumerate(MEASURANDS)
    ]
    return {
        "eventType": "Updated",
        "timestamp": "2026-11-23T10:00:00Z",
        "triggerReason": "MeterValuePeriodic",
        "seqNo": 3,
        "transactionInfo": {"transactionId": MESSAGE_ID, "chargingState": "Charging"},
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": "2026-11-23T10:00:00Z", "sampledValue": values}],
    }


MESSAGES: tuple[tuple[Version, str, dict[str, Any], float | None], ...] = (
    (Version.V16, "Heartbeat", {}, None),
    (Version.V16, "MeterValues", meter_values(), None),
    (Version.V201, "TransactionEvent", transaction_event(), 12.0),
    (Version.V21, "TransactionEvent", transaction_event(), 12.0),
)
"""What is timed; the goal is for decoding and validating the whole frame."""


def timed(
    version: Version, action: str, payload: dict[str, Any], goal: float | None, seconds: float
) -> list[Row]:
    data = json.dumps([2, MESSAGE_ID, action, payload], separators=(",", ":")).encode()
    known = codec.known_action(version, action)
    conversation = Conversation(version, Role.CENTRAL)
    samples_in = sum(len(value["sampledValue"]) for value in payload.get("meterValue", ()))
    title = f"{version} {action}{f', {samples_in} samples' if samples_in else ''}, {len(data)} B"

    def decode() -> None:
        frame = frames.parse(version, data)
        assert isinstance(frame, frames.Call)
        codec.accept(version, known, "Request", frame.payload)

    def receive() -> None:
        conversation.receive(data, 0.0)
        conversation.answer_error(MESSAGE_ID, Fault.INTERNAL)

    plain = msgspec.json.Decoder()
    return [
        Row(
            f"{title}: decode and validate",
            microseconds(decode, seconds),
            "us CPU",
            peer=microseconds(lambda: usual(data.decode(), version), seconds),
            limit=microseconds(lambda: plain.decode(data), seconds),
            at_most=goal,
        ),
        Row(f"{title}: received and answered", microseconds(receive, seconds), "us CPU"),
    ]


def meter_values_of_2x() -> dict[str, Any]:
    return {"evseId": 1, "meterValue": transaction_event()["meterValue"]}


STATUS = {"connectorId": 1, "status": "Charging", "errorCode": "NoError", "timestamp": "2026-11-23T10:00:00Z"}

REPORTS: tuple[tuple[Version, str, dict[str, Any], float | None], ...] = (
    (Version.V16, "Heartbeat", {}, None),
    (Version.V16, "StatusNotification", STATUS, None),
    (Version.V16, "MeterValues", meter_values(), 8.0),
    (Version.V201, "MeterValues", meter_values_of_2x(), 8.0),
    (Version.V201, "TransactionEvent", transaction_event(), None),
)
"""Whose translation is timed; a TransactionEvent is hashed too, to be known again."""


def reported(
    version: Version, action: str, payload: dict[str, Any], goal: float | None, seconds: float
) -> Row:
    """A decoded message to the report that is decided about, its readings included."""
    request = codec.decode_request(version, action, json.dumps(payload).encode())
    dialect = dialect_for(version)
    title = f"{version} {action}: to a report"
    return Row(title, microseconds(lambda: dialect.report(action, request), seconds), "us CPU", at_most=goal)


def usual(text: str, version: Version) -> None:
    _validate_payload(unpack(text), ocpp_version=version.removeprefix("ocpp"))


def microseconds(work: Callable[[], object], seconds: float) -> float:
    """CPU time of one call: the median of seven rounds."""
    rounds, calls = [], 1
    while True:
        started = time.process_time()
        for _ in range(calls):
            work()
        spent = time.process_time() - started
        if spent < seconds / 20:
            calls *= 2
            continue
        rounds.append(spent / calls)
        if len(rounds) == 7:
            return round(statistics.median(rounds) * 1e6, 2)


# ---- agreement -----------------------------------------------------------------------------------------------------


def agreement(version: Version, seed: int, count: int) -> list[Row]:
    """Our types against the schemas, and the code of every refusal against the oracle."""
    disagreements = misnamed = judged = 0
    for sample in samples(version, seed, count):
        raw = sample.raw
        if not sample.beyond:
            judged += 1
            disagreements += strictly_accepted(sample, raw) is not conforms(
                version, sample.action, sample.kind, json.loads(raw)
            )
        misnamed += fault_found(sample, raw) is not fault_due(sample)
    return [
        Row(f"{version}: disagreements with the schemas on {judged:,} payloads", disagreements, at_most=0),
        Row(f"{version}: refusals named otherwise than the oracle, of {count:,}", misnamed, at_most=0),
    ]


def strictly_accepted(sample: Sample, raw: bytes) -> bool:
    action = codec.known_action(sample.version, sample.action)
    return codec.is_strictly_right(sample.version, action, sample.kind, raw)


def fault_found(sample: Sample, raw: bytes) -> Fault | None:
    try:
        codec.accept(sample.version, codec.known_action(sample.version, sample.action), sample.kind, raw)
    except Rejected as rejected:
        return rejected.fault
    return None


def fault_due(sample: Sample) -> Fault | None:
    if sample.beyond:
        return Fault.BAD_VALUE
    return None if sample.forgiven else sample.fault
