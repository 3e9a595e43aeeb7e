"""A guest pays by QR: the price is shown, money is held, the station starts, a receipt follows. No account.

The flow is one row with the step it has reached, and a link with a secret that only the guest has. Every step can be
done again: after a reload, a crash or a lost answer the next look (the guest's page, a provider's event, a job) carries
on from where it stands. If the station does not start, everything held goes back.

    shown -> holding -> held -> starting -> charging -> done
                     -> failed <----------'

Where the site gives charging away nothing is held: shown -> held.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.tokens import TokenCipher
from gridlane.billing.agreeing import Agreement, agree, agreement_of
from gridlane.billing.billable import join_payments
from gridlane.billing.model import agreements, checkouts, documents, payments, settlements
from gridlane.billing.payments import Payment, Payments, PaymentState, payment_of
from gridlane.billing.port import Source
from gridlane.billing.settlement import Step as Settled
from gridlane.charging import admission, remote
from gridlane.charging.model import sessions, start_requests
from gridlane.kernel.access import system
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.stations.model import operations, stations
from gridlane.stations.reports import TokenRef
from gridlane.tariffs.precedence import Customer

DEFAULT_HOLD = Decimal(50)
"""Held where the tariff names no amount to preauthorize, in the tariff's currency."""


class Step(StrEnum):
    SHOWN = "shown"
    HOLDING = "holding"
    HELD = "held"
    STARTING = "starting"
    CHARGING = "charging"
    DONE = "done"
    FAILED = "failed"


class CheckoutUnknown(Refusal):
    code = "checkout_unknown"
    kind = Kind.NOT_FOUND
    sentence = "This link is not valid; scan the code at the station again."


class CheckoutOver(Refusal):
    code = "checkout_over"
    kind = Kind.CONFLICT
    sentence = "This checkout is {step}; scan the code at the station again to begin a new one."


class CardsNotTaken(Refusal):
    code = "cards_not_taken"
    kind = Kind.UNSUPPORTED
    sentence = "This network takes no cards; pay from the wallet."


class Trouble(StrEnum):
    """Why a checkout failed, as the guest is told."""

    CANCELLED = "cancelled by the guest"
    DECLINED = "the payment was declined"
    REFUSED = "the station refused to start"
    UNREACHED = "the station could not be reached"
    NOT_STARTED = "the station did not start; plug in first, then try again"


_START_ENDED = {
    "refused": Trouble.REFUSED,
    "failed": Trouble.REFUSED,
    "unsupported": Trouble.REFUSED,
    "timed_out": Trouble.UNREACHED,
    "expired": Trouble.UNREACHED,
    "cancelled": Trouble.UNREACHED,
}
"""How the command to start ended -> why there is nothing to wait for. After ``unknown`` it may still begin."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A checkout as its guest sees it. ``next_step`` is what the payment form of the provider needs."""

    id: UUID
    step: Step
    trouble: str | None
    agreement: Agreement
    hold: Money
    next_step: str | None
    station_id: UUID
    evse: int
    session_id: UUID | None = None
    energy: float | None = None
    document_id: UUID | None = None


