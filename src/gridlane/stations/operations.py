"""Operations: commands tracked from the wish to the effect.

    queued -> sent -> agreed -> verified
                 |        +---> unverified   the station agreed, the effect was not seen in time
                 +-> refused                 the station said no
                 +-> timed_out               no answer in time: the effect is unknown
                 +-> unknown                 the link broke after it was sent, and no effect was seen in time
                 +-> failed                  the station answered with an error
       +-> unsupported, expired, cancelled   it never left

Agreed is not success: every command names the observation that verifies it (``PROOFS``). An operation is never sent
twice: its being sent is committed before it leaves, and what was sent before a crash ends ``unknown`` unless its
effect is seen.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from gridlane.kernel.facts import Fact
from gridlane.stations import commands as c
from gridlane.stations import reports as r
from gridlane.stations.decision import (
    Call,
    Commit,
    Instructed,
    OperationAnswered,
    OperationDue,
    TimePassed,
    report_fact,
)
from gridlane.stations.model import NEW_VERIFIER, NO_NEW_VERIFIER, OPERATIONS, OperationRow, VerifierRow
from gridlane.stations.state import Live, OperationState

ANSWER_PATIENCE = timedelta(
    seconds=45
)  # beyond the call's own timeout, so that the conversation speaks first

ENDED = (
    "verified",
    "unverified",
    "refused",
    "timed_out",
    "unknown",
    "failed",
    "unsupported",
    "expired",
    "cancelled",
)


class OperationEnded(Fact, frozen=True, kw_only=True, tag="operation_ended"):
    """A tracked operation reached its end; ``status`` is one of ``ENDED``."""

    operation_id: str
    kind: str
    status: str
    evidence: str | None


class Proof(NamedTuple):
    """What verifies a command: the answer itself (``seen`` None), or a report that comes ``within`` seconds.

    ``seen(command, report, live)`` gives the evidence in words, or None. A leading ``!`` means that the report
    disproves it: the operation ends ``unverified`` at once. Where it is not ``needed`` the answer verifies the command.
    """

    seen: Callable[[Any, Any, Live], str | None] | None = None
    within: int = 60
    reports: tuple[type, ...] = ()
    needed: Callable[[Any], bool] = lambda _command: True


def _started(command: c.StartCharging, report: Any, _live: Live) -> str | None:
    if not isinstance(report, r.TransactionReported) or report.phase == "ended":
        return None
    by_id = report.remote_start_id is not None and report.remote_start_id == command.remote_start_id
    by_token = (
        report.remote_start_id is None
        and report.token is not None
        and report.token.value.casefold() == command.token.value.casefold()
        and command.evse in (None, report.evse)
    )
    return f"transaction {report.transaction or ''} started".replace("  ", " ") if by_id or by_token else None


def _stopped(command: c.StopCharging, report: Any, _live: Live) -> str | None:
    ended = isinstance(report, r.TransactionReported) and report.phase == "ended"
    return "transaction ended" if ended and report.transaction == command.transaction else None


def _rebooted(command: c.Reset, report: Any, _live: Live) -> str | None:
    if command.evse is None:
        return "station booted" if isinstance(report, r.Booted) else None
    available = isinstance(report, r.StatusReported) and report.evse == command.evse
    return f"EVSE {command.evse} reported {report.status}" if available else None


def _availability_changed(command: c.ChangeAvailability, report: Any, _live: Live) -> str | None:
    if not isinstance(report, r.StatusReported):
        return None
    if command.evse not in (0, report.evse) or command.connector not in (None, report.connector):
        return None
    changed = (report.status != "unavailable") if command.operative else (report.status == "unavailable")
    return f"EVSE {report.evse} reported {report.status}" if changed else None


_TRIGGERED: dict[str, tuple[type, ...]] = {
    "BootNotification": (r.Booted,),
    "Heartbeat": (r.Alive,),
    "StatusNotification": (r.StatusReported,),
    "MeterValues": (r.MeterReported,),
    "TransactionEvent": (r.TransactionReported,),
    "FirmwareStatusNotification": (r.FirmwareReported,),
    "DiagnosticsStatusNotification": (r.LogReported,),
    "LogStatusNotification": (r.LogReported,),
    "PublishFirmwareStatusNotification": (r.FirmwarePublished,),
    "SignChargePointCertificate": (r.SigningRequested,),
    "SignChargingStationCertificate": (r.SigningRequested,),
    "SignV2GCertificate": (r.SigningRequested,),
    "SignCombinedCertificate": (r.SigningRequested,),
}


def _triggered(command: c.Trigger, report: Any, _live: Live) -> str | None:
    if not isinstance(report, _TRIGGERED.get(command.message, ())):
        return None
    evse = getattr(report, "evse", None)
    return f"{command.message} came" if command.evse in (None, evse) or evse is None else None


def _part(block: str) -> Callable[[Any, Any, Live], str | None]:
    def seen(command: Any, report: Any, _live: Live) -> str | None:
        mine = isinstance(report, r.PartReported) and report.block == block
        return "last part came" if mine and report.last and report.request_id == command.request_id else None

    return seen


_FIRMWARE_FAILED = (
    "DownloadFailed", "InstallationFailed", "InstallVerificationFailed", "InvalidSignature", "Failed",
)  # fmt: skip


def _installed(command: c.UpdateFirmware, report: Any, _live: Live) -> str | None:
    if not isinstance(report, r.FirmwareReported) or report.request_id not in (None, command.request_id):
        return None
    if report.status == "Installed":
        return "firmware installed"
    return f"!firmware status {report.status}" if report.status in _FIRMWARE_FAILED else None


def _published(command: c.PublishFirmware, report: Any, _live: Live) -> str | None:
    if not isinstance(report, r.FirmwarePublished) or report.request_id not in (None, command.request_id):
        return None
    if report.status == "Published":
        return "firmware published"
    failed = report.status in ("PublishFailed", "InvalidChecksum", "DownloadFailed")
    return f"!publish status {report.status}" if failed else None


def _uploaded(command: c.GetLog, report: Any, _live: Live) -> str | None:
    if not isinstance(report, r.LogReported) or report.request_id not in (None, command.request_id):
        return None
    if report.status == "Uploaded":
        return "log uploaded"
    failed = report.status in (
        "UploadFailure",
        "UploadFailed",
        "BadMessage",
        "PermissionDenied",
        "NotSupportedOperation",
        "AcceptedCanceled",
    )
    return f"!log status {report.status}" if failed else None


def _reserved(command: c.Reserve, report: Any, _live: Live) -> str | None:
    reserved = isinstance(report, r.StatusReported) and report.status == "reserved"
    return (
        f"EVSE {report.evse} reported reserved"
        if reserved and command.evse in (None, 0, report.evse)
        else None
    )


def _batteries_swapped(command: c.RequestBatterySwap, report: Any, _live: Live) -> str | None:
    mine = isinstance(report, r.BatteriesSwapped) and report.request_id == command.request_id
    if not mine:
        return None
    return "!the batteries were not taken" if report.event == "BatteryOutTimeout" else f"{report.event} came"


_STATUS = (r.StatusReported,)
_TRANSACTION = (r.TransactionReported,)
PROOFS: dict[str, Proof] = {
    "start_charging": Proof(_started, 180, _TRANSACTION),
    "stop_charging": Proof(_stopped, 60, _TRANSACTION),
    "reset": Proof(_rebooted, 600, (r.Booted, r.StatusReported)),
    "change_availability": Proof(_availability_changed, 60, _STATUS),
    "trigger": Proof(_triggered, 60, tuple({kind for kinds in _TRIGGERED.values() for kind in kinds})),
    "get_report": Proof(_part("device_model"), 300, (r.PartReported,)),
    "get_charging_profiles": Proof(_part("charging_profiles"), 60, (r.PartReported,)),
    "get_monitoring_report": Proof(_part("monitoring"), 300, (r.PartReported,)),
    "customer_information": Proof(_part("customer_information"), 120, (r.PartReported,)),
    "get_der_control": Proof(_part("der_controls"), 60, (r.PartReported,)),
    "request_battery_swap": Proof(_batteries_swapped, 300, (r.BatteriesSwapped,)),
    "get_display_messages": Proof(_part("display_messages"), 60, (r.PartReported,)),
    "update_firmware": Proof(_installed, 24 * 3600, (r.FirmwareReported,)),
    "publish_firmware": Proof(_published, 3600, (r.FirmwarePublished,)),
    "get_log": Proof(_uploaded, 3600, (r.LogReported,)),
    "reserve": Proof(
        _reserved, 30, _STATUS, lambda command: bool(command.evse)
    ),  # else none need be shown as reserved
}
"""Commands not named here are verified by their answer: it is the effect (variables read, a list stored)."""

OBSERVED: tuple[type, ...] = tuple({kind for proof in PROOFS.values() for kind in proof.reports})
"""Reports that may verify something."""

ANSWERED = Proof()


# --- decisions ---------------------------------------------------------------------------------------------------


def patience(kind: str, stage: str, since: datetime) -> datetime:
    """Until when an operation in this stage may stay in it."""
    if stage == "sent":
        return since + ANSWER_PATIENCE
    # "agreed", and "lost": the link broke before the answer, as when a station resets itself at once
    return since + timedelta(seconds=PROOFS.get(kind, ANSWERED).within)


def due(live: Live, what: OperationDue, now: datetime, _answer: Any) -> Commit:
    """Send an operation: its being sent is committed first."""
    station = live.station
    if what.id in station.operations:
        return Commit(live)
    command, next_request_id = _numbered(what.command, station.next_request_id)
    kind = str(command.__struct_config__.tag)
    state = OperationState(
        id=what.id,
        kind=kind,
        params=msgspec.json.encode(without_secrets(command)),
        stage="sent",
        sent_at=now,
        deadline=patience(kind, "sent", now),
    )
    if what.expires_at <= now:
        return _end(live, state, now, "expired", "it was not sent in time")
    if station.approval == "rejected":  # B03.FR.03: nothing is sent to a rejected station
        return _end(live, state, now, "cancelled", "the station was refused by the operator")
    row = OperationRow(what.id, "sent", state.params.decode(), now, None, None, None, None)
    rows: list[tuple[Any, Any]] = [(OPERATIONS, row)]
    if what.verifier is not None:
        rows.append((NEW_VERIFIER, VerifierRow(station.id, now, what.verifier)))
    return Commit(_with(live, state, next_request_id), rows=rows, calls=[Call(command, what.id)])


def answered(live: Live, what: OperationAnswered, now: datetime, _answer: Any) -> Commit:
    """Note the station's answer; end the operation, or wait for the observation that verifies it."""
    state = live.station.operations.get(what.id)
    if state is None:
        return Commit(live)
    if what.answer is None:
        trouble = what.trouble or ""
        if trouble == "disconnected" and may_be_seen(state.kind):
            return Commit(_with(live, lost(state)))
        status = (
            "unsupported" if trouble.startswith("unsupported") else _STATUS_OF_TROUBLE.get(trouble, "failed")
        )
        return _end(live, state, now, status, trouble)
    answer = msgspec.json.encode(what.answer).decode()
    proof = PROOFS.get(state.kind, ANSWERED)
    if not what.answer.agreed:
        said = what.answer.status if not what.answer.reason else f"{what.answer.status}: {what.answer.reason}"
        commit = _end(live, state, now, "refused", said, answer=answer)
        if state.kind == "set_password":  # A01.FR.04: the old password stays
            commit.rows.append((NO_NEW_VERIFIER, VerifierRow(live.station.id, now)))
        return commit
    if proof.seen is None or not proof.needed(msgspec.json.decode(state.params, type=c.AnyCommand)):
        return _end(live, state, now, "verified", f"answered {what.answer.status}", answer=answer)
    waiting = replace(state, stage="agreed", answer=answer, deadline=patience(state.kind, "agreed", now))
    row = OperationRow(what.id, "agreed", state.params.decode(), state.sent_at, now, None, answer, None)
    return Commit(_with(live, waiting), rows=[(OPERATIONS, row)])


