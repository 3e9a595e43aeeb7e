"""Cases from the driver's question to the remedy and the rating; what is noticed by itself."""

from gridlane.kernel.database import Database
from gridlane.support import cases
from gridlane.support.causes import CAUSES

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


async def test_a_driver_asks_an_agent_answers_and_the_driver_sees_it(installation, person, public_plug):
    anna, mara = await person("anna"), await person("mara", role="support")
    async with public_plug():
        case = await anna.post(
            "/me/cases", {"text": "The cable is stuck.\nPlease help.", "plug": "de*grl*e1"}
        )
    assert (case["state"], case["title"]) == ("open", "The cable is stuck.")
    path = f"/support/cases/{case['id']}"
    (listed,) = (await mara.get("/support/cases", state="open"))["items"]
    assert (listed["person"], listed["is_late"]) == ("Anna", False)
    await mara.ask("PATCH", path, json={"assigned_to": str(mara.id), "priority": 2})
    await mara.post(f"{path}/entries", {"text": "Known site, look at the lock.", "is_note": True})
    seen = await mara.post(f"{path}/entries", {"text": "Which plug is it?", "wait": True})
    assert (seen["state"], seen["agent"]) == ("waiting", "Mara")
    assert seen["remedies"] == ["reset", "unlock", "free_charge", "credit"]
    mine = await anna.get(f"/me/cases/{case['id']}")
    assert [entry["text"] for entry in mine["entries"]][-1] == "Which plug is it?"
    assert "look at the lock" not in str(mine)
    again = await anna.post(f"/me/cases/{case['id']}/messages", {"text": "The left one."})
    assert again["state"] == "open"
    await mara.post(f"{path}/solve", {"text": "Released. Sorry!"})
    await anna.post(f"/me/cases/{case['id']}/rating", {"stars": 5, "comment": "quick"}, 204)
    await anna.post(f"/me/cases/{case['id']}/rating", {"stars": 1}, 409)


async def test_nobody_reads_the_case_of_another(installation, person):
    anna, berta = await person("anna"), await person("berta")
    case = await anna.post("/me/cases", {"text": "Where is my bill?"})
    await berta.ask("GET", f"/me/cases/{case['id']}", 404)
    await berta.post(f"/me/cases/{case['id']}/messages", {"text": "mine"}, 404)
    await berta.ask("GET", "/support/cases", 403)
    await berta.ask("GET", f"/support/cases/{case['id']}", 403)
    assert (await berta.get("/me/cases"))["items"] == []


async def test_an_attachment_is_kept_up_to_a_size_and_only_of_known_kinds(installation, person):
    anna, mara = await person("anna"), await person("mara", role="support")
    case = await anna.post("/me/cases", {"text": "Look at this screen."})
    path = f"/me/cases/{case['id']}/attachments"
    made = await anna.ask("POST", path, 201, files={"file": ("screen.png", PNG, "image/png")})
    await anna.ask("POST", path, 422, files={"file": ("page.html", b"<script>", "text/html")})
    await anna.ask("POST", path, 422, files={"file": ("big.png", b"0" * 5_000_001, "image/png")})
    await anna.ask("POST", path, 422, files={"file": ("none.png", b"", "image/png")})
    found = await mara.ask("GET", f"/support/cases/{case['id']}/attachments/{made['id']}")
    assert found.content == PNG
    assert found.headers["content-disposition"] == "attachment"
    (shown,) = (await anna.get(f"/me/cases/{case['id']}"))["attachments"]
    assert (shown["name"], shown["size"]) == ("screen.png", len(PNG))


async def test_two_cases_about_the_same_go_on_as_one(installation, person):
    anna, mara = await person("anna"), await person("mara", role="support")
    first = await anna.post("/me/cases", {"text": "It does not start."})
    second = await anna.post("/me/cases", {"text": "Still not."})
    into = await mara.post(f"/support/cases/{second['id']}/merge", {"into": first["id"]})
    assert {"It does not start.", "Still not."} <= {entry["text"] for entry in into["entries"]}
    (left,) = (await anna.get("/me/cases"))["items"]
    assert left["id"] == first["id"]
    await mara.post(f"/support/cases/{second['id']}/entries", {"text": "x"}, 409)
    await mara.post(f"/support/cases/{first['id']}/merge", {"into": first["id"]}, 404)


async def test_an_agent_on_the_phone_opens_a_case_for_a_charge_that_failed(installation, person, public_plug):
    anna, mara = await person("anna"), await person("mara", role="support")
    async with public_plug() as station:
        station.answers["RequestStartTransaction"] = "Rejected"
        charge = await anna.post("/driver/charges", {"plug": "DE*GRL*E1"})

        async def refused():
            return (await anna.get(f"/driver/charges/{charge['id']}/why"))["code"] == "station_refused"

        await installation.until(refused, 30)
        wish = {
            "title": "Does not start",
            "text": "She stands there.",
            "origin": "phone",
            "subject": charge["id"],
        }
        case = await mara.post("/support/cases", wish)
    assert (case["cause"], case["person"], case["priority"]) == ("station_refused", "Anna", 2)
    assert case["station_id"] == station.id


