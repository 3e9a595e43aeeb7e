"""The blocks that OCPP 2.1 alone has: tariffs at the station, DER control, event streams, battery swap, priority and dynamic
limits. Their words, both ways.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET

from gridlane.ocpp.v21 import messages as m
from gridlane.stations import commands as c
from gridlane.stations import replies as a
from gridlane.stations import reports as r
from gridlane.stations.commands import Answer
from gridlane.stations.dialects.dialect import (
    CommandInvalid,
    Payload,
    Phrase,
    Said,
    answered,
    builtins,
    given,
    known,
)
from gridlane.stations.dialects.readings import utc
from gridlane.stations.dialects.v2x.reports import token_of

# --- reports -----------------------------------------------------------------------------------------------------


def priority_reported(request: m.NotifyPriorityChargingRequest) -> r.PriorityReported:
    return r.PriorityReported(transaction=request.transaction_id, activated=request.activated)


def schedule_pulled(request: m.PullDynamicScheduleUpdateRequest) -> r.DynamicSchedulePulled:
    return r.DynamicSchedulePulled(profile_id=request.charging_profile_id)


def stream_opened(request: m.OpenPeriodicEventStreamRequest) -> r.StreamOpened:
    data = request.constant_stream_data
    return r.StreamOpened(
        stream=data.id,
        monitor=data.variable_monitoring_id,
        interval=known(data.params.interval),
        values=known(data.params.values),
    )


def stream_closed(request: m.ClosePeriodicEventStreamRequest) -> r.StreamClosed:
    return r.StreamClosed(stream=request.id)


def stream_reported(request: m.NotifyPeriodicEventStreamRequest) -> r.StreamReported:
    return r.StreamReported(
        stream=request.id,
        at=utc(request.basetime),
        pending=request.pending,
        values=tuple((float(one.t), one.v) for one in request.data),
    )


def alarm_reported(request: m.NotifyDERAlarmRequest) -> r.DerAlarmReported:
    return r.DerAlarmReported(
        kind=request.control_type,
        at=utc(request.timestamp),
        fault=known(request.grid_event_fault),
        ended=request.alarm_ended or False,
        info=known(request.extra_info),
    )


def control_acts(request: m.NotifyDERStartStopRequest) -> r.DerControlReported:
    return r.DerControlReported(
        control_id=request.control_id,
        started=request.started,
        at=utc(request.timestamp),
        superseded=tuple(request.superseded_ids or ()),
    )


CONTROLS: Final[dict[str, tuple[str, str]]] = {
    # field of the report: (what it is called within, its kind; a curve tells its own)
    "curve": ("curve", ""),
    "enter_service": ("enter_service", "EnterService"),
    "fixed_pf_absorb": ("fixed_pf", "FixedPFAbsorb"),
    "fixed_pf_inject": ("fixed_pf", "FixedPFInject"),
    "fixed_var": ("fixed_var", "FixedVar"),
    "freq_droop": ("freq_droop", "FreqDroop"),
    "gradient": ("gradient", "Gradients"),
    "limit_max_discharge": ("limit_max_discharge", "LimitMaxDischarge"),
}


def controls_reported(request: m.ReportDERControlRequest) -> r.PartReported:
    items: list[dict[str, Any]] = []
    for field, (inner, kind) in CONTROLS.items():
        told = getattr(request, field)
        for one in () if told is UNSET else told:
            items.append(
                {
                    "id": one.id,
                    "kind": kind or one.curve_type,
                    "isDefault": getattr(one, "is_default", False),
                    "isSuperseded": getattr(one, "is_superseded", False),
                    "content": builtins(getattr(one, inner)),
                }
            )
    return r.PartReported(
        block="der_controls", request_id=request.request_id, last=not request.tbc, items=tuple(items)
    )


def batteries_swapped(request: m.BatterySwapRequest) -> r.BatteriesSwapped:
    return r.BatteriesSwapped(
        event=request.event_type,
        request_id=request.request_id,
        token=token_of(request.id_token),  # type: ignore[arg-type]  # 2.1's own IdTokenType, alike in what is read
        batteries=tuple(builtins(one) for one in request.battery_data),
    )


REPORTS: Final[dict[str, Callable[[Any], r.Report]]] = {
    "BatterySwap": batteries_swapped,
    "ClosePeriodicEventStream": stream_closed,
    "NotifyDERAlarm": alarm_reported,
    "NotifyDERStartStop": control_acts,
    "NotifyPeriodicEventStream": stream_reported,
    "NotifyPriorityCharging": priority_reported,
    "OpenPeriodicEventStream": stream_opened,
    "PullDynamicScheduleUpdate": schedule_pulled,
    "ReportDERControl": controls_reported,
}


def dynamic_schedule_answered(reply: a.DynamicScheduleAnswered) -> Payload:
    return given(status="Accepted" if reply.update else "Rejected", scheduleUpdate=reply.update)


# --- commands ----------------------------------------------------------------------------------------------------


def tariffs_cleared(_command: Any, response: m.ClearTariffsResponse) -> Answer:
    """Each tariff has its own answer; one that was not there is as good as cleared."""
    results = [builtins(one) for one in response.clear_tariffs_result]
    refused = [one["status"] for one in results if one["status"] == "Rejected"]
    status = refused[0] if refused else "Accepted"
    return Answer(agreed=not refused, status=status, data={"clearTariffsResult": results})


def set_der_control(command: c.SetDerControl) -> Said:
    if len(command.control) != 1:
        raise CommandInvalid(action="SetDERControl", problem="control must hold just the field of its type")
    return "SetDERControl", {
        "isDefault": command.default, "controlId": command.control_id, "controlType": command.control_type, **command.control
    }  # fmt: skip


def phrases(token: Callable[[Any], Payload]) -> dict[type[c.Command], Phrase]:
    """Every command of these blocks and how it is said."""

    def plain(action: str, say: Callable[[Any], Payload]) -> Phrase:
        return Phrase((action,), lambda command: (action, say(command)), answered)

    return {
        c.SetDefaultTariff: plain("SetDefaultTariff", lambda one: {"evseId": one.evse, "tariff": one.tariff}),
        c.GetTariffs: plain("GetTariffs", lambda one: {"evseId": one.evse}),
        c.ClearTariffs: Phrase(
            ("ClearTariffs",),
            lambda one: ("ClearTariffs", given(tariffIds=list(one.ids) or None, evseId=one.evse)),
            tariffs_cleared,
        ),
        c.ChangeTariff: plain(
            "ChangeTransactionTariff", lambda one: {"transactionId": one.transaction, "tariff": one.tariff}
        ),
        c.PaymentStarted: plain(
            "NotifyWebPaymentStarted", lambda one: {"evseId": one.evse, "timeout": one.timeout}
        ),
        c.UsePriorityCharging: plain(
            "UsePriorityCharging", lambda one: {"transactionId": one.transaction, "activate": one.activate}
        ),
        c.UpdateSchedule: plain(
            "UpdateDynamicSchedule",
            lambda one: {"chargingProfileId": one.profile_id, "scheduleUpdate": one.update},
        ),
        c.AllowEnergyTransfer: plain(
            "NotifyAllowedEnergyTransfer",
            lambda one: {"transactionId": one.transaction, "allowedEnergyTransfer": list(one.modes)},
        ),
        c.SendAfrrSignal: plain("AFRRSignal", lambda one: {"timestamp": one.at, "signal": one.signal}),
        c.SetDerControl: Phrase(("SetDERControl",), set_der_control, answered),
        c.GetDerControl: plain(
            "GetDERControl",
            lambda one: given(
                requestId=one.request_id or 0,
                isDefault=one.default,
                controlType=one.control_type,
                controlId=one.control_id,
            ),
        ),
        c.ClearDerControl: plain(
            "ClearDERControl",
            lambda one: given(isDefault=one.default, controlType=one.control_type, controlId=one.control_id),
        ),
        c.AdjustStream: plain(
            "AdjustPeriodicEventStream",
            lambda one: {"id": one.stream, "params": given(interval=one.interval, values=one.values)},
        ),
        c.GetStreams: plain("GetPeriodicEventStream", lambda _one: {}),
        c.RequestBatterySwap: plain(
            "RequestBatterySwap", lambda one: {"idToken": token(one.token), "requestId": one.request_id or 0}
        ),
    }
