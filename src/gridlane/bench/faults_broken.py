"""The simulated street of ``gridlane bench faults``, and the ten ways in which it is broken.

A way to break something touches stations as the world would: it cuts links, stops meters, wears locks, swaps passwords.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from gridlane.bench.installed import Installed, identity_of, password_of, token_of
from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id
from gridlane.kernel.quantities import WattHours, Watts
from gridlane.ocpp.version import Version
from gridlane.simulator.faults import FaultPlan, FaultRates
from gridlane.simulator.link import FastClock, StationLink
from gridlane.simulator.making import make
from gridlane.simulator.station import Station, StationSpec
from gridlane.simulator.vehicle import Vehicle

PER_SITE = 5
METER_SECONDS = 5
MODELS = (
    ("Ampere", "One", "3.1"),
    ("Ampere", "One", "3.2"),
    ("Voltalia", "Duo", "12"),
    ("Ohmtec", "Tower", "7.0"),
)
CARRIERS = ("8949020", "8943013", None, None)  # ICCID issuers; half of the stations are wired
HEALTHY = FaultRates(drops=0.5, reboots=0.03)
"""What happens to healthy stations, per day: moments without a link, and restarts."""


@dataclass
class Member:
    """One station of the street."""

    number: int
    id: UUID
    site: int
    machine: Station
    link: StationLink

    @property
    def is_wired(self) -> bool:
        return self.machine.spec.iccid is None


@dataclass(frozen=True)
class Kind:
    """A way to break something, and what may be said of it: pairs of cause and rule."""

    name: str
    names: frozenset[tuple[str, str]]
    do: Callable[["Street"], Awaitable[list[Member]]]
    early: bool = False  # takes long to be sure of: broken first
    cure: bool = False  # one of our commands mends it


@dataclass(frozen=True)
class Broken:
    kind: Kind
    at: datetime
    stations: frozenset[UUID]


@dataclass
class Street:
    """All stations; what was broken is not broken again."""

    members: list[Member]
    dice: random.Random
    touched: set[int] = field(default_factory=set)
    noise: list[FaultPlan] = field(default_factory=list)

    @asynccontextmanager
    async def living(self, noise: float) -> AsyncIterator[None]:
        """Everybody connects and lives, until it is over."""
        rates = FaultRates(drops=HEALTHY.drops * noise, reboots=HEALTHY.reboots * noise)
        tasks = [asyncio.create_task(self._live(member, rates)) for member in self.members]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, member: Member, rates: FaultRates) -> None:
        await asyncio.sleep(3 * member.number / len(self.members))
        running = asyncio.create_task(member.link.run())
        plan = FaultPlan(member.machine, member.link, rates, random.Random(f"noise {member.number}"))
        plan.begin(system_clock())
        try:
            while True:
                await asyncio.sleep(1)
                if member.number not in self.touched:
                    await plan.tick(system_clock())
                for kept in (member.machine.sent, member.machine.acknowledged, member.machine.trace):
                    kept.clear()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def start_charges(self, random_: random.Random) -> None:
        """At a third of the plugs somebody charges."""
        for member in self.members:
            if random_.random() < 1 / 3:
                await charge(member)

    async def break_(self, kind: Kind) -> Broken:
        at = system_clock()
        members = await kind.do(self)
        self.touched |= {member.number for member in members}
        return Broken(kind, at, frozenset(member.id for member in members))

    # --- whom it hits --------------------------------------------------------------------------------------------

    def untouched(self, of: Callable[[Member], Any] = lambda _: True) -> list[Member]:
        return [one for one in self.members if one.number not in self.touched and of(one)]

    def site(self, of: Callable[[list[Member]], bool]) -> list[Member]:
        """The untouched stations of a site that has none that was touched."""
        sites: dict[int, list[Member]] = {}
        for member in self.members:
            sites.setdefault(member.site, []).append(member)
        fit = [
            there for there in sites.values()
            if not any(one.number in self.touched for one in there) and of(there)
        ]  # fmt: skip
        return self.dice.choice(fit)

    def one(self, of: Callable[[Member], Any] = lambda _: True) -> Member:
        """A station that nothing was done to, at a site where no link was cut."""
        return self.dice.choice(self.untouched(of))


def build(made: Installed, random_: random.Random) -> Street:
    """Lay the installation's stations out over sites, with models and ways to the internet."""
    ids = dict(made.rows("SELECT identity, id FROM stations"))
    sites = [new_id() for _ in range(max(1, made.stations // PER_SITE))]
    members = []
    for number in range(made.stations):
        site = number % len(sites)
        members.append(_member(made, number, ids[identity_of(number)], site, random_))
    for site, site_id in enumerate(sites):
        made.execute(
            f"INSERT INTO sites (id, organization_id, name, created_at) VALUES ('{site_id}', '{made.organization_id}', "  # noqa: S608
            f"'Site {site}', now())"
        )
        there = ", ".join(f"'{one.id}'" for one in members if one.site == site)
        made.execute(f"UPDATE stations SET site_id = '{site_id}' WHERE id IN ({there})")  # noqa: S608 (our own ids)
    return Street(members, random_)


def _member(made: Installed, number: int, id_: UUID, site: int, random_: random.Random) -> Member:
    vendor, model, firmware = MODELS[(number // 3 + site) % len(MODELS)]
    # The first of each site has a modem, so that a site has more than one way out.
    issuer = CARRIERS[site % 2] if number // max(1, made.stations // PER_SITE) == 0 else None
    spec = StationSpec(
        identity_of(number),
        Version.V16 if number % 2 else Version.V201,
        vendor=vendor,
        model=model,
        firmware=firmware,
        power=Watts(50_000.0),
        direct=True,
        meter_interval=METER_SECONDS,
        iccid=f"{issuer}{number:012d}" if issuer else None,
        seed=random_.randrange(2**31),
    )
    machine = make(spec)
    address = f"127.0.{1 + site // 250}.{1 + site % 250}" if issuer is None else "127.9.9.9"
    link = StationLink(
        machine,
        f"ws://127.0.0.1:{made.port}/ocpp",
        password=password_of(spec.identity),
        clock=FastClock(),
        back_off=2.0,
        comes_from=address,
    )
    return Member(number, id_, site, machine, link)


async def charge(member: Member, vehicle: Vehicle | None = None) -> None:
    """Somebody plugs in and taps a card."""
    car = vehicle or Vehicle(delay=1.0, wanted=WattHours(60_000.0), dc_power=Watts(40_000.0))
    if member.machine.evses[1].is_free:
        await member.link.do(lambda now: member.machine.plug_in(1, car, now))
        await member.link.do(lambda now: member.machine.tap(token_of(member.number), 1, now))


# --- ten ways to break something ---------------------------------------------------------------------------------


async def _site_without_power(street: Street) -> list[Member]:
    """Everything at a site goes dark, whatever its way to the internet."""
    there = street.site(lambda there: any(not one.is_wired for one in there))
    for member in there:
        await member.link.hang_up(stay_offline=True)
    return there


async def _site_without_network(street: Street) -> list[Member]:
    """A site's router dies: wired stations go, the one with a modem stays."""
    there = street.site(lambda there: any(not one.is_wired for one in there))
    wired = [one for one in there if one.is_wired]
    for member in wired:
        await member.link.hang_up(stay_offline=True)
    street.touched |= {member.number for member in there}
    return wired


async def _carrier_away(street: Street) -> list[Member]:
    """A carrier's network fails: every station with its SIM cards goes, but those that are dark already."""
    issuer = CARRIERS[0] or ""
    there = street.untouched(lambda one: (one.machine.spec.iccid or "").startswith(issuer))
    for member in there:
        await member.link.hang_up(stay_offline=True)
    return there


async def _wrong_password(street: Street) -> list[Member]:
    """Somebody set another password at the station; it notices at its next connection."""
    member = street.one()
    member.link.password = "set-by-somebody-at-the-station"  # noqa: S105 (a wrong one)
    await member.link.hang_up()
    return [member]


async def _cut_cable(street: Street) -> list[Member]:
    """One station's own cable is cut."""
    member = street.one()
    await member.link.hang_up(stay_offline=True)
    return [member]


async def _ground_fault(street: Street) -> list[Member]:
    member = street.one()
    await _error(member, "GroundFailure")
    return [member]


async def _bad_firmware(street: Street) -> list[Member]:
    """A third of the stations with one firmware fail alike; no restart mends it."""
    vendor, model, firmware = MODELS[1]
    of_model = street.untouched(
        lambda one: (
            (one.machine.spec.vendor, one.machine.spec.model, one.machine.spec.firmware)
            == (vendor, model, firmware)
        )
    )
    hit = of_model[: max(4, len(of_model) // 3)]
    for member in hit:
        await _error(member, "InternalError")
    return hit


async def _silent_meter(street: Street) -> list[Member]:
    """A meter falls silent while somebody charges; asking for its values wakes it."""
    member = street.one(lambda one: one.machine.evses[1].power > 0)
    member.machine.evses[1].silent_meter = True
    return [member]


async def _dead_contactor(street: Street) -> list[Member]:
    """The station says that it charges, and next to nothing flows."""
    member = street.one(lambda one: one.machine.evses[1].is_free)
    await charge(member, Vehicle(delay=1.0, wanted=WattHours(60_000.0), dc_power=Watts(1.0)))
    return [member]


async def _stuck_lock(street: Street) -> list[Member]:
    """The plug's lock is stuck; an unlock from here frees it."""
    member = street.one(lambda one: one.machine.evses[1].is_free)
    await _error(member, "ConnectorLockFailure")
    _mend_by(member, "UnlockConnector", {"status": "Unlocked"})
    return [member]


async def _hung_software(street: Street) -> list[Member]:
    """The station's software hangs; a restart mends it."""
    member = street.one(lambda one: one.machine.evses[1].is_free)
    await _error(member, "InternalError")
    _mend_by(member, "Reset", {"status": "Accepted"})
    return [member]


async def _error(member: Member, error: str | None) -> None:
    await member.link.do(lambda now: member.machine.break_connector(1, error, now))


def _mend_by(member: Member, action: str, answer: dict[str, Any]) -> None:
    """The station is whole again a few seconds after this command."""

    def mended(_payload: dict[str, Any]) -> dict[str, Any]:
        asyncio.get_running_loop().call_later(3.0, lambda: _later(_error(member, None)))
        return answer

    member.machine.answers[action] = mended


_tasks: set[asyncio.Task[None]] = set()


def _later(what: Any) -> None:
    task = asyncio.ensure_future(what)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def _names(*pairs: str) -> frozenset[tuple[str, str]]:
    return frozenset((cause, rule) for cause, _, rule in (pair.partition("/") for pair in pairs))


KINDS = (
    Kind("site without power", _names("site_power/link_lost"), _site_without_power, early=True),
    Kind("site without network", _names("site_network/link_lost"), _site_without_network, early=True),
    Kind("a carrier away", _names("carrier/link_lost"), _carrier_away, early=True),
    Kind("wrong password", _names("credentials/refused_at_the_door"), _wrong_password, early=True),
    Kind("ground fault", _names("connector/ground_failure"), _ground_fault),
    Kind("bad firmware", _names("firmware/internal_error", "firmware/faulted"), _bad_firmware),
    Kind("silent meter", _names("connector/silent_meter"), _silent_meter),
    Kind("dead contactor", _names("connector/no_energy"), _dead_contactor, early=True),
    Kind("stuck lock", _names("connector/lock_failed"), _stuck_lock, cure=True),
    Kind("hung software", _names("connector/internal_error"), _hung_software, cure=True),
)
