"""The words of the guests' pages, English and German; another language is another row. And how it writes numbers."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_time
from babel.numbers import format_currency, format_decimal

from gridlane.billing.checkout import Step, Trouble

SMALL_PRICE = Decimal("0.1")  # a price per minute wants more digits than a price per kWh


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages say around their figures, in one language."""

    language: str
    other_language: str
    other_name: str
    plug: str
    states: dict[str, str]
    price: str
    per_kwh: str
    per_minute: str
    per_minute_idle: str
    per_session: str
    then: str
    taxes_inside: str
    price_holds: str
    free: str
    free_why: str
    no_price: str
    no_cards: str
    how: tuple[str, str, str]
    how_free: tuple[str, str, str]
    hold: str
    email: str
    email_why: str
    begin: str
    pay: str
    start_free: str
    app: str
    call: str
    back_to_charge: str
    cannot_now: str
    cannot_now_why: str
    steps: dict[Step, str]
    to_payment: str
    paying_why: str
    cancel: str
    plug_in: str
    starting_why: str
    charging_begins: str
    stop: str
    stopping: str
    energy: str
    power: str
    duration: str
    cost: str
    ended: str
    settling: str
    paid: str
    receipt: str
    troubles: dict[str, str]
    nothing_taken: str
    again: str
    lost: str
    lost_why: str
    wrong_code: str
    keep: str


WORDS = {
    "en": Words(
        language="en",
        other_language="de",
        other_name="Deutsch",
        plug="Plug",
        states={
            "available": "Free",
            "occupied": "In use",
            "reserved": "Reserved",
            "unavailable": "Out of service",
            "faulted": "Out of order",
            "offline": "Out of reach",
        },
        price="Price",
        per_kwh="per kWh",
        per_minute="per minute",
        per_minute_idle="per minute when the car stays after charging",
        per_session="once per charge",
        then="From {at}: {price} per kWh",
        taxes_inside="All prices with taxes.",
        price_holds="The price you see now holds for your whole charge.",
        free="Free of charge",
        free_why="{reason} gives away the charging here.",
        no_price="Without an account nobody can pay at this plug yet. Use the app or a charging card.",
        no_cards="This network takes no cards of guests. Use the app or a charging card.",
        how=(
            "Plug in your car.",
            "Pay by card; only what you use is taken.",
            "The station starts by itself.",
        ),
        how_free=("Plug in your car.", "Press start.", "The station starts by itself."),
        hold="{amount} are held on your card now. What you do not use is let go when the charge ends.",
        email="E-mail for the receipt",
        email_why="Not needed. You can also keep the receipt from this page.",
        begin="Charge without an account",
        pay="Pay and start",
        start_free="Start",
        app="Open the app",
        call="Call {phone}",
        back_to_charge="Your charge",
        cannot_now="Nobody can charge here now",
        cannot_now_why="Choose another plug, or look again in a moment.",
        steps={
            Step.SHOWN: "Ready when you are",
            Step.HOLDING: "Waiting for your payment",
            Step.HELD: "Paid, the station is asked",
            Step.STARTING: "The station starts",
            Step.CHARGING: "Charging",
            Step.DONE: "Charged",
            Step.FAILED: "It did not start",
        },
        to_payment="Continue to the payment",
        paying_why="The payment provider's page takes your card. Afterwards you come back here.",
        cancel="Cancel",
        plug_in="Plug in your car now.",
        starting_why="This takes a few seconds once the cable is in. The page looks by itself.",
        charging_begins="Your car is connected; charging is about to begin.",
        stop="Stop charging",
        stopping="The station has been asked to stop.",
        energy="Energy",
        power="Power",
        duration="Duration",
        cost="Cost so far",
        ended="The charge has ended. You may unplug.",
        settling="Your bill is being made.",
        paid="Paid",
        receipt="Receipt (PDF)",
        troubles={
            Trouble.CANCELLED: "You cancelled before the start.",
            Trouble.DECLINED: "The payment was declined or took too long.",
            Trouble.REFUSED: "The station refused to start. Try another plug.",
            Trouble.UNREACHED: "The station could not be reached. Try another plug.",
            Trouble.NOT_STARTED: "No car was plugged in within three minutes. Plug in first, then start again.",
        },
        nothing_taken="No money was taken; what was held has been let go.",
        again="Begin again",
        lost="This page cannot be found",
        lost_why="Open the page from which you paid once more, or scan the code on the plug again.",
        wrong_code="There is no plug with this number. It stands on the sticker, beneath the code.",
        keep="Keep this page: its address is the only key to your charge.",
    ),
    "de": Words(
        language="de",
        other_language="en",
        other_name="English",
        plug="Ladepunkt",
        states={
            "available": "Frei",
            "occupied": "Belegt",
            "reserved": "Reserviert",
            "unavailable": "Außer Betrieb",
            "faulted": "Gestört",
            "offline": "Nicht erreichbar",
        },
        price="Preis",
        per_kwh="je kWh",
        per_minute="je Minute",
        per_minute_idle="je Minute, wenn das Auto nach dem Laden stehen bleibt",
        per_session="einmalig je Ladevorgang",
        then="Ab {at}: {price} je kWh",
        taxes_inside="Alle Preise mit Steuern.",
        price_holds="Der Preis, den Sie jetzt sehen, gilt für Ihren ganzen Ladevorgang.",
        free="Kostenlos",
        free_why="{reason} schenkt Ihnen hier das Laden.",
        no_price="Ohne Konto kann hier noch niemand bezahlen. Nutzen Sie die App oder eine Ladekarte.",
        no_cards="Dieses Netz nimmt keine Karten von Gästen. Nutzen Sie die App oder eine Ladekarte.",
        how=(
            "Stecken Sie Ihr Auto ein.",
            "Zahlen Sie mit Karte; abgebucht wird nur, was Sie laden.",
            "Die Station beginnt von selbst.",
        ),
        how_free=("Stecken Sie Ihr Auto ein.", "Drücken Sie auf Start.", "Die Station beginnt von selbst."),
        hold="{amount} werden jetzt auf Ihrer Karte reserviert. Was Sie nicht brauchen, wird am Ende freigegeben.",
        email="E-Mail für den Beleg",
        email_why="Nicht nötig. Den Beleg gibt es auch auf dieser Seite.",
        begin="Ohne Konto laden",
        pay="Bezahlen und starten",
        start_free="Starten",
        app="App öffnen",
        call="Anrufen: {phone}",
        back_to_charge="Ihr Ladevorgang",
        cannot_now="Hier kann gerade niemand laden",
        cannot_now_why="Nehmen Sie einen anderen Ladepunkt, oder sehen Sie gleich noch einmal nach.",
        steps={
            Step.SHOWN: "Bereit, wenn Sie es sind",
            Step.HOLDING: "Wir warten auf Ihre Zahlung",
            Step.HELD: "Bezahlt, die Station wird gefragt",
            Step.STARTING: "Die Station startet",
            Step.CHARGING: "Lädt",
            Step.DONE: "Geladen",
            Step.FAILED: "Es ging nicht los",
        },
        to_payment="Weiter zur Zahlung",
        paying_why="Die Seite des Zahlungsanbieters nimmt Ihre Karte entgegen. Danach kommen Sie hierher zurück.",
        cancel="Abbrechen",
        plug_in="Stecken Sie jetzt Ihr Auto ein.",
        starting_why="Das dauert wenige Sekunden, sobald das Kabel steckt. Die Seite sieht selbst nach.",
        charging_begins="Ihr Auto ist verbunden; das Laden beginnt gleich.",
        stop="Laden beenden",
        stopping="Die Station wurde gebeten aufzuhören.",
        energy="Energie",
        power="Leistung",
        duration="Dauer",
        cost="Kosten bisher",
        ended="Der Ladevorgang ist beendet. Sie können ausstecken.",
        settling="Ihre Rechnung wird erstellt.",
        paid="Bezahlt",
        receipt="Beleg (PDF)",
        troubles={
            Trouble.CANCELLED: "Sie haben vor dem Start abgebrochen.",
            Trouble.DECLINED: "Die Zahlung wurde abgelehnt oder dauerte zu lange.",
            Trouble.REFUSED: "Die Station wollte nicht starten. Nehmen Sie einen anderen Ladepunkt.",
            Trouble.UNREACHED: "Die Station war nicht erreichbar. Nehmen Sie einen anderen Ladepunkt.",
            Trouble.NOT_STARTED: "In drei Minuten wurde kein Auto eingesteckt. Erst einstecken, dann neu starten.",
        },
        nothing_taken="Es wurde nichts abgebucht; was reserviert war, ist freigegeben.",
        again="Neu beginnen",
        lost="Diese Seite gibt es nicht",
        lost_why="Öffnen Sie die Seite, von der aus Sie bezahlt haben, oder scannen Sie den Code noch einmal.",
        wrong_code="Es gibt keinen Ladepunkt mit dieser Nummer. Sie steht auf dem Aufkleber, unter dem Code.",
        keep="Behalten Sie diese Seite: Ihre Adresse ist der einzige Schlüssel zu Ihrem Ladevorgang.",
    ),
}