class Checkout:
    """The verbs of guest checkout, for any organization."""

    def __init__(
        self,
        database: Database,
        payments: Payments,
        cipher: TokenCipher,
        bus: Bus,
        clock: Clock,
        provider: str = "stripe",
    ) -> None:
        self._database = database
        self._payments = payments
        self._cipher = cipher
        self._bus = bus
        self._clock = clock
        self._provider = provider

    async def open(self, station_id: UUID, evse: int, language: str = "en") -> tuple[str, Shown]:
        """Show the price at an EVSE and keep it; gives the secret of the guest's link.

        Raises CheckoutUnknown, TariffMissing, CardsNotTaken.
        """
        async with self._database.as_owner() as work:
            organization_id = await work.scalar(
                sa.select(stations.c.organization_id).where(stations.c.id == station_id)
            )
        if organization_id is None:
            raise CheckoutUnknown
        secret, id_, now = secrets.token_urlsafe(24), new_id(), self._clock()
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            agreement = await agree(
                work, station_id, now, customer=Customer(is_guest=True), language=language, request_id=id_
            )
            if not agreement.is_free and not self._payments.takes(self._provider):
                raise CardsNotTaken
            await work.execute(
                sa.insert(checkouts).values(
                    id=id_,
                    organization_id=organization_id,
                    secret_hash=_hash(secret),
                    station_id=station_id,
                    evse=evse,
                    agreement_id=agreement.id,
                    state=Step.SHOWN.value,
                    created_at=now,
                    changed_at=now,
                )
            )
        return secret, await self._show(organization_id, id_)

    async def hold(self, secret: str, email: str | None = None, return_url: str | None = None) -> Shown:
        """Begin to hold money; the guest then confirms it in the provider's form, or with ``return_url`` on the
        provider's page, which leads back there. Asking again changes nothing.
        """
        row = await self._row(secret)
        async with self._database.unit_of_work(Scope(row["organization_id"])) as work:
            row = await _locked(work, row["id"])
            if row["state"] == Step.SHOWN.value:
                await self._begin_hold(work, row, await _agreement(work, row), email, return_url)
        return await self.look(secret)

    async def look(self, secret: str) -> Shown:
        """Where the checkout stands, after carrying it on as far as it goes. What the guest's page asks."""
        row = await self._row(secret)
        await self.carry_on(row["organization_id"], row["id"])
        return await self._show(row["organization_id"], row["id"])

    async def cancel(self, secret: str) -> Shown:
        """The guest changes their mind before the start; everything held goes back. Raises CheckoutOver."""
        row = await self._row(secret)
        if row["state"] not in (Step.SHOWN.value, Step.HOLDING.value, Step.HELD.value):
            raise CheckoutOver(step=row["state"])
        await self._fail(row["organization_id"], row["id"], Trouble.CANCELLED)
        return await self._show(row["organization_id"], row["id"])

    async def stop(self, secret: str) -> Shown:
        """The guest ends the charge. Raises CheckoutOver where none runs."""
        row = await self._row(secret)
        if row["state"] != Step.CHARGING.value:
            raise CheckoutOver(step=row["state"])
        caller = system(row["organization_id"], "guest")
        async with self._database.unit_of_work(caller.scope) as work:
            await remote.stop(work, caller, row["session_id"], idempotency_key=f"checkout-stop:{row['id']}")
        self._bus.publish(f"station.{row['station_id']}.operations")
        return await self._show(row["organization_id"], row["id"])

    async def carry_on(self, organization_id: UUID, checkout_id: UUID) -> Step:
        """Do what is next, until it waits for the guest, the station or the end of the charge."""
        for _ in Step:
            async with self._database.unit_of_work(Scope(organization_id)) as work:
                row = await _locked(work, checkout_id, lock=False)
            before = Step(row["state"])
            if before is Step.HOLDING:
                await self._after_hold(row)
            elif before is Step.HELD:
                await self._start(row)
            elif before is Step.STARTING:
                await self._after_start(row)
            elif before is Step.CHARGING:
                await self._after_charge(row)
            async with self._database.unit_of_work(Scope(organization_id)) as work:
                after = Step((await _locked(work, checkout_id, lock=False))["state"])
            if after is before:
                break
        return after

    async def _begin_hold(
        self,
        work: AsyncConnection,
        row: Mapping[str, Any],
        agreement: Agreement,
        email: str | None,
        return_url: str | None,
    ) -> None:
        if agreement.is_free:
            await self._move(work, row, Step.HELD, email=email)
            return
        source = Source(
            provider=self._provider, organization_id=row["organization_id"], return_url=return_url
        )
        payment_id = await self._payments.begin(work, source, _hold_of(agreement), payer_id=row["id"])
        await self._move(work, row, Step.HOLDING, payment_id=payment_id, email=email)

    async def _after_hold(self, row: Mapping[str, Any]) -> None:
        organization_id, payment_id = row["organization_id"], row["payment_id"]
        await self._payments.carry_on(organization_id, payment_id)
        payment = await self._payments.confirmed(organization_id, payment_id)
        if payment.state is PaymentState.HELD:
            async with self._database.unit_of_work(Scope(organization_id)) as work:
                await self._move(work, row, Step.HELD)
        elif payment.state in (PaymentState.DECLINED, PaymentState.RELEASED):
            await self._fail(organization_id, row["id"], Trouble.DECLINED)

    async def _start(self, row: Mapping[str, Any]) -> None:
        """Ask the station to start for a token that only this guest has, and that is let in beforehand."""
        caller, now = system(row["organization_id"], "guest"), self._clock()
        token = TokenRef(f"GUEST{row['id'].hex[-15:].upper()}", "Central")
        async with self._database.unit_of_work(caller.scope) as work:
            locked = await _locked(work, row["id"])
            if locked["state"] != Step.HELD.value:
                return
            await admission.say(
                work,
                admission.Wish(
                    kind="external",
                    organization_id=row["organization_id"],
                    valid_from=now,
                    valid_until=now + timedelta(days=1),
                    token_key=self._cipher.key(token),
                    station_id=row["station_id"],
                    reference=f"checkout:{row['id']}",
                ),
            )
            wish = remote.Wish(station_id=row["station_id"], evse=row["evse"], token=token)
            asked = await remote.start(
                work, caller, self._cipher, now, wish, idempotency_key=f"checkout:{row['id']}"
            )
            await work.execute(
                sa.update(agreements)
                .where(agreements.c.id == row["agreement_id"])
                .values(request_id=asked["id"])
            )
            await self._move(work, row, Step.STARTING, request_id=asked["id"])
        self._bus.publish(f"station.{row['station_id']}.operations")

    async def _after_start(self, row: Mapping[str, Any]) -> None:
        async with self._database.unit_of_work(Scope(row["organization_id"])) as work:
            query = sa.select(
                start_requests.c.session_id, start_requests.c.expires_at, operations.c.status
            ).outerjoin(operations, operations.c.id == start_requests.c.operation_id)
            asked = (await work.execute(query.where(start_requests.c.id == row["request_id"]))).one()
            if asked.session_id is not None:
                await join_payments(work, row["id"], asked.session_id)
                await self._move(work, row, Step.CHARGING, session_id=asked.session_id)
                return
        trouble = _START_ENDED.get(asked.status)
        if trouble is None and asked.expires_at < self._clock():
            trouble = Trouble.NOT_STARTED
        if trouble is not None:
            await self._fail(row["organization_id"], row["id"], trouble)

    async def _after_charge(self, row: Mapping[str, Any]) -> None:
        async with self._database.unit_of_work(Scope(row["organization_id"])) as work:
            query = sa.select(settlements.c.state).where(settlements.c.session_id == row["session_id"])
            if await work.scalar(query) in (Settled.DONE.value, Settled.OWED.value, Settled.FREE.value):
                await self._move(work, row, Step.DONE)

    async def _fail(self, organization_id: UUID, checkout_id: UUID, why: Trouble) -> None:
        """The end without a charge: first it is written that it failed, then what was held goes back."""
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            row = await _locked(work, checkout_id)
            await self._move(work, row, Step.FAILED, trouble=why.value)
            await admission.withdraw(work, reference=f"checkout:{checkout_id}")
        if row["payment_id"]:
            await self._payments.release(organization_id, row["payment_id"])

    async def _move(self, work: AsyncConnection, row: Mapping[str, Any], step: Step, **values: Any) -> None:
        await work.execute(
            sa.update(checkouts)
            .where(checkouts.c.id == row["id"])
            .values(state=step.value, changed_at=self._clock(), **values)
        )

    async def _row(self, secret: str) -> Mapping[str, Any]:
        async with self._database.as_owner() as work:
            found = await work.execute(sa.select(checkouts).where(checkouts.c.secret_hash == _hash(secret)))
            row = found.mappings().first()
        if row is None:
            raise CheckoutUnknown
        return dict(row)

    async def _show(self, organization_id: UUID, checkout_id: UUID) -> Shown:
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            row = await _locked(work, checkout_id, lock=False)
            agreement = await _agreement(work, row)
            payment = await _payment(work, row["payment_id"])
            of_session = row["session_id"]
            energy = await work.scalar(sa.select(sessions.c.energy).where(sessions.c.id == of_session))
            document = await work.scalar(
                sa.select(documents.c.id)
                .where(documents.c.session_id == of_session)
                .order_by(documents.c.id.desc())
            )
        waits = payment is not None and payment.state is PaymentState.NEEDS_DRIVER
        return Shown(
            id=row["id"],
            step=Step(row["state"]),
            trouble=row["trouble"],
            agreement=agreement,
            hold=payment.held if payment else _hold_of(agreement),
            next_step=payment.next_step if payment and waits else None,
            station_id=row["station_id"],
            evse=row["evse"],
            session_id=of_session,
            energy=energy,
            document_id=document,
        )


