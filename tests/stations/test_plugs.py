"""What people say of an EVSE: the number on its sticker, its bay, its power, its plugs."""

import pytest


@pytest.fixture
async def station(installation):
    async with await installation.station("CP-1") as station:
        await station.boot()
        await evse(installation, station)
        yield station


async def described(installation, station, **change):
    return await installation.http.patch(f"/api/v1/stations/{station.id}/evses/1", json=change)


async def evse(installation, station):
    async def told():
        found = (await installation.get(f"/stations/{station.id}/evses"))["items"]
        return found and found[0]["connectors"] and found[0]

    return await installation.until(told)


async def test_an_evse_has_a_number_for_its_sticker_as_soon_as_its_station_tells_of_it(installation, station):
    number = (await evse(installation, station))["public_id"]
    assert len(number) == 7
    await installation.sql("UPDATE sites SET latitude = 52.5, longitude = 13.4")
    assert (await installation.get(f"/driver/plugs/{number}"))["public_id"] == number


async def test_numbers_never_come_twice(installation):
    query = "SELECT count(DISTINCT plug_number(n)) = 5000 FROM generate_series(1, 5000) AS n"
    assert (await installation.sql(query))[0][0]


async def test_an_operator_says_what_the_station_does_not_tell(installation, station):
    answer = await described(
        installation, station, public_id="DE*ABC*E1", label="Bay 4", max_power=22000,
        connectors=[{"number": 1, "kind": "IEC_62196_T2", "max_current": 32}],
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    now = await evse(installation, station)
    assert (now["public_id"], now["label"], now["max_power"]) == ("DE*ABC*E1", "Bay 4", 22000)
    assert [(one["kind"], one["max_current"]) for one in now["connectors"]] == [("IEC_62196_T2", 32)]
    await described(installation, station, label=None)
    assert (await evse(installation, station))["label"] is None
    assert (await evse(installation, station))["max_power"] == 22000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"public_id": "E123456"}, "plug_number_of_ours"),
        ({"public_id": "with space"}, "input_invalid"),
        ({"max_power": -1}, "input_invalid"),
        ({"phases": 2}, "input_invalid"),
        ({"connectors": [{"number": 7, "kind": "MCS"}]}, "connector_unknown"),
        ({"connectors": [{"number": 1, "kind": "GARDENA"}]}, "input_invalid"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(installation, station, change, code):
    before = await evse(installation, station)
    answer = await described(installation, station, **{"label": "Bay 9", **change})
    assert answer.json()["code"] == code
    assert await evse(installation, station) == before


async def test_a_number_stands_on_one_sticker_only(installation, station):
    async with await installation.station("CP-2") as other:
        await other.boot()
        taken = (await evse(installation, other))["public_id"]
        await installation.http.patch(
            f"/api/v1/stations/{other.id}/evses/1", json={"public_id": taken.lower() + "-x"}
        )
        answer = await described(installation, station, public_id=taken.lower() + "-x")
    assert answer.json()["code"] == "plug_number_taken"
    answer = await installation.http.patch(f"/api/v1/stations/{station.id}/evses/9", json={"label": "x"})
    assert answer.json()["code"] == "evse_unknown"
