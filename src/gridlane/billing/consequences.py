"""What billing does when something has happened, and what it does by the clock. Rows for the tables of ``app``.

``LISTENERS`` and ``JOBS`` are data: a name, what it listens to or when it runs, and the verb. All of them may run twice.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from gridlane.billing import (
    account_invoices,
    budgets,
    checkout,
    fleet_accounts,
    guarding,
    paying_out,
    running_cost,
    settlement,
    subscribing,
    taking_at_terminals,
)
from gridlane.billing.agreeing import agree_for_session
from gridlane.billing.parts import Parts
from gridlane.billing.reconciliation import open_task, reconcile
from gridlane.billing.terminal_payments import SETTLED, TerminalPaymentReported
from gridlane.charging.ending import SessionCorrected, SessionEnded
from gridlane.charging.starting import SessionAuthorized
from gridlane.kernel.bus import Bus
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.errors import Refusal
from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.money import Money

log = structlog.get_logger(__name__)

ASKED_AGAIN = timedelta(hours=6)
PAYS_NOTHING = "terminal_pays_nothing"
PRESUMED_FINAL = timedelta(days=1)
"""A session that is only presumed to have ended is billed after so long, if the station says nothing more."""


class Consequences:
    """The handlers, with the parts they need."""

    def __init__(self, database: Database, bus: Bus, parts: Parts, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._parts = parts
        self._clock = clock
        self._shown: dict[UUID, Money] = {}

    async def agree(self, recorded: Recorded) -> None:
        """A session is let in: its price is fixed, and a guest's money joins it."""
        fact = recorded.fact
        assert isinstance(fact, SessionAuthorized)
        if recorded.organization_id is None:
            return
        async with self._database.unit_of_work(Scope(recorded.organization_id)) as work:
            await agree_for_session(work, fact.session_id)

    async def settle(self, recorded: Recorded) -> None:
        """A session is over by the station's own word: bill it."""
        fact = recorded.fact
        assert isinstance(fact, SessionEnded)
        if recorded.organization_id is not None and not fact.presumed:
            await self._parts.settlement.settle(recorded.organization_id, fact.session_id)
            await budgets.watch(self._database, self._clock(), session_id=fact.session_id)

    async def correct(self, recorded: Recorded) -> None:
        """What was reported of an ended session has changed: bill it, or bill it anew."""
        fact = recorded.fact
        assert isinstance(fact, SessionCorrected)
        if recorded.organization_id is not None and fact.ended_at is not None:
            await self._parts.settlement.correct(recorded.organization_id, fact.session_id)

    async def take_at_terminal(self, recorded: Recorded) -> None:
        """A station's own terminal took money: it pays for the session it names, now or when that has ended."""
        fact = recorded.fact
        assert isinstance(fact, TerminalPaymentReported)
        organization_id = recorded.organization_id
        if organization_id is None or fact.status != SETTLED or not fact.amount:
            return
        async with self._database.unit_of_work(Scope(organization_id)) as work:
            session = await taking_at_terminals.session_of(work, recorded.aggregate_id, fact.transaction)
            if session is None:
                what = f"A terminal took {fact.amount}, and no session is known that it pays."
                await open_task(work, organization_id, PAYS_NOTHING, recorded.id, what, self._clock())
        if session is None or session.status == "active":  # its end settles it
            return
        step = await self._parts.settlement.paid_at_terminal(organization_id, session.id)
        if step is settlement.Step.FREE:
            async with self._database.unit_of_work(Scope(organization_id)) as work:
                what = f"A terminal took {fact.amount} for a session that costs nothing."
                await open_task(work, organization_id, PAYS_NOTHING, session.id, what, self._clock())

    async def carry_on(self) -> None:
        """Payments and checkouts that a crash or a closed page has left under way."""
        await self._parts.payments.resume()
        async with self._database.as_owner() as work:
            waiting = await checkout.waiting(work)
        for organization_id, checkout_id in waiting:
            await self._try(self._parts.checkout.carry_on(organization_id, checkout_id))

    async def collect(self) -> None:
        """Sessions that are not settled: those that owe, and those presumed to be over for long enough."""
        async with self._database.as_owner() as work:
            owing = await settlement.unpaid(work, ASKED_AGAIN, self._clock())
            owing += await settlement.presumed_over(work, PRESUMED_FINAL, self._clock())
        for organization_id, session_id in owing:
            await self._try(self._parts.settlement.settle(organization_id, session_id))

    async def compare(self) -> None:
        """The nightly reconciliation."""
        now = self._clock()
        found = await reconcile(self._database, self._parts.providers, now, now - timedelta(days=2))
        log.info("reconciled", differences=len(found))

    async def watch_holds(self) -> None:
        """Hold more, or end the charge, before it costs more than is held."""
        for station_id in await guarding.watch_holds(self._database, self._parts.payments, self._clock()):
            self._bus.publish(f"station.{station_id}.operations")

    async def watch_budgets(self) -> None:
        """Charges whose token has used its budget up end, or their holders are told."""
        for station_id in await budgets.watch(self._database, self._clock()):
            self._bus.publish(f"station.{station_id}.operations")

    async def close_month(self) -> None:
        """What the month before owes to hosts and employees."""
        last_month = self._clock().date().replace(day=1) - timedelta(days=1)
        made = await paying_out.close_month(self._database, self._clock, last_month)
        log.info("month closed", payouts=made[0], reimbursements=made[1])

    async def bill_plans(self) -> None:
        """The fees of the month that begins."""
        today = self._clock().date()
        billed = await subscribing.bill_fees(self._database, self._parts.payments, self._clock, today)
        log.info("plan fees billed", count=billed)

    async def watch_fleet_credit(self) -> None:
        """Fleets whose credit limit is used up start nothing, and start again once it is not."""
        await fleet_accounts.watch_credit(self._database, self._clock())

    async def invoice_fleets(self) -> None:
        """The month before, for every fleet that pays on account and has no invoice of it yet."""
        made = await account_invoices.issue_month(self._database, self._parts.address, self._clock())
        log.info("fleets invoiced", count=made)

    async def remind_fleets(self) -> None:
        """Invoices of fleets that are overdue."""
        written = await account_invoices.remind(self._database, self._parts.address, self._clock())
        log.info("fleets reminded", count=written)

    async def show_costs(self) -> None:
        """Running costs on the displays of stations."""
        for station_id in await running_cost.show_costs(self._database, self._clock(), self._shown):
            self._bus.publish(f"station.{station_id}.operations")

    async def _try(self, step: Awaitable[object]) -> None:
        try:
            await step
        except Refusal as refusal:
            log.warning("left for the next time", reason=str(refusal))


