"""The REST edge of help for those who help: explanations, cases, remedies, canned answers, notices."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import UploadFile

from gridlane.accounts.people import people
from gridlane.billing.api import the_parts
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.ids import new_id
from gridlane.kernel.money import Money
from gridlane.kernel.paging import page
from gridlane.stations import places
from gridlane.support import cases, notices, remedies
from gridlane.support.attempts import tried_at
from gridlane.support.cases import MOST_BYTES, AttachmentRefused, CaseUnknown
from gridlane.support.causes import CAUSES
from gridlane.support.deadlines import LOWEST, priority_of
from gridlane.support.evidence import AttemptUnknown, attempt_of
from gridlane.support.explaining import Explanation, explained
from gridlane.support.model import canned_answers, support_cases
from gridlane.support.model import notices as notice_rows

router = APIRouter(tags=["support"])

Language = Annotated[Literal["en", "de"], Query()]
Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Short = Annotated[str, Field(min_length=1, max_length=200)]
Priority = Annotated[int, Field(ge=1, le=LOWEST)]


class CaseInput(BaseModel):
    """A case taken on the phone, from a mail, or opened by an operator. ``subject``: the start or session it is about."""

    title: Short
    text: Text
    origin: Literal["phone", "mail", "operator"] = "operator"
    language: Literal["en", "de"] = "en"
    priority: Priority | None = None
    subject: UUID | None = None
    station_id: UUID | None = None
    evse: Annotated[int, Field(ge=1, le=1_000)] | None = None
    person_id: UUID | None = None
    contact: Annotated[str, Field(max_length=254)] | None = None
    payment_id: UUID | None = None


class EntryInput(BaseModel):
    """``is_note``: only for those who help. ``wait``: the clock stands still until the driver writes."""

    text: Text
    is_note: bool = False
    wait: bool = False


class CaseChange(BaseModel):
    """What is left out stays. ``assigned_to`` null gives the case to nobody."""

    assigned_to: UUID | None = None
    priority: Priority | None = None


class Solution(BaseModel):
    text: Annotated[str, Field(max_length=10_000)] = ""


class MergeInput(BaseModel):
    into: UUID


class RemedyInput(BaseModel):
    reason: Short
    amount: Annotated[float, Field(gt=0)] | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    immediate: bool = False


class CannedInput(BaseModel):
    name: Short
    language: Literal["en", "de"]
    text: Text


class NoticeInput(BaseModel):
    """What drivers are told: of some sites, or (none named) of the whole network. German may be left out."""

    kind: Literal["announcement", "maintenance", "outage"]
    title: Short
    text: Text
    title_de: Annotated[str, Field(max_length=200)] = ""
    text_de: Annotated[str, Field(max_length=10_000)] = ""
    sites: Annotated[list[UUID], Field(max_length=500)] = []
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class PlaceMissing(Refusal):
    code = "place_missing"
    kind = Kind.INVALID
    sentence = "Name a station or a site to look at."


# --- why ---------------------------------------------------------------------------------------------------------


@router.get("/explanations/{subject}")
async def explain(
    caller: TheCaller, database: TheDatabase, subject: UUID | int, language: Language = "en"
) -> Json:
    """Why a charge did not start or gave nothing: the cause in plain words and the timeline. ``subject`` is the id of
    a start, a session, a guest's checkout or (a number) an authorization.
    """
    caller.require(Permission.SESSIONS_READ)
    async with database.unit_of_work(caller.scope) as work:
        return Json(await _explained(work, caller, subject, language))


@router.get("/support/attempts")
async def list_attempts(
    caller: TheCaller,
    database: TheDatabase,
    at: AwareDatetime,
    station_id: UUID | None = None,
    site_id: UUID | None = None,
    minutes: Annotated[int, Query(ge=1, le=720)] = 60,
    language: Language = "en",
) -> Json:
    """What was tried at a station or site around a time: to find the charge a caller on the phone talks about."""
    caller.require(Permission.SUPPORT_READ)
    async with database.unit_of_work(caller.scope) as work:
        if station_id is not None:
            await places.station(work, caller, station_id)
        elif site_id is not None:
            await places.site(work, caller, site_id)
        else:
            raise PlaceMissing
        found = await tried_at(
            work, at, timedelta(minutes=minutes), system_clock(),
            station_id=station_id, site_id=site_id, language=language,
        )  # fmt: skip
        return Json({"items": found})


@router.get("/support/causes")
async def list_causes(caller: TheCaller, language: Language = "en") -> Json:
    """Every cause that a charge can have failed for, with its words."""
    caller.require(Permission.SUPPORT_READ)
    words = [(one, one.said(language)) for one in CAUSES]
    items = [{"code": o.code, "side": o.side.value, "what": s.what, "advice": s.advice} for o, s in words]
    return Json({"items": items})


# --- cases -------------------------------------------------------------------------------------------------------


@router.get("/support/cases")
async def list_cases(
    caller: TheCaller,
    database: TheDatabase,
    paging: ThePaging,
    state: Literal["open", "waiting", "solved", "merged"] | None = None,
    origin: Literal["app", "mail", "phone", "operator", "noticed"] | None = None,
    mine: bool = False,
    station_id: UUID | None = None,
    session_id: UUID | None = None,
    person_id: UUID | None = None,
) -> Json:
    """Cases, latest change first. ``mine``: those given to the caller."""
    query = sa.select(support_cases).where(cases.visible(caller))
    for column, wanted in (
        (support_cases.c.state, state),
        (support_cases.c.origin, origin),
        (support_cases.c.assigned_to, caller.person_id if mine else None),
        (support_cases.c.station_id, station_id),
        (support_cases.c.session_id, session_id),
        (support_cases.c.person_id, person_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    async with database.unit_of_work(caller.scope) as work:
        found = await page(
            work, query, [support_cases.c.changed_at, support_cases.c.id], paging, newest_first=True
        )
        names = await _names(work, found.items)
    found.items = [_shown(one, names) for one in found.items]
    return Json(found)


@router.post("/support/cases", status_code=201)
async def open_case(caller: TheCaller, database: TheDatabase, wish: CaseInput) -> Json:
    """Open a case for somebody."""
    caller.require(Permission.SUPPORT_WRITE)
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        about = await _about(work, caller, wish)
        side = next((one.side.value for one in CAUSES if one.code == about.cause), None)
        case = await cases.open_case(
            work, caller, now, origin=wish.origin, title=wish.title, text=wish.text, language=wish.language,
            priority=wish.priority or priority_of(side, stands_at_the_plug=wish.origin == "phone"), about=about,
            side="driver" if wish.origin != "operator" else "agent",
        )  # fmt: skip
        assert case is not None
        return Json(await _whole(work, caller, case), status_code=201)


@router.get("/support/cases/{case_id}")
async def show_case(caller: TheCaller, database: TheDatabase, case_id: UUID) -> Json:
    """A case with everything that was written, its clock, and the remedies the caller can use."""
    async with database.unit_of_work(caller.scope) as work:
        return Json(await _whole(work, caller, await cases.helped(work, caller, case_id, write=False)))


@router.patch("/support/cases/{case_id}")
async def change_case(caller: TheCaller, database: TheDatabase, case_id: UUID, change: CaseChange) -> Json:
    """Give it to somebody, or change how urgent it is."""
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        case = await cases.helped(work, caller, case_id)
        if "assigned_to" in change.model_fields_set:
            await cases.assign(work, caller, case, now, change.assigned_to)
        if change.priority is not None:
            await cases.prioritize(work, caller, case, now, change.priority)
        return Json(await _whole(work, caller, await cases.case_of(work, case_id)))


@router.post("/support/cases/{case_id}/take")
async def take_case(caller: TheCaller, database: TheDatabase, case_id: UUID) -> Json:
    """Look after it oneself."""
    async with database.unit_of_work(caller.scope) as work:
        case = await cases.helped(work, caller, case_id)
        await cases.assign(work, caller, case, system_clock(), caller.person_id)
        return Json(await _whole(work, caller, await cases.case_of(work, case_id)))


@router.post("/support/cases/{case_id}/entries", status_code=201)
async def write_entry(caller: TheCaller, database: TheDatabase, case_id: UUID, wish: EntryInput) -> Json:
    """Answer the driver, or leave a note for the others."""
    now = system_clock()
    async with database.unit_of_work(caller.scope) as work:
        case = await cases.helped(work, caller, case_id)
        if wish.is_note:
            await cases.note(
                work,
                case,
                now,
                kind="note",
                side="agent",
                author=caller.name,
                text=wish.text,
                is_public=False,
            )
        else:
            await cases.answer(work, caller, case, now, wish.text, wait=wish.wait)
        return Json(await _whole(work, caller, await cases.case_of(work, case_id)), status_code=201)


@router.post("/support/cases/{case_id}/solve")
async def solve_case(caller: TheCaller, database: TheDatabase, case_id: UUID, wish: Solution) -> Json:
    """It is solved; the driver is told and asked once how it was."""
    async with database.unit_of_work(caller.scope) as work:
        case = await cases.helped(work, caller, case_id)
        await cases.solve(work, caller, case, system_clock(), wish.text)
        return Json(await _whole(work, caller, await cases.case_of(work, case_id)))


@router.post("/support/cases/{case_id}/merge")
async def merge_case(caller: TheCaller, database: TheDatabase, case_id: UUID, wish: MergeInput) -> Json:
    """Go on with it in another case; gives that one."""
    async with database.unit_of_work(caller.scope) as work:
        case, into = (
            await cases.helped(work, caller, case_id),
            await cases.helped(work, caller, wish.into),
        )
        if case["id"] == into["id"]:
            raise CaseUnknown(case=wish.into)
        await cases.merge(work, caller, case, system_clock(), into)
        return Json(await _whole(work, caller, await cases.case_of(work, wish.into)))


@router.post("/support/cases/{case_id}/remedies/{remedy}", status_code=201)
async def apply_remedy(
    request: Request,
    caller: TheCaller,
    database: TheDatabase,
    bus: TheBus,
    settings: TheSettings,
    case_id: UUID,
    remedy: str,
    wish: RemedyInput,
) -> Json:
    """Do something about it: reset, unlock, stop, free_charge, refund, credit."""
    hands = remedies.Hands(database, bus, the_parts(request).payments, settings, system_clock)
    amount = None if wish.amount is None else Money.of(f"{wish.amount:.2f}", wish.currency)
    done = await remedies.apply(
        hands, caller, case_id, remedy, remedies.Wish(wish.reason, amount, wish.immediate)
    )
    return Json({"done": done}, status_code=201)


@router.post("/support/cases/{case_id}/attachments", status_code=201)
async def attach(request: Request, caller: TheCaller, database: TheDatabase, case_id: UUID) -> Json:
    """Keep a picture or paper with the case (multipart, field ``file``, at most 5 MB)."""
    name, media_type, content = await uploaded(request)
    async with database.unit_of_work(caller.scope) as work:
        case = await cases.helped(work, caller, case_id)
        id_ = await cases.attach(
            work, case, system_clock(), caller.name, name=name, media_type=media_type, content=content
        )
    return Json({"id": id_}, status_code=201)


@router.get("/support/cases/{case_id}/attachments/{attachment_id}")
async def read_attachment(
    caller: TheCaller, database: TheDatabase, case_id: UUID, attachment_id: UUID
) -> Response:
    """An attachment, to be kept as a file."""
    async with database.unit_of_work(caller.scope) as work:
        await cases.helped(work, caller, case_id, write=False)
        return as_file(await cases.attachment(work, case_id, attachment_id))


# --- canned answers ----------------------------------------------------------------------------------------------


@router.get("/support/canned-answers")
async def list_canned(caller: TheCaller, database: TheDatabase) -> Json:
    """Answers that are written often. Holes: {name}, {place}, {code}, {cause}."""
    caller.require(Permission.SUPPORT_READ)
    columns = [canned_answers.c[name] for name in ("id", "name", "language", "text")]
    async with database.unit_of_work(caller.scope) as work:
        found = await work.execute(sa.select(*columns).order_by(canned_answers.c.name))
        return Json({"items": [dict(row) for row in found.mappings()]})


@router.post("/support/canned-answers", status_code=201)
async def add_canned(caller: TheCaller, database: TheDatabase, wish: CannedInput) -> Json:
    """Add one; the same name and language again replaces it."""
    caller.require(Permission.SUPPORT_WRITE)
    same = sa.and_(canned_answers.c.name == wish.name, canned_answers.c.language == wish.language)
    row = {"id": new_id(), "organization_id": caller.organization_id, **wish.model_dump()}
    async with database.unit_of_work(caller.scope) as work:
        await work.execute(sa.delete(canned_answers).where(same))
        await work.execute(sa.insert(canned_answers).values(row))
    return Json({"id": row["id"]}, status_code=201)


@router.delete("/support/canned-answers/{answer_id}", status_code=204)
async def remove_canned(caller: TheCaller, database: TheDatabase, answer_id: UUID) -> None:
    caller.require(Permission.SUPPORT_WRITE)
    async with database.unit_of_work(caller.scope) as work:
        await work.execute(sa.delete(canned_answers).where(canned_answers.c.id == answer_id))


# --- notices -----------------------------------------------------------------------------------------------------


@router.get("/support/notices")
async def list_notices(caller: TheCaller, database: TheDatabase) -> Json:
    """The latest notices, and how many people were told."""
    caller.require(Permission.SUPPORT_READ)
    table = notice_rows
    async with database.unit_of_work(caller.scope) as work:
        found = await work.execute(sa.select(table).order_by(table.c.starts_at.desc()).limit(100))
        return Json({"items": [_notice(row) for row in found.mappings()]})


@router.post("/support/notices", status_code=201)
async def publish_notice(caller: TheCaller, database: TheDatabase, wish: NoticeInput) -> Json:
    """Tell those whom it concerns; it also stands at the places while it holds."""
    now = system_clock()
    words = {"en": (wish.title, wish.text)}
    if wish.title_de and wish.text_de:
        words["de"] = (wish.title_de, wish.text_de)
    async with database.unit_of_work(caller.scope) as work:
        for site_id in wish.sites:
            await places.site(work, caller, site_id)
        asked = notices.Wish(
            kind=wish.kind,
            words=words,
            sites=tuple(wish.sites),
            starts_at=wish.starts_at or now,
            ends_at=wish.ends_at,
        )
        return Json({"id": await notices.publish(work, caller, asked, now)}, status_code=201)


@router.delete("/support/notices/{notice_id}", status_code=204)
async def withdraw_notice(caller: TheCaller, database: TheDatabase, notice_id: UUID) -> None:
    """It holds no more; what is in inboxes stays."""
    async with database.unit_of_work(caller.scope) as work:
        await notices.withdraw(work, caller, notice_id, system_clock())


# --- below the story ---------------------------------------------------------------------------------------------


async def uploaded(request: Request) -> tuple[str, str, bytes]:
    """The file of a form: its name, type and content. Raises AttachmentRefused."""
    if int(request.headers.get("content-length") or 0) > MOST_BYTES + 10_000:
        raise AttachmentRefused(why=f"it may have at most {MOST_BYTES // 1_000_000} MB")
    async with request.form(max_files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise AttachmentRefused(why="send it as the field `file` of a form")
        content = await file.read(MOST_BYTES + 1)
        return file.filename or "file", (file.content_type or "").partition(";")[0], content


def as_file(found: dict[str, Any]) -> Response:
    """An attachment as a download: a browser never shows what somebody else sent as a page of ours."""
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return Response(found["content"], media_type=found["media_type"], headers=headers)


def _notice(row: Any) -> dict[str, Any]:
    title, text = notices.words_of(row, "en")
    kept = ("id", "kind", "sites", "starts_at", "ends_at", "created_at", "created_by", "withdrawn_at", "told")
    return {**{name: row[name] for name in kept}, "title": title, "text": text}


async def _explained(
    work: AsyncConnection, caller: Caller, subject: UUID | int, language: str
) -> Explanation:
    attempt = await attempt_of(work, subject)
    if not caller.reaches(attempt.site_id):
        raise AttemptUnknown(attempt=subject)
    return explained(attempt, system_clock(), language)


async def _about(work: AsyncConnection, caller: Caller, wish: CaseInput) -> cases.About:
    """What the case is about: what was named, and what the named start or session leads to."""
    known: dict[str, Any] = {
        "person_id": wish.person_id,
        "contact": wish.contact,
        "payment_id": wish.payment_id,
        "station_id": wish.station_id,
        "evse": wish.evse,
        "subject_id": wish.subject,
    }
    if wish.subject is not None:
        attempt = await attempt_of(work, wish.subject)
        if not caller.reaches(attempt.site_id):
            raise AttemptUnknown(attempt=wish.subject)
        known["cause"] = explained(attempt, system_clock()).code
        known["session_id"] = attempt.charged.id if attempt.charged else None
        known["person_id"] = wish.person_id or attempt.person_id
        known |= {"station_id": attempt.station_id, "evse": wish.evse or attempt.evse}
    if known["station_id"] is not None:
        station = await places.station(work, caller, known["station_id"])
        known["site_id"] = station["site_id"]
    return cases.About(**known)


async def _names(work: AsyncConnection, found: list[dict[str, Any]]) -> dict[UUID, str]:
    """The names of the people that cases are about or were given to."""
    ids = {one[column] for one in found for column in ("person_id", "assigned_to")} - {None}
    if not ids:
        return {}
    query = sa.select(people.c.id, people.c.name, people.c.email).where(people.c.id.in_(ids))
    return {row.id: row.name or row.email for row in await work.execute(query)}


def _shown(case: dict[str, Any], names: dict[UUID, str]) -> dict[str, Any]:
    due = cases.clock_of(case, system_clock())
    hidden = ("organization_id", "waited")
    return {
        **{name: value for name, value in case.items() if name not in hidden},
        "person": names.get(case["person_id"]) or case["contact"],
        "agent": names.get(case["assigned_to"]),
        "answer_by": due.answer_by,
        "solve_by": due.solve_by,
        "is_late": due.is_late,
    }


async def _whole(work: AsyncConnection, caller: Caller, case: dict[str, Any]) -> dict[str, Any]:
    return {
        **_shown(case, await _names(work, [case])),
        "entries": await cases.entries_of(work, case["id"], public=False),
        "attachments": await cases.attachments_of(work, case["id"]),
        "remedies": remedies.possible(caller, case),
    }
