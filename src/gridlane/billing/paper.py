"""Documents and statements as PDF: drawn by typst, archivable (PDF/A-3, tagged), an invoice with its XML inside.

``templates/paper.typ`` draws what it is told; the words and the formats of numbers and dates come from here, in the
document's language.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from gridlane.billing.e_invoice import PROFILE, xml_of
from gridlane.billing.invoicing import Document, DocumentKind, Party, Statement
from gridlane.billing.ledger import sum_of
from gridlane.billing.rating import Unit
from gridlane.kernel.money import Money
from gridlane.tariffs.tariff import TaxIncluded
from gridlane.tariffs.taxes import Vat


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What a paper says around its figures, in one language."""

    titles: dict[DocumentKind, str]
    statement: str
    number: str
    date: str
    corrects: str
    place: str
    stay: str
    meter: str
    text: str
    quantity: str
    amount: str
    net: str
    tax: str
    no_tax: str
    gross: str
    credit: str
    paid: str
    due: str
    prices_include: str
    prices_exclude: str
    reverse_charge: str
    rounding: str
    rounding_each: str
    period: str
    payable: str
    transfer: str
    vat_number: str
    units: dict[Unit, str]
    month: str
    opening: str
    closing: str
    energy: str
    no_invoice: str


WORDS = {
    "en": Words(
        titles={
            DocumentKind.INVOICE: "Invoice",
            DocumentKind.RECEIPT: "Receipt",
            DocumentKind.CREDIT_NOTE: "Credit note",
        },
        statement="Monthly statement",
        number="Number",
        date="Date",
        corrects="Corrects",
        place="Place",
        stay="Plugged in",
        meter="Meter",
        text="What for",
        quantity="Quantity",
        amount="Amount",
        net="Net",
        tax="VAT {} % of {}",
        no_tax="No VAT on {}",
        gross="Total",
        credit="We give back",
        paid="Paid by {}",
        due="Due",
        prices_include="The amounts of the lines include VAT.",
        prices_exclude="The amounts of the lines are without VAT.",
        reverse_charge="Reverse charge: the buyer owes the VAT.",
        rounding="Each line is rounded half up to the smallest unit of the currency, the VAT once per rate.",
        rounding_each="Amounts and VAT are rounded half up to the smallest unit of the currency, once per charge and rate.",
        period="Period",
        payable="Payable by",
        transfer="Please transfer {amount} to {iban}, naming {number}.",
        vat_number="VAT no. {}",
        units={Unit.KILOWATT_HOUR: "kWh", Unit.HOUR: "h", Unit.ONE: ""},
        month="Month",
        opening="Balance before",
        closing="Balance",
        energy="Energy",
        no_invoice="This is an overview, not an invoice. Each charge has an invoice of its own.",
    ),
    "de": Words(
        titles={
            DocumentKind.INVOICE: "Rechnung",
            DocumentKind.RECEIPT: "Beleg",
            DocumentKind.CREDIT_NOTE: "Gutschrift",
        },
        statement="Monatsübersicht",
        number="Nummer",
        date="Datum",
        corrects="Berichtigt",
        place="Ort",
        stay="Angesteckt",
        meter="Zähler",
        text="Leistung",
        quantity="Menge",
        amount="Betrag",
        net="Netto",
        tax="USt. {} % auf {}",
        no_tax="Ohne USt.: {}",
        gross="Gesamt",
        credit="Wir erstatten",
        paid="Bezahlt mit {}",
        due="Offen",
        prices_include="Die Beträge der Zeilen enthalten die Umsatzsteuer.",
        prices_exclude="Die Beträge der Zeilen sind ohne Umsatzsteuer.",
        reverse_charge="Steuerschuldnerschaft des Leistungsempfängers.",
        rounding_each="Beträge und Steuer sind je Ladevorgang und Steuersatz einmal kaufmännisch gerundet.",
        period="Zeitraum",
        payable="Zahlbar bis",
        transfer="Bitte überweisen Sie {amount} auf {iban} mit dem Verwendungszweck {number}.",
        rounding="Jede Zeile ist kaufmännisch auf die kleinste Einheit der Währung gerundet, die Steuer einmal je Satz.",
        vat_number="USt-IdNr. {}",
        units={Unit.KILOWATT_HOUR: "kWh", Unit.HOUR: "h", Unit.ONE: ""},
        month="Monat",
        opening="Stand zuvor",
        closing="Stand",
        energy="Energie",
        no_invoice="Dies ist eine Übersicht und keine Rechnung. Jeder Ladevorgang hat seine eigene Rechnung.",
    ),
}