async def waiting(work: AsyncConnection) -> list[tuple[UUID, UUID]]:
    """(organization, checkout) of all that are under way: a job carries them on when no page asks."""
    under_way = [Step.HOLDING.value, Step.HELD.value, Step.STARTING.value, Step.CHARGING.value]
    query = sa.select(checkouts.c.organization_id, checkouts.c.id).where(checkouts.c.state.in_(under_way))
    return [(row.organization_id, row.id) for row in await work.execute(query)]


async def _locked(work: AsyncConnection, checkout_id: UUID, *, lock: bool = True) -> Mapping[str, Any]:
    query = sa.select(checkouts).where(checkouts.c.id == checkout_id)
    return dict((await work.execute(query.with_for_update() if lock else query)).mappings().one())


async def _agreement(work: AsyncConnection, row: Mapping[str, Any]) -> Agreement:
    found = await work.execute(sa.select(agreements).where(agreements.c.id == row["agreement_id"]))
    return agreement_of(dict(found.mappings().one()))


async def _payment(work: AsyncConnection, payment_id: UUID | None) -> Payment | None:
    row = (await work.execute(sa.select(payments).where(payments.c.id == payment_id))).mappings().first()
    return None if row is None else payment_of(dict(row))


def _hold_of(agreement: Agreement) -> Money:
    tariff = agreement.tariff
    return Money(tariff.preauthorize_amount or DEFAULT_HOLD, tariff.currency)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
