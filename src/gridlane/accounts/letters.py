"""What the mails about accounts say, in the languages of the screens: one table of words, one look."""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple


class Letter(NamedTuple):
    """A mail's content; ``text`` says the same as ``html``."""

    subject: str
    text: str
    html: str


class Words(NamedTuple):
    subject: str
    lines: tuple[str, ...]
    button: str = ""
    last: str = ""


WORDS: Mapping[str, Mapping[str, Words]] = {
    "sign_up": {
        "en": Words(
            "Your account at {organization}",
            ("Hello {name},", "this link proves your address and lets you choose a password. It works once, for 24 hours."),
            "Finish signing up",
            "You did not ask for an account? Then leave this mail alone; nothing happens without you.",
        ),
        "de": Words(
            "Ihr Konto bei {organization}",
            ("Hallo {name},", "dieser Link bestätigt Ihre Adresse, danach wählen Sie ein Passwort. Er gilt einmal und 24 Stunden lang."),
            "Anmeldung abschließen",
            "Sie haben kein Konto gewünscht? Dann lassen Sie diese Mail liegen; ohne Sie geschieht nichts.",
        ),
    },
    "known": {
        "en": Words(
            "You have an account at {organization} already",
            ("Hello {name},", "somebody asked for an account with this address. There is one already: sign in with it."),
            "Sign in",
            "Password forgotten? The sign-in page helps. If it was not you who asked, nothing has changed.",
        ),
        "de": Words(
            "Sie haben schon ein Konto bei {organization}",
            ("Hallo {name},", "jemand wollte ein Konto mit dieser Adresse anlegen. Es gibt schon eines: Melden Sie sich damit an."),
            "Anmelden",
            "Passwort vergessen? Die Anmeldeseite hilft. Wenn Sie es nicht waren, hat sich nichts geändert.",
        ),
    },
    "reset_password": {
        "en": Words(
            "Choose a new password",
            ("Hello {name},", "this link lets you choose a new password. It works once, for one hour."),
            "Choose a password",
            "It was not you? Then leave this mail alone; your password stays as it is.",
        ),
        "de": Words(
            "Neues Passwort wählen",
            ("Hallo {name},", "mit diesem Link wählen Sie ein neues Passwort. Er gilt einmal und eine Stunde lang."),
            "Passwort wählen",
            "Sie waren das nicht? Dann lassen Sie diese Mail liegen; Ihr Passwort bleibt, wie es ist.",
        ),
    },
    "invite": {
        "en": Words(
            "{inviter} invites you to {organization}",
            ("Hello {name},", "{inviter} invites you to {organization} as {role}. The link works once, for seven days."),
            "Accept",
            "You do not know what this is about? Then leave this mail alone.",
        ),
        "de": Words(
            "{inviter} lädt Sie zu {organization} ein",
            ("Hallo {name},", "{inviter} lädt Sie zu {organization} ein, als {role}. Der Link gilt einmal und sieben Tage lang."),
            "Annehmen",
            "Sie wissen nicht, worum es geht? Dann lassen Sie diese Mail liegen.",
        ),
    },
    "fleet_invoice": {
        "en": Words(
            "Invoice {number} for {fleet}: {amount}",
            ("Hello {name},", "the invoice {number} of {organization} for {sessions} charges of {fleet} is ready: {amount}, payable by {due}."),
            "See the invoice",
            "The invoice with every charge by vehicle and driver is on the fleet's page.",
        ),
        "de": Words(
            "Rechnung {number} für {fleet}: {amount}",
            ("Hallo {name},", "die Rechnung {number} von {organization} über {sessions} Ladevorgänge von {fleet} liegt bereit: {amount}, zahlbar bis {due}."),
            "Rechnung ansehen",
            "Die Rechnung mit jedem Ladevorgang nach Fahrzeug und Person liegt auf der Seite der Flotte.",
        ),
    },
    "fleet_reminder": {
        "en": Words(
            "Reminder: invoice {number} is overdue",
            ("Hello {name},", "of the invoice {number} of {organization} for {fleet}, {amount} is still open; it was payable by {due}."),
            "See the invoice",
            "Has your transfer crossed this mail? Then there is nothing left to do.",
        ),
        "de": Words(
            "Erinnerung: Rechnung {number} ist überfällig",
            ("Hallo {name},", "von der Rechnung {number} von {organization} für {fleet} sind {amount} noch offen; zahlbar war sie bis {due}."),
            "Rechnung ansehen",
            "Hat sich Ihre Überweisung mit dieser Mail gekreuzt? Dann ist nichts weiter zu tun.",
        ),
    },
    "security": {
        "en": Words(
            "The security of your account has changed",
            ("Hello {name},", "{what} This happened on {when}."),
            "See what is active",
            "It was not you? Choose a new password at once, and end all sessions.",
        ),
        "de": Words(
            "Die Sicherheit Ihres Kontos hat sich geändert",
            ("Hallo {name},", "{what} Das geschah am {when}."),
            "Nachsehen, was aktiv ist",
            "Sie waren das nicht? Wählen Sie sofort ein neues Passwort, und beenden Sie alle Sitzungen.",
        ),
    },
}  # fmt: skip
"""What a mail is about -> language -> its words."""

