import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.stations import handshake
from gridlane.stations.directory import Entry
from gridlane.stations.handshake import Basic, Evidence, basic_of, choose_version, identity_of, judge
from gridlane.stations.reasons import REASONS


class TestIdentity:
    @pytest.mark.parametrize(
        ("target", "identity"),
        [
            ("/CP-1", "CP-1"),
            ("/ocpp/CP-1", "CP-1"),
            ("/any/prefix/at/all/CP-1", "CP-1"),
            ("/ocpp/CP-1/", "CP-1"),
            ("/ocpp/CP-1?token=x/y", "CP-1"),
            ("/ocpp/RDAM%7C123", "RDAM|123"),
            ("/ocpp/Z%C3%BCrich%201", "Zürich 1"),
            ("/ocpp1.6/a+b", "a+b"),
            ("CP-1", "CP-1"),
            ("wss://host/ocpp/CP-1", "CP-1"),
            ("/ocpp/a%2Fb", "a/b"),
            ("/ocpp/a:b", "a:b"),
            ("/ocpp/..CP", "..CP"),
            ("/ocpp/%25", "%"),
            ("/ocpp/%zz", "%zz"),
            ("/" + "x" * 255, "x" * 255),
        ],
    )
    def test_is_the_last_part_of_the_path_percent_decoded(self, target, identity):
        assert identity_of(target) == identity

    @pytest.mark.parametrize(
        "target",
        [
            "", "/", "//", "/?CP-1", "/#CP-1", "/ocpp/..", "/ocpp/.", "/ocpp/%2E%2E", "/ocpp/%00", "/ocpp/a%0D%0Ab", "/ocpp/%FF",
            "/ocpp/%C2%80", "/ocpp/\udcff", "/" + "x" * 256, "/%7F",
        ],
    )  # fmt: skip
    def test_some_requests_name_nobody(self, target):
        assert identity_of(target) is None

    @given(st.text())
    def test_no_request_breaks_it(self, target):
        identity = identity_of(target)
        assert identity is None or 0 < len(identity) <= 255

    @pytest.mark.parametrize(
        ("identity", "fit"),
        [
            ("CP-1", True), ("RDAM|123", True), ("a*b_c=d+e@f.g", True), ("x" * 48, True),
            ("x" * 49, False), ("a:b", False), ("a b", False), ("a/b", False), ("Zürich", False), ("<script>", False),
        ],
    )  # fmt: skip
    def test_a_stranger_needs_a_presentable_one(self, identity, fit):
        assert handshake.is_presentable(identity) is fit


class TestVersion:
    @pytest.mark.parametrize(
        ("offered", "pinned", "chosen"),
        [
            (["ocpp1.6"], None, "ocpp1.6"),
            (["ocpp1.6", "ocpp2.0.1"], None, "ocpp1.6"),
            (["ocpp2.1", "ocpp2.0.1", "ocpp1.6"], None, "ocpp2.1"),
            (["ocpp1.5", "ocpp2.0.1"], None, "ocpp2.0.1"),
            (["ocpp2.0.1", "ocpp1.6"], "ocpp1.6", "ocpp1.6"),
            (["ocpp2.0.1"], "ocpp1.6", None),
            (["ocpp1.5", "ocpp2.0", "xmpp"], None, None),
            ([], None, None),
            (["ocpp9"], "ocpp9", None),
        ],
    )
    def test_is_the_stations_first_that_is_spoken_here_unless_pinned(self, offered, pinned, chosen):
        assert choose_version(offered, pinned) == chosen