def pdf_of(document: Document) -> bytes:
    """The document as PDF/A-3 with its Factur-X XML inside."""
    from facturx import generate_from_binary

    xml = xml_of(document)
    title = f"{WORDS[document.language].titles[document.kind]} {document.number}"
    meta = {"author": document.seller.name, "title": title, "subject": title, "keywords": "Factur-X"}
    pdf: bytes = generate_from_binary(
        _drawn(_paper_of(document), document.issued),
        xml,
        flavor="factur-x",
        level=PROFILE,
        check_xsd=True,
        check_schematron=False,
        pdf_metadata=meta,
        lang=document.language,
    )
    return pdf


def statement_pdf(statement: Statement) -> bytes:
    """The statement of a month as PDF/A-3."""
    return _drawn(_statement_paper(statement), statement.month)


def _drawn(paper: dict[str, Any], day: date) -> bytes:
    """The timestamp is the document's day, so that the same document is the same file."""
    import typst

    pdf: bytes = typst.compile(
        _template(),
        sys_inputs={"paper": json.dumps(paper)},
        pdf_standards=["a-3a"],
        timestamp=datetime(day.year, day.month, day.day, tzinfo=UTC),
    )
    return pdf


@cache
def _template() -> bytes:
    return resources.files("gridlane.billing").joinpath("templates/paper.typ").read_bytes()


def _paper_of(document: Document) -> dict[str, Any]:
    words = WORDS[document.language]
    return {
        "title": words.titles[document.kind],
        "language": document.language,
        "seller": _party(document.seller, words),
        "buyer": _party(document.buyer, words),
        "facts": [list(fact) for fact in _facts(document, words)],
        "columns": [
            {"name": words.text, "wide": True, "right": False},
            {"name": words.quantity, "wide": False, "right": True},
            {"name": words.amount, "wide": False, "right": True},
        ],
        "rows": list(_rows(document)),
        "sums": list(_sums(document, words)),
        "notes": list(_notes(document, words)),
        "footer": _footer(document.seller),
    }


def _rows(document: Document) -> Iterator[dict[str, Any]]:
    """The lines; those of a group under its name, with their energy and sum."""
    language = document.language
    for group, found in groupby(document.lines, key=lambda line: line.group):
        lines = list(found)
        if group:
            energy = sum(line.quantity for line in lines if line.unit is Unit.KILOWATT_HOUR)
            total = sum_of(line.shown for line in lines)
            kilowatt_hours = _quantity(Decimal(energy), Unit.KILOWATT_HOUR, language) if energy else ""
            yield _row(group, kilowatt_hours, money(total, language), strong=True)
        for line in lines:
            yield _row(line.text, _quantity(line.quantity, line.unit, language), money(line.shown, language))


def _row(*cells: str, strong: bool = False) -> dict[str, Any]:
    return {"cells": cells, "strong": strong}


def _party(party: Party, words: Words) -> dict[str, Any]:
    rows = [party.street, f"{party.postcode} {party.city}".strip(), party.country]
    if party.vat_number:
        rows.append(words.vat_number.format(party.vat_number))
    return {"name": party.name, "rows": [row for row in rows if row]}


def _facts(document: Document, words: Words) -> Iterator[tuple[str, str]]:
    language = document.language
    yield words.number, document.number
    yield words.date, day(document.issued, language)
    if document.corrects and document.corrects_issued:
        yield words.corrects, f"{document.corrects}, {day(document.corrects_issued, language)}"
    if document.period:
        yield words.period, " - ".join(day(one, language) for one in document.period)
    if document.due_on:
        yield words.payable, day(document.due_on, language)
    if service := document.service:
        yield words.place, ", ".join(part for part in (service.place, service.evse) if part)
        yield words.stay, _stay(service.start, service.end, service.time_zone, language)
        if service.meter:
            yield words.meter, service.meter


