"""What a station told of itself is stored, read again, changed and forgotten as it says."""

from gridlane.stations import commands as c
from gridlane.stations.reports import PartReported, VariableReported


def variable(component, name, value, *, evse=None, connector=None, **more):
    attributes = ({"type": "Actual", "value": value, "mutability": "ReadWrite"},)
    return VariableReported(
        component=component, variable=name, evse=evse, connector=connector, attributes=attributes, **more
    )


def part(*variables, request_id=7, last=True, number=0):
    return PartReported(
        block="device_model", request_id=request_id, last=last, part=number, variables=variables
    )


async def test_a_report_in_parts_is_stored_whole_and_teaches_plugs_and_power(stored_station):
    station = await stored_station()
    limits = {"dataType": "decimal", "unit": "W", "maxLimit": 22000.0}
    await station.tell(
        part(variable("EVSE", "Power", "0", evse=1, characteristics=limits), request_id=7, last=False)
    )
    await station.tell(
        part(
            variable("Connector", "ConnectorType", "cCCS2", evse=1, connector=1),
            variable("OCPPCommCtrlr", "HeartbeatInterval", "300"),
            number=1,
        )
    )
    assert len(await station.rows("SELECT 1 FROM station_variables")) == 3
    (evse,) = await station.rows("SELECT number, max_power FROM evses")
    assert evse == {"number": 1, "max_power": 22000.0}
    (plug,) = await station.rows("SELECT kind, status FROM connectors")
    assert plug == {"kind": "IEC_62196_T2_COMBO", "status": "unavailable"}
    assert (1, 1) in station.live.station.connectors


async def test_a_variable_that_a_full_inventory_no_longer_tells_is_forgotten(stored_station, street):
    station = await stored_station()
    await station.tell(part(variable("Old", "Thing", "1"), variable("Kept", "Thing", "1")))
    asked = await station.ask(
        c.GetReport(base="FullInventory"), c.Answer(agreed=True, status="Accepted"), street.later(minutes=1)
    )
    await station.tell(
        part(variable("Kept", "Thing", "2"), request_id=asked.request_id), street.later(minutes=2)
    )
    assert await station.rows("SELECT component, value FROM station_variables") == [
        {"component": "Kept", "value": "2"}
    ]


async def test_a_part_of_a_report_forgets_nothing(stored_station, street):
    station = await stored_station()
    await station.tell(part(variable("Old", "Thing", "1")))
    asked = await station.ask(c.GetReport(base="FullInventory"), now=street.later(minutes=1))
    await station.tell(
        part(variable("Kept", "Thing", "2"), request_id=asked.request_id, last=False), street.later(minutes=2)
    )
    assert len(await station.rows("SELECT 1 FROM station_variables")) == 2


async def test_configuration_keys_are_variables_without_component_and_secrets_are_not_stored(stored_station):
    station = await stored_station()
    told = (variable("", "HeartbeatInterval", "300"), variable("", "AuthorizationKey", "deadbeef"))
    await station.ask(c.GetVariables(), c.Answer(agreed=True, status="Accepted", variables=told))
    await station.ask(
        c.SetVariables(variables=(c.VariableRef(variable="HeartbeatInterval", value="60"),)),
        c.Answer(agreed=True, status="Accepted"),
    )
    rows = await station.rows("SELECT variable, value, mutability FROM station_variables ORDER BY 1")
    assert rows == [
        {"variable": "AuthorizationKey", "value": None, "mutability": "ReadWrite"},
        {"variable": "HeartbeatInterval", "value": "60", "mutability": "ReadWrite"},
    ]


async def test_only_the_values_a_station_took_are_changed(stored_station):
    station = await stored_station()
    wishes = (
        c.VariableRef(component="TxCtrlr", variable="EVConnectionTimeOut", value="30"),
        c.VariableRef(component="TxCtrlr", variable="TxStartPoint", value="Nonsense"),
    )
    results = [
        {
            "attributeStatus": status,
            "component": {"name": one.component},
            "variable": {"name": one.variable},
        }
        for one, status in zip(wishes, ("Accepted", "Rejected"), strict=True)
    ]
    answer = c.Answer(agreed=False, status="PartlyAccepted", data={"results": results})
    await station.ask(c.SetVariables(variables=wishes), answer)
    assert await station.rows("SELECT variable, value FROM station_variables") == [
        {"variable": "EVConnectionTimeOut", "value": "30"}
    ]
