"""The life of a station: connected, booted, alive, its connectors' states, disconnected."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gridlane.kernel.facts import Fact
from gridlane.kernel.group_commit import update
from gridlane.kernel.ids import new_id
from gridlane.stations import clocks
from gridlane.stations import reports as r
from gridlane.stations.availability import mark
from gridlane.stations.commands import Trigger
from gridlane.stations.decision import Call, Commit, Connected, Described, Disconnected, report_fact
from gridlane.stations.model import (
    BOOT,
    CONNECTION,
    CONNECTORS,
    EVSES,
    BootRow,
    ConnectionRow,
    ConnectorRow,
    EvseRow,
)
from gridlane.stations.replies import AliveAnswered, BootAnswered, Noted
from gridlane.stations.security_profiles import raised
from gridlane.stations.state import ConnectorState, Live

PENDING_RETRY = 60  # seconds until a station that waits for approval asks again


class StationConnected(Fact, frozen=True, kw_only=True, tag="station_connected"):
    """A station's socket is open. ``superseded``: an older connection of the same identity was still there."""

    identity: str
    protocol: str
    address: str
    superseded: bool


class StationDisconnected(Fact, frozen=True, kw_only=True, tag="station_disconnected"):
    """A station's socket is gone (RFC 6455 close code, 1006 without a goodbye)."""

    identity: str
    code: int
    reason: str


class StationBooted(Fact, frozen=True, kw_only=True, tag="station_booted"):
    """A station has started anew, or was asked to say who it is."""

    vendor: str
    model: str
    firmware: str | None
    reason: str | None
    firmware_changed: bool


class ConnectorStatusChanged(Fact, frozen=True, kw_only=True, tag="connector_status_changed"):
    """A connector has another status or error than before."""

    evse: int
    connector: int
    status: str
    error: str | None
    before: str | None


class StationApproved(Fact, frozen=True, kw_only=True, tag="station_approved"):
    """An operator (or a rule) let a station in."""

    identity: str


class StationRejected(Fact, frozen=True, kw_only=True, tag="station_rejected"):
    """An operator refused a station."""

    identity: str


class ClockRow(msgspec.Struct):
    id: UUID
    clock_offset: float


CLOCK = update("stations", "id", ("clock_offset",), name="stations clock offset")


def connected(live: Live, what: Connected, now: datetime, _answer: Any) -> Commit:
    station = replace(
        live.station, protocol=what.protocol, connected_at=now, last_seen_at=now, report_parts={}
    )
    row = ConnectionRow(
        station.id, True, what.protocol, what.secure, what.address, now, None, now, int(what.superseded)
    )
    fact = StationConnected(
        identity=station.identity, protocol=what.protocol, address=what.address, superseded=what.superseded
    )
    changed = Live(station, live.charging)
    commit = Commit(
        changed,
        rows=[(CONNECTION, row), *mark(changed, now, cause="connected")],
        facts=[report_fact(live, fact, now)],
    )
    if what.raised_to is not None:
        more = raised(changed, what.raised_to, now)
        commit.rows += more.rows
        commit.facts += more.facts
    return commit


def disconnected(live: Live, what: Disconnected, now: datetime, _answer: Any) -> Commit:
    station = replace(live.station, connected_at=None)
    row = ConnectionRow(
        station.id, False, station.protocol, False, "", live.station.connected_at, now, now, 0
    )
    fact = StationDisconnected(identity=station.identity, code=what.code, reason=what.reason)
    changed = Live(station, live.charging)
    return Commit(
        changed,
        rows=[(CONNECTION, row), *mark(changed, now, cause=f"link closed {what.code}")],
        facts=[report_fact(live, fact, now)],
    )


def booted(live: Live, what: r.Booted, now: datetime, _answer: Any) -> Commit:
    """BootNotification (B01-B03): accepted, or to wait for the operator's word."""
    before = live.station
    station = replace(before, booted_at=now, vendor=what.vendor, model=what.model, firmware=what.firmware)
    reply = BootAnswered(
        status=station.approval,
        now=now,
        interval=station.heartbeat if station.approval == "accepted" else PENDING_RETRY,
    )
    row = BootRow(
        station.id,
        now,
        what.vendor,
        what.model,
        what.serial,
        what.firmware,
        _pair(what.iccid, what.imsi),
        _pair(what.meter_type, what.meter_serial),
        what.reason,
    )
    fact = StationBooted(
        vendor=what.vendor,
        model=what.model,
        firmware=what.firmware,
        reason=what.reason,
        firmware_changed=before.firmware not in (None, what.firmware),
    )
    return Commit(Live(station, live.charging), reply, [(BOOT, row)], [report_fact(live, fact, now)])