class ListenerRow(NamedTuple):
    name: str
    fact: type[Fact]
    handle: Callable[[Consequences, Recorded], Awaitable[None]]


class JobRow(NamedTuple):
    name: str
    cron: str
    work: Callable[[Consequences], Awaitable[None]]


LISTENERS = (
    ListenerRow("billing.agree", SessionAuthorized, Consequences.agree),
    ListenerRow("billing.settle", SessionEnded, Consequences.settle),
    ListenerRow("billing.correct", SessionCorrected, Consequences.correct),
    ListenerRow("billing.take_at_terminal", TerminalPaymentReported, Consequences.take_at_terminal),
)

JOBS = (
    JobRow("billing.carry_on", "* * * * *", Consequences.carry_on),
    JobRow("billing.show_costs", "* * * * *", Consequences.show_costs),
    JobRow("billing.watch_holds", "* * * * *", Consequences.watch_holds),
    JobRow("billing.watch_budgets", "* * * * *", Consequences.watch_budgets),
    JobRow("billing.collect", "17 * * * *", Consequences.collect),
    JobRow("billing.compare", "10 2 * * *", Consequences.compare),
    JobRow("billing.plan_fees", "0 3 1 * *", Consequences.bill_plans),
    JobRow("billing.watch_fleet_credit", "* * * * *", Consequences.watch_fleet_credit),
    JobRow("billing.invoice_fleets", "50 3 * * *", Consequences.invoice_fleets),
    JobRow("billing.remind_fleets", "0 7 * * *", Consequences.remind_fleets),
    JobRow("billing.close_month", "30 3 2 * *", Consequences.close_month),
)
