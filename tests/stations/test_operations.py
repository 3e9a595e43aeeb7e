import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.kernel.ids import new_id
from gridlane.stations import commands as c
from gridlane.stations import operations
from gridlane.stations import reports as r
from gridlane.stations.decision import OperationAnswered, OperationDue, TimePassed

AGREED = c.Answer(agreed=True, status="Accepted")


def sent(street, command):
    live = street.station(available=1)
    due = OperationDue(id=new_id(), command=command, expires_at=street.later(minutes=5))
    commit = operations.due(live, due, street.now, None)
    return commit.live, due.id, commit


def statuses(commit):
    return [row.status for sink, row in commit.rows if sink is operations.OPERATIONS]


def transaction(**fields):
    return r.TransactionReported(
        **({"phase": "started", "transaction": "t1", "digest": b"", "evse": 1} | fields)
    )


def test_an_operation_is_sent_only_together_with_its_being_committed(street):
    _live, id_, commit = sent(street, c.ClearCache())
    assert statuses(commit) == ["sent"]
    assert [call.operation for call in commit.calls] == [id_]


def test_agreed_is_not_success_for_a_command_with_an_effect(street):
    live, id_, _ = sent(street, c.Reset())
    commit = operations.answered(live, OperationAnswered(id=id_, answer=AGREED), street.now, None)
    assert statuses(commit) == ["agreed"]


def test_a_command_that_only_asks_is_verified_by_its_answer(street):
    live, id_, _ = sent(street, c.GetListVersion())
    commit = operations.answered(live, OperationAnswered(id=id_, answer=AGREED), street.now, None)
    assert statuses(commit) == ["verified"]
    assert commit.live.station.operations == {}


def test_a_reset_is_verified_by_the_boot_that_follows(street):
    live, id_, _ = sent(street, c.Reset())
    live = operations.answered(live, OperationAnswered(id=id_, answer=AGREED), street.now, None).live
    commit = operations.observe(live, r.Booted(vendor="v", model="m"), street.later(seconds=30))
    assert statuses(commit) == ["verified"]


def test_an_effect_that_is_not_seen_in_time_ends_unverified(street):
    live, id_, _ = sent(street, c.Reset())
    live = operations.answered(live, OperationAnswered(id=id_, answer=AGREED), street.now, None).live
    assert statuses(operations.time_passed(live, TimePassed(), street.later(minutes=9), None)) == []
    assert statuses(operations.time_passed(live, TimePassed(), street.later(minutes=11), None)) == [
        "unverified"
    ]


def test_a_lost_answer_is_made_good_by_the_effect(street):
    live, _id, _ = sent(street, c.StopCharging(transaction="t1"))
    commit = operations.observe(live, transaction(phase="ended", at=street.now), street.later(seconds=5))
    assert statuses(commit) == ["verified"]


def test_a_start_is_verified_by_its_own_transaction_and_by_no_other(street):
    token = c.TokenRef("ABC")
    live, _id, commit = sent(street, c.StartCharging(token=token, evse=1))
    number = commit.calls[0].command.remote_start_id
    assert number is not None
    other = transaction(at=street.now, remote_start_id=number + 1, token=token)
    assert statuses(operations.observe(live, other, street.now)) == []
    own = transaction(at=street.now, remote_start_id=number)
    assert statuses(operations.observe(live, own, street.now)) == ["verified"]


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        ("timed_out", "timed_out"),
        ("disconnected", "unknown"),
        ("unsupported: the version has no such message", "unsupported"),
        ("InternalError: no", "failed"),
    ],
)
def test_what_kept_an_answer_away_is_told(street, trouble, status):
    live, id_, _ = sent(street, c.ClearCache())
    answered = OperationAnswered(id=id_, answer=None, trouble=trouble)
    assert statuses(operations.answered(live, answered, street.now, None)) == [status]


def test_a_station_that_resets_itself_before_it_answers_is_seen_to_boot(street):
    live, id_, _ = sent(street, c.Reset(immediate=True))
    gone = OperationAnswered(id=id_, answer=None, trouble="disconnected")
    commit = operations.answered(live, gone, street.now, None)
    assert statuses(commit) == []
    booted = r.Booted(vendor="V", model="M", reason=None)
    assert statuses(operations.observe(commit.live, booted, street.later(minutes=2))) == ["verified"]
    late = operations.time_passed(commit.live, TimePassed(), street.later(minutes=11), None)
    assert statuses(late) == ["unknown"]


def test_a_refusal_keeps_the_stations_own_words(street):
    live, id_, _ = sent(street, c.ClearCache())
    no = c.Answer(agreed=False, status="Rejected", reason="no cache")
    commit = operations.answered(live, OperationAnswered(id=id_, answer=no), street.now, None)
    assert statuses(commit) == ["refused"]
    assert commit.rows[0][1].evidence == "Rejected: no cache"


def test_nothing_is_sent_to_a_station_that_was_refused(street):
    live = street.station(approval="rejected")
    due = OperationDue(id=new_id(), command=c.ClearCache(), expires_at=street.later(minutes=5))
    commit = operations.due(live, due, street.now, None)
    assert statuses(commit) == ["cancelled"]
    assert commit.calls == []


def test_an_operation_that_comes_twice_is_sent_once(street):
    live, id_, _ = sent(street, c.ClearCache())
    again = OperationDue(id=id_, command=c.ClearCache(), expires_at=street.later(minutes=5))
    assert operations.due(live, again, street.now, None).calls == []


def test_a_failed_firmware_update_disproves_itself_at_once(street):
    command = c.UpdateFirmware(location="https://x", retrieve=street.now)
    live, id_, commit = sent(street, command)
    live = operations.answered(live, OperationAnswered(id=id_, answer=AGREED), street.now, None).live
    failed = r.FirmwareReported(status="InstallationFailed", request_id=commit.calls[0].command.request_id)
    commit = operations.observe(live, failed, street.later(minutes=5))
    assert statuses(commit) == ["unverified"]
    assert commit.rows[0][1].evidence == "firmware status InstallationFailed"


def test_a_new_password_is_in_no_stored_operation(street):
    _live, _id, commit = sent(street, c.SetPassword(password="very secret indeed"))
    assert "secret" not in commit.rows[0][1].params
    assert commit.calls[0].command.password == "very secret indeed"


@given(st.sampled_from(sorted(operations.PROOFS)))
def test_every_proof_names_a_command_and_reports_that_exist(kind):
    tags = {command.__struct_config__.tag for command in c.AnyCommand.__args__}
    assert kind in tags
    assert all(issubclass(report, r.Report) for report in operations.PROOFS[kind].reports)


def test_every_command_survives_being_stored(street):
    command = c.Reserve(reservation_id=7, token=c.TokenRef("A", "ISO14443"), expires=street.now, evse=2)
    assert msgspec.json.decode(msgspec.json.encode(command), type=c.AnyCommand) == command