_STATUS_OF_TROUBLE = {"timed_out": "timed_out", "disconnected": "unknown", "not_sent": "unknown"}


def may_be_seen(kind: str) -> bool:
    """Whether a command of this kind has an effect that a report shows."""
    return PROOFS.get(kind, ANSWERED).seen is not None


def lost(state: OperationState) -> OperationState:
    """The operation after its link broke unanswered: its effect may still be seen."""
    return replace(state, stage="lost", deadline=patience(state.kind, "lost", state.sent_at))


def observe(live: Live, report: Any, now: datetime) -> Commit:
    """Let a report verify what it proves. Also an operation whose answer was lost is verified by its effect."""
    commit = Commit(live)
    for state in tuple(live.station.operations.values()):
        proof = PROOFS.get(state.kind)
        if proof is None or proof.seen is None or not isinstance(report, proof.reports):
            continue
        command = msgspec.json.decode(state.params, type=c.AnyCommand)
        evidence = proof.seen(command, report, live)
        if evidence is not None:
            status = "unverified" if evidence.startswith("!") else "verified"
            _also(commit, _end(commit.live, state, now, status, evidence.lstrip("!"), answer=state.answer))
    return commit


def time_passed(live: Live, _what: TimePassed, now: datetime, _answer: Any) -> Commit:
    """End the operations whose deadline has come."""
    commit = Commit(live)
    for state in tuple(live.station.operations.values()):
        if state.deadline <= now:
            status, why = _OVERDUE[state.stage]
            _also(commit, _end(commit.live, state, now, status, why, answer=state.answer))
    return commit


