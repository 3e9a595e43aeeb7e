from datetime import timedelta

from gridlane.charging.closing import INSTRUCTIONS, instructed
from gridlane.charging.ending import SessionCorrected, SessionEnded
from gridlane.charging.silence import RESUMED_WITHIN, interrupted, next_deadline
from gridlane.kernel.ids import new_id
from gridlane.stations.decision import Instructed, TimePassed


def boot(street, make, minute):
    street.keep(interrupted(street.live, make.minutes(minute)))


def silence(street, make, minute):
    street.tell(TimePassed(), make.minutes(minute))


def ask(street, make, what, minute=100, **params):
    street.handlers = {**street.handlers, Instructed: instructed}
    wish = Instructed(what=what, params=params, actor="Ada", id=new_id())
    commit = street.tell(wish, make.minutes(minute))
    (row,) = [row for sink, row in commit.rows if sink.name == "operations"]
    return row


def test_a_stop_ends_the_session_with_its_reason_and_energy(street, make):
    number = street.tell(make.start16(0, meter=100.0)).reply.transaction_id
    street.tell(make.stop16(30, number, meter=4100.0, reason="EVDisconnected", token=make.CARD))
    session = street.session()
    assert (session.status, session.stop_reason, session.ended_at) == (
        "ended",
        "EVDisconnected",
        make.minutes(30),
    )
    (ended,) = street.facts_of(SessionEnded)
    assert (ended.energy, ended.presumed, ended.held) == (4000.0, False, ())
    assert session.stop_token_last4 == "1234"


