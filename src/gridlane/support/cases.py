"""Cases: somebody needs help with a place, a charge or a payment, until it is solved.

    open -> waiting (for the driver) -> open -> solved
         -> solved -> open (the driver writes again)
         -> merged (into another case)

Every change is an entry of the case. What is public the driver sees too; notes are for those who help.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gridlane.accounts.people import memberships, people
from gridlane.kernel import facts
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.facts import Fact, Recorded
from gridlane.kernel.ids import new_id
from gridlane.support.deadlines import PROMISES, clock
from gridlane.support.model import support_attachments, support_cases, support_entries

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that are mistaken for another
MOST_BYTES = 5_000_000
MOST_OF_CASE = 25_000_000
TAKEN = ("image/jpeg", "image/png", "image/webp", "image/heic", "application/pdf", "text/plain")


class CaseChanged(Fact, frozen=True, kw_only=True, tag="case_changed"):
    """A case was opened, answered, solved or merged; ``person_id`` is whom it helps, where they have an account."""

    case_id: UUID
    person_id: UUID | None
    change: str


class CaseUnknown(Refusal):
    code = "case_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no case {case}."


class CaseMerged(Refusal):
    code = "case_merged"
    kind = Kind.CONFLICT
    sentence = "The case is merged into another; continue there."


class AgentUnknown(Refusal):
    code = "agent_unknown"
    kind = Kind.INVALID
    sentence = "There is no person {person} in this organization."


class AttachmentRefused(Refusal):
    code = "attachment_refused"
    kind = Kind.INVALID
    sentence = "The file cannot be attached: {why}."


class AttachmentUnknown(Refusal):
    code = "attachment_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no attachment {attachment}."


class AlreadyRated(Refusal):
    code = "already_rated"
    kind = Kind.CONFLICT
    sentence = "Thank you; you have told us already, or the case is not solved yet."


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a case is about, as far as is known."""

    person_id: UUID | None = None
    contact: str | None = None
    subject_id: UUID | None = None
    session_id: UUID | None = None
    payment_id: UUID | None = None
    station_id: UUID | None = None
    site_id: UUID | None = None
    evse: int | None = None
    cause: str | None = None


async def open_case(
    work: AsyncConnection,
    caller: Caller,
    now: datetime,
    *,
    origin: str,
    title: str,
    text: str,
    priority: int,
    about: About,
    language: str = "en",
    side: str = "driver",
    state: str = "open",
) -> dict[str, Any] | None:
    """Open a case with its first entry. None where the same was noticed before (``origin`` noticed)."""
    assert caller.organization_id is not None
    case = {
        "id": new_id(),
        "organization_id": caller.organization_id,
        "code": "".join(secrets.choice(LETTERS) for _ in range(6)),
        "origin": origin,
        "state": state,
        "priority": priority,
        "title": title,
        "language": language,
        "opened_by": caller.name,
        "opened_at": now,
        "changed_at": now,
        "solved_at": now if state == "solved" else None,
        **msgspec.structs.asdict(about),
    }
    made = await work.execute(
        insert(support_cases).values(case).on_conflict_do_nothing().returning(support_cases.c.id)
    )
    if made.first() is None:
        return None
    await note(work, case, now, kind="message", side=side, author=caller.name, text=text, is_public=True)
    await _tell(work, case, "opened", now)
    return await case_of(work, case["id"])


async def case_of(
    work: AsyncConnection, case_id: UUID, *, person_id: UUID | None = None, lock: bool = False
) -> dict[str, Any]:
    """A case; with ``person_id`` only that person's own. Raises CaseUnknown."""
    query = sa.select(support_cases).where(support_cases.c.id == case_id)
    row = (await work.execute(query.with_for_update() if lock else query)).mappings().first()
    if row is None or (person_id is not None and row["person_id"] != person_id):
        raise CaseUnknown(case=case_id)
    return dict(row)


async def by_code(work: AsyncConnection, code: str) -> dict[str, Any] | None:
    """The case with the short code of the phone and of mails' subjects."""
    query = sa.select(support_cases).where(support_cases.c.code == code.upper())
    row = (await work.execute(query)).mappings().first()
    return None if row is None else dict(row)


def visible(caller: Caller) -> sa.ColumnElement[bool]:
    """The cases a helper may see: of the sites they reach, and those of no site for who reaches all."""
    caller.require(Permission.SUPPORT_READ)
    return sa.true() if caller.sites is None else support_cases.c.site_id.in_(caller.sites)


