"""Invoices, receipts and credit notes as values: what they say, before anybody draws them.

A document is final once it has its number. Numbers of a series have no gaps; a mistake is mended by a credit note that
names the document it corrects and, where something is still due, a new invoice.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from gridlane.billing.rating import Bill, Unit, nets
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money
from gridlane.tariffs.tariff import TaxIncluded
from gridlane.tariffs.taxes import Vat, taxed


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Who sells or buys. A guest has a name only ("Guest")."""

    name: str
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    vat_number: str = ""
    registration: str = ""
    email: str = ""
    iban: str = ""


class DocumentKind(StrEnum):
    INVOICE = "invoice"
    RECEIPT = "receipt"  # an invoice of small amount to somebody unknown, paid at once
    CREDIT_NOTE = "credit_note"


class DocumentLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line, before taxes: ``quantity * unit_price`` is ``net`` but for rounding. ``shown`` is the billed amount.

    Lines with the same ``group`` stand together, under it and their sum.
    """

    text: str
    quantity: Decimal
    unit: Unit
    unit_price: Decimal
    vat: Vat
    net: Money
    shown: Money
    group: str = ""


class TaxSum(msgspec.Struct, frozen=True):
    vat: Vat
    net: Money
    tax: Money


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What was delivered, where and when: for a charge the site, the EVSE and the stay."""

    start: datetime
    end: datetime
    time_zone: str
    place: str
    evse: str = ""
    meter: str = ""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice, receipt or credit note. Amounts of a credit note are positive: they are what is given back.

    ``period``: the first and last day of what was delivered, where it is more than one service.
    """

    kind: DocumentKind
    number: str
    issued: date
    language: str
    seller: Party
    buyer: Party
    lines: tuple[DocumentLine, ...]
    taxes: tuple[TaxSum, ...]
    tax_included: TaxIncluded
    paid: Money
    service: Service | None = None
    paid_by: str = ""
    corrects: str = ""
    corrects_issued: date | None = None
    reason: str = ""
    reverse_charge: bool = False
    due_on: date | None = None
    period: tuple[date, date] | None = None

    @property
    def net(self) -> Money:
        return sum((part.net for part in self.taxes), start=Money.zero(self.paid.currency))

    @property
    def tax(self) -> Money:
        return sum((part.tax for part in self.taxes), start=Money.zero(self.paid.currency))

    @property
    def gross(self) -> Money:
        return self.net + self.tax

    @property
    def due(self) -> Money:
        return self.gross - self.paid


class Series(msgspec.Struct, frozen=True):
    """A run of numbers without gaps: one per organization, kind of paper and year."""

    prefix: str
    year: int


class SeriesExhausted(Refusal):
    code = "invoice_series_exhausted"
    kind = Kind.CONFLICT
    sentence = "The series {prefix}{year} has no number after {last}; start a new prefix."


_DIGITS = 6


def number_in(series: Series, position: int) -> str:
    """``INV-2026-000042``: sorts like it counts. Raises SeriesExhausted after a million."""
    if position >= 10**_DIGITS:
        raise SeriesExhausted(prefix=series.prefix, year=series.year, last=position - 1)
    return f"{series.prefix}{series.year}-{position:0{_DIGITS}d}"


def document_of(
    bill: Bill,
    *,
    kind: DocumentKind,
    number: str,
    issued: date,
    language: str,
    seller: Party,
    buyer: Party,
    service: Service | None = None,
    paid: Money | None = None,
    paid_by: str = "",
    reverse_charge: bool = False,
) -> Document:
    """The paper of a bill."""
    return Document(
        kind=kind,
        number=number,
        issued=issued,
        language=language,
        seller=seller,
        buyer=buyer,
        lines=tuple(_lines(bill)),
        taxes=tuple(TaxSum(part.vat, part.net, part.tax) for part in bill.taxes),
        tax_included=bill.tax_included,
        service=service,
        paid=paid if paid is not None else Money.zero(bill.net.currency),
        paid_by=paid_by,
        reverse_charge=reverse_charge,
    )


def _lines(bill: Bill) -> Sequence[DocumentLine]:
    return [
        DocumentLine(
            text=line.reason,
            quantity=_signed(line.quantity, net),
            unit=line.unit,
            unit_price=_unit_price(net, line.quantity),
            vat=line.vat,
            net=net,
            shown=line.amount,
        )
        for line, net in zip(bill.lines, nets(bill), strict=True)
    ]


def _signed(quantity: Decimal, net: Money) -> Decimal:
    """EN 16931 allows no negative price (BR-27): what is given back has a negative quantity."""
    return -abs(quantity) if net.amount < 0 else abs(quantity)


def _unit_price(net: Money, quantity: Decimal) -> Decimal:
    return abs(net.amount / quantity).quantize(Decimal("0.000001")) if quantity else Decimal(0)


class NothingToCredit(Refusal):
    code = "nothing_to_credit"
    kind = Kind.CONFLICT
    sentence = "{number} has {left} left to credit, not {amount}."


def credited(
    document: Document,
    *,
    number: str,
    issued: date,
    reason: str,
    amount: Money | None = None,
    credited_before: Money | None = None,
) -> Document:
    """The credit note over all of a document, or over a gross ``amount`` of it shared among its tax rates.

    Raises NothingToCredit when more would be given back than is left.
    """
    zero = Money.zero(document.gross.currency)
    left = document.gross - (credited_before or zero)
    wanted = left if amount is None else amount
    if not zero < wanted <= left:
        raise NothingToCredit(number=document.number, left=left, amount=wanted)
    whole = wanted == document.gross
    return msgspec.structs.replace(
        document,
        kind=DocumentKind.CREDIT_NOTE,
        number=number,
        issued=issued,
        reason=reason,
        corrects=document.number,
        corrects_issued=document.issued,
        paid=zero,
        paid_by="",
        **({} if whole else _part_of(document, wanted, reason)),
    )


def shared_among(parts: Sequence[TaxSum], amount: Money) -> list[TaxSum]:
    """A gross amount of a document shared among its tax rates, in proportion to what each stands for; the last takes
    what rounding leaves.
    """
    currency, left = amount.currency, amount
    gross = sum((part.net.amount + part.tax.amount for part in parts), start=Decimal(0))
    shares: dict[Vat, int] = {}
    for position, part in enumerate(parts):
        share = Money((part.net + part.tax).amount * amount.amount / gross, currency).rounded()
        share = left if position == len(parts) - 1 else share
        left -= share
        shares[part.vat] = share.minor()
    return [
        TaxSum(vat, Money.from_minor(part.net, currency), Money.from_minor(part.tax, currency))
        for vat, part in taxed(shares, TaxIncluded.YES).items()
        if part.gross
    ]


def _part_of(document: Document, amount: Money, reason: str) -> dict[str, object]:
    """One line per tax rate."""
    taxes = shared_among(document.taxes, amount)
    lines = [
        DocumentLine(
            text=reason,
            quantity=Decimal(1),
            unit=Unit.ONE,
            unit_price=part.net.amount,
            vat=part.vat,
            net=part.net,
            shown=part.net + part.tax,
        )
        for part in taxes
    ]
    return {"lines": tuple(lines), "taxes": tuple(taxes), "tax_included": TaxIncluded.YES}


class StatementRow(msgspec.Struct, frozen=True):
    """One paper or payment of a month. Charges are positive, payments and credits negative."""

    day: date
    text: str
    number: str
    energy: Decimal | None
    amount: Money


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What happened between us and a person in a month. It is no invoice: each row has its own paper."""

    month: date
    language: str
    seller: Party
    buyer: Party
    opening: Money
    rows: tuple[StatementRow, ...]

    @property
    def closing(self) -> Money:
        return sum((row.amount for row in self.rows), start=self.opening)

    @property
    def energy(self) -> Decimal:
        return sum((row.energy for row in self.rows if row.energy is not None), start=Decimal(0))
