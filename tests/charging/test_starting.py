from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gridlane.charging import starting
from gridlane.charging.ending import SessionEnded
from gridlane.charging.questions import Expected
from gridlane.charging.starting import SessionAuthorized, SessionStarted
from gridlane.stations.reports import TokenRef


def test_a_start_of_1_6_gets_a_positive_id_of_31_bits(street, make):
    reply = street.tell(make.start16(0)).reply
    assert 0 < reply.transaction_id < 2**31
    assert reply.verdict.status == "accepted"


@given(st.uuids(), st.binary(min_size=1, max_size=32))
def test_ids_are_distinct_positive_and_fit_a_signed_integer(station_id, digest):
    ids = [int(one) for one in starting.candidates(station_id, digest)]
    assert all(0 < one < 2**31 for one in ids)
    assert ids == [int(one) for one in starting.candidates(station_id, digest)]


def test_the_same_start_again_gets_the_same_id_and_changes_nothing(street, make):
    first = street.tell(make.start16(0)).reply
    before = street.session()
    commit = street.tell(make.start16(0))
    assert commit.reply == first
    assert commit.rows == []
    assert street.session() == before


def test_the_same_start_replayed_after_its_stop_begins_nothing_and_lets_nobody_in(street, make):
    first = street.tell(make.start16(0)).reply
    street.tell(make.stop16(10, first.transaction_id, meter=100.0))
    street.restart()
    again = street.tell(make.start16(0), make.minutes(11)).reply
    assert (again.transaction_id, again.verdict.status) == (first.transaction_id, "invalid")
    assert street.session().status == "ended"


def test_another_start_gets_another_id_though_the_first_choice_is_taken(street, make, monkeypatch):
    monkeypatch.setattr(starting, "candidates", lambda _station, digest: ("5", str(6 + digest[0])))
    first = street.tell(make.start16(0)).reply.transaction_id
    second = street.tell(make.start16(1, connector=2)).reply.transaction_id
    assert first == 5
    assert second > 5


def test_a_refused_start_of_1_6_gets_an_id_and_a_session_marked_refused(street, make):
    street.store.tokens.clear()
    reply = street.tell(make.start16(0)).reply
    assert reply.verdict.status == "unknown"
    assert reply.transaction_id > 0
    session = street.session()
    assert (session.refused, session.verdict, session.status) == (True, "unknown", "active")
    assert street.facts_of(SessionAuthorized) == []


def test_a_refused_start_sent_again_is_refused_again_though_the_token_was_issued_since(street, make):
    record = street.store.tokens.popitem()
    street.tell(make.start16(0))
    street.store.tokens.update([record])
    assert street.tell(make.start16(0)).reply.verdict.status == "unknown"


def test_a_refused_start_touches_no_other_session_on_its_evse(street, make):
    street.tell(make.start16(0))
    stranger = TokenRef("04DEADBEEF", "ISO14443")
    reply = street.tell(make.start16(5, token=stranger)).reply
    assert reply.verdict.status == "unknown"
    honest, refused = street.sessions()
    assert (honest.status, refused.refused) == ("active", True)
    street.tell(make.meter(6, 500.0))
    assert street.sessions()[0].progress.energy == 500.0


def test_a_stop_from_another_station_does_not_touch_the_transaction(street, make):
    number = street.tell(make.start16(0)).reply.transaction_id
    other = make.Street(street.store)
    other.tell(make.stop16(5, number, meter=9.0))
    assert street.session().status == "active"
    (stray,) = other.sessions()
    assert stray.start_digest is None


def test_a_later_start_on_the_same_evse_ends_the_stuck_session(street, make):
    street.tell(make.start16(0))
    street.tell(make.meter(5, 800.0))
    street.tell(make.start16(60, meter=800.0))
    stuck, running = street.sessions()
    assert (stuck.status, stuck.presumed_end) == ("presumed_ended", make.minutes(60))
    assert running.status == "active"
    (ended,) = street.facts_of(SessionEnded)
    assert (ended.presumed, ended.energy) == (True, 800.0)


