"""A document as Factur-X / ZUGFeRD XML (UN/CEFACT CII, profile EN 16931), checked against the official schema.

Keys are the business terms of EN 16931 (BT-1 is the number); `factur-x` arranges them as XML and validates.
"""

from datetime import UTC
from decimal import Decimal
from typing import Any

from gridlane.billing.invoicing import Document, DocumentKind, Party, TaxSum
from gridlane.billing.vat import Treatment, category
from gridlane.tariffs.taxes import Vat

PROFILE = "en16931"
TYPE_CODES = {DocumentKind.INVOICE: "380", DocumentKind.RECEIPT: "380", DocumentKind.CREDIT_NOTE: "381"}
"""Kinds of document by UNTDID 1001."""
CREDIT_TRANSFER = "30"
"""UNTDID 4461."""
EXEMPTIONS = {
    Treatment.NOT_SUBJECT: ("Not subject to VAT", "VATEX-EU-O"),
    Treatment.REVERSE_CHARGE: ("Reverse charge", "VATEX-EU-AE"),
}


def xml_of(document: Document) -> bytes:
    """The XML, valid by the schema of its profile; ``factur-x`` raises where it would not be."""
    from facturx import generate_cii_xml

    terms = _written(business_terms(document))
    xml: bytes = generate_cii_xml(terms, level=PROFILE, check_xsd=True, check_schematron=False)
    return xml


def _written(value: Any) -> Any:
    """Decimals as digits: `factur-x` takes text or floats, and a float is no money."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return {key: _written(part) for key, part in value.items()}
    return [_written(part) for part in value] if isinstance(value, list) else value


def business_terms(document: Document) -> dict[str, Any]:
    """The document by the numbers of EN 16931."""
    terms: dict[str, Any] = {
        "BT-1": document.number,
        "BT-2": document.issued,
        "BT-3": TYPE_CODES[document.kind],
        "BT-5": document.net.currency,
        "BG-4": _party(document.seller),
        "BG-7": _party(document.buyer),
        "BG-25": [_line(number, document) for number in range(len(document.lines))],
        "BG-23": [_tax(part, document.reverse_charge) for part in document.taxes],
        "BT-106": document.net.amount,
        "BT-109": document.net.amount,
        "BT-110": document.tax.amount,
        "BT-112": document.gross.amount,
        "BT-113": document.paid.amount,
        "BT-115": document.due.amount,
    }
    terms |= _payment(document)
    if document.service:
        terms["BT-72"] = document.service.end.astimezone(UTC).date()
    if document.reason:
        terms["BG-1"] = [{"BT-22": document.reason}]
    if document.corrects:
        terms["BG-3"] = [{"BT-25": document.corrects, "BT-26": document.corrects_issued}]
    return terms


def _payment(document: Document) -> dict[str, Any]:
    """By when and how it is to be paid, or how it was."""
    if document.due_on is None:
        return {"BT-20": document.paid_by or "due on receipt"}
    terms: dict[str, Any] = {"BT-9": document.due_on}
    if document.period:
        first, last = document.period
        terms |= {"BT-72": last, "BT-73": first, "BT-74": last}
    if document.seller.iban:
        terms |= {"BT-81": CREDIT_TRANSFER, "BT-83": document.number, "BT-84": document.seller.iban}
    return terms


def _party(party: Party) -> dict[str, Any]:
    contacts = [{"name": party.name, "email": party.email}] if party.email else []
    return {
        "name": party.name,
        "legal_info": party.registration,
        "vat_identifier": party.vat_number,
        "addr_l1": party.street,
        "postcode": party.postcode,
        "city": party.city,
        "country_code": party.country,
        "contacts": contacts,
    }


def _line(number: int, document: Document) -> dict[str, Any]:
    line = document.lines[number]
    return {
        "BT-126": str(number + 1),
        "BT-129": line.quantity,
        "BT-130": line.unit.value,
        "BT-131": line.net.amount,
        "BT-146": line.unit_price,
        "BT-153": line.text,
        **_rate("BT-151", "BT-152", line.vat, document.reverse_charge),
    }


def _tax(part: TaxSum, reverse_charge: bool) -> dict[str, Any]:
    terms = {
        "BT-116": part.net.amount,
        "BT-117": part.tax.amount,
        **_rate("BT-118", "BT-119", part.vat, reverse_charge),
    }
    exemption = EXEMPTIONS.get(_category(part.vat, reverse_charge))
    return terms if exemption is None else terms | {"BT-120": exemption[0], "BT-121": exemption[1]}


def _rate(code: str, percent: str, vat: Vat, reverse_charge: bool) -> dict[str, Any]:
    kind = _category(vat, reverse_charge)
    if kind is Treatment.NOT_SUBJECT:
        return {code: kind.value}
    return {code: kind.value, percent: Decimal(0) if kind is Treatment.REVERSE_CHARGE else vat}


def _category(vat: Vat, reverse_charge: bool) -> Treatment:
    return Treatment.REVERSE_CHARGE if reverse_charge else category(vat)