def test_a_stop_cannot_be_prevented_by_an_unknown_token(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    street.store.tokens.clear()
    reply = street.tell(make.stop16(30, number, meter=1.0, token=make.CARD)).reply
    assert street.session().status == "ended"
    assert reply.verdict is not None


def test_a_stop_repeated_reports_its_end_once(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    for _ in range(3):
        street.tell(make.stop16(30, number, meter=1000.0))
    assert len(street.facts_of(SessionEnded)) == 1
    assert street.facts_of(SessionCorrected) == []


def test_a_stop_of_a_transaction_nobody_knows_makes_a_session_that_says_so(street, make):
    street.tell(make.stop16(30, 4711, meter=1000.0))
    session = street.session()
    assert (session.status, session.start_digest, session.progress.energy) == ("ended", None, 0.0)


def test_the_start_that_comes_after_its_stop_corrects_the_session(street, make):
    street.tell(make.event("ended", 30, sequence=2, energy=5000.0))
    street.tell(make.event("started", 0, sequence=0, energy=1000.0, token=make.CARD), make.minutes(31))
    session = street.session()
    assert (session.started_at, session.progress.energy) == (make.minutes(0), 4000.0)
    (corrected,) = street.facts_of(SessionCorrected)
    assert (corrected.energy_before, corrected.energy) == (0.0, 4000.0)


def test_missing_numbers_are_counted_at_the_end(street, make):
    street.tell(make.event("started", 0, sequence=0))
    street.tell(make.event("ended", 30, sequence=5))
    assert street.facts_of(SessionEnded)[0].missing_events == 4


def test_a_boot_alone_ends_nothing(street, make):
    street.tell(make.start16(0))
    boot(street, make, 10)
    silence(street, make, 20)
    assert street.session().status == "active"
    assert next_deadline(street.live.charging) == make.minutes(10) + RESUMED_WITHIN


def test_a_session_not_resumed_after_a_boot_is_presumed_ended_with_its_last_word(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    street.tell(make.meter(5, 800.0, transaction=number), make.minutes(5))
    boot(street, make, 10)
    silence(street, make, 26)
    session = street.session()
    assert (session.status, session.presumed_end) == ("presumed_ended", make.minutes(5))
    assert next_deadline(street.live.charging) is None


def test_the_true_stop_after_a_power_failure_corrects_the_presumed_end(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    boot(street, make, 10)
    silence(street, make, 26)
    street.tell(make.stop16(9, number, meter=900.0, reason="PowerLoss"), make.minutes(30))
    session = street.session()
    assert (session.status, session.ended_at, session.stop_reason) == ("ended", make.minutes(9), "PowerLoss")
    assert len(street.facts_of(SessionEnded)) == 1
    assert street.facts_of(SessionCorrected)[-1].energy == 900.0


def test_a_session_resumed_after_a_boot_goes_on(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    boot(street, make, 10)
    street.tell(make.meter(12, 900.0, transaction=number))
    silence(street, make, 60)
    assert street.session().status == "active"


def test_a_session_heard_of_again_after_its_presumed_end_runs_again(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    boot(street, make, 10)
    silence(street, make, 26)
    street.tell(make.meter(40, 900.0, transaction=number), make.minutes(40))
    assert street.session().status == "active"
    assert street.facts_of(SessionCorrected)[-1].ended_at is None


def test_an_operator_closes_a_stuck_session(street, make):
    street.tell(make.start16(0))
    street.tell(make.meter(5, 800.0))
    row = ask(street, make, "close_session", session_id=str(street.session().id))
    session = street.session()
    assert (row.status, session.status, session.closed_by) == ("verified", "ended", "Ada")
    assert session.ended_at == make.minutes(5)
    assert street.facts_of(SessionEnded)[0].presumed


def test_the_true_stop_of_a_closed_session_counts_after_all(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    ask(street, make, "close_session", minute=5, session_id=str(street.session().id))
    street.tell(make.stop16(30, number, meter=4000.0))
    session = street.session()
    assert (session.ended_at, session.closed_by, session.progress.energy) == (make.minutes(30), None, 4000.0)


def test_a_session_that_has_ended_is_not_closed_again(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    street.tell(make.stop16(30, number, meter=1.0))
    row = ask(street, make, "close_session", session_id=str(street.session().id))
    assert (row.status, row.evidence) == ("refused", "the session has ended already")


def test_an_instruction_about_another_stations_session_is_refused(street, make):
    other = make.Street(street.store)
    other.tell(make.start16(0))
    row = ask(street, make, "close_session", session_id=str(other.session().id))
    assert row.status == "refused"
    assert other.session().status == "active"


def test_a_review_releases_a_held_session_with_what_it_decides(street, make):
    number = street.tell(make.start16(0, meter=9000.0)).reply.transaction_id
    street.tell(make.stop16(30, number, meter=100.0))
    session_id = str(street.session().id)
    row = ask(street, make, "review_session", session_id=session_id, energy=3500.0)
    session = street.session()
    assert row.status == "verified"
    assert not session.is_held
    corrected = street.facts_of(SessionCorrected)[-1]
    assert (corrected.energy, corrected.held) == (3500.0, ())


def test_a_running_session_is_not_reviewed(street, make):
    street.tell(make.start16(0))
    assert ask(street, make, "review_session", session_id=str(street.session().id)).status == "refused"


def test_the_first_frozen_tariff_stays(street, make):
    street.tell(make.start16(0))
    first, second = new_id(), new_id()
    for version in (first, second):
        ask(
            street, make, "freeze_tariff", session_id=str(street.session().id), tariff_version_id=str(version)
        )
    assert street.session().tariff_version_id == first


def test_an_instruction_that_cannot_be_read_says_why(street, make):
    row = ask(street, make, "close_session", session_id="no id")
    assert row.status == "refused"
    assert "session_id" in row.evidence


def test_every_instruction_is_in_the_table_once():
    assert set(INSTRUCTIONS) == {"close_session", "review_session", "freeze_tariff"}


def test_a_late_reading_after_a_review_leaves_what_it_decided(street, make):
    number = street.tell(make.start16(0, meter=9000.0)).reply.transaction_id
    street.tell(make.stop16(30, number, meter=100.0))
    ask(street, make, "review_session", session_id=str(street.session().id), energy=3500.0)
    street.tell(make.meter(20, 9500.0, transaction=number), make.minutes(30) + timedelta(hours=1))
    assert street.session().approved_energy == 3500.0
