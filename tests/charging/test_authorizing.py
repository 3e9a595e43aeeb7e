from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from gridlane.accounts.organizations import Policy
from gridlane.charging import authorizing
from gridlane.charging.authorizing import TokenRefused
from gridlane.charging.questions import Admission, Expected
from gridlane.stations.reports import TokenRef

EVSE_1, EVSE_2 = UUID(int=1), UUID(int=2)


def verdict(street, make, minute=0):
    return street.tell(make.tap(), make.minutes(minute)).reply.verdict


def issue(street, make, **changes):
    street.store.tokens.clear()
    return street.store.issue(**changes)


def test_a_known_token_is_accepted(street, make):
    assert verdict(street, make).status == "accepted"


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ({"status": "blocked"}, "blocked"),
        ({"sites": (UUID(int=1),)}, "not_at_this_location"),
        ({"sites": (UUID(int=78),)}, "accepted"),
        ({"evses": (UUID(int=99),)}, "not_at_this_location"),
        ({"budget_energy": 0.0}, "no_credit"),
        ({"master_pass": True}, "accepted"),
    ],
)
def test_what_is_stored_of_a_token_decides(street, make, token, status):
    issue(street, make, **token)
    assert verdict(street, make).status == status


def test_a_token_is_valid_from_its_first_instant_to_before_its_last(street, make):
    issue(street, make, valid_from=make.minutes(10), valid_until=make.minutes(20))
    found = [verdict(street, make, minute).status for minute in (9, 10, 19, 20)]
    assert found == ["not_at_this_time", "accepted", "accepted", "expired"]


def test_the_answer_tells_the_group_the_end_and_where_the_token_may_charge(street, make):
    issue(street, make, group_id="FLEET", valid_until=make.minutes(60), evses=(EVSE_2,), language="nl")
    found = verdict(street, make)
    assert found.group == TokenRef("FLEET", "Central")
    assert (found.expires, found.evses, found.language) == (make.minutes(60), (2,), "nl")


def test_an_unknown_token_is_refused_unless_the_organization_lets_strangers_in(street, make):
    street.store.tokens.clear()
    assert verdict(street, make).status == "unknown"
    street.store.policy = Policy(unknown_tokens="accept")
    assert verdict(street, make).status == "accepted"


def test_a_start_button_without_a_token_needs_the_organizations_leave(street, make):
    button = make.tap(TokenRef("", "NoAuthorization"))
    assert street.tell(button).reply.verdict.status == "unknown"
    street.store.policy = Policy(free_starts=True)
    assert street.tell(button).reply.verdict.status == "accepted"


def test_another_networks_token_is_judged_by_that_network(street, make):
    street.store.tokens.clear()
    said = Admission(
        id=UUID(int=1), kind="external", token_key=make.CIPHER.key(make.CARD), group_id=None, evse=None,
        status="accepted",
    )  # fmt: skip
    street.store.admissions = (said,)
    assert verdict(street, make).status == "accepted"
    street.store.admissions = (replace(said, status="expired", message="Contract ended."),)
    found = verdict(street, make)
    assert (found.status, found.message) == ("expired", "Contract ended.")


def test_a_used_up_credit_refuses_the_start(street, make):
    credit = Admission(
        id=UUID(int=1), kind="credit", token_key=make.CIPHER.key(make.CARD), group_id=None, evse=None,
        status="no_credit",
    )  # fmt: skip
    street.store.admissions = (credit,)
    assert verdict(street, make).status == "no_credit"


def test_a_reserved_evse_starts_only_for_its_token_or_group(street, make):
    issue(street, make, group_id="FLEET", concurrent=0)
    kept = Admission(
        id=UUID(int=1), kind="reservation", token_key=UUID(int=5), group_id=None, evse=1, status="accepted"
    )
    street.store.admissions = (kept,)
    start = make.event("started", 0, token=make.CARD)
    assert street.tell(start).reply.verdict.status == "not_at_this_time"
    elsewhere = make.event("started", 1, token=make.CARD, evse=2, transaction="T-2")
    assert street.tell(elsewhere).reply.verdict.status == "accepted"
    street.store.admissions = (replace(kept, group_id="FLEET"),)
    group = make.event("started", 2, token=make.CARD, transaction="T-3")
    assert street.tell(group).reply.verdict.status == "accepted"


