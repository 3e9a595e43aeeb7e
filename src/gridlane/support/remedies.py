"""What a helper can do about a case, as a table: each remedy with what it needs and the permission it asks for.

A remedy asks the package that owns the effect; here it is only offered, permitted and written into the case.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.billing.crediting import refund_session
from gridlane.billing.ledger import Movement
from gridlane.billing.payments import Payments
from gridlane.billing.wallet import credit
from gridlane.charging import admission, remote
from gridlane.kernel import audit
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.kernel.settings import Settings
from gridlane.stations import asking_operations, places
from gridlane.stations.commands import Command, Reset, Unlock
from gridlane.stations.reports import TokenRef
from gridlane.support import cases

MOST_CREDIT = 100
"""The largest amount, in the currency's units, that a helper may give as goodwill at once."""


class RemedyUnknown(Refusal):
    code = "remedy_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no remedy {remedy}."


class RemedyNotPossible(Refusal):
    code = "remedy_not_possible"
    kind = Kind.CONFLICT
    sentence = "The remedy {remedy} needs {missing}, and the case names none."


class CreditTooHigh(Refusal):
    code = "credit_too_high"
    kind = Kind.INVALID
    sentence = "At most {most} can be given as goodwill at once."


class Wish(NamedTuple):
    """A remedy as it was asked for."""

    reason: str
    amount: Money | None = None
    now: bool = False  # a reset that does not wait for charges to end


@dataclass(frozen=True, slots=True)
class Hands:
    """What remedies work with."""

    database: Database
    bus: Bus
    payments: Payments
    settings: Settings
    clock: Clock


Case = Mapping[str, Any]
Do = Callable[[Hands, Caller, Case, Wish], Awaitable[str]]


class Remedy(NamedTuple):
    """``needs`` are columns of the case that must be known. ``do`` gives what is written into the case."""

    name: str
    permission: Permission
    needs: tuple[str, ...]
    do: Do


async def apply(hands: Hands, caller: Caller, case_id: UUID, name: str, wish: Wish) -> str:
    """Do it, and write it into the case, where the driver sees it; gives the sentence.

    Raises RemedyUnknown, RemedyNotPossible, NotAllowed, and what the remedy itself may refuse.
    """
    remedy = next((one for one in REMEDIES if one.name == name), None)
    if remedy is None:
        raise RemedyUnknown(remedy=name)
    caller.require(remedy.permission)
    async with hands.database.unit_of_work(caller.scope) as work:
        case = await cases.helped(work, caller, case_id)
    missing = next((column for column in remedy.needs if case[column] is None), None)
    if missing is not None:
        raise RemedyNotPossible(remedy=name, missing=missing.removesuffix("_id"))
    done = await remedy.do(hands, caller, case, wish)
    now = hands.clock()
    async with hands.database.unit_of_work(caller.scope) as work:
        await cases.note(
            work, case, now, kind="remedy", side="agent", author=caller.name, text=done, is_public=True
        )
        after = {"case": case["code"], "remedy": name, "done": done}
        await audit.record(work, caller, "case.remedy", case_id, after=after, reason=wish.reason)
    return done


def possible(caller: Caller, case: Case) -> list[str]:
    """The remedies that this caller can use on this case."""
    return [
        one.name
        for one in REMEDIES
        if caller.may(one.permission) and all(case[column] is not None for column in one.needs)
    ]


# --- the remedies ------------------------------------------------------------------------------------------------


async def _ask_station(hands: Hands, caller: Caller, case: Case, command: Command, reason: str) -> None:
    async with hands.database.unit_of_work(caller.scope) as work:
        await places.station(work, caller, case["station_id"])
        await asking_operations.put(work, caller, [case["station_id"]], command, reason=reason)
    hands.bus.publish(f"station.{case['station_id']}.operations")


async def _reset(hands: Hands, caller: Caller, case: Case, wish: Wish) -> str:
    await _ask_station(hands, caller, case, Reset(immediate=wish.now), wish.reason)
    return "The station was asked to restart."


async def _unlock(hands: Hands, caller: Caller, case: Case, wish: Wish) -> str:
    await _ask_station(hands, caller, case, Unlock(evse=case["evse"]), wish.reason)
    return "The station was asked to release the cable."


async def _stop(hands: Hands, caller: Caller, case: Case, wish: Wish) -> str:
    async with hands.database.unit_of_work(caller.scope) as work:
        operation = await remote.stop(work, caller, case["session_id"])
    hands.bus.publish(f"station.{operation['station_id']}.operations")
    return "The station was asked to end the charge."


async def _free_charge(hands: Hands, caller: Caller, case: Case, wish: Wish) -> str:
    """Start for a token made for this once, that nobody pays for."""
    now = hands.clock()
    cipher = TokenCipher(hands.settings.secret(SECRET))
    token = TokenRef(f"HELP{new_id().hex[-16:].upper()}", "Central")
    async with hands.database.unit_of_work(caller.scope) as work:
        await places.station(work, caller, case["station_id"])
        await admission.say(work, _let_in(case, cipher.key(token), now))
        asked = remote.Wish(station_id=case["station_id"], evse=case["evse"], token=token)
        await remote.start(work, caller, cipher, now, asked)
    hands.bus.publish(f"station.{case['station_id']}.operations")
    return "The station was asked to start a charge that costs nothing."


def _let_in(case: Case, key: UUID, now: datetime) -> admission.Wish:
    return admission.Wish(
        kind="external",
        organization_id=case["organization_id"],
        valid_from=now,
        valid_until=now + timedelta(days=1),
        token_key=key,
        station_id=case["station_id"],
        reference=f"case:{case['id']}",
    )


async def _refund(hands: Hands, caller: Caller, case: Case, wish: Wish) -> str:
    lent = replace(caller, permissions=caller.permissions | {Permission.MONEY_WRITE})
    await refund_session(
        hands.database, hands.payments, hands.clock, lent, case["session_id"], wish.reason, wish.amount
    )
    return f"{wish.amount or 'The price of the charge'} goes back the way it was paid."


async def _credit(hands: Hands, caller: Caller, case: Case, wish: Wish) -> str:
    if wish.amount is None:
        raise RemedyNotPossible(remedy="credit", missing="amount")
    if wish.amount.amount > MOST_CREDIT:
        raise CreditTooHigh(most=Money.of(MOST_CREDIT, wish.amount.currency))
    async with hands.database.unit_of_work(caller.scope) as work:
        key = f"case:{case['id']}:{new_id()}"
        await credit(
            work,
            case["organization_id"],
            case["person_id"],
            wish.amount,
            Movement.VOUCHER,
            key,
            hands.clock(),
        )
    return f"{wish.amount} were added to the wallet."


REMEDIES = (
    Remedy("reset", Permission.STATIONS_OPERATE, ("station_id",), _reset),
    Remedy("unlock", Permission.STATIONS_OPERATE, ("station_id", "evse"), _unlock),
    Remedy("stop", Permission.STATIONS_OPERATE, ("session_id",), _stop),
    Remedy("free_charge", Permission.SUPPORT_WRITE, ("station_id", "evse"), _free_charge),
    Remedy("refund", Permission.SUPPORT_WRITE, ("session_id",), _refund),
    Remedy("credit", Permission.SUPPORT_WRITE, ("person_id",), _credit),
)
