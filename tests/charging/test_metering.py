from gridlane.charging.ending import SessionCorrected, SessionEnded
from gridlane.charging.model import PROGRESS, READINGS
from gridlane.charging.state import AFTER_END, FELL, JUMPED
from gridlane.stations.commands import StopCharging


def test_a_meter_value_raises_the_energy_of_its_session(street, make):
    street.tell(make.event("started", 0, sequence=0, energy=1000.0, token=make.CARD))
    street.tell(make.meter(10, 3000.0, power=11_000.0, soc=40.0))
    progress = street.session().progress
    assert (progress.energy, progress.power, progress.soc) == (2000.0, 11_000.0, 40.0)


def test_a_late_meter_value_does_not_lower_the_energy(street, make):
    street.tell(make.event("started", 0, sequence=0, energy=1000.0, token=make.CARD))
    street.tell(make.meter(10, 3000.0))
    street.tell(make.meter(5, 2000.0))
    assert street.session().progress.energy == 2000.0


def test_a_meter_value_of_a_known_transaction_asks_nothing_and_writes_two_light_rows(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    asked = street.questions
    commit = street.tell(make.meter(1, 100.0, transaction=number))
    assert street.questions == asked
    assert [sink for sink, _ in commit.rows] == [READINGS, PROGRESS]


def test_meter_values_without_a_transaction_are_kept_though_no_session_runs(street, make):
    street.tell(make.meter(0, 55.0, context="Sample.Clock"))
    assert [(row["session_id"], row["energy"]) for row in street.store.readings] == [(None, 55.0)]


def test_meter_values_of_the_station_itself_belong_to_no_session(street, make):
    street.tell(make.event("started", 0, sequence=0, energy=0.0))
    street.tell(make.meter(1, 99.0, evse=0))
    assert street.store.readings[-1]["session_id"] is None


def test_a_signed_value_is_kept_byte_for_byte(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    raw = '[{"value":"T0NNRnx7fXw=","format":"SignedData" ,"x":1e0}]'
    street.tell(make.meter(1, 100.0, transaction=number, rest=raw, signed=True))
    assert street.store.readings[-1]["rest"] == raw
    assert street.session().progress.signed


def test_a_register_that_falls_holds_the_session_and_is_not_billed(street, make):
    number = street.tell(make.start16(0, meter=50_000.0)).reply.transaction_id
    street.tell(make.meter(10, 52_000.0, transaction=number))
    street.tell(make.meter(20, 0.0, transaction=number))
    street.tell(make.meter(30, 1000.0, transaction=number))
    session = street.session()
    assert session.progress.energy == 3000.0
    assert session.is_held
    assert session.progress.flags == (FELL,)


def test_a_jump_beyond_what_the_evse_can_deliver_holds_the_session_and_is_not_billed(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    street.tell(make.meter(10, 2000.5, transaction=number))
    street.tell(make.meter(20, 2_000_500.0, transaction=number))
    street.tell(make.stop16(30, number, meter=2_003_500.0))
    session = street.session()
    assert session.progress.flags == (JUMPED,)
    assert session.progress.energy == 5000.5
    assert street.facts_of(SessionEnded)[0].held == (JUMPED,)


def test_a_stop_below_its_start_is_held_and_never_negative(street, make):
    number = street.tell(make.start16(0, meter=9000.0)).reply.transaction_id
    street.tell(make.stop16(10, number, meter=100.0))
    session = street.session()
    assert session.progress.energy == 0.0
    assert session.is_held


def test_a_meter_that_counts_whole_kilowatt_hours_is_believed(street, make):
    number = street.tell(make.start16(0, meter=12_000.0)).reply.transaction_id
    street.tell(make.meter(1, 13_000.0, transaction=number))
    assert street.session().progress.energy == 1000.0
    assert not street.session().is_held


def test_rounding_noise_of_a_register_counts_nothing(street, make):
    number = street.tell(make.start16(0, meter=100.0)).reply.transaction_id
    for minute in range(1, 20):
        street.tell(make.meter(minute, 100.0 if minute % 2 else 99.5, transaction=number))
    assert street.session().progress.energy == 0.0


def test_a_meter_value_after_the_stop_settles_the_session_anew(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    street.tell(make.stop16(20, number, meter=4000.0))
    street.tell(make.meter(10, 2000.0, transaction=number))
    assert street.session().progress.energy == 4000.0
    assert street.facts_of(SessionCorrected) == []


def test_meter_values_of_a_transaction_nobody_knows_make_a_session(street, make):
    street.tell(make.meter(1, 100.0, transaction=4711))
    session = street.session()
    assert (session.transaction_id, session.evse, session.start_digest) == ("4711", 1, None)


def test_meter_values_find_a_session_the_owner_has_forgotten(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    street.tell(make.stop16(20, number, meter=4000.0))
    street.restart()
    street.tell(make.meter(20, 4100.0, transaction=number), make.minutes(25))
    assert street.session().progress.energy == 4100.0
    assert [fact.energy for fact in street.facts_of(SessionCorrected)] == [4100.0]


def test_energy_after_the_end_is_nobodys_bill_and_holds_the_session(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    street.tell(make.stop16(20, number, meter=4000.0))
    street.tell(make.meter(40, 9000.0, transaction=number))
    session = street.session()
    assert (session.progress.energy, session.progress.flags) == (4000.0, (AFTER_END,))
    assert street.facts_of(SessionCorrected)[-1].held == (AFTER_END,)


def test_an_end_that_turns_out_later_takes_in_what_came_before_it(street, make):
    street.tell(make.event("started", 0, sequence=0, energy=0.0))
    street.tell(make.event("ended", 10, sequence=1, energy=1000.0))
    street.tell(make.meter(20, 2000.0, transaction="T-1"))
    assert street.session().progress.energy == 1000.0
    street.tell(make.event("ended", 30, sequence=2, energy=3000.0))
    session = street.session()
    assert (session.progress.energy, session.progress.flags) == (3000.0, ())


def test_disordered_readings_within_the_one_message_of_an_unknown_session_settle_at_once(street, make):
    late = (make.reading(30, 900.0), make.reading(10, 100.0, context="Transaction.Begin"))
    street.tell(make.event("ended", 30, sequence=5, readings=late))
    assert street.session().progress.energy == 800.0


def test_a_refused_session_that_charges_all_the_same_is_stopped_once(street, make):
    street.store.tokens.clear()
    number = street.tell(make.start16(0)).reply.transaction_id
    calls = [
        call.command
        for minute in (1, 2, 3)
        for call in street.tell(make.meter(minute, 200.0 * minute, transaction=number)).calls
    ]
    assert calls == [StopCharging(transaction=str(number))]