async def helped(
    work: AsyncConnection, caller: Caller, case_id: UUID, *, write: bool = True
) -> dict[str, Any]:
    """A case that the caller may help with. Raises NotAllowed, CaseUnknown, CaseMerged."""
    caller.require(Permission.SUPPORT_WRITE if write else Permission.SUPPORT_READ)
    case = await case_of(work, case_id, lock=write)
    if not (caller.sites is None or case["site_id"] in caller.sites):
        raise CaseUnknown(case=case_id)
    if write and case["state"] == "merged":
        raise CaseMerged(case=case["merged_into"])
    return case


# --- what happens to a case --------------------------------------------------------------------------------------


async def write_to(
    work: AsyncConnection, case: Mapping[str, Any], now: datetime, author: str, text: str
) -> None:
    """The driver writes; what waited for them or was solved is open again."""
    if case["state"] == "merged":
        raise CaseMerged(case=case["merged_into"])
    await note(work, case, now, kind="message", side="driver", author=author, text=text, is_public=True)
    waited = case["waited"] + (now - case["waiting_since"]) if case["waiting_since"] else case["waited"]
    await _change(work, case, now, state="open", waiting_since=None, waited=waited, solved_at=None)
    await _tell(work, case, "written", now)


async def answer(
    work: AsyncConnection, caller: Caller, case: Mapping[str, Any], now: datetime, text: str, *, wait: bool
) -> None:
    """A helper answers; with ``wait`` the clock stands still until the driver writes."""
    await note(work, case, now, kind="message", side="agent", author=caller.name, text=text, is_public=True)
    changed: dict[str, Any] = {"answered_at": case["answered_at"] or now}
    if wait and case["state"] == "open":
        changed |= {"state": "waiting", "waiting_since": now}
    await _change(work, case, now, **changed)
    await _tell(work, case, "answered", now)


async def assign(
    work: AsyncConnection, caller: Caller, case: Mapping[str, Any], now: datetime, person_id: UUID | None
) -> None:
    """Give a case to somebody of the organization, or to nobody. Raises AgentUnknown."""
    name = "nobody"
    if person_id is not None:
        query = sa.select(people.c.name).join(memberships, memberships.c.person_id == people.c.id)
        found = await work.scalar(query.where(people.c.id == person_id))
        if found is None:
            raise AgentUnknown(person=person_id)
        name = found
    await _change(work, case, now, assigned_to=person_id)
    await _say(work, caller, case, now, f"assigned to {name}")


async def prioritize(
    work: AsyncConnection, caller: Caller, case: Mapping[str, Any], now: datetime, priority: int
) -> None:
    await _change(work, case, now, priority=priority)
    await _say(work, caller, case, now, f"priority {priority}: {PROMISES[priority].name}")


async def solve(
    work: AsyncConnection, caller: Caller, case: Mapping[str, Any], now: datetime, text: str
) -> None:
    """It is solved; the driver is told, and asked once how it was."""
    if text:
        await note(
            work, case, now, kind="message", side="agent", author=caller.name, text=text, is_public=True
        )
    await _change(
        work, case, now, state="solved", solved_at=now, answered_at=case["answered_at"] or now,
        waiting_since=None,
    )  # fmt: skip
    await _say(work, caller, case, now, "solved")
    await _tell(work, case, "solved", now)


async def merge(
    work: AsyncConnection, caller: Caller, case: Mapping[str, Any], now: datetime, into: Mapping[str, Any]
) -> None:
    """Everything of a case goes on in another one."""
    for table in (support_entries, support_attachments):
        moved = sa.update(table).where(table.c.case_id == case["id"]).values(case_id=into["id"])
        await work.execute(moved)
    await _change(work, case, now, state="merged", merged_into=into["id"], solved_at=now)
    await _say(work, caller, into, now, f"case {case['code']} was merged into this one")
    await _change(work, into, now)


async def rate(
    work: AsyncConnection, case: Mapping[str, Any], now: datetime, stars: int, comment: str | None
) -> None:
    """What the driver thinks of the help; told once, when it is solved. Raises AlreadyRated."""
    if case["state"] != "solved" or case["stars"] is not None:
        raise AlreadyRated
    await _change(work, case, now, stars=stars, stars_comment=comment)


async def escalate_late(work: AsyncConnection, now: datetime) -> int:
    """Raise every open case that is later than promised (a job, as the owner of the tables); gives how many."""
    query = sa.select(support_cases).where(support_cases.c.state == "open").with_for_update(skip_locked=True)
    raised = 0
    for case in map(dict, (await work.execute(query)).mappings().all()):
        due = clock_of(case, now).escalation
        if due > case["escalation"]:
            await work.execute(
                sa.update(support_cases)
                .where(support_cases.c.id == case["id"])
                .values(escalation=due, priority=max(1, case["priority"] - 1))
            )
            text = f"escalated to step {due}: later than promised"
            await note(
                work, case, now, kind="change", side="system", author="gridlane", text=text, is_public=False
            )
            await _tell(work, case, "escalated", now)
            raised += 1
    return raised


