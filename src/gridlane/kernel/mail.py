"""One mail over SMTP, now. Who wants it kept and tried again keeps it and comes again."""

from datetime import datetime
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from gridlane.kernel.settings import Settings

SECONDS = 30


class MailFailed(Exception):
    """The mail server did not take it; says why."""


async def send(settings: Settings, recipient: str, subject: str, text: str, at: datetime) -> None:
    """Hand a mail to the mail server of the settings. Raises MailFailed.

    ``smtps://`` speaks TLS from the start, ``smtp://`` from STARTTLS on where the server offers it; a password never
    leaves this machine without TLS.
    """
    import aiosmtplib

    if settings.mail_url is None:
        raise MailFailed("there is no mail server (GRIDLANE_MAIL_URL)")
    url = urlsplit(settings.mail_url)
    implicit = url.scheme == "smtps"
    here = url.hostname in ("localhost", "127.0.0.1", "::1")
    try:
        await aiosmtplib.send(
            _message(settings, recipient, subject, text, at),
            hostname=url.hostname,
            port=url.port or (465 if implicit else 587),
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=implicit,
            start_tls=False if implicit else (True if url.password and not here else None),
            timeout=SECONDS,
        )
    except (aiosmtplib.SMTPException, OSError) as trouble:
        raise MailFailed(str(trouble) or type(trouble).__name__) from None


def _message(settings: Settings, recipient: str, subject: str, text: str, at: datetime) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, recipient, _one_line(subject)
    message["Date"] = formatdate(at.timestamp())
    message["Message-ID"] = make_msgid(domain=urlsplit(settings.address()).hostname or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


def _one_line(text: str) -> str:
    """A header is one line, whatever a station's name may hold."""
    return " ".join(text.split())
