"""Bringing in people, tokens, and sites with stations from CSV, over the API and a real database."""

import time

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from gridlane.accounts.model import driver_groups, tokens
from gridlane.accounts.people import memberships, people
from gridlane.kernel.audit import audit_entries
from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id
from gridlane.stations.model import sites, stations

PEOPLE = """E-Mail;Name;Rolle;Sprache
jürgen@example.org;Jürgen Groß;;de
TESS@Example.org;Tess;technician;en
"""
TOKENS = """number;name;holder;valid_until;budget_kwh;budget_period
04 A2 2F B1;Jürgens Karte;jürgen@example.org;31.12.2027;150,5;month
0123456789ABCD;;;;;
"""
SITES = """Standort;Adresse;PLZ;Ort;Land;lat;lon;station;station_name
Köln Süd;Hauptstr. 1;50677;Köln;DE;50,92;6,95;CP-1;Links
Köln Süd;;;;;;;CP-2;Rechts
Nur ein Ort;;;;;;;;
"""


@pytest.fixture
async def owner(house):
    return await house.owner()


async def send(visitor, kind, content, **query):
    body = content.encode("utf-8-sig") if isinstance(content, str) else content
    return await visitor.post(
        f"/imports/{kind}", content=body, params=query, headers={"content-type": "text/csv"}
    )


async def counts(visitor, kind, content, **query):
    answer = await send(visitor, kind, content, **query)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return {name: told[name] for name in ("new", "changed", "same", "bad", "written")}


async def count(house, table):
    async with house.database.as_owner() as work:
        return await work.scalar(sa.select(sa.func.count()).select_from(table))


async def test_a_dry_run_says_what_would_be_and_writes_nothing(house, owner):
    before = await count(house, people)
    assert await counts(owner, "people", PEOPLE) == {
        "new": 2,
        "changed": 0,
        "same": 0,
        "bad": 0,
        "written": False,
    }
    assert await count(house, people) == before


async def test_the_same_files_twice_change_nothing(house, owner):
    for kind, content, lines in (("people", PEOPLE, 2), ("tokens", TOKENS, 2), ("sites", SITES, 3)):
        first = await counts(owner, kind, content, dry_run=False)
        assert first == {"new": lines, "changed": 0, "same": 0, "bad": 0, "written": True}, kind
        again = await counts(owner, kind, content, dry_run=False)
        assert again == {"new": 0, "changed": 0, "same": lines, "bad": 0, "written": True}, kind
    async with house.database.as_owner() as work:
        row = (
            (await work.execute(sa.select(people).where(people.c.email == "jürgen@example.org")))
            .mappings()
            .one()
        )
        card = (await work.execute(sa.select(tokens).where(tokens.c.person_id == row["id"]))).mappings().one()
        places = (await work.execute(sa.select(sites.c.name).order_by(sites.c.name))).scalars().all()
        done = (await work.execute(sa.select(audit_entries.c.action))).scalars().all()
    assert (row["name"], row["language"], row["password_hash"]) == ("Jürgen Groß", "de", None)
    assert (card["last4"], card["budget_energy"], card["valid_until"].year) == ("2FB1", 150_500, 2027)
    assert places == ["Köln Süd", "Nur ein Ort"]
    assert await count(house, stations) == 2
    assert {"people.imported", "tokens.imported", "sites.imported"} <= set(done)


async def test_new_stations_passwords_are_told_once(owner):
    first = (await send(owner, "sites", SITES, dry_run=False)).json()["passwords"]
    assert [one["identity"] for one in first] == ["CP-1", "CP-2"]
    assert all(len(one["password"]) >= 16 for one in first)
    assert (await send(owner, "sites", SITES, dry_run=False)).json()["passwords"] == []


async def test_another_cell_changes_what_is_there(house, owner):
    await send(owner, "people", PEOPLE, dry_run=False)
    await send(owner, "tokens", TOKENS, dry_run=False)
    changed = TOKENS.replace("150,5", "80")
    assert await counts(owner, "tokens", changed, dry_run=False) == {
        "new": 0, "changed": 1, "same": 1, "bad": 0, "written": True,
    }  # fmt: skip
    await send(owner, "sites", SITES, dry_run=False)
    assert (await counts(owner, "sites", SITES.replace("Rechts", "Hinten"), dry_run=False))["changed"] == 1
    async with house.database.as_owner() as work:
        assert await work.scalar(sa.select(tokens.c.budget_energy).where(tokens.c.last4 == "2FB1")) == 80_000
        assert await work.scalar(sa.select(stations.c.name).where(stations.c.identity == "CP-2")) == "Hinten"