def clock_of(case: Mapping[str, Any], now: datetime) -> Any:
    """The clock of a case as it is stored."""
    named = ("answered_at", "solved_at", "waiting_since", "waited")
    return clock(case["priority"], case["opened_at"], now, **{name: case[name] for name in named})


async def note(
    work: AsyncConnection,
    case: Mapping[str, Any],
    now: datetime,
    *,
    kind: str,
    side: str,
    author: str,
    text: str,
    is_public: bool,
) -> None:
    """One entry of a case."""
    await work.execute(
        sa.insert(support_entries).values(
            id=new_id(),
            organization_id=case["organization_id"],
            case_id=case["id"],
            at=now,
            kind=kind,
            side=side,
            author=author,
            text=text,
            is_public=is_public,
        )
    )


async def entries_of(work: AsyncConnection, case_id: UUID, *, public: bool) -> list[dict[str, Any]]:
    """What was written, oldest first; for the driver what is public."""
    query = sa.select(support_entries).where(support_entries.c.case_id == case_id)
    if public:
        query = query.where(support_entries.c.is_public)
    columns = ("id", "at", "kind", "side", "author", "text", "is_public")
    found = await work.execute(query.order_by(support_entries.c.at, support_entries.c.id))
    return [{name: row[name] for name in columns} for row in found.mappings()]


# --- attachments -------------------------------------------------------------------------------------------------


async def attach(
    work: AsyncConnection,
    case: Mapping[str, Any],
    now: datetime,
    author: str,
    *,
    name: str,
    media_type: str,
    content: bytes,
) -> UUID:
    """Keep a picture or paper with the case. Raises AttachmentRefused."""
    if media_type not in TAKEN:
        raise AttachmentRefused(why=f"only {', '.join(TAKEN)} are taken, not {media_type}")
    if not 0 < len(content) <= MOST_BYTES:
        raise AttachmentRefused(why=f"it may have at most {MOST_BYTES // 1_000_000} MB and not be empty")
    of_case = support_attachments.c.case_id == case["id"]
    there = await work.scalar(sa.select(sa.func.sum(support_attachments.c.size)).where(of_case))
    if (there or 0) + len(content) > MOST_OF_CASE:
        raise AttachmentRefused(why=f"a case holds at most {MOST_OF_CASE // 1_000_000} MB")
    id_ = new_id()
    await work.execute(
        sa.insert(support_attachments).values(
            id=id_,
            organization_id=case["organization_id"],
            case_id=case["id"],
            at=now,
            author=author,
            name=name[-200:] or "file",
            media_type=media_type,
            size=len(content),
            content=content,
        )
    )
    return id_


async def attachments_of(work: AsyncConnection, case_id: UUID) -> list[dict[str, Any]]:
    columns = [support_attachments.c[name] for name in ("id", "at", "author", "name", "media_type", "size")]
    query = sa.select(*columns).where(support_attachments.c.case_id == case_id)
    return [dict(row) for row in (await work.execute(query.order_by(support_attachments.c.at))).mappings()]


async def attachment(work: AsyncConnection, case_id: UUID, attachment_id: UUID) -> dict[str, Any]:
    """An attachment with its content. Raises AttachmentUnknown."""
    query = sa.select(support_attachments).where(
        support_attachments.c.id == attachment_id, support_attachments.c.case_id == case_id
    )
    row = (await work.execute(query)).mappings().first()
    if row is None:
        raise AttachmentUnknown(attachment=attachment_id)
    return dict(row)


# --- below the story ---------------------------------------------------------------------------------------------


async def _say(
    work: AsyncConnection, caller: Caller, case: Mapping[str, Any], now: datetime, text: str
) -> None:
    await note(work, case, now, kind="change", side="agent", author=caller.name, text=text, is_public=False)


async def _change(work: AsyncConnection, case: Mapping[str, Any], now: datetime, **values: Any) -> None:
    changed = sa.update(support_cases).where(support_cases.c.id == case["id"])
    await work.execute(changed.values(changed_at=now, **values))


async def _tell(work: AsyncConnection, case: Mapping[str, Any], change: str, now: datetime) -> None:
    fact = CaseChanged(case_id=case["id"], person_id=case["person_id"], change=change)
    await facts.record(work, [Recorded(fact, case["id"], case["organization_id"], now)])
