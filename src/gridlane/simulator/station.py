"""A virtual station without IO: frames, the time and what people do come in; frames go out.

This is what every version shares: EVSEs with a plug, a meter and a limit; the queue of transaction messages while
offline; the physics. ``station16`` and ``station2x`` speak.
"""

import itertools
import random
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from gridlane.kernel.quantities import Amperes, WattHours, Watts
from gridlane.ocpp.actions import Role, actions_of
from gridlane.ocpp.conversation import (
    CallAbandoned,
    CallReceived,
    CallTimedOut,
    Conversation,
    ErrorAnswer,
    Event,
    InvalidAnswer,
    ResultReceived,
)
from gridlane.ocpp.version import Version
from gridlane.simulator.files import Upload
from gridlane.simulator.profiles import Installed, ProfileStack
from gridlane.simulator.vehicle import VOLTAGE, Vehicle


@dataclass
class StationSpec:
    """What a virtual station is. ``power`` is each EVSE's, in W."""

    identity: str
    version: Version
    vendor: str = "Gridlane"
    model: str = "Virtual"
    serial: str = "V-1"
    firmware: str = "1.0.0"
    evses: int = 1
    power: Watts = Watts(22_000.0)
    direct: bool = False  # DC
    meter_interval: int = 60
    phases: int = 3
    connector_type: str = "cType2"
    seed: int = 0
    iccid: str | None = None  # of the SIM card in its modem
    standing: Amperes | None = None  # the fallback that its electrician left in it, per phase of each EVSE


@dataclass
class Transaction:
    id: str  # 2.x: the station's; 1.6: "" until the central system has answered
    evse: int
    token: str | None
    started_at: datetime
    meter_start: WattHours
    sequence: int = 0
    remote_start_id: int | None = None
    reservation_id: int | None = None
    authorized: bool = True
    stop_reason: str | None = None
    local_key: str = field(default_factory=lambda: uuid4().hex)  # joins queued messages of 1.6
    energy_was_flowing: bool = False
    group: str | None = None


@dataclass
class Evse:
    number: int
    vehicle: Vehicle | None = None
    plugged_at: datetime | None = None
    transaction: Transaction | None = None
    register: WattHours = WattHours(0.0)
    power: Watts = Watts(0.0)
    status: str = ""  # as last reported
    error: str | None = None
    operative: bool = True
    change_when_idle: bool | None = None  # an availability to take when the transaction is over
    token: str | None = None  # presented, waiting for a plug
    token_until: datetime | None = None
    group: str | None = None
    remote_start_id: int | None = None
    reservation: dict[str, Any] | None = None
    silent_meter: bool = False
    locked: bool = True

    @property
    def is_free(self) -> bool:
        return self.vehicle is None and self.transaction is None and self.operative and self.error is None


OnAnswer = Callable[[Any, datetime], None]


@dataclass
class Queued:
    """A message that must arrive: transaction events survive a lost connection."""

    build: Callable[[], tuple[str, dict[str, Any]]]
    answered: OnAnswer | None
    made_at: datetime
    attempts: int = 0
    offline: bool = False


