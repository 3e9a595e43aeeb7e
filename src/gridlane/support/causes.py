"""Why a charge did not start, or gave nothing: a table of causes, each with what tells it and its plain words.

The first row that fits is the cause. A row reads only what was stored (``Attempt``) and the time, so the driver and the
agent are told the same, and any answer can be worked out again later.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from gridlane.billing.checkout import Trouble
from gridlane.support.attempt import Attempt

PATIENCE = timedelta(minutes=2)
"""A session without energy is only said to be held up after so long."""


class Side(StrEnum):
    """Who can mend it."""

    NOBODY = "nobody"  # it works, or is still under way
    DRIVER = "driver"
    CAR = "car"
    STATION = "station"
    NETWORK = "network"  # we: prices, cards, power, connections
    PAYMENT = "payment"


class Said(NamedTuple):
    """What happened, and what to do."""

    what: str
    advice: str


class Cause(NamedTuple):
    code: str
    side: Side
    fits: Callable[[Attempt, datetime], bool]
    en: Said
    de: Said

    def said(self, language: str) -> Said:
        return self.de if language == "de" else self.en


def cause_of(attempt: Attempt, now: datetime) -> Cause:
    """The first cause that fits; there is always one."""
    return next(cause for cause in CAUSES if cause.fits(attempt, now))


# --- what tells a cause ------------------------------------------------------------------------------------------

Fits = Callable[[Attempt, datetime], bool]


def _trouble(*known: Trouble) -> Fits:
    return lambda it, _now: it.trouble in known and it.charged is None


def _refused_by(reason: str) -> Fits:
    return lambda it, _now: it.refusal is not None and it.refusal.reason == reason and not it.has_energy


def _operation(*statuses: str) -> Fits:
    return lambda it, _now: it.asked is not None and it.charged is None and it.asked.status in statuses


def _plug(*states: str) -> Fits:
    """The plug stood so when it was tried, and nothing came of it."""

    def fits(it: Attempt, _now: datetime) -> bool:
        stood = it.stood_at(it.at)
        return it.charged is None and stood is not None and stood.state in states

    return fits


def _ended(*reasons: str) -> Fits:
    """The session gave nothing and ended for one of these reasons (of OCPP 1.6 and 2.x)."""

    def fits(it: Attempt, _now: datetime) -> bool:
        ended = it.charged is not None and it.charged.ended_at is not None and not it.has_energy
        return ended and it.charged is not None and it.charged.stop_reason in reasons

    return fits


def _waits_in(*states: str | None) -> Fits:
    """The session runs, has given nothing for a while, and the station says why."""

    def fits(it: Attempt, now: datetime) -> bool:
        one = it.charged
        open_ = one is not None and one.ended_at is None and not it.has_energy
        return open_ and one is not None and one.charging_state in states and now - one.started_at >= PATIENCE

    return fits


def _suspended_by(*states: str) -> Fits:
    """The session ended without energy, and the last the station told of it was this."""

    def fits(it: Attempt, _now: datetime) -> bool:
        if it.charged is None or it.has_energy:
            return False
        said = [one.charging_state for one in it.told if one.charging_state is not None]
        return any(state in states for state in said)

    return fits


def _under_way(it: Attempt, now: datetime) -> bool:
    if it.charged is not None:
        return it.charged.ended_at is None and now - it.charged.started_at < PATIENCE
    return it.asked is not None and now <= it.asked.expires_at and it.asked.status in _OPEN


def _never_plugged_in(it: Attempt, now: datetime) -> bool:
    if it.charged is not None or it.asked is None:
        return False
    agreed = it.asked.status in ("agreed", "unverified", "verified")
    return (agreed and now > it.asked.expires_at) or it.trouble == Trouble.NOT_STARTED


def _lost(it: Attempt, _now: datetime) -> bool:
    return it.charged is not None and it.charged.is_presumed_over and not it.has_energy


def _told_late(it: Attempt, _now: datetime) -> bool:
    return it.charged is not None and not it.has_energy and any(one.offline for one in it.told)


_OPEN = (None, "queued", "sent", "agreed")

CAUSES: tuple[Cause, ...] = (
    Cause(
        "charged", Side.NOBODY, lambda it, _now: it.has_energy,
        Said("The charge started and gave energy.", "There is nothing to do."),
        Said("Der Ladevorgang hat begonnen und Energie geliefert.", "Es ist nichts zu tun."),
    ),
    Cause(
        "cancelled", Side.DRIVER, _trouble(Trouble.CANCELLED),
        Said("It was cancelled before the start.", "Begin again whenever you like; nothing was charged."),
        Said("Vor dem Start wurde abgebrochen.", "Beginnen Sie neu, wann Sie möchten; es wurde nichts berechnet."),
    ),
    Cause(
        "payment_declined", Side.PAYMENT, _trouble(Trouble.DECLINED),
        Said("The payment was declined by the bank or not confirmed.", "Try another card, or ask your bank."),
        Said("Die Bank hat die Zahlung abgelehnt, oder sie wurde nicht bestätigt.", "Versuchen Sie eine andere Karte, oder fragen Sie Ihre Bank."),
    ),
    Cause(
        "token_blocked", Side.NETWORK, _refused_by("the token is blocked"),
        Said("The card or app is blocked.", "Contact us; blocking is lifted by a person."),
        Said("Die Karte oder App ist gesperrt.", "Melden Sie sich bei uns; entsperren kann nur ein Mensch."),
    ),
    Cause(
        "token_not_yet_valid", Side.NETWORK, _refused_by("the token is not valid yet"),
        Said("The card is not valid yet.", "Use the app, or wait for the day the card begins."),
        Said("Die Karte gilt noch nicht.", "Nutzen Sie die App, oder warten Sie bis zum ersten Gültigkeitstag."),
    ),
    Cause(
        "token_expired", Side.NETWORK, _refused_by("the token has expired"),
        Said("The card has expired.", "Order a new one in the app; until then charge with the app."),
        Said("Die Karte ist abgelaufen.", "Bestellen Sie in der App eine neue; laden Sie bis dahin mit der App."),
    ),
    Cause(
        "token_unknown", Side.DRIVER, _refused_by("nobody knows the token"),
        Said("The card is not known here.", "Link it in the app, use another card, or pay by the code on the plug."),
        Said("Die Karte ist hier nicht bekannt.", "Verknüpfen Sie sie in der App, nehmen Sie eine andere, oder zahlen Sie über den Code am Ladepunkt."),
    ),
    Cause(
        "token_not_here", Side.NETWORK, _refused_by("the token is not meant for this place"),
        Said("The card is not meant for this place.", "Charge here with the app or by the code on the plug."),
        Said("Die Karte gilt an diesem Ort nicht.", "Laden Sie hier mit der App oder über den Code am Ladepunkt."),
    ),
    Cause(
        "master_pass", Side.DRIVER, _refused_by("a master pass starts no session"),
        Said("This card only stops charges.", "Use the card that belongs to the driver."),
        Said("Diese Karte beendet nur Ladevorgänge.", "Nehmen Sie die Karte des Fahrers."),
    ),
    Cause(
        "reserved", Side.NOBODY, _refused_by("the EVSE is reserved for somebody else"),
        Said("The plug is reserved for somebody else.", "Take another plug, or join the queue."),
        Said("Der Ladepunkt ist für jemand anderen reserviert.", "Nehmen Sie einen anderen, oder stellen Sie sich an."),
    ),
    Cause(
        "charging_elsewhere", Side.DRIVER, _refused_by("the token is charging elsewhere"),
        Said("The same card or account is charging elsewhere.", "End the other charge first."),
        Said("Mit derselben Karte oder demselben Konto wird schon geladen.", "Beenden Sie zuerst den anderen Ladevorgang."),
    ),
    Cause(
        "no_credit", Side.PAYMENT, _refused_by("the budget or credit is used up"),
        Said("The budget is used up, or a bill is not paid yet.", "Top up or pay in the app; then it works at once."),
        Said("Das Budget ist aufgebraucht, oder eine Rechnung ist noch offen.", "Laden Sie in der App auf oder bezahlen Sie; danach geht es sofort."),
    ),
    Cause(
        "token_refused", Side.NETWORK,
        lambda it, _now: (it.refusal is not None or (it.charged is not None and it.charged.refused)) and not it.has_energy,
        Said("The card or account may not charge here.", "Contact us and name the place and time."),
        Said("Mit dieser Karte oder diesem Konto darf hier nicht geladen werden.", "Melden Sie sich bei uns mit Ort und Uhrzeit."),
    ),
    Cause(
        "station_offline", Side.NETWORK, _plug("offline"),
        Said("The station had lost its connection to us.", "Take another plug; we see that it is away and look after it."),
        Said("Die Station hatte keine Verbindung zu uns.", "Nehmen Sie einen anderen Ladepunkt; wir sehen das und kümmern uns."),
    ),
    Cause(
        "plug_faulted", Side.STATION, _plug("faulted"),
        Said("The plug reported a fault.", "Take another plug; this one is reported for repair."),
        Said("Der Ladepunkt hat eine Störung gemeldet.", "Nehmen Sie einen anderen; dieser ist zur Reparatur gemeldet."),
    ),
    Cause(
        "out_of_service", Side.NETWORK, _plug("unavailable"),
        Said("The plug is out of service for maintenance.", "Take another plug; the app shows which are free."),
        Said("Der Ladepunkt ist wegen Wartung außer Betrieb.", "Nehmen Sie einen anderen; die App zeigt, welche frei sind."),
    ),
    Cause(
        "never_sent", Side.NETWORK, _operation("expired", "cancelled"),
        Said("The station could not be reached in time, so it was never asked to start.", "Try again, or take another plug."),
        Said("Die Station war nicht rechtzeitig erreichbar und wurde nie zum Start aufgefordert.", "Versuchen Sie es noch einmal, oder nehmen Sie einen anderen Ladepunkt."),
    ),
    Cause(
        "station_silent", Side.STATION, _operation("timed_out"),
        Said("The station was asked and did not answer.", "Take another plug; a restart often helps this one, and we can do it."),
        Said("Die Station wurde gefragt und hat nicht geantwortet.", "Nehmen Sie einen anderen Ladepunkt; oft hilft ein Neustart, den wir auslösen können."),
    ),
    Cause(
        "link_broke", Side.NETWORK, _operation("unknown"),
        Said("The connection broke just as the station was asked.", "Look whether it charges; if not, try again."),
        Said("Die Verbindung brach ab, als die Station gefragt wurde.", "Sehen Sie nach, ob geladen wird; wenn nicht, versuchen Sie es noch einmal."),
    ),
    Cause(
        "station_refused", Side.STATION, _operation("refused"),
        Said("The station refused to start.", "Pull the plug out, plug it in again and retry, or take another plug."),
        Said("Die Station hat den Start abgelehnt.", "Ziehen Sie den Stecker, stecken Sie neu ein, oder nehmen Sie einen anderen Ladepunkt."),
    ),
    Cause(
        "station_failed", Side.STATION, _operation("failed", "unsupported"),
        Said("The station answered with an error.", "Take another plug; we see the error and look after it."),
        Said("Die Station hat mit einem Fehler geantwortet.", "Nehmen Sie einen anderen Ladepunkt; wir sehen den Fehler und kümmern uns."),
    ),
    Cause(
        "under_way", Side.NOBODY, _under_way,
        Said("The start is still under way.", "Plug in if you have not; it takes a few seconds."),
        Said("Der Start läuft noch.", "Stecken Sie ein, falls noch nicht geschehen; es dauert wenige Sekunden."),
    ),
    Cause(
        "not_plugged_in", Side.DRIVER, _never_plugged_in,
        Said("The station was ready, but no car was plugged in within three minutes.", "Plug in first, push until it clicks, then start again."),
        Said("Die Station war bereit, aber in drei Minuten wurde kein Auto eingesteckt.", "Stecken Sie zuerst ein, bis es klickt, und starten Sie dann neu."),
    ),
    Cause(
        "emergency_stop", Side.STATION, _ended("EmergencyStop"),
        Said("The emergency stop was pressed.", "Release the red button if all is well, then start again."),
        Said("Der Not-Aus wurde gedrückt.", "Lösen Sie den roten Knopf, wenn alles in Ordnung ist, und starten Sie neu."),
    ),
    Cause(
        "electrical_fault", Side.STATION, _ended("GroundFault", "OvercurrentFault", "PowerQuality"),
        Said("The station switched off for safety (an electrical fault).", "Try another plug; if it happens there too, have the car and cable checked."),
        Said("Die Station hat zur Sicherheit abgeschaltet (elektrischer Fehler).", "Versuchen Sie einen anderen Ladepunkt; geschieht es wieder, lassen Sie Auto und Kabel prüfen."),
    ),
    Cause(
        "power_cut", Side.NETWORK, _ended("PowerLoss"),
        Said("The station lost its power.", "Take another plug, or wait until the power is back."),
        Said("Die Station hatte keinen Strom.", "Nehmen Sie einen anderen Ladepunkt, oder warten Sie, bis der Strom zurück ist."),
    ),
    Cause(
        "station_restarted", Side.STATION, _ended("Reboot", "HardReset", "SoftReset", "ImmediateReset"),
        Said("The station restarted before any energy came.", "Start again; it should work now."),
        Said("Die Station startete neu, bevor Energie floss.", "Starten Sie noch einmal; jetzt sollte es gehen."),
    ),
    Cause(
        "car_paused", Side.CAR, _waits_in("SuspendedEV"),
        Said("The car is connected and takes no energy.", "See whether the car waits for a timer, is full, or has a charge limit set."),
        Said("Das Auto ist verbunden und nimmt keine Energie.", "Sehen Sie nach, ob im Auto ein Zeitplan, ein Ladelimit oder ein voller Akku der Grund ist."),
    ),
    Cause(
        "station_paused", Side.NETWORK, _waits_in("SuspendedEVSE"),
        Said("The station gives no power at the moment: there is not enough for every car.", "It starts by itself as soon as there is; you need not do anything."),
        Said("Die Station gibt gerade keine Leistung: Es reicht nicht für alle Autos.", "Sie beginnt von selbst, sobald es geht; Sie müssen nichts tun."),
    ),
    Cause(
        "no_cable", Side.DRIVER, _waits_in("Idle"),
        Said("The station waits for the cable.", "Plug in your car, and push until it clicks."),
        Said("Die Station wartet auf das Kabel.", "Stecken Sie Ihr Auto ein, bis es klickt."),
    ),
    Cause(
        "no_agreement", Side.CAR, _waits_in("EVConnected", "Charging", None),
        Said("The car is connected, but car and station have not begun.", "Unlock the car, pull the plug, plug it in again; or take another plug."),
        Said("Das Auto ist verbunden, aber Auto und Station haben nicht begonnen.", "Entriegeln Sie das Auto, ziehen Sie den Stecker und stecken Sie neu ein; oder nehmen Sie einen anderen Ladepunkt."),
    ),
    Cause(
        "car_took_nothing", Side.CAR, _suspended_by("SuspendedEV"),
        Said("The car took no energy before the charge ended.", "See whether the car waits for a timer, is full, or has a charge limit set."),
        Said("Das Auto nahm bis zum Ende keine Energie.", "Sehen Sie nach, ob im Auto ein Zeitplan, ein Ladelimit oder ein voller Akku der Grund war."),
    ),
    Cause(
        "no_power_given", Side.NETWORK, _suspended_by("SuspendedEVSE"),
        Said("The station could give no power before the charge ended.", "Nothing is charged for it; try again when fewer cars are there."),
        Said("Die Station konnte bis zum Ende keine Leistung geben.", "Dafür wird nichts berechnet; versuchen Sie es, wenn weniger Autos da sind."),
    ),
    Cause(
        "cable_pulled", Side.DRIVER, _ended("EVDisconnected"),
        Said("The cable was pulled before any energy came.", "Plug in, push until it clicks, wait for the car's sign, then leave it in."),
        Said("Das Kabel wurde gezogen, bevor Energie floss.", "Stecken Sie ein, bis es klickt, warten Sie auf das Zeichen des Autos und lassen Sie es stecken."),
    ),
    Cause(
        "car_timed_out", Side.CAR, _ended("Timeout"),
        Said("Car and station did not agree in time.", "Unlock the car, plug in again and retry; or take another plug."),
        Said("Auto und Station wurden sich nicht rechtzeitig einig.", "Entriegeln Sie das Auto und stecken Sie neu ein; oder nehmen Sie einen anderen Ladepunkt."),
    ),
    Cause(
        "stopped_for_card", Side.NETWORK, _ended("DeAuthorized", "SOCLimitReached", "EnergyLimitReached", "TimeLimitReached", "CostLimitReached", "NotEnoughCredit"),
        Said("The charge was ended by a limit, or because the card was no longer let in.", "Raise the limit, or charge with the app or by the code on the plug."),
        Said("Der Ladevorgang endete durch eine Grenze, oder die Karte war nicht mehr zugelassen.", "Erhöhen Sie die Grenze, oder laden Sie mit der App oder über den Code am Ladepunkt."),
    ),
    Cause(
        "stopped_remotely", Side.NETWORK, _ended("Remote"),
        Said("The charge was stopped from afar before any energy came.", "If that was not you, contact us."),
        Said("Der Ladevorgang wurde aus der Ferne beendet, bevor Energie floss.", "Waren das nicht Sie, melden Sie sich bei uns."),
    ),
    Cause(
        "stopped_here", Side.DRIVER, _ended("Local", "StoppedByEV"),
        Said("The charge was stopped at the station or by the car before any energy came.", "Start again and leave it to run."),
        Said("Der Ladevorgang wurde an der Station oder vom Auto beendet, bevor Energie floss.", "Starten Sie neu und lassen Sie ihn laufen."),
    ),
    Cause(
        "told_late", Side.NETWORK, _told_late,
        Said("The station was without a connection and told us of it only later.", "Nothing is charged for it; try again."),
        Said("Die Station war ohne Verbindung und hat uns erst später davon berichtet.", "Dafür wird nichts berechnet; versuchen Sie es noch einmal."),
    ),
    Cause(
        "lost_track", Side.STATION, _lost,
        Said("The station began and was not heard of again.", "Nothing is charged without energy; try another plug."),
        Said("Die Station begann und meldete sich nicht mehr.", "Ohne Energie wird nichts berechnet; versuchen Sie einen anderen Ladepunkt."),
    ),
    Cause(
        "unclear", Side.STATION, lambda _it, _now: True,
        Said("It is not clear from what was reported.", "Contact us; we look at the station's messages."),
        Said("Aus dem Gemeldeten wird es nicht klar.", "Melden Sie sich bei uns; wir sehen uns die Nachrichten der Station an."),
    ),
)  # fmt: skip
"""In this order; the first that fits is the cause."""