BAD = """number;holder;valid_until;budget_kwh
04A22FB1;;;
04A22FB1;;;
XYZ;;;
04A22FB2;nobody@example.org;;
04A22FB3;;31.13.2027;many
"""


async def test_every_bad_line_is_told_with_column_value_and_what_to_do(house, owner):
    answer = await send(owner, "tokens", BAD, dry_run=False)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "import_refused")
    told = [(one["line"], one["column"], one["problem"]) for one in problem["details"]["problems"]]
    assert [one[:2] for one in told] == [
        (3, "number"), (4, "number"), (5, "holder"), (6, "budget_kwh"), (6, "valid_until"),
    ]  # fmt: skip
    assert "line 2 already" in told[0][2]
    assert "hexadecimal" in told[1][2]
    assert "bring people in first" in told[2][2]
    assert "31.12.2026" in told[4][2]
    assert await count(house, tokens) == 0


async def test_bad_lines_are_left_out_when_that_is_asked_for(house, owner):
    assert await counts(owner, "tokens", BAD, dry_run=False, skip_bad=True) == {
        "new": 1, "changed": 0, "same": 0, "bad": 4, "written": True,
    }  # fmt: skip
    assert await count(house, tokens) == 1


async def test_people_of_another_organization_are_not_taken_over(house, owner):
    async with house.database.as_owner() as work:
        row = {"id": new_id(), "email": "else@example.org", "created_at": system_clock()}
        await work.execute(sa.insert(people).values(row))
    answer = (await send(owner, "people", "email\nelse@example.org\n")).json()
    assert "invite them" in answer["problems"][0]["problem"]
    assert await count(house, memberships) == 1


async def test_people_join_a_group_by_its_name(house, owner):
    group = (await owner.post("/driver-groups", json={"name": "Fahrdienst Süd", "kind": "fleet"})).json()
    content = "email;group\nada@example.org;fahrdienst süd\nbob@example.org;unknown\n"
    told = await counts(owner, "people", content, dry_run=False, skip_bad=True)
    assert (told["new"], told["bad"]) == (1, 1)
    assert [
        one["email"] for one in (await owner.get(f"/driver-groups/{group['id']}/members")).json()["items"]
    ] == ["ada@example.org"]
    assert await count(house, driver_groups) == 1
    again = await counts(owner, "people", "email;group\nada@example.org;Fahrdienst Süd\n", dry_run=False)
    assert again["same"] == 1


async def test_a_driver_brings_nothing_in(house, owner):
    ada = await house.driver()
    for kind in ("people", "tokens", "sites"):
        assert (await send(ada, kind, PEOPLE)).status_code == 403


async def test_ten_thousand_lines_are_brought_in_at_once(house, owner):
    lines = "\n".join(f"driver-{n}@example.org;Driver {n}" for n in range(10_000))
    begun = time.monotonic()
    told = await counts(owner, "people", "email;name\n" + lines, dry_run=False)
    cards = "number\n" + "\n".join(f"{n:08X}" for n in range(10_000))
    told_cards = await counts(owner, "tokens", cards, dry_run=False)
    assert (told["new"], told_cards["new"]) == (10_000, 10_000)
    print(f"2 x 10,000 lines in {time.monotonic() - begun:.1f} s")  # noqa: T201 (a figure to look at)


def test_the_command_lists_bad_lines_and_writes_only_when_told(monkeypatch, tmp_path, database_url):
    import psycopg

    from gridlane.cli.admin import app

    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO organizations (id, name, created_at) VALUES (gen_random_uuid(), 'Grid', now())"
        )
    monkeypatch.setenv("GRIDLANE_DATABASE_URL", database_url)
    monkeypatch.setenv("GRIDLANE_DATA_DIR", str(tmp_path))
    file = tmp_path / "people.csv"
    file.write_text("email\nada@example.org\nnobody\n")

    def run(*more):
        return CliRunner().invoke(app, ["import", "people", str(file), *more])

    looked, refused = run(), run("--write")
    assert "line 3, email 'nobody': it is no mail address" in looked.output
    assert "1 new" in looked.output
    assert (looked.exit_code, refused.exit_code) == (1, 2)
    assert "1 new, 0 changed, 0 same, 1 bad; written" in run("--write", "--skip-bad").output