def language_of(asked: str | None, header: str | None) -> str:
    """The language somebody asked for, else the first of their browser's that we speak, else English."""
    wished = [asked or "", *(part.split(";")[0].strip() for part in (header or "").split(","))]
    return next((one for tag in wished for one in (tag[:2].lower(),) if one in WORDS), "en")


def money(amount: Decimal, currency: str, language: str) -> str:
    """``€0.49``; below ten cents with the digits it needs: ``€0.005``."""
    if amount and abs(amount) < SMALL_PRICE:
        return str(format_currency(amount, currency, "¤#,##0.00###" if language == "en" else "#,##0.00### ¤", language, currency_digits=False))  # fmt: skip
    return str(format_currency(amount, currency, locale=language))


def kilowatt_hours(watt_hours: float, language: str) -> str:
    return f"{format_decimal(watt_hours / 1000, '0.00', locale=language)} kWh"


def kilowatts(watts: float, language: str) -> str:
    return f"{format_decimal(watts / 1000, '0.0', locale=language)} kW"


def lasting(span: timedelta) -> str:
    """``1 h 5 min``."""
    return " ".join(_parts(max(int(span.total_seconds()), 0) // 60))


def _parts(minutes: int) -> Iterator[str]:
    if minutes >= 60:
        yield f"{minutes // 60} h"
    yield f"{minutes % 60} min"


def time_at(at: datetime, time_zone: str, language: str) -> str:
    return str(format_time(at, "short", tzinfo=ZoneInfo(time_zone), locale=language))