def test_a_start_on_another_evse_ends_nothing(street, make):
    street.tell(make.start16(0))
    street.tell(make.start16(60, connector=2))
    assert {one.status for one in street.sessions()} == {"active"}


def test_an_old_start_from_a_queue_does_not_end_the_session_that_runs_now(street, make):
    street.tell(make.event("started", 60, sequence=0, transaction="NEW", token=make.CARD))
    old = make.event("started", 0, sequence=0, transaction="OLD", token=make.CARD, offline=True)
    street.tell(old, make.minutes(61))
    first, second = street.sessions()
    assert (first.transaction_id, first.status) == ("OLD", "presumed_ended")
    assert (second.transaction_id, second.status) == ("NEW", "active")


def test_an_offline_start_is_only_asked_whose_it_was(street, make):
    street.tell(make.event("started", 60, sequence=0, transaction="NEW", token=make.CARD, evse=2))
    old = make.event("started", 0, sequence=0, transaction="OLD", token=make.CARD, offline=True)
    assert street.tell(old, make.minutes(61)).reply.verdict.status == "accepted"


def test_an_offline_start_is_judged_by_when_it_happened(street, make):
    street.store.tokens.clear()
    street.store.issue(valid_until=make.minutes(30))
    inside = make.event("started", 0, sequence=0, transaction="A", token=make.CARD, offline=True)
    outside = make.event("started", 40, sequence=0, transaction="B", token=make.CARD, offline=True)
    found = [street.tell(one, make.minutes(60)).reply.verdict.status for one in (inside, outside)]
    assert found == ["accepted", "expired"]


def test_an_offline_start_with_an_unknown_token_is_refused(street, make):
    street.store.tokens.clear()
    old = make.event("started", 0, sequence=0, token=make.CARD, offline=True)
    assert street.tell(old, make.minutes(600)).reply.verdict.status == "unknown"


def test_a_transaction_may_begin_without_a_token_and_without_an_evse(street, make):
    street.tell(make.event("started", 0, sequence=0, evse=None))
    assert street.session().evse is None
    assert street.facts_of(SessionAuthorized) == []
    reply = street.tell(make.event("updated", 1, sequence=1, token=make.CARD)).reply
    session = street.session()
    assert (session.evse, session.token_last4) == (1, "1234")
    assert reply.verdict.status == "accepted"
    assert len(street.facts_of(SessionStarted)) == len(street.facts_of(SessionAuthorized)) == 1


def test_a_session_joins_the_start_it_was_asked_by(street, make):
    expected = Expected(
        id=UUID(int=9), remote_start_id=42, token_key=make.CIPHER.key(make.CARD), evse=1, person_id=UUID(int=3)
    )  # fmt: skip
    street.store.expected = (expected,)
    street.tell(make.event("started", 0, sequence=0, token=make.CARD, remote_start_id=42))
    session = street.session()
    assert (session.request_id, session.person_id) == (expected.id, expected.person_id)
    assert street.facts_of(SessionAuthorized)[0].request_id == expected.id


def test_a_session_that_names_only_the_remote_start_is_paid_by_who_asked(street, make):
    key = make.CIPHER.key(make.CARD)
    street.store.expected = (
        Expected(
            id=UUID(int=9),
            remote_start_id=42,
            token_key=key,
            evse=1,
            token_last4="1234",
            token_kind="Central",
        ),
    )
    street.tell(make.event("started", 0, sequence=0, remote_start_id=42))
    session = street.session()
    assert (session.request_id, session.token_key, session.verdict) == (UUID(int=9), key, "accepted")


def test_a_start_that_nobody_knows_of_does_not_touch_a_known_token(street, make):
    reply = street.tell(make.event("started", 0, sequence=0, token=make.CARD, remote_start_id=42)).reply
    assert reply.verdict.status == "accepted"
    assert street.session().request_id is None
