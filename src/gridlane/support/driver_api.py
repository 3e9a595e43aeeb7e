"""The REST edge of help for drivers: why one's charge did not start, one's cases, one's inbox and what comes how."""

from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from gridlane.accounts import inbox, own_cards
from gridlane.accounts.inbox import inbox_messages
from gridlane.accounts.people import people
from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Scope
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, ThePaging, TheSettings
from gridlane.kernel.paging import page
from gridlane.stations.model import evses, sites, stations
from gridlane.support import cases, notices
from gridlane.support.api import Language, Text, as_file, uploaded
from gridlane.support.causes import CAUSES
from gridlane.support.deadlines import priority_of
from gridlane.support.evidence import attempt_of
from gridlane.support.explaining import explained
from gridlane.support.model import support_cases

router = APIRouter(tags=["driving"])


class Question(BaseModel):
    """What one needs help with. ``charge_id``: the start or session; ``plug``: the number on the sticker."""

    text: Text
    charge_id: UUID | None = None
    plug: Annotated[str, Field(max_length=48)] | None = None
    language: Literal["en", "de"] = "en"


class Message(BaseModel):
    text: Text


class Rating(BaseModel):
    stars: Annotated[int, Field(ge=1, le=5)]
    comment: Annotated[str, Field(max_length=2_000)] | None = None


class CardInput(BaseModel):
    number: Annotated[str, Field(min_length=8, max_length=40)]
    name: Annotated[str, Field(max_length=60)] = ""


class Choices(BaseModel):
    """Topic -> channel (mail, push) -> whether one wants it."""

    choices: dict[str, dict[str, bool]]


@router.get("/driver/charges/{charge_id}/why")
async def why(caller: TheCaller, database: TheDatabase, charge_id: UUID, language: Language = "en") -> Json:
    """Why one's charge did not start or gave nothing, with the timeline; by the id of the start or session."""
    person_id = caller.person()
    async with database.unit_of_work(caller.scope) as work:
        attempt = await attempt_of(work, charge_id, person_id)
    return Json(explained(attempt, system_clock(), language))


# --- notices, for everybody ------------------------------------------------------------------------------------------


@router.get("/driver/places/{site_id}/notices")
async def notices_of_place(database: TheDatabase, site_id: UUID, language: Language = "en") -> Json:
    """What is announced for a public place: maintenance, outages, news. No key is needed."""
    now = system_clock()
    async with database.as_owner() as work:
        query = sa.select(sites.c.organization_id).where(sites.c.id == site_id, sites.c.public)
        organization_id = await work.scalar(query)
    if organization_id is None:
        return Json({"items": []})
    async with database.unit_of_work(Scope(organization_id)) as work:
        found = await notices.current(work, now, site_id=site_id)
    items = []
    for row in found:
        title, text = notices.words_of(row, language)
        kept = {name: row[name] for name in ("id", "kind", "starts_at", "ends_at")}
        items.append({**kept, "title": title, "text": text})
    return Json({"items": items})


# --- one's cases -------------------------------------------------------------------------------------------------


@router.get("/me/cases")
async def my_cases(caller: TheCaller, database: TheDatabase, paging: ThePaging) -> Json:
    """One's cases, latest change first."""
    query = sa.select(support_cases).where(
        support_cases.c.person_id == caller.person(), support_cases.c.state != "merged"
    )
    async with database.unit_of_work(caller.scope) as work:
        found = await page(
            work, query, [support_cases.c.changed_at, support_cases.c.id], paging, newest_first=True
        )
    found.items = [_shown(one) for one in found.items]
    return Json(found)


@router.post("/me/cases", status_code=201)
async def ask(caller: TheCaller, database: TheDatabase, wish: Question) -> Json:
    """Ask for help."""
    person_id, now = caller.person(), system_clock()
    async with database.unit_of_work(caller.scope) as work:
        about: dict[str, Any] = {"person_id": person_id, "subject_id": wish.charge_id}
        stands = False
        if wish.charge_id is not None:
            attempt = await attempt_of(work, wish.charge_id, person_id)
            about |= {"cause": explained(attempt, now).code, "site_id": attempt.site_id, "evse": attempt.evse}
            about |= {
                "station_id": attempt.station_id,
                "session_id": attempt.charged.id if attempt.charged else None,
            }
            stands = (now - attempt.at).total_seconds() < 3600 and not attempt.has_energy
        elif wish.plug is not None:
            query = sa.select(evses.c.station_id, evses.c.number, stations.c.site_id).join(
                stations, stations.c.id == evses.c.station_id
            )
            row = (await work.execute(query.where(evses.c.public_id == wish.plug.upper()))).first()
            if row is not None:
                about |= {"station_id": row.station_id, "evse": row.number, "site_id": row.site_id}
        side = next((one.side.value for one in CAUSES if one.code == about.get("cause")), None)
        case = await cases.open_case(
            work, caller, now, origin="app", title=wish.text.strip().splitlines()[0][:120], text=wish.text,
            priority=priority_of(side, stands_at_the_plug=stands), about=cases.About(**about), language=wish.language,
        )  # fmt: skip
        assert case is not None
        return Json(await _whole(work, case), status_code=201)


@router.get("/me/cases/{case_id}")
async def my_case(caller: TheCaller, database: TheDatabase, case_id: UUID) -> Json:
    """One's case: its state, what was written and what was done."""
    person_id = caller.person()
    async with database.unit_of_work(caller.scope) as work:
        return Json(await _whole(work, await cases.case_of(work, case_id, person_id=person_id)))