_OVERDUE = {
    "sent": ("timed_out", "no answer"),
    "agreed": ("unverified", "the effect was not seen in time"),
    "lost": ("unknown", "the link broke before it answered, and no effect was seen in time"),
}


def superseded(live: Live, kind: str, request_id: int | None, now: datetime) -> Commit:
    """End what is under way of this kind, but for the request that took its place."""
    commit = Commit(live)
    for state in tuple(live.station.operations.values()):
        if state.kind == kind:
            command = msgspec.json.decode(state.params, type=c.AnyCommand)
            if getattr(command, "request_id", None) != request_id:
                ended = _end(
                    commit.live, state, now, "unverified", "a newer one took its place", answer=state.answer
                )
                _also(commit, ended)
    return commit


def carried_out(
    live: Live, what: Instructed, now: datetime, evidence: str, status: str = "verified"
) -> Commit:
    """End the operation that brought an instruction to the owner; ``refused`` where it was not carried out."""
    if what.id is None:
        return Commit(live)
    params = msgspec.json.encode(c.Instruct(what=what.what, params=what.params))
    state = OperationState(
        id=what.id, kind="instruct", params=params, stage="sent", sent_at=now, deadline=now
    )
    return _end(live, state, now, status, evidence)


def without_secrets(command: Any) -> Any:
    """The command as it may be stored: a new station password is in no table."""
    return replace(command, password=None) if isinstance(command, c.SetPassword) else command


