from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.billing.invoicing import (
    DocumentKind,
    NothingToCredit,
    Party,
    Series,
    SeriesExhausted,
    credited,
    document_of,
    number_in,
)
from gridlane.billing.rating import BillLine, Unit, summed
from gridlane.kernel.money import Money
from gridlane.tariffs.tariff import TaxIncluded

SELLER = Party(name="Gridlane", country="DE", city="Berlin", postcode="10115", vat_number="DE136695976")
BUYER = Party(name="Anna", country="DE")
DAY = date(2026, 1, 12)


def line(amount, vat="19", quantity=1):
    return BillLine(
        reason="energy",
        quantity=Decimal(quantity),
        unit=Unit.KILOWATT_HOUR,
        unit_price=Decimal(1),
        vat=None if vat is None else Decimal(vat),
        amount=Money.of(amount, "EUR"),
    )


def invoice(*lines, included=TaxIncluded.YES):
    return document_of(
        summed(lines, "EUR", included),
        kind=DocumentKind.INVOICE,
        number="INV-2026-000001",
        issued=DAY,
        language="en",
        seller=SELLER,
        buyer=BUYER,
    )


def test_numbers_sort_as_they_count():
    series = Series("INV-", 2026)
    assert number_in(series, 42) == "INV-2026-000042"
    with pytest.raises(SeriesExhausted):
        number_in(series, 1_000_000)


def test_what_is_given_back_has_a_negative_quantity_and_no_negative_price():
    paper = invoice(line("10.00"), line("-2.00"))
    assert [(row.quantity > 0, row.unit_price > 0) for row in paper.lines] == [(True, True), (False, True)]


def test_a_credit_note_over_everything_mirrors_the_document():
    paper = invoice(line("11.90"), line("1.07", "7"))
    note = credited(paper, number="CN-2026-000001", issued=DAY, reason="charged twice")
    assert (note.gross, note.taxes, note.lines) == (paper.gross, paper.taxes, paper.lines)
    assert (note.corrects, note.kind) == ("INV-2026-000001", DocumentKind.CREDIT_NOTE)


def test_no_more_is_credited_than_was_billed():
    paper = invoice(line("11.90"))
    with pytest.raises(NothingToCredit):
        credited(paper, number="C", issued=DAY, reason="x", amount=Money.of("11.91", "EUR"))
    with pytest.raises(NothingToCredit):
        credited(paper, number="C", issued=DAY, reason="x", credited_before=paper.gross)
    with pytest.raises(NothingToCredit):
        credited(paper, number="C", issued=DAY, reason="x", amount=Money.zero("EUR"))


cents = st.integers(1, 100_000).map(lambda minor: Money.from_minor(minor, "EUR"))


@given(
    st.lists(st.tuples(cents, st.sampled_from([None, "7", "19"])), min_size=1, max_size=5),
    st.sampled_from(list(TaxIncluded)),
    st.fractions(0, 1),
)
def test_a_part_is_credited_to_the_cent(parts, included, share):
    paper = invoice(*(line(amount.amount, vat) for amount, vat in parts), included=included)
    amount = Money.from_minor(max(1, int(paper.gross.minor() * share)), "EUR")
    note = credited(paper, number="C", issued=DAY, reason="x", amount=amount)
    assert note.gross == amount
    assert sum((row.net for row in note.lines), start=Money.zero("EUR")) == note.net
