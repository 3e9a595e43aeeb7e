"""OCPP 2.0.1, block H: an EVSE kept for somebody, used, cancelled, forgotten."""

from datetime import UTC, datetime, timedelta

import pytest

TYPE = "cType2"


def reservation(lab, number=7, *, minutes=10, **more):
    expires = datetime.now(UTC) + timedelta(minutes=minutes)
    wanted = {"reservation_id": number, "token": lab.token(), "expires": expires.isoformat(), "evse": 1}
    return wanted | more


async def kept(lab, status, number=7):
    """The stored reservation, once it is in this state: (EVSE, connector type, token's last four)."""
    return await lab.seen(
        "SELECT evse, connector_type, token_last4 FROM station_reservations WHERE reservation_id = %s AND status = %s",
        number,
        status,
    )


async def used(lab, station, card, number=7):
    """Charging began, the transaction named the reservation, and it is over."""
    await station.until(lambda: station.evse().power > 0, "to charge")
    await lab.quiet(station)
    told = [one.get("reservationId") for one in station.sent("TransactionEvent")]
    assert [one for one in told if one is not None] == [number]
    await kept(lab, "used", number)
    await lab.seen(
        "SELECT 1 FROM sessions WHERE status = 'active' AND verdict = 'accepted' AND token_last4 = %s",
        card[-4:],
    )


async def turned_away(lab, station, card, evse=1):
    """Another card is known, and starts nothing where somebody else is awaited."""
    asked = len(station.acknowledged("Authorize"))
    await station.tap(card, evse)
    await station.until(lambda: len(station.acknowledged("Authorize")) > asked, "to hear about the card")
    assert station.evse(evse).transaction is None
    assert await lab.installation.sql("SELECT 1 FROM sessions WHERE token_id IS NOT NULL") == []


async def test_tc_h_01_the_awaited_card_uses_the_reserved_evse_and_no_other(lab, v201):
    async with lab.station(v201) as station:
        await lab.installation.issue_token(lab.stranger)
        ended = await lab.ask("reserve", **reservation(lab))
        assert ended["evidence"] == "EVSE 1 reported reserved"
        assert await kept(lab, "active") == (1, None, lab.card[-4:])
        await lab.connector("reserved")
        await turned_away(lab, station, lab.stranger)
        await station.tap(lab.card)
        await station.plug_in()
        await used(lab, station, lab.card)
        await lab.connector("occupied")


async def test_tc_h_07_a_reservation_nobody_uses_expires(lab, v201):
    async with lab.station(v201) as station:
        await lab.ask("reserve", **reservation(lab, minutes=3 / 60))
        await kept(lab, "expired")
        assert station.sent("ReservationStatusUpdate") == [
            {"reservationId": 7, "reservationUpdateStatus": "Expired"}
        ]
        await lab.connector("available")
        await lab.installation.issue_token(lab.friend)
        await lab.charge(station, card=lab.friend)


async def test_tc_h_08_a_reservation_of_any_evse_is_used_where_its_driver_likes(lab, v201):
    async with lab.station(v201, evses=2) as station:
        ended = await lab.ask("reserve", **reservation(lab, evse=None))
        assert "answered Accepted" in ended["evidence"]
        (asked,) = station.received("ReserveNow")
        assert "evseId" not in asked
        assert (await kept(lab, "active"))[0] is None
        await lab.connector("available", 1)
        await lab.connector("available", 2)
        await station.tap(lab.card)
        await station.plug_in()
        await used(lab, station, lab.card)
        await lab.connector("available", 2)


async def test_tc_h_14_as_many_reservations_as_evses_and_no_more(lab, v201):
    async with lab.station(v201, evses=2) as station:
        await lab.installation.issue_token(lab.stranger)
        await lab.ask("reserve", **reservation(lab, 7, evse=None))
        await lab.ask("reserve", **reservation(lab, 8, evse=None, token=lab.token(lab.friend)))
        for evse in (1, 2):
            await lab.connector("reserved", evse)
        refused = await lab.ask("reserve", "refused", **reservation(lab, 9, evse=None))
        assert "Occupied" in refused["evidence"]
        await turned_away(lab, station, lab.stranger, 2)
        stored = "SELECT reservation_id FROM station_reservations WHERE status = 'active' ORDER BY 1"
        assert await lab.installation.sql(stored) == [(7,), (8,)]
        await station.tap(lab.card)
        await station.plug_in()
        await used(lab, station, lab.card)
        await kept(lab, "active", 8)


@pytest.mark.parametrize("kind", [pytest.param(TYPE, id="tc_h_15"), pytest.param("cCCS2", id="no such plug")])
async def test_tc_h_15_a_plug_of_a_kind_is_reserved_where_there_is_one(lab, v201, kind):
    async with lab.station(v201) as station:
        wish = reservation(lab, evse=None, connector_type=kind)
        await lab.ask("reserve", "verified" if kind == TYPE else "refused", **wish)
        assert station.received("ReserveNow")[0]["connectorType"] == kind
        if kind != TYPE:
            assert await lab.installation.sql("SELECT 1 FROM station_reservations") == []
            return
        assert await kept(lab, "active") == (None, TYPE, lab.card[-4:])
        await station.tap(lab.card)
        await station.plug_in()
        await used(lab, station, lab.card)


async def test_tc_h_17_a_reservation_is_cancelled(lab, v201):
    async with lab.station(v201) as station:
        await lab.ask("reserve", **reservation(lab))
        await lab.connector("reserved")
        await lab.ask("cancel_reservation", reservation_id=7)
        await kept(lab, "cancelled")
        await lab.connector("available")
        await lab.installation.issue_token(lab.friend)
        await lab.charge(station, card=lab.friend)


async def test_tc_h_19_a_card_of_the_same_group_uses_the_reservation(lab, v201):
    async with lab.station(v201) as station:
        await lab.installation.issue_token(lab.friend, group_id="FAMILY")
        await lab.ask("reserve", **reservation(lab, group={"value": "FAMILY", "kind": "Central"}))
        (asked,) = station.received("ReserveNow")
        assert asked["groupIdToken"] == {"idToken": "FAMILY", "type": "Central"}
        await station.tap(lab.friend)
        await station.plug_in()
        await used(lab, station, lab.friend)
        assert ("authorize", lab.friend[-4:], "accepted") in await lab.verdicts()


async def test_tc_h_20_a_fault_takes_the_reservation_away(lab, v201):
    async with lab.station(v201) as station:
        await lab.ask("reserve", **reservation(lab))
        await station.fault(1, "GroundFailure")
        await kept(lab, "removed")
        await lab.connector("faulted")
        await station.fault(1, None)
        await lab.connector("available")
        facts = await lab.installation.sql(
            "SELECT fact::jsonb->>'status' FROM facts WHERE kind = 'station_reservation_changed' ORDER BY position"
        )
        assert facts == [("active",), ("removed",)]


async def test_tc_h_22_a_station_that_takes_no_reservations_says_so(lab, v201):
    async with lab.station(v201) as station:
        await lab.set(ReservationCtrlr__Enabled="false")
        ended = await lab.ask("reserve", "refused", **reservation(lab))
        assert ended["evidence"] == "Rejected"
        assert await lab.installation.sql("SELECT 1 FROM station_reservations") == []
        await lab.installation.issue_token(lab.friend)
        await lab.charge(station, card=lab.friend)