async def test_what_is_later_than_promised_is_escalated_once_per_step(installation, person):
    anna = await person("anna")
    case = await anna.post("/me/cases", {"text": "Hello?"})
    await installation.sql("UPDATE support_cases SET opened_at = now() - interval '30 hours'")
    database = Database(installation.url)
    try:
        for raised in (1, 0):
            async with database.as_owner() as work:
                ((now,),) = await installation.sql("SELECT now()")
                assert await cases.escalate_late(work, now) == raised
    finally:
        await database.close()
    ((escalation, priority),) = await installation.sql("SELECT escalation, priority FROM support_cases")
    assert (escalation, priority) == (1, 3)
    assert "escalated" not in str(await anna.get(f"/me/cases/{case['id']}"))


async def test_canned_answers_are_kept_by_name_and_language(installation, person):
    mara, anna = await person("mara", role="support"), await person("anna")
    wish = {"name": "Reset", "language": "en", "text": "We restarted {place}."}
    await mara.post("/support/canned-answers", wish)
    made = await mara.post("/support/canned-answers", wish | {"text": "Restarted."})
    (kept,) = (await mara.get("/support/canned-answers"))["items"]
    assert kept["text"] == "Restarted."
    await mara.ask("DELETE", f"/support/canned-answers/{made['id']}", 204)
    assert (await mara.get("/support/canned-answers"))["items"] == []
    await anna.ask("GET", "/support/canned-answers", 403)


async def test_the_causes_can_be_listed(installation, person):
    mara = await person("mara", role="support")
    items = (await mara.get("/support/causes", language="de"))["items"]
    assert len(items) == len(CAUSES) >= 15


# --- remedies ----------------------------------------------------------------------------------------------------


async def test_remedies_reach_the_station_and_are_seen_by_the_driver(installation, person, public_plug):
    anna, mara = await person("anna"), await person("mara", role="support")
    async with public_plug() as station:
        case = await anna.post("/me/cases", {"text": "Stuck.", "plug": "DE*GRL*E1"})
        path = f"/support/cases/{case['id']}/remedies"
        await mara.post(f"{path}/unlock", {"reason": "stuck"}, 201)
        await station.until(lambda: station.received("UnlockConnector"), "to be asked to unlock")
        await station.plug_in()
        await mara.post(f"{path}/free_charge", {"reason": "sorry"}, 201)
        await station.until(lambda: station.evse().power > 0, "to charge")
        await mara.post(f"{path}/reset", {"reason": "and again", "immediate": True}, 201)
        await station.until(lambda: station.received("Reset"), "to be asked to reset")
        await mara.post(f"{path}/refund", {"reason": "none"}, 409)  # the case names no session
        await mara.post(f"{path}/pray", {"reason": "none"}, 404)
        await anna.post(f"{path}/reset", {"reason": "mine"}, 403)
    mine = await anna.get(f"/me/cases/{case['id']}")
    done = [entry["text"] for entry in mine["entries"] if entry["kind"] == "remedy"]
    assert len(done) == 3


async def test_goodwill_goes_into_the_wallet_up_to_a_limit(installation, person):
    anna, mara = await person("anna"), await person("mara", role="support")
    case = await anna.post("/me/cases", {"text": "I waited for an hour."})
    path = f"/support/cases/{case['id']}/remedies/credit"
    await mara.post(path, {"reason": "sorry", "amount": 10}, 201)
    await mara.post(path, {"reason": "sorry", "amount": 500}, 422)
    await mara.post(path, {"reason": "sorry"}, 409)
    assert float((await anna.get("/me/wallet"))["balance"]) == 10.0


# --- noticed by itself -------------------------------------------------------------------------------------------


async def test_a_start_that_the_station_refused_is_noticed_before_the_driver_complains(
    installation, person, public_plug, working
):
    anna, mara = await person("anna", language="de"), await person("mara", role="support")
    async with public_plug() as station:
        station.answers["RequestStartTransaction"] = "Rejected"
        await anna.post("/driver/charges", {"plug": "DE*GRL*E1"})

        async def told():
            return (await anna.get("/me/inbox"))["items"]

        (news,) = await installation.until(told, 30)
    assert "Es ging nicht los" in news["title"]
    assert "abgelehnt" in news["text"]
    (noticed,) = (await mara.get("/support/cases", origin="noticed"))["items"]
    assert (noticed["state"], noticed["cause"]) == ("solved", "station_refused")
    await anna.post("/me/inbox/read", status=204)
    assert (await anna.get("/me/inbox"))["unread"] == 0


async def test_one_chooses_what_comes_by_which_channel(installation, person):
    anna = await person("anna")
    usual = (await anna.get("/me/notifications"))["choices"]
    assert (usual["money"]["mail"], usual["charge"]["mail"], usual["charge"]["push"]) == (True, False, True)
    wish = {"choices": {"charge": {"push": False}, "nonsense": {"mail": True}}}
    kept = (await anna.ask("PUT", "/me/notifications", json=wish))["choices"]
    assert kept["charge"] == {"mail": False, "push": False}
    assert "nonsense" not in kept
