"""The same events in any order, any number of times, with restarts between: the same sessions."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gridlane.charging import assembler, starting
from gridlane.charging.model import session_row
from gridlane.charging.questions import SessionAsked
from gridlane.charging.registers import settled
from gridlane.charging.state import CLOCK_WRONG, EVSE_CHANGED

RECEIVED = timedelta(days=1)
STATION = UUID(int=5)


def normal(session):
    """A session without what tells how and when it came to be known."""
    progress = replace(session.progress, id=None, received_at=None, unsettled=False)
    return replace(
        session, id=None, received_at=None, end_received_at=None, latest=None, recent=(), progress=progress
    )


def settled_from(store, session):
    """A running session's energy may wait for its next event to be summed anew; here it is done at once."""
    if not session.progress.unsettled:
        return session
    asked = SessionAsked(station_id=STATION, organization_id=None, at=None, registers_of=(session.id,))
    values = store.answer(asked).registers[session.id]
    return replace(session, progress=settled(session.progress, values, 22_000.0, session.ended_at))


def told(make, history, *, restarts=()):
    """What a station's sessions are after this history."""
    street = make.Street(id=STATION)
    street.store.issue()
    street.store.tokens = {key: replace(one, id=STATION) for key, one in street.store.tokens.items()}
    for index, report in enumerate(history):
        if index in restarts:
            street.restart()
        street.tell(report, make.NOON + RECEIVED)
    return sorted(
        (normal(settled_from(street.store, one)) for one in street.sessions()),
        key=lambda one: one.transaction_id,
    )


def differences(found, expected):
    """Field by field, so that a failure can be read."""
    if len(found) != len(expected):
        return [("sessions", len(found), len(expected))]
    return [
        (name, one[name], other[name])
        for one, other in zip(map(session_row, found), map(session_row, expected), strict=True)
        for name in one
        if one[name] != other[name]
    ]


@st.composite
def registers(draw, count):
    """A meter's values: mostly rising as it may, sometimes jumping, falling or standing."""
    value, values = draw(st.sampled_from([0.0, 1234.5, 90_000.0])), []
    for _ in range(count):
        values.append(value)
        kind = draw(st.sampled_from(["rise"] * 6 + ["stand", "jump", "fall", "noise"]))
        value += {"rise": 150.25, "stand": 0.0, "jump": 5e6, "fall": -min(value, 700.0), "noise": -0.5}[kind]
    return values


@st.composite
def session_of_2x(draw, make, transaction, first_minute):
    count = draw(st.integers(2, 7))
    values = draw(registers(count))
    stops = draw(st.booleans())
    token_at = draw(st.integers(0, 1))
    events = []
    for n, value in enumerate(values):
        phase = "started" if n == 0 else "ended" if n == count - 1 and stops else "updated"
        more = {"token": make.CARD} if n == token_at else {}
        if n % 2:
            more["charging_state"] = draw(st.sampled_from(["Charging", "SuspendedEV", "EVConnected"]))
        if phase == "ended":
            more["stopped_reason"] = "Local"
        events.append(
            make.event(
                phase,
                first_minute + n,
                transaction=transaction,
                sequence=draw(st.sampled_from([n, n, n, max(n - 1, 0)])),
                energy=value if draw(st.integers(0, 4)) else None,
                offline=draw(st.booleans()),
                evse=draw(st.sampled_from([1, 1, 1, None])) if n else 1,
                **more,
            )
        )
    if stops and draw(st.booleans()):  # energy after the end
        minute = first_minute + count + draw(st.integers(0, 5))
        events.append(
            make.meter(minute, values[-1] + draw(st.sampled_from([0.0, 80.0])), transaction=transaction)
        )
    if stops and draw(st.booleans()):  # a second, different end
        events.append(
            make.event("ended", first_minute + count, transaction=transaction, stopped_reason="Other")
        )
    return events


@st.composite
def session_of_16(draw, make, first_minute):
    count = draw(st.integers(2, 7))
    values = draw(registers(count))
    begin = make.start16(first_minute, meter=values[0])
    number = starting.candidates(STATION, begin.digest)[0]
    events = [begin]
    for n, value in enumerate(values[1:-1], 1):
        events.append(
            make.meter(first_minute + n, value, transaction=number, power=draw(st.floats(0, 22_000)))
        )
    if draw(st.booleans()):
        events.append(make.stop16(first_minute + count, number, meter=values[-1], reason="EVDisconnected"))
        if draw(st.booleans()):
            minute = first_minute + count + draw(st.integers(0, 5))
            events.append(make.meter(minute, values[-1] + 80.0, transaction=number))
    return events


