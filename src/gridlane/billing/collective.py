"""One invoice for a month of many sessions: what each put on a fleet's account, and the paper of all. Pure.

A line is one session and tax rate, as its bill has it, so the invoice and the ledger agree to the cent. Lines stand by
vehicle, or by driver where no vehicle is known. What was billed wrongly before is taken back by a line of its own.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from gridlane.billing.invoicing import Document, DocumentKind, DocumentLine, Party, TaxSum
from gridlane.billing.ledger import sum_of
from gridlane.billing.rating import Unit
from gridlane.kernel.money import Money
from gridlane.tariffs.tariff import TaxIncluded
from gridlane.tariffs.taxes import Vat


class ChargeKind(StrEnum):
    """Why something stands on the account."""

    SESSION = "session"
    CORRECTION = "correction"  # takes back what an earlier invoice charged for a session
    REFUND = "refund"


class AccountCharge(msgspec.Struct, frozen=True, kw_only=True):
    """What one session puts on the account; amounts are negative where they take back. ``energy`` in kWh."""

    kind: ChargeKind
    session_id: UUID
    start: datetime
    time_zone: str
    place: str
    driver: str
    vehicle: str
    energy: Decimal
    parts: tuple[TaxSum, ...]
    reason: str = ""

    @property
    def net(self) -> Money:
        return sum_of(part.net for part in self.parts)

    @property
    def tax(self) -> Money:
        return sum_of(part.tax for part in self.parts)

    @property
    def gross(self) -> Money:
        return self.net + self.tax


WORDS = {
    "en": {"correction": "Corrected: {}", "refund": "Given back ({reason}): {}", "nobody": "Without a name"},
    "de": {"correction": "Berichtigt: {}", "refund": "Erstattet ({reason}): {}", "nobody": "Ohne Namen"},
}
_DAYS = {"en": "%d %b %H:%M", "de": "%d.%m. %H:%M"}


def taken_back(charge: AccountCharge) -> AccountCharge:
    """The line that undoes a charge which stands on an invoice already."""
    parts = tuple(TaxSum(part.vat, -part.net, -part.tax) for part in charge.parts)
    return msgspec.structs.replace(charge, kind=ChargeKind.CORRECTION, energy=-charge.energy, parts=parts)


def collective_invoice(
    charges: Sequence[AccountCharge],
    *,
    number: str,
    issued: date,
    due_on: date,
    month: tuple[date, date],
    language: str,
    seller: Party,
    buyer: Party,
) -> Document:
    """The invoice of one or more charges of one currency; ``month`` is its first and last day."""
    ordered = sorted(charges, key=lambda one: (_group(one, language).casefold(), one.start))
    return Document(
        kind=DocumentKind.INVOICE,
        number=number,
        issued=issued,
        language=language,
        seller=seller,
        buyer=buyer,
        lines=tuple(line for charge in ordered for line in _lines(charge, language)),
        taxes=_taxes(ordered),
        tax_included=TaxIncluded.NO,
        paid=Money.zero(ordered[0].net.currency),
        due_on=due_on,
        period=month,
    )


def _lines(charge: AccountCharge, language: str) -> list[DocumentLine]:
    """A line per tax rate; the quantity is the energy where there is one rate only."""
    whole = len(charge.parts) == 1 and charge.energy
    lines = []
    for part in charge.parts:
        sign = -1 if part.net.amount < 0 else 1
        quantity = abs(charge.energy) if whole else Decimal(1)
        lines.append(
            DocumentLine(
                text=_text(charge, language),
                quantity=sign * quantity,
                unit=Unit.KILOWATT_HOUR if whole else Unit.ONE,
                unit_price=abs(part.net.amount / quantity).quantize(Decimal("0.000001")),
                vat=part.vat,
                net=part.net,
                shown=part.net,
                group=_group(charge, language),
            )
        )
    return lines


def _text(charge: AccountCharge, language: str) -> str:
    begun = charge.start.astimezone(ZoneInfo(charge.time_zone))
    facts = [f"{begun:{_DAYS[language]}}", charge.place, charge.driver if charge.vehicle else ""]
    text = " · ".join(fact for fact in facts if fact)
    wording = WORDS[language].get(charge.kind, "{}")
    return wording.format(text, reason=charge.reason)


def _group(charge: AccountCharge, language: str) -> str:
    return charge.vehicle or charge.driver or WORDS[language]["nobody"]


def _taxes(charges: Sequence[AccountCharge]) -> tuple[TaxSum, ...]:
    """Per rate the sum of what the sessions' bills say, each rounded once."""
    sums: dict[Vat, TaxSum] = {}
    for part in (part for charge in charges for part in charge.parts):
        known = sums.get(part.vat)
        sums[part.vat] = (
            part if known is None else TaxSum(part.vat, known.net + part.net, known.tax + part.tax)
        )
    return tuple(sums[rate] for rate in sorted(sums, key=lambda rate: (rate is None, -(rate or 0))))
