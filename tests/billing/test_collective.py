import io
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gridlane.billing.collective import AccountCharge, ChargeKind, collective_invoice, taken_back
from gridlane.billing.invoicing import Party, TaxSum
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money

SELLER = Party(name="Gridlane Demo", country="DE", vat_number="DE136695976", iban="DE89370400440532013000")
BUYER = Party(name="Couriers GmbH", country="DE", street="Am Tor 1", postcode="10115", city="Berlin")


def charged(net="4.20", vat="19", vehicle="Van 1 (B-XY 12)", driver="Anna", kwh="10", **fields):
    net = Money.of(net, "EUR")
    tax = (net * (Decimal(vat) / 100)).rounded()
    given = {
        "kind": ChargeKind.SESSION,
        "session_id": new_id(),
        "start": datetime(2026, 1, 12, 8, 30, tzinfo=UTC),
        "time_zone": "Europe/Berlin",
        "place": "Garage, Berlin",
        "driver": driver,
        "vehicle": vehicle,
        "energy": Decimal(kwh),
        "parts": (TaxSum(Decimal(vat), net, tax),),
    }
    return AccountCharge(**given | fields)


def invoice(charges, language="en"):
    return collective_invoice(
        charges,
        number="INV-2026-000001",
        issued=date(2026, 2, 2),
        due_on=date(2026, 2, 16),
        month=(date(2026, 1, 1), date(2026, 1, 31)),
        language=language,
        seller=SELLER,
        buyer=BUYER,
    )


def test_lines_stand_by_vehicle_and_say_when_where_and_who():
    made = invoice([charged(vehicle="Van 2"), charged(), charged(vehicle="", driver="Ben")])
    assert [line.group for line in made.lines] == ["Ben", "Van 1 (B-XY 12)", "Van 2"]
    assert made.lines[0].text == "12 Jan 09:30 · Garage, Berlin"
    assert made.lines[1].text == "12 Jan 09:30 · Garage, Berlin · Anna"


def test_a_corrected_session_is_taken_back_by_a_line_of_its_own():
    wrong, right = charged(net="5.00"), charged(net="4.00")
    made = invoice([wrong, taken_back(wrong), right])
    assert made.gross == right.gross
    back = next(line for line in made.lines if line.text.startswith("Corrected"))
    assert (back.net, back.quantity) == (Money.of("-5.00", "EUR"), Decimal(-10))
    assert back.unit_price > 0


charges = st.builds(
    charged,
    net=st.decimals(min_value="0.01", max_value=900, places=2).map(str),
    vat=st.sampled_from(["0", "7", "19", "20"]),
    vehicle=st.sampled_from(["", "Van 1", "Van 2"]),
    kwh=st.decimals(min_value=0, max_value=90, places=3).map(str),
)


@given(st.lists(charges, min_size=1, max_size=30))
def test_an_invoice_adds_up_to_the_cent_to_what_its_sessions_were_billed(several):
    made = invoice(several)
    assert made.gross.amount == sum(one.gross.amount for one in several)
    assert sum(line.net.amount for line in made.lines) == made.net.amount
    assert made.due == made.gross


def test_the_paper_has_the_due_date_each_vehicle_and_an_electronic_invoice_that_validates():
    from facturx import get_facturx_xml_from_pdf
    from pypdf import PdfReader

    from gridlane.billing.paper import pdf_of

    for language, due in (("en", "Payable by"), ("de", "Zahlbar bis")):
        pdf = pdf_of(
            invoice([charged(), charged(vehicle="", driver="", kwh="0"), taken_back(charged())], language)
        )
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
        assert due in text
        assert "Van 1 (B-XY 12)" in text
        assert "DE89370400440532013000" in text
        _, xml = get_facturx_xml_from_pdf(pdf, check_xsd=True)
        assert b"20260216" in xml
        assert b"20260131" in xml
