"""What people may ask of their own data: everything as an archive, and to be forgotten. Over the whole system's tables."""

import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import sqlalchemy as sa

from gridlane.accounts import privacy
from gridlane.accounts.model import tokens
from gridlane.accounts.people import memberships, people
from gridlane.accounts.upkeep import Upkeep
from gridlane.app.personal import RETENTION, SHARES
from gridlane.billing.model import ledger_entries, ledger_transfers, wallets
from gridlane.charging.model import sessions
from gridlane.kernel import audit, retention
from gridlane.kernel.access import Caller, system
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import metadata
from gridlane.kernel.facts import Recorded
from gridlane.kernel.ids import new_id
from gridlane.kernel.personal import GONE, After
from gridlane.kernel.settings import Settings
from gridlane.support.model import support_cases
from sowing import KEPT_ASIDE, sow

PASSWORD = "correct horse battery staple"
HOLDINGS = [holding for share in SHARES for holding in share.holdings]
NAMED = {f"{one.table.name}.{column}" for one in HOLDINGS for column in one.columns} | {"people.email"}

THINGS = {
    "id", "organization_id", "site_id", "station_id", "evse_id", "session_id", "token_id", "token_key", "stop_token_key",
    "group_id", "agreement_id", "payment_id", "request_id", "tariff_id", "version_id", "tariff_version_id", "bill_id",
    "document_id", "corrects_id", "plan_id", "subscription_id", "promotion_id", "contract_id", "transfer_id",
    "operation_id", "campaign_id", "incident_id", "rule_id", "merged_into", "case_id", "subject_id", "vehicle_id", "key",
    "batch_id", "schedule_id", "scenario_id", "circuit_id", "parent_id", "monitor_id", "plug", "told_station",
    "aggregate_id", "charge_id", "last_message_id", "account_id",
}  # fmt: skip
"""Names of ids that lead to things. A column with another name leads to a person until it is put here."""
WHO = re.compile(r"_by$|^actor$|author|e?mail$|recipient|contact$|employee|driver|holder")
"""Names of texts that say who somebody is."""


async def catalogue(database) -> list[tuple[str, str, str]]:
    """Every column of our tables: table, column, type."""
    async with database.as_owner() as work:
        found = await work.execute(
            sa.text(
                "SELECT table_name, column_name, data_type FROM information_schema.columns "
                "WHERE table_schema = 'public' AND table_name NOT LIKE 'procrastinate%' AND table_name <> 'alembic_version' "
                "AND table_name !~ '_[0-9]{8}$|_default$'"
            )
        )
        return [tuple(row) for row in found.all()]


async def test_every_column_that_names_a_person_is_told_and_forgotten(database):
    unknown = []
    for table, column, kind in await catalogue(database):
        here = f"{table}.{column}"
        names = (kind == "uuid" and column not in THINGS) or (
            kind in ("text", "ARRAY") and WHO.search(column) is not None
        )
        if names and here not in NAMED:
            unknown.append(here)
    assert unknown == [], "say in the package's personal.py what becomes of them"


def test_what_is_kept_says_why_and_what_is_nameless_loses_the_name():
    for one in HOLDINGS:
        assert bool(one.why) == (one.after is After.KEPT), one.table.name
        assert bool(one.blank) or one.after is not After.NAMELESS, one.table.name


ORGANIZATION, ADA = UUID(int=0xC << 120 | 1), UUID(int=0xC << 120 | 2)
ADDRESS = "ada-lovelace@example.org"


UNSOWN = {"authorizations", "ledger_entries", "maintenance_windows", "refunds", "reservations"}
"""Their own rules refuse a made-up row."""


async def full_of(database) -> set[str]:
    """One row of Ada's in every table; gives the tables that took theirs."""
    given = {}
    for here in NAMED - {"people.id", "people.email"}:
        table, column = here.split(".")
        given[here] = ADA if isinstance(metadata.tables[table].c[column].type, sa.Uuid) else ADDRESS
    given |= {"report_schedules.recipients": json.dumps([ADDRESS, "other@example.org"])}
    given |= {"audit_entries.object_id": str(ADA), "money_tasks.subject_id": ADA}
    return await sow(database, ORGANIZATION, ADA, "ada-lovelace", given=given)


async def mentions(database) -> dict[str, str]:
    """Tables with a row that names Ada, by id, address or name."""
    found = {}
    async with database.as_owner() as work:
        for table in metadata.sorted_tables:
            whole = sa.cast(table.table_valued(), sa.Text)
            named = sa.or_(whole.contains(str(ADA)), whole.contains(ADDRESS))
            row = await work.scalar(sa.select(whole).select_from(table).where(named).limit(1))
            if row is not None:
                found[table.name] = row
    return found


