"""What is paid at the stations' own payment terminals (OCPP 2.1, C18 to C24): the money goes from the terminal's provider
to the operator; here it is known which session was paid, how much, and for whose company a receipt was wanted.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.billing.vat import VatNumberInvalid, vat_number
from gridlane.kernel.database import metadata
from gridlane.kernel.facts import Fact
from gridlane.kernel.group_commit import append, upsert
from gridlane.kernel.ids import new_id
from gridlane.stations.decision import Commit, Handler, report_fact
from gridlane.stations.life import plausible
from gridlane.stations.model import of_station
from gridlane.stations.replies import Noted, VatNumberAnswered
from gridlane.stations.reports import SettlementReported, VatNumberPresented
from gridlane.stations.state import Live

terminal_payments = sa.Table(
    "terminal_payments",
    metadata,
    *of_station(),
    sa.Column("reference", sa.Text, primary_key=True, comment="of the terminal's payment provider (pspRef)"),
    sa.Column("transaction", sa.Text, nullable=True, comment="the station's; null: paid without a session"),
    sa.Column("status", sa.Text, nullable=False, comment="Settled, Canceled, Rejected, Failed"),
    sa.Column("problem", sa.Text, nullable=True),
    sa.Column("amount", sa.Numeric, nullable=False, comment="in the currency of the station's tariff"),
    sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("receipt", sa.Text, nullable=True, comment="its number, where the station gave the receipt"),
    sa.Column("receipt_url", sa.Text, nullable=True),
    sa.Column("vat_number", sa.Text, nullable=True, comment="of the company that wanted the receipt"),
    sa.Column("company", JSONB, nullable=True, comment="AddressType"),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "station_id", "transaction"),
    comment="payments at stations' own terminals, as the stations told of them last",
)

presented_vat_numbers = sa.Table(
    "presented_vat_numbers",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *of_station(key=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("evse", sa.Integer, nullable=True),
    sa.Column("number", sa.Text, nullable=False, comment="compact where it is one, else as it was typed"),
    sa.Column("valid", sa.Boolean, nullable=False, comment="by its country's rules; nobody was asked"),
    sa.Index(None, "station_id", "at"),
    comment="tax numbers that drivers typed at stations' terminals",
)


SETTLED = "Settled"


class TerminalPaymentReported(Fact, frozen=True, kw_only=True, tag="terminal_payment_reported"):
    """A payment at a station's own terminal was settled, or came to nothing."""

    reference: str
    transaction: str | None
    status: str
    amount: Decimal


class PaymentRow(msgspec.Struct):
    station_id: UUID
    reference: str
    organization_id: UUID | None
    transaction: str | None
    status: str
    problem: str | None
    amount: Decimal
    settled_at: datetime
    receipt: str | None
    receipt_url: str | None
    vat_number: str | None
    company: Any
    told_at: datetime


class VatNumberRow(msgspec.Struct):
    id: UUID
    organization_id: UUID | None
    station_id: UUID
    at: datetime
    evse: int | None
    number: str
    valid: bool


PAYMENTS = upsert("terminal_payments", ("station_id", "reference"), PaymentRow.__struct_fields__[2:])
VAT_NUMBERS = append("presented_vat_numbers", VatNumberRow.__struct_fields__)


def settlement_reported(live: Live, what: SettlementReported, now: datetime, _answer: Any) -> Commit:
    """NotifySettlement (C21, C22). Told again, it is the same payment: its reference is the provider's."""
    station = live.station
    row = PaymentRow(
        station.id,
        what.reference,
        station.organization_id,
        what.transaction,
        what.status,
        what.problem,
        what.amount,
        plausible(what.at, now),
        what.receipt,
        what.receipt_url,
        what.vat_number,
        what.company,
        now,
    )
    fact = TerminalPaymentReported(
        reference=what.reference, transaction=what.transaction, status=what.status, amount=what.amount
    )
    return Commit(live, Noted(), [(PAYMENTS, row)], [report_fact(live, fact, now)])


def vat_number_presented(live: Live, what: VatNumberPresented, now: datetime, _answer: Any) -> Commit:
    """VatNumberValidation (C18): by its country's rules, check digits included; whether it exists is not asked."""
    try:
        number, is_valid = str(vat_number(what.number)), True
    except VatNumberInvalid:
        number, is_valid = what.number, False
    station = live.station
    row = VatNumberRow(new_id(), station.organization_id, station.id, now, what.evse, number, is_valid)
    reply = VatNumberAnswered(number=what.number, valid=is_valid, evse=what.evse)
    return Commit(live, reply, [(VAT_NUMBERS, row)])


HANDLERS: dict[type, Handler] = {
    SettlementReported: settlement_reported,
    VatNumberPresented: vat_number_presented,
}
