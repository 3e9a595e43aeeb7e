"""What went wrong is noticed before the driver complains: nothing is billed for it, and the driver is told why.

A charge without energy costs nothing (``billing.rating``); here its payment is let go at once, what was taken all the
same goes back, and where the fault was not the driver's a case is opened, already solved, for the helpers to count.
"""

from collections.abc import Awaitable, Callable
from html import escape
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
import structlog

from gridlane.accounts import inbox, mail
from gridlane.accounts.inbox import inbox_messages
from gridlane.accounts.letters import Letter
from gridlane.accounts.people import people
from gridlane.billing.crediting import NothingBilled, refund_session
from gridlane.billing.invoicing import NothingToCredit
from gridlane.billing.model import payments
from gridlane.billing.parts import Parts
from gridlane.billing.port import ProviderUnavailable
from gridlane.charging.ending import SessionEnded
from gridlane.charging.model import start_requests
from gridlane.kernel.access import system
from gridlane.kernel.clock import Clock
from gridlane.kernel.database import Database
from gridlane.kernel.facts import Fact, Recorded
from gridlane.stations.operations import OperationEnded
from gridlane.support import cases, notices
from gridlane.support.attempt import Attempt
from gridlane.support.causes import Cause, Side, cause_of
from gridlane.support.evidence import AttemptUnknown, attempt_of

log = structlog.get_logger(__name__)

_FAILED = ("refused", "failed", "unsupported", "timed_out", "expired")
OURS = (Side.STATION, Side.NETWORK, Side.PAYMENT)
"""The sides for which a case is opened by itself."""


class Consequences:
    """The handlers, with the parts they need. All of them may run twice."""

    def __init__(self, database: Database, parts: Parts, clock: Clock) -> None:
        self._database = database
        self._parts = parts
        self._clock = clock

    async def session_ended(self, recorded: Recorded) -> None:
        """A charge is over, by the station's own word, and gave nothing."""
        fact, organization_id = recorded.fact, recorded.organization_id
        assert isinstance(fact, SessionEnded)
        if organization_id is None or fact.energy > 0 or fact.presumed or fact.held:
            return
        await self._parts.settlement.settle(organization_id, fact.session_id)
        given_back = await self._give_back(organization_id, fact.session_id)
        await self._notice(organization_id, fact.session_id, given_back=given_back)

    async def operation_ended(self, recorded: Recorded) -> None:
        """A station that was asked to start did not."""
        fact, organization_id = recorded.fact, recorded.organization_id
        assert isinstance(fact, OperationEnded)
        if organization_id is None or fact.kind != "start_charging" or fact.status not in _FAILED:
            return
        async with self._database.unit_of_work(system(organization_id).scope) as work:
            of = start_requests.c.operation_id == UUID(fact.operation_id)
            start_id = await work.scalar(
                sa.select(start_requests.c.id).where(of, start_requests.c.session_id.is_(None))
            )
        if start_id is not None:
            await self._notice(organization_id, start_id, given_back=False)

    async def case_changed(self, recorded: Recorded) -> None:
        """A driver's case was answered or solved: that is news for them."""
        fact = recorded.fact
        assert isinstance(fact, cases.CaseChanged)
        if fact.person_id is None or fact.change not in _NEWS_OF_CASES:
            return
        async with self._database.unit_of_work(system(recorded.organization_id).scope) as work:
            case = await cases.case_of(work, fact.case_id)
            said = [
                one for one in await cases.entries_of(work, case["id"], public=True) if one["side"] == "agent"
            ]
            if not said or case["origin"] == "noticed":
                return
            title = _NEWS_OF_CASES[fact.change][case["language"] == "de"].format(title=case["title"])
            news = inbox.News(
                topic="support",
                key=f"case:{recorded.id}",
                title=title,
                text=said[-1]["text"],
                link=f"/help/{case['id']}",
            )
            await inbox.put(work, recorded.organization_id, fact.person_id, news, self._clock())

    async def notice_published(self, recorded: Recorded) -> None:
        """A notice is out: into the inboxes of those whom it concerns."""
        fact = recorded.fact
        assert isinstance(fact, notices.NoticePublished)
        async with self._database.unit_of_work(system(recorded.organization_id).scope) as work:
            await notices.tell(work, fact.notice_id, self._clock())

    async def news_written(self, recorded: Recorded) -> None:
        """Something is in an inbox: by mail too, where the person wants that."""
        fact = recorded.fact
        assert isinstance(fact, inbox.NewsWritten)
        async with self._database.as_owner() as work:
            if not (await inbox.choices_of(work, fact.person_id)).get(fact.topic, {}).get("mail"):
                return
            message = sa.select(inbox_messages).where(inbox_messages.c.id == fact.message_id)
            row = (await work.execute(message)).mappings().first()
            email = await work.scalar(sa.select(people.c.email).where(people.c.id == fact.person_id))
            if row is None or email is None or row["mailed_at"] is not None:
                return
            taken = sa.update(inbox_messages).where(inbox_messages.c.id == fact.message_id)
            await work.execute(taken.values(mailed_at=self._clock()))
            html = f"<p>{escape(row['text'])}</p>"
            await mail.write(work, row["organization_id"], email, Letter(row["title"], row["text"], html))

    async def escalate(self) -> None:
        """Cases that are later than promised."""
        async with self._database.as_owner() as work:
            await cases.escalate_late(work, self._clock())

    async def _give_back(self, organization_id: UUID, session_id: UUID) -> bool:
        """What was taken for a charge without energy; whether there was anything."""
        caller = system(organization_id, "support")
        async with self._database.unit_of_work(caller.scope) as work:
            query = sa.select(sa.func.sum(payments.c.captured - payments.c.refunded))
            taken = await work.scalar(query.where(payments.c.session_id == session_id))
        if not taken:
            return False
        try:
            await refund_session(
                self._database,
                self._parts.payments,
                self._clock,
                caller,
                session_id,
                "no energy was delivered",
            )
        except (NothingBilled, NothingToCredit, ProviderUnavailable) as refusal:
            log.warning("left to a person", session=str(session_id), reason=str(refusal))
            return False
        return True

    async def _notice(self, organization_id: UUID, subject: UUID, *, given_back: bool) -> None:
        caller, now = system(organization_id, "gridlane"), self._clock()
        async with self._database.unit_of_work(caller.scope) as work:
            try:
                attempt = await attempt_of(work, subject)
            except AttemptUnknown:
                return
            if attempt.person_id is None and not attempt.paid:
                return
            cause = cause_of(attempt, now)
            language = "en"
            if attempt.person_id is not None:
                spoken = sa.select(people.c.language).where(people.c.id == attempt.person_id)
                language = await work.scalar(spoken) or language
                news = _news(attempt, cause, subject, language, given_back=given_back)
                await inbox.put(work, organization_id, attempt.person_id, news, now)
            if cause.side in OURS:
                said = cause.said(language)
                money = _MONEY[language == "de"][given_back]
                await cases.open_case(
                    work, caller, now, origin="noticed", title=said.what, text=f"{said.what} {money}",
                    priority=4, about=_about(attempt, cause, subject), language=language, side="system",
                    state="solved",
                )  # fmt: skip


