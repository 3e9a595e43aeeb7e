"""What accounts do by themselves: mails and archives, and what is over is forgotten."""

from collections.abc import Sequence

from gridlane.accounts import attempts, mail, privacy, signing_in
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.facts import Recorded
from gridlane.kernel.jobs import Job
from gridlane.kernel.personal import Share
from gridlane.kernel.settings import Settings


class Upkeep:
    """The work of the worker role for this package."""

    def __init__(self, database: Database, settings: Settings, shares: Sequence[Share] = ()) -> None:
        self._database = database
        self._settings = settings
        self._shares = shares

    def jobs(self) -> list[Job]:
        """What comes round (five fields of cron, UTC)."""
        return [
            Job("accounts.send_mails", self.send_mails, cron="*/10 * * * *"),
            Job("accounts.forget_signing_in", self.forget_signing_in, cron="35 * * * *"),
        ]

    async def send_mail(self, recorded: Recorded) -> None:
        """Hears of ``MailWritten``."""
        assert isinstance(recorded.fact, mail.MailWritten)
        await mail.send(self._database, self._settings, recorded.fact.mail_id)

    async def make_archive(self, recorded: Recorded) -> None:
        """Hears of ``ArchiveAsked``."""
        assert isinstance(recorded.fact, privacy.ArchiveAsked)
        await privacy.make(self._database, self._shares, recorded.fact.person_id)

    async def send_mails(self) -> None:
        await mail.send_waiting(self._database, self._settings, system_clock())

    async def forget_signing_in(self) -> None:
        now = system_clock()
        await attempts.forget(self._database, now)
        await signing_in.forget_ended(self._database, now)
        await mail.forget_texts(self._database, now)
        await privacy.forget_archives(self._database)