def _end(
    live: Live,
    state: OperationState,
    now: datetime,
    status: str,
    evidence: str | None,
    *,
    answer: str | None = None,
) -> Commit:
    remaining = {key: value for key, value in live.station.operations.items() if key != state.id}
    changed = Live(replace(live.station, operations=remaining), live.charging)
    answered_at = now if answer and state.stage == "sent" else None
    sent_at = None if status in ("expired", "cancelled") else state.sent_at
    row = OperationRow(state.id, status, state.params.decode(), sent_at, answered_at, now, answer, evidence)
    fact = OperationEnded(operation_id=str(state.id), kind=state.kind, status=status, evidence=evidence)
    return Commit(changed, rows=[(OPERATIONS, row)], facts=[report_fact(live, fact, now)])


def _also(commit: Commit, more: Commit) -> None:
    commit.live = more.live
    commit.rows += more.rows
    commit.facts += more.facts


def _with(live: Live, state: OperationState, next_request_id: int | None = None) -> Live:
    station = live.station
    return Live(
        replace(
            station,
            operations={**station.operations, state.id: state},
            next_request_id=next_request_id or station.next_request_id,
        ),
        live.charging,
    )


def _numbered(command: Any, number: int) -> tuple[Any, int]:
    """Give a command the request id it lacks."""
    for field in ("request_id", "remote_start_id"):
        if getattr(command, field, 0) is None:
            return replace(command, **{field: number}), number % 0x7FFF_FFFE + 1
    return command, number
