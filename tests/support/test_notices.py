"""Notices reach those whom they concern, once; and stand at the place while they hold."""

from datetime import UTC, datetime, timedelta

WISH = {
    "kind": "maintenance",
    "title": "New cables on Monday",
    "text": "The plugs are off from 8 to 10.",
    "title_de": "Neue Kabel am Montag",
    "text_de": "Die Ladepunkte sind von 8 bis 10 aus.",
}


async def charged_here(installation, person_id):
    """A stored session of the person at the site."""
    await installation.register("CP-9")
    ((station_id,),) = await installation.sql("SELECT id FROM stations")
    await installation.sql(
        "INSERT INTO sessions (id, organization_id, site_id, station_id, transaction_id, status, started_at, person_id,"
        " received_at, first_received_at, energy) VALUES (gen_random_uuid(), %s, %s, %s, 't', 'ended', now(), %s,"
        " now(), now(), 1)",
        installation.organization_id, installation.site_id, station_id, person_id,
    )  # fmt: skip


async def test_maintenance_is_told_to_who_charges_there_and_to_nobody_else(installation, person, working):
    anna, berta, mara = (
        await person("anna", language="de"),
        await person("berta"),
        await person("mara", "support"),
    )
    await charged_here(installation, anna.id)
    await installation.sql("UPDATE sites SET public = true")
    made = await mara.post("/support/notices", WISH | {"sites": [str(installation.site_id)]}, 201)

    async def told():
        return (await anna.get("/me/inbox"))["items"]

    (news,) = await installation.until(told, 30)
    assert (news["title"], news["topic"]) == ("Neue Kabel am Montag", "network")
    assert (await berta.get("/me/inbox"))["items"] == []
    path = f"/driver/places/{installation.site_id}/notices"
    (shown,) = (await installation.get(path))["items"]
    assert shown["title"] == "New cables on Monday"
    await mara.ask("DELETE", f"/support/notices/{made['id']}", 204)
    assert (await installation.get(path))["items"] == []
    await mara.ask("DELETE", f"/support/notices/{made['id']}", 404)


async def test_news_of_the_whole_network_reach_every_driver(installation, person, working):
    anna, mara = await person("anna"), await person("mara", "support")
    await mara.post("/support/notices", WISH | {"kind": "announcement"}, 201)

    async def told():
        return (await anna.get("/me/inbox"))["items"]

    assert await installation.until(told, 30)

    async def counted():
        return [one["told"] for one in (await mara.get("/support/notices"))["items"]] == [1]

    await installation.until(counted, 30)


async def test_a_notice_that_ends_before_it_begins_is_refused_and_drivers_publish_none(installation, person):
    anna, mara = await person("anna"), await person("mara", "support")
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    await mara.post("/support/notices", WISH | {"ends_at": past}, 422)
    await anna.post("/support/notices", WISH, 403)


async def test_an_answer_is_news_and_goes_by_mail_where_one_wants_that(installation, person, working):
    anna, berta, mara = await person("anna"), await person("berta"), await person("mara", "support")
    await berta.ask("PUT", "/me/notifications", json={"choices": {"support": {"mail": False}}})
    for who in (anna, berta):
        case = await who.post("/me/cases", {"text": "Where is my receipt?"})
        await mara.post(f"/support/cases/{case['id']}/entries", {"text": "In the app, under Activity."})

        async def told(who=who):
            return (await who.get("/me/inbox"))["items"]

        (news,) = await installation.until(told, 30)
        assert (news["title"], news["link"]) == ("Answer: Where is my receipt?", f"/help/{case['id']}")

    async def mailed():
        return await installation.sql("SELECT recipient FROM mails")

    assert await installation.until(mailed, 30) == [("anna@example.org",)]