class Station:
    """See the module. ``out`` gathers frames for the socket; ``now`` is the simulation's time."""

    boot_action = "BootNotification"

    def __init__(self, spec: StationSpec) -> None:
        self.spec = spec
        self.random = random.Random(f"{spec.seed}:{spec.identity}")
        self.evses = {number: Evse(number) for number in range(1, spec.evses + 1)}
        self.profiles = ProfileStack(_left_by_the_electrician(spec))
        self.local_list: dict[str, dict[str, Any]] = {}
        self.local_list_version = 0
        self.cache: dict[str, dict[str, Any]] = {}
        self.out: deque[bytes] = deque()
        self.conversation: Conversation | None = None
        self.accepted = False  # the central system's word on our boot
        self.booted = False
        self.boot_reason = "PowerUp"
        self.boot_wait: datetime | None = None
        self.heartbeat_interval = 300
        self.next_heartbeat: datetime | None = None
        self.next_meter: dict[int, datetime] = {}
        self.queue: deque[Queued] = deque()
        self.in_flight: Queued | None = None
        self.later: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self.answers: dict[str, Any] = {}  # scripted: action -> status word, payload, or callable
        self.unknown: set[str] = set()  # actions this make of station does not know
        self.received: list[tuple[str, dict[str, Any]]] = []  # calls of the central system
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.acknowledged: list[tuple[str, dict[str, Any], str]] = []  # action, payload, message id
        self.trace: list[tuple[str, str]] = []
        self.wants_reconnect = False
        self.uploads: list[Upload] = []  # for the shell to carry out
        self.central_url: str | None = None  # where to connect, once a station was told otherwise
        self.clock_offset = timedelta(0)
        self.obeys = True
        self.firmware_version = spec.firmware
        self._waiting: dict[str, tuple[str, dict[str, Any], OnAnswer | None]] = {}
        self._order = itertools.count()
        self._advanced_at: datetime | None = None

    # --- the socket ----------------------------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        return self.conversation is not None

    def opened(self, now: datetime) -> None:
        """The socket is open. Only a station that has (re)booted says so; one that merely reconnects goes on."""
        self.conversation = Conversation(self.spec.version, Role.STATION)
        self.wants_reconnect = False
        if not self.booted or not self.accepted:
            self.boot(now)
        else:
            self.report_all(now)
            self._send_queued(now)
            self._plan_heartbeat(now)

    def closed(self, now: datetime) -> None:
        if self.conversation is None:
            return
        conversation, self.conversation = self.conversation, None
        for event in conversation.close():
            self._on(event, now)
        self.out.clear()
        if self.in_flight is not None:
            self.in_flight.offline = True
            self.queue.appendleft(self.in_flight)
            self.in_flight = None

    def received_frame(self, frame: bytes, now: datetime) -> None:
        if self.conversation is None:
            return
        self.trace.append(("<", frame.decode(errors="replace")))
        for event in self.conversation.receive(frame, now.timestamp()):
            self._on(event, now)

    def raw(self, frame: bytes) -> None:
        """Send bytes as they are, right or wrong."""
        self.out.append(frame)

    def _on(self, event: Event, now: datetime) -> None:
        if event.frame is not None:
            self._emit(event.frame)
        match event:
            case CallReceived():
                self._on_call(event, now)
            case ResultReceived(message_id=message_id, response=response, late=late) if not late:
                self._on_answer(message_id, response, now)
            case CallTimedOut(message_id=message_id) | CallAbandoned(message_id=message_id):
                self._on_answer(message_id, None, now)
            case _:
                pass

    def _emit(self, frame: bytes) -> None:
        self.trace.append((">", frame.decode(errors="replace")))
        self.out.append(frame)

    # --- calls of ours -------------------------------------------------------------------------------------------

    def call(
        self, action: str, payload: dict[str, Any], now: datetime, answered: OnAnswer | None = None
    ) -> str:
        """Call the central system; ``answered(response or None, now)`` hears of it. Gives the message id."""
        message_id = uuid4().hex
        if self.conversation is None:
            if answered is not None:
                answered(None, now)
            return message_id
        known = actions_of(self.spec.version)[action]
        request = msgspec.convert(payload, known.request, dec_hook=_custom)
        self._waiting[message_id] = (action, payload, answered)
        self.sent.append((action, payload))
        for event in self.conversation.call(message_id, request, now.timestamp()):
            self._on(event, now)
        return message_id

    def _on_answer(self, message_id: str, response: Any, now: datetime) -> None:
        action, payload, answered = self._waiting.pop(message_id, ("", {}, None))
        failed = response is None or isinstance(response, ErrorAnswer | InvalidAnswer)
        if not failed:
            self.acknowledged.append((action, payload, message_id))
        if answered is not None:
            answered(None if failed else response, now)

    # --- messages that must arrive -------------------------------------------------------------------------------

    def enqueue(
        self,
        build: Callable[[], tuple[str, dict[str, Any]]],
        now: datetime,
        answered: OnAnswer | None = None,
    ) -> None:
        """Queue a transaction message; it is sent in order, again until it is answered."""
        self.queue.append(Queued(build, answered, now, offline=not self._may_send()))
        self._send_queued(now)

    def _may_send(self) -> bool:
        return self.conversation is not None and self.accepted

    def _send_queued(self, now: datetime) -> None:
        if self.in_flight is not None or not self.queue or not self._may_send():
            return
        queued = self.in_flight = self.queue.popleft()
        queued.attempts += 1
        action, payload = queued.build()
        if queued.offline:
            self.mark_offline(action, payload)

        def answered(response: Any, at: datetime) -> None:
            self.in_flight = None
            if response is None and self._try_again(queued, at):
                return
            if queued.answered is not None:
                queued.answered(response, at)
            self._send_queued(at)

        self.call(action, payload, now, answered)

    def _try_again(self, queued: Queued, now: datetime) -> bool:
        """An unanswered message goes back to the head of the queue, until its attempts are used up."""
        if self.conversation is not None and queued.attempts >= self.message_attempts():
            return False
        queued.offline = queued.offline or self.conversation is None
        self.queue.appendleft(queued)
        if self.conversation is not None:
            self.at(now + timedelta(seconds=5 * queued.attempts), self._send_queued)
        return True

    def message_attempts(self) -> int:
        return 5

    def mark_offline(self, action: str, payload: dict[str, Any]) -> None:
        """2.x marks events that happened while offline."""

    # --- what people and cars do ---------------------------------------------------------------------------------

    def plug_in(self, evse: int, vehicle: Vehicle, now: datetime) -> None:
        self.advance(now)
        one = self.evses[evse]
        one.vehicle, one.plugged_at = vehicle, now
        self.plugged(one, now)

    def unplug(self, evse: int, now: datetime) -> None:
        self.advance(now)
        one = self.evses[evse]
        self.unplugged(one, now)
        one.vehicle, one.plugged_at = None, None
        self.show(one, now)

    def tap(self, token: str, evse: int, now: datetime, kind: str = "ISO14443") -> None:
        """Present a token at an EVSE: starts, or stops what it (or its group) started."""
        self.advance(now)
        self.tapped(self.evses[evse], token, kind, now)

    def break_connector(self, evse: int, error: str | None, now: datetime) -> None:
        """A fault appears (an error code) or goes (None)."""
        self.advance(now)
        self.evses[evse].error = error
        self.show(self.evses[evse], now)

    def power_cycle(self, now: datetime, reason: str = "PowerUp") -> None:
        """Everything off and on: the socket closes, transactions are interrupted, the station boots anew."""
        self.advance(now)
        for one in self.evses.values():
            if one.transaction is not None:
                self.end_transaction(one, "PowerLoss" if reason == "PowerUp" else "Reboot", now)
        self.booted = self.accepted = False
        self.boot_reason = reason
        self.wants_reconnect = True

    # --- time ----------------------------------------------------------------------------------------------------

    def at(self, when: datetime, what: Callable[[datetime], None]) -> None:
        self.later.append((when, next(self._order), what))
        self.later.sort(key=lambda one: one[:2])

    def wake_at(self, now: datetime) -> datetime:
        """When ``tick`` wants to be called next."""
        times = [when for when, _, _ in self.later[:1]]
        times += [self.next_heartbeat] if self.next_heartbeat else []
        times += list(self.next_meter.values())
        times += [one.token_until for one in self.evses.values() if one.token_until is not None]
        times += [self.boot_wait] if self.boot_wait else []
        if self.conversation is not None and self.conversation.next_deadline is not None:
            times.append(datetime.fromtimestamp(self.conversation.next_deadline, now.tzinfo))
        if any(one.vehicle is not None and one.transaction is not None for one in self.evses.values()):
            times.append(now + timedelta(seconds=10))
        return min(times, default=now + timedelta(seconds=60))

    def tick(self, now: datetime) -> None:
        """Let the time pass."""
        self.advance(now)
        if self.conversation is not None:
            for event in self.conversation.tick(now.timestamp()):
                self._on(event, now)
        while self.later and self.later[0][0] <= now:
            _, _, what = self.later.pop(0)
            what(now)
        self._tick_life(now)
        for number, due in tuple(self.next_meter.items()):
            if due <= now:
                self._tick_meter(self.evses[number], now)
        for one in self.evses.values():
            if one.token_until is not None and one.token_until <= now:
                self.token_expired(one, now)

    def _tick_life(self, now: datetime) -> None:
        if self.boot_wait is not None and self.boot_wait <= now:
            self.boot_wait = None
            if self.conversation is not None:
                self.boot(now)
        if self.next_heartbeat is not None and self.next_heartbeat <= now:
            self._plan_heartbeat(now)
            if self._may_send():
                self.call("Heartbeat", {}, now)

    def _tick_meter(self, one: Evse, now: datetime) -> None:
        self.next_meter[one.number] = now + timedelta(seconds=self.spec.meter_interval)
        if one.transaction is not None and not one.silent_meter:
            self.meter(one, now)

    def _plan_heartbeat(self, now: datetime) -> None:
        self.next_heartbeat = now + timedelta(seconds=self.heartbeat_interval)

    def advance(self, now: datetime) -> None:
        """Energy flows until now; vehicles that are full stop taking."""
        before, self._advanced_at = self._advanced_at or now, now
        seconds = (now - before).total_seconds()
        for one in self.evses.values():
            if seconds > 0 and one.power > 0 and one.vehicle is not None:
                energy = WattHours(one.power * seconds / 3600)
                one.register = WattHours(one.register + energy)
                one.vehicle.take(energy)
            self._set_power(one, now)

    def _set_power(self, one: Evse, now: datetime) -> None:
        """What flows from now on, and what changes in that is told."""
        before = one.power
        flows = (
            one.vehicle is not None
            and one.transaction is not None
            and one.transaction.authorized
            and one.error is None
            and one.plugged_at is not None
            and (now - max(one.plugged_at, one.transaction.started_at)).total_seconds() >= one.vehicle.delay
        )
        if flows:
            assert one.vehicle is not None
            one.power = one.vehicle.power(self.limit_of(one, now), direct=self.spec.direct)
        else:
            one.power = Watts(0.0)
        if one.transaction is not None and (before > 0) != (one.power > 0):
            self.flow_changed(one, now)

    def limit_of(self, one: Evse, now: datetime) -> Watts:
        """What the EVSE may draw: its rating, and what profiles say where the station obeys them."""
        phases = self.phases_of(one)
        rating = self.rating(phases)
        if not self.obeys:
            return rating
        transaction = one.transaction
        return self.profiles.limit(
            one.number,
            rating,
            phases,
            now,
            transaction.started_at if transaction else None,
            transaction.id if transaction else None,
        )

    def rating(self, phases: int) -> Watts:
        """The most an EVSE gives a vehicle of so many phases: on AC its rating is one of each phase."""
        if self.spec.direct:
            return self.spec.power
        return Watts(self.spec.power * min(phases, self.spec.phases) / self.spec.phases)

    # --- calls of the central system -----------------------------------------------------------------------------

    def _on_call(self, event: CallReceived, now: datetime) -> None:
        assert self.conversation is not None
        self.advance(now)
        payload: dict[str, Any] = msgspec.to_builtins(event.request)
        self.received.append((event.action, payload))
        scripted = self.answers.get(event.action)
        if callable(scripted):
            scripted = scripted(payload)
        if scripted == "silence":
            return
        after: Callable[[datetime], None] | None = None
        if scripted is None:
            handler = getattr(self, f"on_{_snake(event.action)}", None)
            if handler is None or event.action in self.unknown:
                self._emit(self.conversation.answer_error(event.message_id, "NotSupported", "not here"))
                return
            answer = handler(payload, now)
            if isinstance(answer, tuple):
                answer, after = answer
        else:
            answer = {"status": scripted} if isinstance(scripted, str) else scripted
        response = msgspec.convert(
            answer, actions_of(self.spec.version)[event.action].response, dec_hook=_custom
        )
        self._emit(self.conversation.answer(event.message_id, response))
        if after is not None:
            after(now)

    # --- what a version says and does: station16, station2x ------------------------------------------------------

    def boot(self, now: datetime) -> None:
        raise NotImplementedError

    def report_all(self, now: datetime) -> None:
        for one in self.evses.values():
            self.show(one, now, always=True)

    def show(self, one: Evse, now: datetime, *, always: bool = False) -> None:
        """Report the connector's status where it has changed."""
        raise NotImplementedError

    def plugged(self, one: Evse, now: datetime) -> None:
        raise NotImplementedError

    def unplugged(self, one: Evse, now: datetime) -> None:
        raise NotImplementedError

    def tapped(self, one: Evse, token: str, kind: str, now: datetime) -> None:
        raise NotImplementedError

    def token_expired(self, one: Evse, now: datetime) -> None:
        """Nobody plugged in in time (EVConnectionTimeOut, ConnectionTimeOut)."""
        raise NotImplementedError

    def meter(self, one: Evse, now: datetime) -> None:
        raise NotImplementedError

    def flow_changed(self, one: Evse, now: datetime) -> None:
        raise NotImplementedError

    def end_transaction(self, one: Evse, reason: str, now: datetime) -> None:
        raise NotImplementedError

    # --- shared answers ------------------------------------------------------------------------------------------

    def boot_answered(self, status: str, interval: int, now: datetime) -> None:
        self.booted = True
        self.accepted = status == "Accepted"
        if self.accepted:
            self.heartbeat_interval = interval or 300
            self._plan_heartbeat(now)
            self.report_all(now)
            self._send_queued(now)
        else:
            self.boot_wait = now + timedelta(seconds=max(1, interval))

    def current(self, one: Evse) -> Amperes:
        """On each phase that is used; of a DC station what its output is on three phases."""
        return Amperes(one.power / (VOLTAGE * self.phases_of(one)))

    def phases_of(self, one: Evse) -> int:
        """The supply's phases that a vehicle there uses; a converter uses all."""
        if one.vehicle is None or self.spec.direct:
            return self.spec.phases
        return min(one.vehicle.phases, self.spec.phases)

    def told_time(self, now: datetime) -> str:
        """The station's own clock, wrong or right."""
        at = now + self.clock_offset
        return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _left_by_the_electrician(spec: StationSpec) -> list[Installed]:
    """A TxDefaultProfile on each EVSE, as commissioning leaves it; DC is limited in watts."""
    if spec.standing is None:
        return []
    unit, limit = ("W", spec.standing * 3 * VOLTAGE) if spec.direct else ("A", spec.standing)
    schedule = {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": float(limit)}],
    }
    key = "chargingProfileId" if spec.version is Version.V16 else "id"
    common = {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule if spec.version is Version.V16 else [{"id": 1, **schedule}],
    }
    return [Installed(number, {key: 10 * number, **common}) for number in range(1, spec.evses + 1)]


def _snake(action: str) -> str:
    """``SetDERControl`` is ``set_der_control``."""
    return _WORD_BEGINS.sub("_", action).lower()


_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _custom(expected: type, value: object) -> object:
    from gridlane.ocpp.wire_types import decode_hook

    return decode_hook(expected, value)