def basic(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return "Basic " + base64.b64encode(raw).decode()


class TestBasic:
    @pytest.mark.parametrize(
        ("header", "identity", "password"),
        [
            (basic("CP-1:secret"), "CP-1", b"secret"),
            (basic("CP-1:with:colons:"), "CP-1", b"with:colons:"),
            (basic("CP-1:"), "CP-1", b""),
            (basic(b"CP-1:\xff\x00\xfe:raw bytes\x80"), "CP-1", b"\xff\x00\xfe:raw bytes\x80"),
            (basic("a:b:secret"), "a:b", b"secret"),
            (basic("Zürich:secret"), "Zürich", b"secret"),
            (basic("CP-1:ab").rstrip("="), "CP-1", b"ab"),
            ("bASIC   " + basic("CP-1:secret")[6:] + " ", "CP-1", b"secret"),
        ],
    )
    def test_is_read_as_stations_send_it(self, header, identity, password):
        assert basic_of([header], identity) == Basic(password)

    @pytest.mark.parametrize(
        ("headers", "problem"),
        [
            ([basic("CP-2:secret")], "user_is_not_identity"),
            ([basic("cp-1:secret")], "user_is_not_identity"),
            ([basic("CP-11:secret")], "user_is_not_identity"),
            ([basic(":secret")], "user_is_not_identity"),
            ([basic("CP-1")], "authorization_malformed"),
            ([basic("")], "authorization_malformed"),
            (["Basic !!!"], "authorization_malformed"),
            (["Basic"], "authorization_malformed"),
            ([""], "authorization_malformed"),
            (["Bearer abc"], "authorization_malformed"),
            ([basic("CP-1:a"), basic("CP-1:b")], "authorization_malformed"),
        ],
    )
    def test_says_what_is_wrong_with_it(self, headers, problem):
        assert basic_of(headers, "CP-1") == Basic(problem=problem)

    def test_may_be_absent(self):
        assert basic_of([], "CP-1") is None

    @given(st.lists(st.text(), max_size=2), st.text())
    def test_no_header_breaks_it(self, headers, identity):
        basic_of(headers, identity.encode(errors="ignore").decode())


PASSWORD = Basic(b"whatever")


def entry(*profiles, **more):
    defaults = {
        "station_id": UUID(int=1),
        "organization_id": None,
        "identity": "CP-1",
        "approval": "accepted",
        "profiles": sum(1 << profile for profile in profiles),
        "verifiers": b"v" * 33,
    }
    return Entry(**{**defaults, **more})


def evidence(**more):
    defaults = {
        "is_secure": True,
        "has_certificate": False,
        "certificate_problem": None,
        "basic": None,
        "password_fits": False,
    }
    return Evidence(**{**defaults, **more})


GOOD_PASSWORD = {"basic": PASSWORD, "password_fits": True}


class TestProfiles:
    @pytest.mark.parametrize(
        ("profiles", "shown", "profile"),
        [
            ([1], {"is_secure": False, **GOOD_PASSWORD}, 1),
            ([2], GOOD_PASSWORD, 2),
            ([3], {"has_certificate": True}, 3),
            ([2], {"has_certificate": True, **GOOD_PASSWORD}, 2),
            ([2, 3], {"has_certificate": True}, 3),
            ([2, 3], GOOD_PASSWORD, 2),
            ([1, 2], {"is_secure": False, **GOOD_PASSWORD}, 1),
            ([0], {"is_secure": False}, 0),
            ([0, 1], {"is_secure": False, "basic": PASSWORD}, 0),
        ],
    )
    def test_the_right_one_is_admitted(self, profiles, shown, profile):
        assert judge(entry(*profiles), evidence(**shown)).profile == profile

    @pytest.mark.parametrize(
        ("profiles", "shown", "reason"),
        [
            ([2], {"is_secure": False, **GOOD_PASSWORD}, "tls_required"),
            ([3], {"is_secure": False, **GOOD_PASSWORD}, "tls_required"),
            ([1], GOOD_PASSWORD, "wrong_security_profile"),
            ([3], GOOD_PASSWORD, "client_certificate_missing"),
            ([2], {"has_certificate": True}, "password_missing"),
            ([2], {}, "password_missing"),
            ([2], {"basic": PASSWORD}, "password_wrong"),
            ([2], {"basic": Basic(problem="user_is_not_identity")}, "user_is_not_identity"),
            ([2], {"basic": Basic(problem="user_is_not_identity"), "password_fits": False}, "user_is_not_identity"),
            ([3], {"has_certificate": True, "certificate_problem": "client_certificate_revoked"}, "client_certificate_revoked"),
            ([3], {"has_certificate": True, "certificate_problem": "client_certificate_revoked", **GOOD_PASSWORD}, "client_certificate_revoked"),
            ([], GOOD_PASSWORD, "wrong_security_profile"),
        ],
    )  # fmt: skip
    def test_any_other_is_refused_with_its_reason(self, profiles, shown, reason):
        verdict = judge(entry(*profiles), evidence(**shown))
        assert (verdict.profile, verdict.reason) == (None, reason)

    def test_without_an_exception_of_its_own_nothing_proves_nothing(self):
        for profiles in ([1], [2], [3], [1, 2], [2, 3]):
            assert judge(entry(*profiles), evidence(is_secure=False)).profile is None

    def test_an_unauthenticated_station_is_admitted_under_a_name_of_its_own(self):
        assert judge(entry(0), evidence()).reason == "admitted_without_authentication"

    def test_a_stored_password_that_is_missing_or_still_being_checked_is_said(self):
        shown = evidence(basic=PASSWORD)
        assert judge(entry(2, verifiers=b""), shown).reason == "password_not_set"
        assert (
            judge(entry(2, verifiers=b"", slow_verifier="argon2:x"), shown).reason == "password_being_checked"
        )

    def test_a_station_that_waits_for_approval_is_the_one_that_came_first(self):
        waiting = entry(2, approval="pending")
        assert judge(waiting, evidence(**GOOD_PASSWORD)).reason == "admitted_to_approval_list"
        assert judge(waiting, evidence(basic=PASSWORD)).reason == "password_wrong"
        assert judge(waiting, evidence()).reason == "password_missing"
        assert judge(entry(2, approval="pending", verifiers=b""), evidence()).profile == 0

    def test_a_rejected_stranger_stays_out_and_a_rejected_station_is_told_at_boot(self):
        assert judge(entry(2, approval="rejected", verifiers=b""), evidence()).reason == "station_rejected"
        assert judge(entry(2, approval="rejected"), evidence(**GOOD_PASSWORD)).profile == 2

    @given(
        st.builds(
            evidence,
            is_secure=st.booleans(),
            has_certificate=st.just(False),
            basic=st.sampled_from([None, PASSWORD, Basic(problem="authorization_malformed")]),
        ),
        st.sets(st.integers(1, 3)),
        st.sampled_from(["accepted", "rejected"]),
    )
    def test_nobody_without_password_or_certificate_gets_in(self, shown, profiles, approval):
        verdict = judge(entry(*profiles, approval=approval), shown)
        assert verdict.profile is None
        assert verdict.reason in REASONS
