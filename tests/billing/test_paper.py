import io
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.etree import ElementTree as ET

import msgspec
import pytest
from facturx import get_facturx_xml_from_pdf, xml_check_xsd
from pypdf import PdfReader

from gridlane.billing.e_invoice import xml_of
from gridlane.billing.invoicing import (
    DocumentKind,
    Party,
    Service,
    Statement,
    StatementRow,
    credited,
    document_of,
)
from gridlane.billing.paper import WORDS, pdf_of, statement_pdf
from gridlane.billing.rating import rated, reverse_charged
from gridlane.kernel.money import Money

SELLER = Party(
    name="Gridlane Demo GmbH",
    street="Ladeweg 1",
    postcode="10115",
    city="Berlin",
    country="DE",
    vat_number="DE136695976",
    registration="HRB 1",
    email="billing@example.org",
)
BUYER = Party(name="Anna Ängström <& Co>", street="Allee 2", postcode="20095", city="Hamburg", country="DE")
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"


@pytest.fixture
def paper(tariff, session):
    def build(language="en", included="YES", reverse_charge=False, **changes):
        stay = session(("charging", 47, 13.371), ("parking", 12))
        bill = rated(
            stay, tariff(FLAT=1, ENERGY=0.5937, PARKING_TIME=6, tax_included=included), "Europe/Berlin"
        )
        bill = reverse_charged(bill) if reverse_charge else bill
        document = document_of(
            bill,
            kind=DocumentKind.INVOICE,
            number="INV-2026-000001",
            issued=date(2026, 1, 12),
            language=language,
            seller=SELLER,
            buyer=BUYER,
            service=Service(
                start=stay[0].start,
                end=stay[-1].end,
                time_zone="Europe/Berlin",
                place="Berlin Mitte",
                evse="DE*GRL*E1",
                meter="1EMH0012345",
            ),
            paid=bill.gross,
            paid_by="wallet",
            reverse_charge=reverse_charge,
        )
        return msgspec.structs.replace(document, **changes)

    return build


def text_of(pdf):
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_an_invoice_is_a_pdf_with_its_valid_xml_inside(paper):
    name, xml = get_facturx_xml_from_pdf(pdf_of(paper()), check_xsd=True)
    assert name == "factur-x.xml"
    assert b"INV-2026-000001" in xml


def test_the_pdf_says_what_a_driver_asks(paper):
    text = text_of(pdf_of(paper()))
    for said in (
        "INV-2026-000001",
        "13.371 kWh x 0.5937 EUR/kWh",
        "€10.14",
        "Berlin Mitte, DE*GRL*E1",
        "Anna Ängström <& Co>",
        "1EMH0012345",
    ):
        assert said in text


def test_the_pdf_is_archivable_tagged_and_speaks_its_language(paper):
    catalog = PdfReader(io.BytesIO(pdf_of(paper("de")))).trailer["/Root"]
    assert catalog["/Lang"].startswith("de")
    assert catalog["/MarkInfo"]["/Marked"]
    assert "pdfaid:part" in str(catalog["/Metadata"].get_object().get_data())


def test_the_same_document_in_german(paper):
    text = text_of(pdf_of(paper("de")))
    assert "Rechnung" in text
    assert "10,14 €" in text.replace("\xa0", " ")
    assert "12.01.2026, 09:30:00" in text


@pytest.mark.parametrize("included", ["YES", "NO", "N/A"])
@pytest.mark.parametrize("reverse_charge", [False, True])
def test_the_xml_is_valid_and_its_sums_agree(paper, included, reverse_charge):
    xml = xml_of(paper(included=included, reverse_charge=reverse_charge))
    assert xml_check_xsd(xml, flavor="factur-x", level="en16931")
    root = ET.fromstring(xml)  # noqa: S314 - our own XML
    lines = [Decimal(node.text) for node in root.iter(f"{RAM}LineTotalAmount")]
    assert sum(lines[:-1]) == lines[-1]
    total = Decimal(root.find(f".//{RAM}TaxBasisTotalAmount").text)
    tax = Decimal(root.find(f".//{RAM}TaxTotalAmount").text)
    assert total + tax == Decimal(root.find(f".//{RAM}GrandTotalAmount").text)


def test_a_credit_note_names_what_it_corrects(paper):
    note = credited(paper(), number="CN-2026-000001", issued=date(2026, 1, 20), reason="The cable was locked")
    root = ET.fromstring(xml_of(note))  # noqa: S314 - our own XML
    assert root.find(f".//{RAM}InvoiceReferencedDocument/{RAM}IssuerAssignedID").text == "INV-2026-000001"
    assert "The cable was locked" in text_of(pdf_of(note))


def test_a_receipt_for_a_guest_needs_no_address(paper):
    receipt = paper(kind=DocumentKind.RECEIPT, buyer=Party(name="Guest", country="DE"))
    assert get_facturx_xml_from_pdf(pdf_of(receipt), check_xsd=True)[0]


def test_a_long_bill_goes_over_pages(paper):
    document = paper()
    long = msgspec.structs.replace(document, lines=document.lines * 40)
    from gridlane.billing.paper import _drawn, _paper_of

    assert len(PdfReader(io.BytesIO(_drawn(_paper_of(long), long.issued))).pages) > 2


def test_the_same_document_is_drawn_the_same(paper):
    from gridlane.billing.paper import _drawn, _paper_of

    document = paper()
    assert _drawn(_paper_of(document), document.issued) == _drawn(_paper_of(document), document.issued)


def test_a_statement_adds_up(paper):
    statement = Statement(
        month=date(2026, 1, 1),
        language="en",
        seller=SELLER,
        buyer=BUYER,
        opening=Money.of("1.00", "EUR"),
        rows=(
            StatementRow(
                date(2026, 1, 12),
                "Berlin Mitte",
                "INV-2026-000001",
                Decimal("13.371"),
                Money.of("9.14", "EUR"),
            ),
            StatementRow(date(2026, 1, 13), "Paid", "", None, Money.of("-10.14", "EUR")),
        ),
    )
    assert not statement.closing
    text = text_of(statement_pdf(statement))
    assert "Monthly statement" in text
    assert "-€10.14" in text


def test_both_languages_have_all_words():
    kinds = [set(words.titles) for words in WORDS.values()]
    units = [set(words.units) for words in WORDS.values()]
    assert kinds == [set(DocumentKind)] * len(WORDS)
    assert units == [units[0]] * len(WORDS)


def test_a_stay_over_midnight_shows_both_days(paper):
    night = Service(
        start=datetime(2026, 1, 12, 22, 30, tzinfo=UTC),
        end=datetime(2026, 1, 13, 1, 0, tzinfo=UTC),
        time_zone="Europe/Berlin",
        place="Berlin",
    )
    assert "Jan 12, 2026, 11:30:00\u202fPM - Jan 13, 2026" in text_of(pdf_of(paper(service=night)))
