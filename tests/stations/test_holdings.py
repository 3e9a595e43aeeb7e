"""What stations hold for us: reservations, profiles, messages on displays, customers' data, and limits from outside."""

import pytest

from gridlane.stations import commands as c
from gridlane.stations import reservations
from gridlane.stations.reports import (
    LimitReported,
    NeedsReported,
    PartReported,
    ReservationChanged,
    TokenRef,
    TransactionReported,
    VehicleScheduleReported,
)

YES = c.Answer(agreed=True, status="Accepted")
NO = c.Answer(agreed=False, status="Rejected")


def parts(block, *items, request_id=None, **more):
    return PartReported(block=block, request_id=request_id, last=True, items=items, **more)


async def column(station, name, table):
    return [row[name] for row in await station.rows(f"SELECT {name} FROM {table} ORDER BY 1")]  # noqa: S608


# --- reservations ------------------------------------------------------------------------------------------------


def reserve(street, number=1):
    return c.Reserve(
        reservation_id=number, token=TokenRef("04AABBCCDD"), expires=street.later(hours=1), evse=1
    )


@pytest.mark.parametrize(
    ("told", "status"), [("Expired", "expired"), ("Removed", "removed"), ("NoTransaction", "no_transaction")]
)
async def test_a_reservation_is_kept_until_the_station_says_it_is_over(stored_station, street, told, status):
    station = await stored_station(available=1)
    await station.ask(reserve(street), YES)
    (row,) = await station.rows("SELECT status, token_last4, evse FROM station_reservations")
    assert row == {"status": "active", "token_last4": "CCDD", "evse": 1}
    decided = await station.tell(ReservationChanged(reservation_id=1, status=told))
    assert decided.facts[0].fact.status == status
    assert await column(station, "status", "station_reservations") == [status]


async def test_a_reservation_that_was_refused_is_none_and_one_cancelled_is_over(stored_station, street):
    station = await stored_station(available=1)
    await station.ask(reserve(street, 1), NO)
    await station.ask(reserve(street, 2), YES)
    await station.ask(c.CancelReservation(reservation_id=2), NO)
    assert await column(station, "status", "station_reservations") == ["active"]
    await station.ask(c.CancelReservation(reservation_id=2), YES)
    assert await column(station, "status", "station_reservations") == ["cancelled"]


def test_a_transaction_that_names_its_reservation_has_used_it(street):
    live = street.station(available=1)
    started = TransactionReported(
        phase="started", transaction="t", at=street.now, digest=b"", reservation_id=4
    )
    commit = reservations.used(live, started, street.now, None)
    assert [fact.fact.status for fact in commit.facts] == ["used"]
    free = TransactionReported(phase="started", transaction="t", at=street.now, digest=b"")
    assert reservations.used(live, free, street.now, None).rows == []


# --- profiles ----------------------------------------------------------------------------------------------------


def profile(number, *, level=0, purpose="TxDefaultProfile"):
    return c.Profile(
        id=number, stack_level=level, purpose=purpose, periods=(c.ProfilePeriod(start=0, limit=16.0),)
    )


async def test_a_profile_set_takes_the_place_of_its_like(stored_station):
    station = await stored_station(available=1)
    await station.ask(c.SetProfile(evse=1, profile=profile(1)), YES)
    await station.ask(c.SetProfile(evse=1, profile=profile(2)), YES)
    await station.ask(c.SetProfile(evse=1, profile=profile(3, level=1)), YES)
    await station.ask(c.SetProfile(evse=1, profile=profile(9, level=5)), NO)
    assert await column(station, "profile_id", "station_profiles") == [2, 3]
    await station.ask(c.ClearProfile(purpose="TxDefaultProfile", stack_level=1), YES)
    assert await column(station, "profile_id", "station_profiles") == [2]
    await station.ask(c.ClearProfile(profile_id=2), c.Answer(agreed=False, status="Unknown"))
    assert await column(station, "profile_id", "station_profiles") == []