def _sums(document: Document, words: Words) -> Iterator[dict[str, Any]]:
    language = document.language
    is_credit = document.kind is DocumentKind.CREDIT_NOTE
    yield _sum(words.net, document.net, language)
    for part in document.taxes:
        yield _sum(_tax_words(part.vat, part.net, document, words), part.tax, language)
    yield _sum(words.credit if is_credit else words.gross, document.gross, language, strong=True)
    if document.paid:
        yield _sum(words.paid.format(document.paid_by), document.paid, language)
        yield _sum(words.due, document.due, language, strong=True)


def _sum(name: str, amount: Money, language: str, *, strong: bool = False) -> dict[str, Any]:
    return {"name": name, "value": money(amount, language), "strong": strong}


def _tax_words(vat: Vat, net: Money, document: Document, words: Words) -> str:
    if vat is None or document.reverse_charge:
        return words.no_tax.format(money(net, document.language))
    return words.tax.format(_number(vat, document.language), money(net, document.language))


def _notes(document: Document, words: Words) -> Iterator[str]:
    if document.reason:
        yield document.reason
    if document.reverse_charge:
        yield words.reverse_charge
    if document.due_on and document.seller.iban:
        amount = money(document.due, document.language)
        yield words.transfer.format(amount=amount, iban=document.seller.iban, number=document.number)
    included = document.tax_included is TaxIncluded.YES
    rounding = words.rounding_each if document.period else words.rounding
    yield f"{words.prices_include if included else words.prices_exclude} {rounding}"


def _footer(seller: Party) -> str:
    return " · ".join(part for part in (seller.name, seller.registration, seller.email) if part)


def _statement_paper(statement: Statement) -> dict[str, Any]:
    words, language = WORDS[statement.language], statement.language
    return {
        "title": words.statement,
        "language": language,
        "seller": _party(statement.seller, words),
        "buyer": _party(statement.buyer, words),
        "facts": [[words.month, _month(statement.month, language)]],
        "columns": [
            {"name": words.date, "wide": False, "right": False},
            {"name": words.text, "wide": True, "right": False},
            {"name": words.number, "wide": False, "right": False},
            {"name": words.energy, "wide": False, "right": True},
            {"name": words.amount, "wide": False, "right": True},
        ],
        "rows": [
            _row(
                day(row.day, language),
                row.text,
                row.number,
                "" if row.energy is None else _quantity(row.energy, Unit.KILOWATT_HOUR, language),
                money(row.amount, language),
            )
            for row in statement.rows
        ],
        "sums": [
            _sum(words.opening, statement.opening, language),
            {
                "name": words.energy,
                "value": _quantity(statement.energy, Unit.KILOWATT_HOUR, language),
                "strong": False,
            },
            _sum(words.closing, statement.closing, language, strong=True),
        ],
        "notes": [words.no_invoice],
        "footer": _footer(statement.seller),
    }


def money(amount: Money, language: str) -> str:
    from babel.numbers import format_currency

    return str(format_currency(amount.amount, amount.currency, locale=language))


def day(at: date, language: str) -> str:
    from babel.dates import format_date

    return str(format_date(at, format="medium", locale=language))


def _month(at: date, language: str) -> str:
    from babel.dates import format_date

    return str(format_date(at, format="MMMM y", locale=language))


def _stay(start: datetime, end: datetime, time_zone: str, language: str) -> str:
    """Local times; the second day only where it is another one."""
    from babel.dates import format_datetime, format_time

    where = ZoneInfo(time_zone)
    first, last = start.astimezone(where), end.astimezone(where)
    begun = format_datetime(first, format="medium", locale=language)
    if first.date() == last.date():
        return f"{begun} - {format_time(last, format='medium', locale=language)}"
    return f"{begun} - {format_datetime(last, format='medium', locale=language)}"


def _quantity(quantity: Decimal, unit: Unit, language: str) -> str:
    return f"{_number(quantity, language)} {WORDS[language].units[unit]}".strip()


def _number(value: Decimal, language: str) -> str:
    from babel.numbers import format_decimal

    return str(format_decimal(value, format="#,##0.####", locale=language))