def alive(live: Live, _what: r.Alive, now: datetime, _answer: Any) -> Commit:
    """Heartbeat. When the station was last seen is noted by the gateway for all stations together."""
    return Commit(live, AliveAnswered(now=now))


def status_reported(live: Live, what: r.StatusReported, now: datetime, _answer: Any) -> Commit:
    """StatusNotification. The one received last is true: a station tells in order, and its clock may be set back."""
    if what.evse == 0:
        return _station_status(live, what, now)
    at = plausible(what.at, now)
    key = (what.evse, what.connector)
    before = live.station.connectors.get(key)
    rows, state = _connector_rows(live, key, before, what, at)
    offset, doubt = live.station.clock_offset, None
    if what.at is not None:
        offset, doubt = clocks.judged(offset, live.station.clock_doubt, what.at, now)
    if offset != live.station.clock_offset:
        rows.append((CLOCK, ClockRow(live.station.id, offset)))
    station = replace(
        live.station,
        evses={**live.station.evses, what.evse: state.evse_id},
        connectors={**live.station.connectors, key: state},
        clock_offset=offset,
        clock_doubt=doubt,
    )
    changed = Live(station, live.charging)
    commit = Commit(
        changed, Noted(), [*rows, *mark(changed, now, cause=what.error or what.status, at=at, evse=what.evse)]
    )
    if before is None or (before.status, before.error) != (state.status, state.error):
        fact = ConnectorStatusChanged(
            evse=what.evse,
            connector=what.connector,
            status=what.status,
            error=what.error,
            before=before.status if before else None,
        )
        commit.facts.append(report_fact(live, fact, now))
    return commit


def _station_status(live: Live, what: r.StatusReported, now: datetime) -> Commit:
    """Connector 0 of 1.6: the station as a whole. A fault or unavailability of it is every connector's."""
    fact = ConnectorStatusChanged(evse=0, connector=0, status=what.status, error=what.error, before=None)
    return Commit(live, Noted(), facts=[report_fact(live, fact, now)])


def _connector_rows(
    live: Live,
    key: tuple[int, int],
    before: ConnectorState | None,
    what: r.StatusReported,
    at: datetime,
) -> tuple[list[tuple[Any, Any]], ConnectorState]:
    station = live.station
    rows: list[tuple[Any, Any]] = []
    evse_id = station.evses.get(key[0])
    if evse_id is None:
        evse_id = new_id()
        rows.append((EVSES, EvseRow(station.id, key[0], evse_id, station.organization_id)))
    state = ConnectorState(
        id=before.id if before else new_id(),
        evse_id=evse_id,
        status=what.status,
        status_at=at,
        error=what.error if what.error not in (None, "NoError") else None,
        operative=what.status != "unavailable",
    )
    row = ConnectorRow(
        station.id,
        *key,
        state.id,
        station.organization_id,
        evse_id,
        state.status,
        at,
        state.error,
        state.operative,
    )
    rows.append((CONNECTORS, row))
    return rows, state


def described(live: Live, what: Described, now: datetime, _answer: Any) -> Commit:
    """What describes the station was changed by the API: its approval, its organization, its site.

    A station let in is asked to boot, so that it hears of it at once (2.0.1 B02; a 1.6 station asks by itself).
    """
    before = live.station
    station = replace(
        before,
        approval=what.approval,
        organization_id=what.organization_id,
        site_id=what.site_id,
        time_zone=what.time_zone,
    )
    commit = Commit(Live(station, live.charging))
    if before.approval == what.approval:
        return commit
    if what.approval == "accepted":
        commit.facts.append(report_fact(commit.live, StationApproved(identity=station.identity), now))
        commit.calls.append(Call(Trigger(message="BootNotification")))
    elif what.approval == "rejected":
        commit.facts.append(report_fact(commit.live, StationRejected(identity=station.identity), now))
    return commit


def plausible(at: datetime | None, now: datetime) -> datetime:
    """A station's own time where it can be believed: never in our future, nor days ago."""
    if at is None or not now - timedelta(days=7) < at < now:
        return now
    return at


def _pair(first: str | None, second: str | None) -> str | None:
    return " ".join(part for part in (first, second) if part) or None
