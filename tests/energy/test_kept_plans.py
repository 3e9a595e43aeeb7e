"""A driver's wish over a whole day on a virtual clock: planned, told to a station, followed by a vehicle, kept."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from gridlane.energy.allocation import Tree
from gridlane.energy.circuit import Circuit, CircuitKind, Evse, Site
from gridlane.energy.foreseeing import Ahead, Foresight, foresee, wants_a_plan
from gridlane.energy.memory import Sent, unknown
from gridlane.energy.observing import Answered, Contact, Measured, Observed, Running
from gridlane.energy.plan import Mode
from gridlane.energy.settings import Settings
from gridlane.energy.signals.ports import Series
from gridlane.energy.steering import Rhythm, steer
from gridlane.energy.trees import Place, Wired
from gridlane.kernel.clock import parse_instant
from gridlane.kernel.ids import new_id
from gridlane.kernel.quantities import WattHours, Watts
from gridlane.ocpp.version import Version
from gridlane.ocpp.wire_types import decode_hook
from gridlane.simulator.making import make
from gridlane.simulator.station import StationSpec, Transaction
from gridlane.simulator.vehicle import Vehicle
from gridlane.stations.dialects import dialect_for

MORNING = parse_instant("2026-03-02T08:00:00Z")
FIVE = parse_instant("2026-03-02T17:00:00Z")
MINUTE = timedelta(minutes=1)
STATION = UUID(int=1)
SESSION = UUID(int=2)
CHEAP = (12, 13, 14)
HANDLERS = {
    "SetChargingProfile": "on_set_charging_profile",
    "GetCompositeSchedule": "on_get_composite_schedule",
}


def price(at):
    return 0.12 if at.hour in CHEAP else 0.40


PRICES = Series(
    "EUR/kWh",
    tuple(MORNING + timedelta(hours=each) for each in range(-8, 40)),
    tuple(price(MORNING + timedelta(hours=each)) for each in range(-8, 40)),
)
WIRED = Wired(
    site_id=UUID(int=9),
    organization_id=UUID(int=8),
    name="Site",
    site=Site(
        circuits=(Circuit(id="c", kind=CircuitKind.CONNECTION, current=20.0),),
        evses=(Evse(id="e", circuit="c", rating=16.0),),
    ),
    places={"e": Place(evse_id=UUID(int=7), station_id=STATION, number=1, name="1")},
    settings=Settings(),
    trusted={},
    includes_charging=frozenset(),
    changed_at=MORNING,
)


@dataclass
class Day:
    """A real virtual station that is told what the loop says, and a loop that is told what the station does."""

    version: Version
    mode: Mode
    wanted: float
    now: object = MORNING
    cost: float = 0.0
    charged: dict = field(default_factory=dict)

    def __post_init__(self):
        self.station = make(StationSpec("CP-1", self.version, power=Watts(11_040.0)))
        self.one = self.station.evses[1]
        self.one.vehicle = Vehicle(wanted=WattHours(self.wanted), ac_power=Watts(11_040.0), delay=0.0)
        self.one.plugged_at = MORNING
        self.one.transaction = Transaction("1", 1, None, MORNING, WattHours(0.0))
        self.dialect = dialect_for(self.version)
        self.tree, self.memories, self.answered = Tree(WIRED.site), {"e": unknown("e")}, {}
        self.foresight, self.plan = Foresight(ahead=Ahead(price=PRICES)), None

    def live(self):
        while self.now < FIVE:
            self._look()
            self.station.advance(self.now)
            kilowatts = self.one.power / 1000
            self.cost += kilowatts / 60 * price(self.now)
            self.charged[self.now.hour] = self.charged.get(self.now.hour, 0.0) + kilowatts / 60
            self.now += MINUTE
        self.station.advance(self.now)
        return self

    def _look(self):
        seen = self._seen()
        if wants_a_plan(WIRED, seen) and self.now.minute % 5 == 0:
            self.plan = foresee(WIRED, self.memories, seen, self.foresight)
        steered = steer(WIRED, self.tree, self.memories, {}, seen, self.plan, Rhythm())
        self.memories, self.answered = steered.memories, {}
        for send in steered.sends:
            operation, memory = new_id(), self.memories["e"]
            sent = Sent(purpose=send.purpose, asked_at=self.now, number=send.number, current=send.current)
            self.memories["e"] = msgspec.structs.replace(memory, sent=memory.sent | {operation: sent})
            self.answered[operation] = self._told(send.command)

    def _told(self, command):
        """The station's own answer, by the way of the wire."""
        action, message = self.dialect.call(command)
        answer = getattr(self.station, HANDLERS[action])(msgspec.to_builtins(message), self.now)
        payload = answer[0] if isinstance(answer, tuple) else answer
        response = msgspec.convert(payload, self.dialect.actions[action].response, dec_hook=decode_hook)
        said = self.dialect.answer(command, response)
        status = "verified" if said.agreed else "refused"
        return Answered(status, self.now, self.now, self.now + MINUTE, msgspec.to_builtins(said))

    def _seen(self):
        drawn = self.station.current(self.one)
        return Observed(
            at=self.now,
            contacts={STATION: Contact(connected=True, booted_at=None)},
            running={
                "e": Running(
                    id=SESSION, request_id=None, person_id=None, transaction="1", started_at=MORNING,
                    energy=self.one.register, charging_state=None, soc=None, phases=None, mode=self.mode,
                    departs=FIVE, wanted=self.wanted,
                )
            },
            measured={
                "e": Measured(at=self.now, current=drawn, phases=3 if drawn else None, received_at=self.now)
            },
            answered=self.answered,
        )  # fmt: skip


@pytest.mark.parametrize("version", list(Version))
def test_ready_by_five_and_cheapest_is_planned_told_and_kept_for_less_than_now(version):
    at_once = Day(version, Mode.NOW, 20_000.0).live()
    cheapest = Day(version, Mode.CHEAPEST, 20_000.0).live()
    assert at_once.one.vehicle.taken == pytest.approx(20_000.0, rel=0.02)
    assert cheapest.one.vehicle.taken == pytest.approx(20_000.0, rel=0.02)
    assert cheapest.cost == pytest.approx(20.0 * 0.12, rel=0.05)
    assert cheapest.cost < 0.4 * at_once.cost
    assert sum(cheapest.charged[hour] for hour in CHEAP) > 19.0