@router.post("/me/cases/{case_id}/messages", status_code=201)
async def write(caller: TheCaller, database: TheDatabase, case_id: UUID, wish: Message) -> Json:
    """Write to one's case; a solved one is open again."""
    person_id = caller.person()
    async with database.unit_of_work(caller.scope) as work:
        case = await cases.case_of(work, case_id, person_id=person_id, lock=True)
        await cases.write_to(work, case, system_clock(), caller.name, wish.text)
        return Json(await _whole(work, await cases.case_of(work, case_id)), status_code=201)


@router.post("/me/cases/{case_id}/rating", status_code=204)
async def rate(caller: TheCaller, database: TheDatabase, case_id: UUID, wish: Rating) -> None:
    """Say once how the help was."""
    person_id = caller.person()
    async with database.unit_of_work(caller.scope) as work:
        case = await cases.case_of(work, case_id, person_id=person_id, lock=True)
        await cases.rate(work, case, system_clock(), wish.stars, wish.comment)


@router.post("/me/cases/{case_id}/attachments", status_code=201)
async def attach(request: Request, caller: TheCaller, database: TheDatabase, case_id: UUID) -> Json:
    """Add a picture or paper (multipart, field ``file``, at most 5 MB)."""
    person_id = caller.person()
    name, media_type, content = await uploaded(request)
    async with database.unit_of_work(caller.scope) as work:
        case = await cases.case_of(work, case_id, person_id=person_id)
        id_ = await cases.attach(
            work, case, system_clock(), caller.name, name=name, media_type=media_type, content=content
        )
    return Json({"id": id_}, status_code=201)


@router.get("/me/cases/{case_id}/attachments/{attachment_id}")
async def read_attachment(
    caller: TheCaller, database: TheDatabase, case_id: UUID, attachment_id: UUID
) -> Response:
    person_id = caller.person()
    async with database.unit_of_work(caller.scope) as work:
        await cases.case_of(work, case_id, person_id=person_id)
        return as_file(await cases.attachment(work, case_id, attachment_id))


# --- one's cards -------------------------------------------------------------------------------------------------


@router.get("/me/cards")
async def my_cards(caller: TheCaller, database: TheDatabase) -> Json:
    """One's charging cards, by their last digits."""
    async with database.unit_of_work(caller.scope) as work:
        return Json({"items": await own_cards.cards_of(work, caller.person())})


@router.post("/me/cards", status_code=201)
async def link_card(caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: CardInput) -> Json:
    """Link a card that was handed out, by the number printed on it."""
    caller.person()
    cipher = TokenCipher(settings.secret(SECRET))
    id_ = await own_cards.link(database, caller, cipher, wish.number, wish.name, system_clock())
    return Json({"id": id_}, status_code=201)


@router.post("/me/cards/{card_id}/lost", status_code=204)
async def lost_card(caller: TheCaller, database: TheDatabase, card_id: UUID) -> None:
    """Block one's card at once."""
    caller.person()
    async with database.unit_of_work(caller.scope) as work:
        await own_cards.report_lost(work, caller, card_id)


# --- one's inbox -------------------------------------------------------------------------------------------------


@router.get("/me/inbox")
async def my_inbox(
    caller: TheCaller, database: TheDatabase, paging: ThePaging, unread: Annotated[bool, Query()] = False
) -> Json:
    """What one was told, newest first."""
    person_id = caller.person()
    columns = [inbox_messages.c[name] for name in ("id", "at", "topic", "title", "text", "link", "read_at")]
    query = sa.select(*columns).where(inbox_messages.c.person_id == person_id)
    if unread:
        query = query.where(inbox_messages.c.read_at.is_(None))
    async with database.unit_of_work(caller.scope) as work:
        order = [inbox_messages.c.at, inbox_messages.c.id]
        found = await page(work, query, order, paging, newest_first=True)
        count = await inbox.unread(work, person_id)
    return Json({"items": found.items, "next": found.next, "unread": count})


@router.post("/me/inbox/read", status_code=204)
async def read_all(caller: TheCaller, database: TheDatabase) -> None:
    """All of it was read."""
    async with database.unit_of_work(caller.scope) as work:
        await inbox.mark_read(work, caller.person(), system_clock())


@router.get("/me/notifications")
async def my_choices(caller: TheCaller, database: TheDatabase) -> Json:
    """By which channel each topic comes; everything is in the inbox anyway."""
    async with database.unit_of_work(caller.scope) as work:
        person_id = caller.person()
        email = await work.scalar(sa.select(people.c.email).where(people.c.id == person_id))
        return Json({"choices": await inbox.choices_of(work, person_id), "email": email})


@router.put("/me/notifications")
async def choose(caller: TheCaller, database: TheDatabase, wish: Choices) -> Json:
    person_id = caller.person()
    async with database.unit_of_work(caller.scope) as work:
        await inbox.choose(work, person_id, wish.choices, system_clock())
        return Json({"choices": await inbox.choices_of(work, person_id)})


# --- below the story ---------------------------------------------------------------------------------------------


def _shown(case: dict[str, Any]) -> dict[str, Any]:
    kept = ("id", "code", "state", "title", "opened_at", "changed_at", "subject_id", "stars", "origin")
    due = cases.clock_of(case, system_clock())
    by = due.answer_by if case["answered_at"] is None else due.solve_by
    return {**{name: case[name] for name in kept}, "expected_by": None if case["solved_at"] else by}


async def _whole(work: Any, case: dict[str, Any]) -> dict[str, Any]:
    return {
        **_shown(case),
        "entries": await cases.entries_of(work, case["id"], public=True),
        "attachments": await cases.attachments_of(work, case["id"]),
    }