def test_a_master_pass_starts_nothing_and_may_stop_anything(street, make):
    street.tell(make.event("started", 0, sequence=0, token=make.CARD))
    master = TokenRef("MASTER00", "ISO14443")
    street.store.issue(master, master_pass=True, group_id="MASTERS")
    stop = make.event("updated", 5, sequence=1, trigger="StopAuthorized", token=master)
    assert street.tell(stop).reply.verdict.status == "accepted"
    assert street.session().token_key == make.CIPHER.key(make.CARD)
    start = make.event("started", 6, sequence=0, token=master, evse=2, transaction="T-2")
    assert street.tell(start).reply.verdict.status == "not_allowed_type"


def test_a_token_of_the_same_group_is_told_its_group_so_that_it_may_stop(street, make):
    issue(street, make, group_id="FLEET")
    street.tell(make.event("started", 0, sequence=0, token=make.CARD))
    colleague = TokenRef("04FFEEDDCC", "ISO14443")
    street.store.issue(colleague, group_id="FLEET")
    reply = street.tell(make.tap(colleague)).reply
    assert (reply.verdict.status, reply.verdict.group.value) == ("accepted", "FLEET")


def test_a_token_that_charges_here_is_not_concurrent_when_it_taps_to_stop(street, make):
    street.tell(make.event("started", 0, sequence=0, token=make.CARD))
    assert verdict(street, make).status == "accepted"


def test_a_token_that_charges_on_the_other_evse_may_not_start_a_second_session(street, make):
    street.tell(make.event("started", 0, sequence=0, token=make.CARD))
    second = make.event("started", 1, token=make.CARD, evse=2, transaction="T-2")
    assert street.tell(second).reply.verdict.status == "concurrent"


def test_as_many_sessions_as_the_token_allows_run_at_a_time(street, make):
    issue(street, make, concurrent=2)
    street.tell(make.event("started", 0, sequence=0, token=make.CARD))
    second = make.event("started", 1, token=make.CARD, evse=2, transaction="T-2")
    assert street.tell(second).reply.verdict.status == "accepted"


def test_a_session_not_heard_of_for_long_holds_no_token_back(street, make):
    street.tell(make.event("started", 0, sequence=0, token=make.CARD))
    minute = authorizing.SILENCE / timedelta(minutes=1) + 1
    second = make.event("started", minute, token=make.CARD, evse=2, transaction="T-2")
    assert street.tell(second).reply.verdict.status == "accepted"


def test_a_session_whose_stop_is_under_way_holds_no_token_back(street, make):
    street.tell(make.event("started", 0, sequence=0, token=make.CARD))
    street.tell(make.event("updated", 1, sequence=1, trigger="StopAuthorized", token=make.CARD))
    second = make.event("started", 2, token=make.CARD, evse=2, transaction="T-2")
    assert street.tell(second).reply.verdict.status == "accepted"


def test_a_token_on_another_station_is_concurrent_also_at_a_tap(street, make):
    street.tell(make.event("started", 0, sequence=0, token=make.CARD))
    other = make.Street(street.store)
    assert other.tell(make.tap(), make.minutes(1)).reply.verdict.status == "concurrent"


def test_a_guests_token_starts_because_its_start_was_asked_for_and_may_stop_it_again(street, make):
    guest = TokenRef("GUEST-7F3A", "Central")
    key = make.CIPHER.key(guest)
    street.store.expected = (Expected(id=UUID(int=9), remote_start_id=42, token_key=key, evse=1),)
    reply = street.tell(make.event("started", 0, sequence=0, token=guest, remote_start_id=42)).reply
    assert reply.verdict.status == "accepted"
    street.store.expected = ()
    assert street.tell(make.tap(guest), make.minutes(5)).reply.verdict.status == "accepted"
    elsewhere = make.Street(street.store)
    assert elsewhere.tell(make.tap(guest), make.minutes(5)).reply.verdict.status == "unknown"


def test_a_blocked_token_does_not_start_though_its_start_was_asked_for(street, make):
    issue(street, make, status="blocked")
    key = make.CIPHER.key(make.CARD)
    street.store.expected = (Expected(id=UUID(int=9), remote_start_id=42, token_key=key, evse=1),)
    start = make.event("started", 0, token=make.CARD, remote_start_id=42)
    assert street.tell(start).reply.verdict.status == "blocked"


def test_every_verdict_is_logged_without_the_tokens_number(street, make):
    street.store.tokens.clear()
    verdict(street, make)
    (row,) = street.store.authorizations
    assert "unknown" in row
    assert "nobody knows the token" in row
    assert make.CARD.value not in map(str, row)
    (refused,) = street.facts_of(TokenRefused)
    assert (refused.status, refused.token_last4) == ("unknown", "1234")
