"""The door's memory follows the stations' table: who is deleted or renamed is forgotten."""


async def test_a_deleted_station_is_forgotten(installation):
    made = await installation.register("CP-1")
    await installation.sql("DELETE FROM stations WHERE id = %s", made["id"])
    await installation.until(lambda: installation.keeper.directory.get("CP-1") is None, 20)


async def test_a_renamed_station_is_known_by_its_new_name_alone(installation):
    made = await installation.register("CP-1")
    await installation.sql(
        "UPDATE stations SET identity = 'CP-9', changed_at = now() WHERE id = %s", made["id"]
    )
    await installation.until(lambda: installation.keeper.directory.get("CP-9") is not None, 20)
    await installation.until(lambda: installation.keeper.directory.get("CP-1") is None, 20)


async def test_an_identity_that_is_given_again_is_not_forgotten(installation):
    made = await installation.register("CP-1")
    await installation.sql("DELETE FROM stations WHERE id = %s", made["id"])
    again = await installation.post("/stations", {"identity": "CP-1", "site_id": str(installation.site_id)})

    def known():
        entry = installation.keeper.directory.get("CP-1")
        return entry is not None and str(entry.station_id) == again["id"]

    await installation.until(known, 20)