def _about(attempt: Attempt, cause: Cause, subject: UUID) -> cases.About:
    return cases.About(
        person_id=attempt.person_id,
        subject_id=subject,
        session_id=attempt.charged.id if attempt.charged else None,
        station_id=attempt.station_id,
        site_id=attempt.site_id,
        evse=attempt.evse,
        cause=cause.code,
    )


def _news(attempt: Attempt, cause: Cause, subject: UUID, language: str, *, given_back: bool) -> inbox.News:
    said, place = cause.said(language), attempt.place or attempt.station
    title = f"{place}: Es ging nicht los" if language == "de" else f"{place}: it did not start"
    money = _MONEY[language == "de"][given_back]
    return inbox.News(
        topic="charge", key=f"failed:{subject}", title=title, text=f"{said.what} {said.advice} {money}",
        link=f"/charges/{subject}",
    )  # fmt: skip


_MONEY = (
    ("Nothing is billed; what was held is let go.", "What was taken goes back."),
    (
        "Es wird nichts berechnet; was reserviert war, wird freigegeben.",
        "Was abgebucht war, wird zurückgezahlt.",
    ),
)
"""By whether it is German, then by whether money was taken."""


_NEWS_OF_CASES = {
    "answered": ("Answer: {title}", "Antwort: {title}"),
    "solved": ("Solved: {title}", "Gelöst: {title}"),
}


class ListenerRow(NamedTuple):
    name: str
    fact: type[Fact]
    handle: Callable[[Consequences, Recorded], Awaitable[None]]


class JobRow(NamedTuple):
    name: str
    cron: str
    work: Callable[[Consequences], Awaitable[None]]


LISTENERS = (
    ListenerRow("support.session_ended", SessionEnded, Consequences.session_ended),
    ListenerRow("support.operation_ended", OperationEnded, Consequences.operation_ended),
    ListenerRow("support.case_changed", cases.CaseChanged, Consequences.case_changed),
    ListenerRow("support.news_written", inbox.NewsWritten, Consequences.news_written),
    ListenerRow("support.notice_published", notices.NoticePublished, Consequences.notice_published),
)

JOBS = (JobRow("support.escalate", "* * * * *", Consequences.escalate),)
