"""A driver's favourites; and that what drivers are told of a place survives a change of its name."""

from gridlane.kernel.ids import new_id


async def test_a_place_is_kept_as_a_favourite_until_it_is_let_go(installation, driver):
    anna, ben = [await driver(card) for card in ("04AA0001", "04AA0002")]
    await installation.sql("UPDATE sites SET public = true")
    place = f"/driver/favourites/{installation.site_id}"
    for _ in range(2):
        await anna.ask("PUT", place, status=204)
    found = await anna.ask("GET", "/driver/favourites")
    assert found["items"] == [{"site_id": str(installation.site_id)}]
    assert (await ben.ask("GET", "/driver/favourites"))["items"] == []
    for _ in range(2):
        await anna.ask("DELETE", place, status=204)
    assert (await anna.ask("GET", "/driver/favourites"))["items"] == []


async def test_only_public_places_become_favourites_and_not_without_end(installation, driver):
    anna = await driver("04AA0001")
    unknown = await anna.ask("PUT", f"/driver/favourites/{new_id()}", status=404)
    assert unknown["code"] == "favourite_unknown"
    await installation.sql(
        "INSERT INTO favourite_places SELECT p.id, gen_random_uuid(), %s, now() FROM people p, generate_series(1, 200)",
        installation.organization_id,
    )
    await installation.sql("UPDATE sites SET public = true")
    full = await anna.ask("PUT", f"/driver/favourites/{installation.site_id}", status=409)
    assert full["code"] == "too_many_favourites"


async def test_a_site_that_is_renamed_keeps_what_drivers_are_told_of_it(installation):
    path = f"/api/v1/sites/{installation.site_id}"
    told = {"name": "Old", "details": {"opening_hours": "24/7", "amenities": ["cafe"]}}
    assert (await installation.http.put(path, json=told)).status_code == 200
    assert (await installation.http.put(path, json={"name": "New"})).status_code == 200
    site = await installation.get(f"/sites/{installation.site_id}")
    assert (site["name"], site["details"]) == ("New", told["details"])
