"""A charge as stations of each version tell it: frames as they are seen in the field, and what we read in them."""

from datetime import UTC, datetime

import pytest

from gridlane.ocpp.actions import Role
from gridlane.ocpp.conversation import CallReceived, Conversation
from gridlane.ocpp.version import Version

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

OF_16 = [
    (
        (
            '[2,"1","BootNotification",{"chargePointVendor":"Acme","chargePointModel":"One","firmwareVersion":"1.2.3",'
            '"chargePointSerialNumber":"A-1","meterType":"MID"}]'
        ),
        {"charge_point_vendor": "Acme", "charge_point_model": "One", "firmware_version": "1.2.3"},
    ),
    ('[2,"2","Heartbeat",{}]', {}),
    (
        (
            '[2,"3","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Preparing",'
            '"timestamp":"2026-11-23T12:00:00Z"}]'
        ),
        {"connector_id": 1, "status": "Preparing", "timestamp": NOON},
    ),
    ('[2,"4","Authorize",{"idTag":"04A2B3C4"}]', {"id_tag": "04A2B3C4"}),
    (
        (
            '[2,"5","StartTransaction",{"connectorId":1,"idTag":"04A2B3C4","meterStart":1200,'
            '"timestamp":"2026-11-23T13:00:00+01:00"}]'
        ),
        {"meter_start": 1200, "timestamp": NOON},
    ),
    (
        (
            '[2,"6","MeterValues",{"connectorId":1,"transactionId":7,"meterValue":[{"timestamp":"2026-11-23T12:00:00Z",'
            '"sampledValue":[{"value":"1200.5","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
            '{"value":"16.0","measurand":"Current.Import","phase":"L1","unit":"A","context":"Sample.Periodic"}]}]}]'
        ),
        {"transaction_id": 7, "meter_value.0.sampled_value.1.phase": "L1", "meter_value.0.timestamp": NOON},
    ),
    (
        (
            '[2,"7","StopTransaction",{"transactionId":7,"meterStop":9000,"timestamp":"2026-11-23T12:00:00.000Z",'
            '"reason":"EVDisconnected","transactionData":[{"timestamp":"2026-11-23T12:00:00Z",'
            '"sampledValue":[{"value":"9000","context":"Transaction.End"}]}]}]'
        ),
        {"reason": "EVDisconnected", "transaction_data.0.sampled_value.0.context": "Transaction.End"},
    ),
    (
        '[2,"8","SecurityEventNotification",{"type":"StartupOfTheDevice","timestamp":"2026-11-23T12:00:00Z"}]',
        {"type": "StartupOfTheDevice"},
    ),
    ('[2,"9","DataTransfer",{"vendorId":"acme","messageId":"x","data":"{\\"a\\":1}"}]', {"data": '{"a":1}'}),
]

OF_2X = [
    (
        (
            '[2,"1","BootNotification",{"reason":"PowerUp","chargingStation":{"model":"One","vendorName":"Acme",'
            '"modem":{"iccid":"8949"}}}]'
        ),
        {"reason": "PowerUp", "charging_station.vendor_name": "Acme", "charging_station.modem.iccid": "8949"},
    ),
    (
        (
            '[2,"2","StatusNotification",{"timestamp":"2026-11-23T12:00:00Z","connectorStatus":"Occupied","evseId":1,'
            '"connectorId":2}]'
        ),
        {"connector_status": "Occupied", "evse_id": 1, "connector_id": 2},
    ),
    (
        (
            '[2,"3","TransactionEvent",{"eventType":"Started","timestamp":"2026-11-23T12:00:00Z",'
            '"triggerReason":"CablePluggedIn","seqNo":0,"transactionInfo":{"transactionId":"t-1","chargingState":'
            '"EVConnected"},"evse":{"id":1,"connectorId":1},"idToken":{"idToken":"04A2B3C4","type":"ISO14443"}}]'
        ),
        {"event_type": "Started", "seq_no": 0, "id_token.type": "ISO14443", "evse.connector_id": 1},
    ),
    (
        (
            '[2,"4","TransactionEvent",{"eventType":"Ended","timestamp":"2026-11-23T12:00:00Z","triggerReason":'
            '"EVCommunicationLost","seqNo":3,"offline":true,"transactionInfo":{"transactionId":"t-1","stoppedReason":'
            '"EVDisconnected"},"meterValue":[{"timestamp":"2026-11-23T12:00:00Z","sampledValue":[{"value":12.5,'
            '"context":"Transaction.End","measurand":"Energy.Active.Import.Register","unitOfMeasure":{"unit":"kWh"},'
            '"signedMeterValue":{"signedMeterData":"T0NNRnw=","signingMethod":"","encodingMethod":"OCMF","publicKey":""}'
            "}]}]}]"
        ),
        {
            "offline": True,
            "transaction_info.stopped_reason": "EVDisconnected",
            "meter_value.0.sampled_value.0.value": 12.5,
            "meter_value.0.sampled_value.0.signed_meter_value.encoding_method": "OCMF",
        },
    ),
    (
        (
            '[2,"5","NotifyReport",{"requestId":9,"generatedAt":"2026-11-23T12:00:00Z","seqNo":0,"tbc":true,"reportData":'
            '[{"component":{"name":"EVSE","evse":{"id":1}},"variable":{"name":"Power"},"variableAttribute":'
            '[{"type":"MaxSet","value":"22000"}],"variableCharacteristics":{"dataType":"decimal",'
            '"supportsMonitoring":false}}]}]'
        ),
        {"report_data.0.component.evse.id": 1, "report_data.0.variable_attribute.0.type": "MaxSet"},
    ),
    (
        '[2,"6","DataTransfer",{"vendorId":"acme","data":{"any":["thing",1]},"customData":{"vendorId":"acme","x":1}}]',
        {"data": {"any": ["thing", 1]}, "custom_data": {"vendorId": "acme", "x": 1}},
    ),
]

OF_21 = [
    *OF_2X,
    (
        '[2,"7","NotifyPriorityCharging",{"transactionId":"t-1","activated":true}]',
        {"transaction_id": "t-1", "activated": True},
    ),
    (
        (
            '[2,"8","TransactionEvent",{"eventType":"Updated","timestamp":"2026-11-23T12:00:00Z","triggerReason":'
            '"MeterValuePeriodic","seqNo":1,"transactionInfo":{"transactionId":"t-1","operationMode":"CentralSetpoint"},'
            '"costDetails":{"totalCost":{"currency":"EUR","typeOfCost":"NormalCost","total":{"exclTax":1.0,"inclTax":1.19}},'
            '"totalUsage":{"energy":2.5,"chargingTime":600,"idleTime":0}}}]'
        ),
        {
            "transaction_info.operation_mode": "CentralSetpoint",
            "cost_details.total_cost.total.incl_tax": 1.19,
            "cost_details.total_usage.energy": 2.5,
        },
    ),
]

ALL = [
    (version, frame, expected)
    for version, told in ((Version.V16, OF_16), (Version.V201, OF_2X), (Version.V21, OF_21))
    for frame, expected in told
]


def at(message, path):
    for step in path.split("."):
        message = message[int(step)] if step.isdigit() else getattr(message, step)
    return message


@pytest.mark.parametrize(("version", "frame", "expected"), ALL)
def test_what_a_station_tells_is_read(version, frame, expected):
    (call,) = Conversation(version, Role.CENTRAL).receive(frame.encode(), 0.0)

    assert type(call) is CallReceived, call
    assert not call.notes
    assert {path: at(call.request, path) for path in expected} == expected