ROLE_NAMES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "owner": "owner", "operator": "operator", "technician": "technician", "support": "support",
        "finance": "finance", "fleet_manager": "fleet manager", "driver": "driver",
    },
    "de": {
        "owner": "Inhaber", "operator": "Betrieb", "technician": "Technik", "support": "Kundendienst",
        "finance": "Finanzen", "fleet_manager": "Flottenleitung", "driver": "Fahrer",
    },
}  # fmt: skip

CHANGES: Mapping[str, Mapping[str, str]] = {
    "password": {"en": "Your password was changed.", "de": "Ihr Passwort wurde geändert."},
    "passkey_added": {"en": "A passkey was added.", "de": "Ein Passkey wurde hinzugefügt."},
    "passkey_removed": {"en": "A passkey was removed.", "de": "Ein Passkey wurde entfernt."},
    "totp_on": {
        "en": "Codes of an authenticator app are asked for now.",
        "de": "Codes einer Authenticator-App werden jetzt abgefragt.",
    },
    "totp_off": {
        "en": "Codes of an authenticator app are no longer asked for.",
        "de": "Codes einer Authenticator-App werden nicht mehr abgefragt.",
    },
    "recovery_code": {
        "en": "A recovery code was used to sign in.",
        "de": "Ein Wiederherstellungscode wurde zum Anmelden benutzt.",
    },
}
"""What ``security`` tells of."""


def compose(about: str, language: str, url: str, **gaps: str) -> Letter:
    """The mail about ``about``; its button leads to ``url``. An unknown language is English."""
    words = WORDS[about].get(language, WORDS[about]["en"])
    plain = {name: " ".join(text.split()) for name, text in gaps.items()}
    greeting, *lines = (line.format(**plain) for line in words.lines)
    greeting = greeting.replace(" ,", ",")  # nobody said a name
    subject = words.subject.format(**plain)
    text = "\n\n".join([greeting, *lines, f"{words.button}: {url}", words.last])
    return Letter(subject, text + "\n", _page(subject, [greeting, *lines], words, url))


def _page(subject: str, lines: list[str], words: Words, url: str) -> str:
    paragraphs = "".join(f'<p style="margin:0 0 16px">{escape(line)}</p>' for line in lines)
    return f"""<!doctype html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(subject)}</title>
</head><body style="margin:0;padding:24px;background:#f4f6f5;color:#14201b;
font:16px/1.5 -apple-system,'Segoe UI',Roboto,sans-serif">
<div style="max-width:520px;margin:0 auto;padding:32px;background:#fff;border:1px solid #dfe5e2;border-radius:14px">
{paragraphs}<p style="margin:24px 0"><a href="{escape(url)}" style="display:inline-block;padding:12px 22px;
background:#0b7a5c;color:#fff;border-radius:9px;font-weight:600;text-decoration:none">{escape(words.button)}</a></p>
<p style="margin:0;color:#5c6a64;font-size:14px">{escape(words.last)}</p>
<p style="margin:16px 0 0;color:#5c6a64;font-size:12px;word-break:break-all">{escape(url)}</p>
</div></body></html>
"""