@st.composite
def histories(draw, make):
    """One or two sessions that follow each other on an EVSE."""
    if draw(st.booleans()):
        first, second = draw(session_of_2x(make, "A", 0)), draw(session_of_2x(make, "B", 30))
    else:
        first, second = draw(session_of_16(make, 0)), draw(session_of_16(make, 30))
    return first + (second if draw(st.booleans()) else [])


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_order_and_repetition_gives_the_same_sessions(make, data):
    history = data.draw(histories(make))
    expected = told(make, history)
    repeated = history + data.draw(st.lists(st.sampled_from(history), max_size=4))
    shuffled = data.draw(st.permutations(repeated))
    restarts = data.draw(st.sets(st.integers(0, len(shuffled)), max_size=2))
    assert differences(told(make, shuffled, restarts=restarts), expected) == []


def test_two_different_events_of_one_number_are_both_joined(make):
    street = make.Street()
    street.tell(make.event("started", 0, sequence=0, energy=0.0))
    street.tell(make.event("updated", 5, sequence=1, energy=500.0))
    street.tell(make.event("updated", 6, sequence=1, energy=900.0))
    assert street.session().progress.energy == 900.0
    assert len(street.store.events) == 3


def test_an_event_sent_again_under_another_message_id_writes_nothing(make):
    street = make.Street()
    again = make.event("updated", 5, sequence=1, energy=500.0)
    street.tell(make.event("started", 0, sequence=0, energy=0.0))
    street.tell(again)
    assert street.tell(again).rows == []


def test_the_later_of_two_ends_counts(make):
    street = make.Street()
    street.tell(make.event("started", 0, sequence=0))
    street.tell(make.event("ended", 30, sequence=1, stopped_reason="Local"))
    street.tell(make.event("ended", 20, sequence=1, stopped_reason="PowerLoss"))
    assert (street.session().ended_at, street.session().stop_reason) == (make.minutes(30), "Local")


def test_a_station_that_counts_from_one_again_begins_another_session(make):
    street = make.Street()
    street.tell(make.event("started", 0, sequence=0, transaction="1", energy=0.0))
    street.tell(make.event("ended", 30, sequence=1, transaction="1", energy=5000.0))
    street.tell(make.event("started", 600, sequence=0, transaction="1", energy=9000.0))
    street.tell(make.event("updated", 610, sequence=1, transaction="1", energy=9900.0))
    first, second = street.sessions()
    assert (first.progress.energy, second.progress.energy) == (5000.0, 900.0)
    assert (first.generation, second.generation) == (0, 1)


def test_a_late_event_of_the_first_use_of_an_id_finds_its_own_session(make):
    street = make.Street()
    street.tell(make.event("started", 0, sequence=0, transaction="1", energy=0.0))
    street.tell(make.event("ended", 30, sequence=3, transaction="1", energy=5000.0))
    street.tell(make.event("started", 600, sequence=0, transaction="1", energy=9000.0))
    street.tell(make.event("updated", 20, sequence=1, transaction="1", charging_state="Charging"))
    first, second = street.sessions()
    assert first.progress.sequences == (0, 1, 3, 3)
    assert second.status == "active"
    assert street.live.charging.sessions["1"].generation == 1


def test_a_clock_that_is_wrong_is_said_and_the_session_goes_on(make):
    street = make.Street()
    year_1970 = make.minutes(0).replace(year=1970)
    street.tell(replace(make.event("started", 0, sequence=0), at=year_1970), make.NOON)
    session = street.session()
    assert CLOCK_WRONG in session.progress.flags
    assert session.began == make.NOON


def test_a_session_whose_clock_fell_back_is_not_taken_for_an_older_one(make):
    street = make.Street()
    street.tell(make.event("started", 0, sequence=0, transaction="A"))
    year_1970 = make.minutes(0).replace(year=1970)
    street.tell(replace(make.event("started", 5, sequence=0, transaction="B"), at=year_1970), make.minutes(5))
    statuses = {one.transaction_id: one.status for one in street.sessions()}
    assert statuses == {"A": "presumed_ended", "B": "active"}


def test_another_evse_in_a_later_event_is_said(make):
    street = make.Street()
    street.tell(make.event("started", 0, sequence=0, evse=1))
    street.tell(make.event("updated", 1, sequence=1, evse=2))
    assert EVSE_CHANGED in street.session().progress.flags


@given(st.lists(st.integers(0, 40), max_size=60))
def test_numbers_seen_are_kept_as_ranges_whatever_their_order(numbers):
    ranges = ()
    for number in numbers:
        ranges = assembler.with_number(ranges, number)
    pairs = list(zip(ranges[::2], ranges[1::2], strict=True))
    assert {n for first, last in pairs for n in range(first, last + 1)} == set(numbers)
    assert assembler.missing(ranges) == (max(numbers) + 1 - len(set(numbers)) if numbers else 0)