async def test_a_whole_report_of_profiles_is_what_the_station_holds(stored_station, street):
    station = await stored_station(available=1)
    await station.ask(c.SetProfile(evse=1, profile=profile(1)), YES)
    asked = await station.ask(c.GetProfiles(), YES, street.later(minutes=1))
    told = {
        "id": 7, "stackLevel": 3, "chargingProfilePurpose": "ChargingStationExternalConstraints",
        "chargingProfileKind": "Absolute", "validTo": "2027-01-01T00:00:00Z",
        "chargingSchedule": [{"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9000}]}],
    }  # fmt: skip
    report = parts("charging_profiles", told, request_id=asked.request_id, source="EMS", evse=0)
    await station.tell(report, street.later(minutes=2))
    (row,) = await station.rows("SELECT profile_id, source, evse, schedules FROM station_profiles")
    assert (row["profile_id"], row["source"], row["evse"]) == (7, "EMS", 0)
    assert row["schedules"][0]["chargingSchedulePeriod"][0]["limit"] == 9000


async def test_the_composite_schedule_told_last_is_kept(stored_station):
    station = await stored_station(available=1)
    for limit in (16, 10):
        answer = c.Answer(agreed=True, status="Accepted", data={"schedule": {"limit": limit}})
        await station.ask(c.GetCompositeSchedule(evse=1, duration=600), answer)
    assert await column(station, "schedule", "composite_schedules") == [{"limit": 10}]


# --- limits and vehicles -----------------------------------------------------------------------------------------


async def test_a_limit_from_outside_is_stored_and_told_on(stored_station):
    station = await stored_station(available=1)
    for cleared in (False, True):
        decided = await station.tell(LimitReported(evse=None, source="EMS", cleared=cleared))
        assert decided.facts[0].fact.cleared is cleared
    assert await column(station, "cleared", "external_limits") == [False, True]


async def test_what_a_vehicle_wants_and_chooses_is_stored_and_told_on(stored_station, street):
    station = await stored_station(available=1)
    needs = {"requestedEnergyTransfer": "AC_three_phase", "departureTime": "2026-05-04T18:00:00Z"}
    decided = await station.tell(NeedsReported(evse=1, needs=needs))
    assert decided.reply.status == "Processing"
    assert decided.facts[0].fact.needs == needs
    await station.tell(VehicleScheduleReported(evse=1, schedule={"id": 1}, at=street.now))
    assert await column(station, "kind", "vehicle_reports") == ["needs", "schedule"]


# --- displays, customers -----------------------------------------------------------------------------------------


def message(number, content="Hello"):
    return {"id": number, "priority": "NormalCycle", "message": {"format": "UTF8", "content": content}}


async def test_a_display_shows_what_was_set_told_and_not_cleared(stored_station, street):
    station = await stored_station()
    await station.ask(c.SetDisplayMessage(message=message(1)), YES)
    await station.ask(c.SetDisplayMessage(message=message(1, "Bye")), YES)
    await station.ask(c.SetDisplayMessage(message=message(2)), NO)
    assert await column(station, "content", "display_messages") == ["Bye"]
    asked = await station.ask(c.GetDisplayMessages(), YES, street.later(minutes=1))
    report = parts("display_messages", message(3), request_id=asked.request_id)
    await station.tell(report, street.later(minutes=2))
    assert await column(station, "message_id", "display_messages") == [3]
    await station.ask(c.ClearDisplayMessage(id=3), c.Answer(agreed=False, status="Unknown"))
    assert await column(station, "message_id", "display_messages") == []


async def test_what_a_station_keeps_of_a_customer_is_told_in_parts_and_forgotten_after_a_week(
    stored_station, street, database
):
    from gridlane.stations import customers

    station = await stored_station()
    for number, text in enumerate(("name: A", "card: B")):
        part = PartReported(
            block="customer_information", request_id=5, last=number == 1, part=number, text=text
        )
        await station.tell(part)
    assert await column(station, "data", "customer_reports") == ["card: B", "name: A"]
    await customers.forget_old(database, street.later(days=6))
    assert len(await column(station, "data", "customer_reports")) == 2
    await customers.forget_old(database, street.later(days=8))
    assert await column(station, "data", "customer_reports") == []