async def test_who_is_forgotten_is_named_nowhere_but_where_the_law_says_so(database):
    sown = await full_of(database)
    assert {one.table.name for one in HOLDINGS} - sown - KEPT_ASIDE <= UNSOWN
    told = await mentions(database)
    settled = [replace(share, obstacles=privacy_without_obstacles) for share in SHARES]
    caller = Caller("person", ADDRESS, ORGANIZATION, ADA)
    async with database.as_owner() as work:
        files = await privacy._files(
            work, [replace(one, files=nothing_more) for one in SHARES], privacy.Person(ADA, ADDRESS)
        )
    assert {f"{name}.json" for name in told if name in {one.table.name for one in HOLDINGS}} <= set(files)

    await privacy.forget(database, settled, caller)

    kept = {one.table.name for one in HOLDINGS if one.after is After.KEPT}
    left = await mentions(database)
    assert set(left) <= kept | {"facts"}, left
    assert "people" not in left
    async with database.as_owner() as work:
        assert await work.scalar(sa.select(sa.func.count()).select_from(people)) == 0
        token = (await work.execute(sa.select(tokens.c.status, tokens.c.person_id))).one()
        assert tuple(token) == ("blocked", None)
        assert await work.scalar(sa.select(sessions.c.person_id)) is None
        assert await work.scalar(sa.select(sessions.c.closed_by)) == GONE


async def privacy_without_obstacles(_work, _person):
    return ()


async def nothing_more(_work, _person):
    return {}


# ---- over the API --------------------------------------------------------------------------------------------------


async def person_of(house, address="ada@example.org"):
    async with house.database.as_owner() as work:
        query = (
            sa.select(people.c.id, memberships.c.organization_id)
            .join(memberships)
            .where(people.c.email == address)
        )
        return (await work.execute(query)).one()


async def made(house, person_id) -> None:
    fact = privacy.ArchiveAsked(person_id=person_id)
    upkeep = Upkeep(house.database, house.settings, SHARES)
    await upkeep.make_archive(Recorded(fact, person_id, None, system_clock()))


