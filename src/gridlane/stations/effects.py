"""What a station's answer to a command changes here, beyond the command's own end: values read, lists stored, ..."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from gridlane.stations import (
    certificates,
    device_model,
    displays,
    dynamic_schedules,
    event_streams,
    firmware,
    grid_support,
    local_list,
    local_tariffs,
    monitors,
    operations,
    reservations,
    security_profiles,
    station_profiles,
)
from gridlane.stations.commands import Answer, AnyCommand
from gridlane.stations.decision import Commit, OperationAnswered
from gridlane.stations.state import Live

Effect = Callable[[Live, Any, Answer, datetime], Commit]


def _also(*effects: Effect) -> Effect:
    """Several effects of one answer; none of these changes the state."""

    def all_of_them(live: Live, command: Any, answer: Answer, now: datetime) -> Commit:
        commit = Commit(live)
        for effect in effects:
            more = effect(live, command, answer, now)
            commit.rows += more.rows
            commit.facts += more.facts
        return commit

    return all_of_them


EFFECTS: dict[str, Effect] = {
    "get_variables": device_model.read,
    "set_variables": _also(device_model.written, security_profiles.variable_taken),
    "set_network_profile": security_profiles.network_profile_taken,
    "update_firmware": firmware.was_taken,
    "set_variable_monitoring": monitors.were_set,
    "clear_variable_monitoring": monitors.were_cleared,
    "certificate_signed": certificates.was_taken,
    "get_installed_certificates": certificates.were_listed,
    "install_certificate": certificates.was_installed,
    "delete_certificate": certificates.was_deleted,
    "reserve": reservations.made,
    "cancel_reservation": reservations.cancelled,
    "set_charging_profile": station_profiles.was_set,
    "clear_charging_profile": station_profiles.were_cleared,
    "get_composite_schedule": station_profiles.composite_told,
    "set_display_message": displays.was_set,
    "clear_display_message": displays.was_cleared,
    "set_default_tariff": local_tariffs.default_set,
    "get_tariffs": local_tariffs.were_told,
    "clear_tariffs": local_tariffs.were_cleared,
    "set_der_control": grid_support.was_set,
    "clear_der_control": grid_support.were_cleared,
    "adjust_event_stream": event_streams.was_adjusted,
    "get_event_streams": event_streams.were_told,
    "update_dynamic_schedule": dynamic_schedules.was_updated,
    "use_priority_charging": dynamic_schedules.priority_given,
    "send_local_list": local_list.was_sent,
    "get_local_list_version": local_list.version_told,
}
"""By the command's kind. An effect sees the state after the operation's own step, and agreed and refused answers alike."""


def answered(live: Live, what: OperationAnswered, now: datetime, answer: Any) -> Commit:
    """The operation's next step, and what the answer told."""
    commit = operations.answered(live, what, now, answer)
    state = live.station.operations.get(what.id)
    if state is None or what.answer is None:
        return commit
    effect = EFFECTS.get(state.kind)
    if effect is None:
        return commit
    told = effect(commit.live, msgspec.json.decode(state.params, type=AnyCommand), what.answer, now)
    commit.live = told.live
    commit.rows += told.rows
    commit.facts += told.facts
    commit.calls += told.calls
    return commit