async def test_a_driver_gets_everything_that_is_known_as_one_archive(house):
    await house.owner()
    ada = await house.driver()
    assert (await ada.get("/me/archive")).json() == {"state": "none"}
    assert (await ada.get("/me/archive/content")).json()["code"] == "archive_missing"
    assert (await ada.post("/me/vehicles", json={"name": "Zoe", "plate": "B-AD 1815"})).status_code == 201

    assert (await ada.post("/me/archive")).json()["state"] == "making"
    await made(house, (await person_of(house)).id)

    state = (await ada.get("/me/archive")).json()
    assert state["state"] == "ready"
    answer = await ada.get("/me/archive/content")
    assert answer.headers["content-type"] == "application/zip"
    assert len(answer.content) == state["size"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert json.loads(archive.read("vehicles.json"))[0]["plate"] == "B-AD 1815"
    assert json.loads(archive.read("people.json"))[0]["email"] == "ada@example.org"
    whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert "argon2" not in whole
    assert "vehicles.json" in archive.read("README.txt").decode()


async def test_nobody_fetches_the_archive_of_another(house):
    await house.owner()
    ada, bob = await house.driver(), await house.driver("bob@example.org", "Bob")
    await ada.post("/me/archive")
    await made(house, (await person_of(house)).id)
    assert (await bob.get("/me/archive/content")).status_code == 404
    assert (await house.visitor().get("/me/archive/content")).status_code == 401


async def test_a_driver_who_is_forgotten_cannot_sign_in_and_may_begin_anew(house):
    await house.owner()
    ada = await house.driver()
    assert (await ada.get("/me/forget")).json()["obstacles"] == []

    wrong = await ada.post("/me/forget", json={"password": "not this"})
    assert wrong.json()["code"] == "password_wrong"
    gone = await ada.post("/me/forget", json={"password": PASSWORD})

    assert gone.status_code == 204, gone.text
    assert (await ada.get("/me")).status_code == 401
    again = await house.visitor().post("/sign-in", json={"email": "ada@example.org", "password": PASSWORD})
    assert again.json()["code"] == "sign_in_failed"
    await house.driver()  # the address is free again


async def test_an_old_session_alone_does_not_prove_who_one_is(house):
    await house.owner()
    ada = await house.driver()
    async with house.database.as_owner() as work:
        await work.execute(sa.text("UPDATE sign_in_sessions SET created_at = created_at - interval '1 hour'"))
    assert (await ada.post("/me/forget", json={})).json()["code"] == "sign_in_again"


@pytest.mark.parametrize("what", ["charges_still", "money_left", "money_owed", "last_owner"])
async def test_nobody_goes_while_something_is_open(house, what):
    owner = await house.owner()
    ada = owner if what == "last_owner" else await house.driver()
    address = "olga@example.org" if what == "last_owner" else "ada@example.org"
    person = await person_of(house, address)
    async with house.database.as_owner() as work:
        await begin(work, what, person)

    told = (await ada.get("/me/forget")).json()["obstacles"]
    refused = await ada.post("/me/forget", json={"password": PASSWORD})

    assert [one["code"] for one in told] == [what]
    assert refused.status_code == 409
    assert refused.json()["code"] == what
    assert (await ada.get("/me")).status_code == 200


async def begin(work, what, person) -> None:
    """Something that keeps a person from going."""
    own = {"organization_id": person.organization_id}
    now = system_clock()
    if what == "charges_still":
        begun = {"started_at": now, "received_at": now, "first_received_at": now, "energy": 0}
        row = {"id": new_id(), "station_id": new_id(), "transaction_id": "1", "status": "active", **begun}
        await work.execute(sa.insert(sessions).values(person_id=person.id, **own, **row))
    if what == "money_left":
        purse = {"person_id": person.id, "currency": "EUR", "balance": Decimal("5.20")}
        await work.execute(sa.insert(wallets).values(**own, **purse))
    if what == "money_owed":
        id_ = new_id()
        await work.execute(
            sa.insert(ledger_transfers).values(id=id_, key="bill", at=now, reason="billed", **own)
        )
        entries = [("receivable", person.id, Decimal(3)), ("revenue", None, Decimal(-3))]
        rows = [
            {"transfer_id": id_, "position": at, "account": account, "holder_id": holder, "currency": "EUR", "amount": amount}
            for at, (account, holder, amount) in enumerate(entries)
        ]  # fmt: skip
        await work.execute(sa.insert(ledger_entries), [{**one, **own} for one in rows])


async def test_staff_forget_somebody_with_the_permission_only(house):
    owner = await house.owner()
    ada = await house.driver()
    person = await person_of(house)
    path, asked = f"/people/{person.id}/forget", {"reason": "letter of 3 May"}
    assert (await ada.post(path, json=asked)).status_code == 403
    assert (await owner.post(path, json={"reason": ""})).status_code == 422

    assert (await owner.post(path, json=asked)).status_code == 204

    assert (await owner.get(f"/people/{person.id}")).status_code == 404
    async with house.database.as_owner() as work:
        row = (
            (
                await work.execute(
                    sa.select(audit.audit_entries).where(audit.audit_entries.c.action == "person.forgotten")
                )
            )
            .mappings()
            .one()
        )
    assert (row["actor"], row["reason"]) == ("olga@example.org", "letter of 3 May")


async def test_who_belongs_to_another_organization_keeps_the_account_there(house):
    owner = await house.owner()
    await house.driver()
    person, other = await person_of(house), new_id()
    async with house.database.as_owner() as work:
        await work.execute(
            sa.text("INSERT INTO organizations (id, name, created_at) VALUES (:id, 'Other', now())"),
            {"id": other},
        )
        row = {"organization_id": other, "person_id": person.id, "role": "driver", "since": system_clock()}
        await work.execute(sa.insert(memberships).values(row))

    assert (await owner.post(f"/people/{person.id}/forget", json={"reason": "asked"})).status_code == 204

    assert (await person_of(house)).organization_id == other


# ---- how long what is kept -----------------------------------------------------------------------------------------


async def test_what_is_old_goes_in_batches_and_what_is_open_stays(house):
    now = system_clock()
    async with house.database.as_owner() as work:
        for number in range(7):
            row = {
                "id": new_id(),
                "organization_id": new_id(),
                "code": f"C{number}",
                "origin": "app",
                "state": "solved",
                "priority": 4,
            }
            old = {
                "title": "words",
                "opened_by": "x",
                "opened_at": now,
                "changed_at": now - timedelta(days=2000),
            }
            solved = None if number == 0 else now - timedelta(days=2000)
            await work.execute(sa.insert(support_cases).values(**row, **old, solved_at=solved))

    gone = await retention.forget(house.database, house.settings, RETENTION, now, batch=2)

    assert gone["support_cases"] == 6
    async with house.database.as_owner() as work:
        assert await work.scalar(sa.select(support_cases.c.code)) == "C0"


async def test_a_chain_of_the_audit_log_stays_provable_when_its_oldest_entries_are_removed(database):
    organization, other, now = new_id(), new_id(), system_clock()
    async with database.as_owner() as work:
        for begin, end in ((0, 3), (3, 5)):
            for one in (organization, other):
                for number in range(begin, end):
                    await audit.record(work, system(one), f"thing.{number}", None)
            if begin == 0:
                await work.execute(sa.update(audit.audit_entries).values(at=now - timedelta(days=10)))
            await audit.seal(work)

    settings = Settings(audit_days=5)
    gone = await retention.forget(database, settings, (), now, batch=2)

    assert gone["audit_entries"] == 6
    async with database.as_owner() as work:
        assert await audit.verify(work, organization) is None
        await audit.record(work, system(organization), "thing.new", None)
        await audit.seal(work)
        assert await audit.verify(work, organization) is None
        await work.execute(
            sa.text("DELETE FROM audit_entries WHERE number = 4 AND organization_id = :id"),
            {"id": organization},
        )
        assert await audit.verify(work, organization) == 4
