"""The door as a whole, from memory: a handshake in, an answer out. Over real sockets it is met in test_doorstep.py."""

import base64
import re
import ssl
from collections import Counter
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from uuid import UUID

import pytest

from gridlane.stations import development_authority as authority
from gridlane.stations.attempts import AttemptLimits
from gridlane.stations.client_certificates import CertificateRules, read_certificate
from gridlane.stations.credentials import VerifierKeys, slow_verifier_of, verifier_of
from gridlane.stations.directory import Directory, load
from gridlane.stations.door import DoorParts, DoorRules, StationDoor
from gridlane.stations.knocks import Knocks
from gridlane.stations.reasons import REASONS, Step
from gridlane.stations.strangers import AutomaticRule, StrangerRules
from gridlane.stations.transport.link import Admission, Farewell, Handshake, Peer, Rejection
from gridlane.stations.transport.settings import ListenerSettings

KEYS = VerifierKeys((b"k" * 32,))
LISTENER = ListenerSettings(name="stations", host="", port=0)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PASSWORD = "0123456789abcdef0123456789abcdef01234567"


class Silent:
    def opened(self, link): ...
    def received(self, message): ...
    def closed(self, code, reason): ...
    def writable(self, now): ...


class World:
    """A door with everything around it written down."""

    def __init__(self, *rows, keys=KEYS, **rules):
        self.directory = Directory(load([self.row(**row) for row in rows]))
        self.visitors, self.missed, self.slow = [], [], []
        self.knocks = Knocks()
        self.now, self.seconds = NOW, 0.0
        parts = DoorParts(
            directory=self.directory,
            keys=keys,
            receive=self.receive,
            note=self.knocks.note,
            missed=self.missed.append,
            check_slowly=lambda entry, password: self.slow.append((entry, password)),
            clock=lambda: self.now,
            seconds=lambda: self.seconds,
        )
        self.door = StationDoor(parts, DoorRules(**rules))

    def receive(self, visitor):
        self.visitors.append(visitor)
        return Silent()

    @staticmethod
    def row(identity="CP-1", password=PASSWORD, **more):
        verifiers = [verifier_of(password.encode(), identity, KEYS)] if password is not None else []
        return {
            "id": UUID(int=1),
            "organization_id": UUID(int=7),
            "identity": identity,
            "approval": "accepted",
            "security_profile": 2,
            "next_security_profile": None,
            "verifiers": verifiers,
            "pinned_protocol": None,
            "serial": None,
            "certificate_serials": [],
            **more,
        }

    def knock(self, path="/ocpp/CP-1", password=PASSWORD, *, address="198.51.100.7", secure=True, offers="ocpp1.6",
              certificate=None, user=None):  # fmt: skip
        identity = path.rpartition("/")[2] if user is None else user
        headers = {"sec-websocket-protocol": [offers] if offers else []}
        if password is not None:
            raw = password if isinstance(password, bytes) else password.encode()
            headers["authorization"] = ["Basic " + base64.b64encode(identity.encode() + b":" + raw).decode()]
        peer = Peer(address, 1, secure, certificate, "TLSv1.3" if secure else None)
        return self.door.knock(Handshake(path, lambda name: headers.get(name.lower(), []), peer, LISTENER))

    def reason(self, identity="CP-1"):
        return self.knocks.of_identity(identity).reason_code


def test_a_station_with_its_password_comes_in():
    world = World({})
    answer = world.knock(offers="ocpp2.0.1, ocpp1.6")
    assert isinstance(answer, Admission)
    assert answer.subprotocol == "ocpp2.0.1"
    (visitor,) = world.visitors
    assert (visitor.identity, visitor.version, visitor.profile) == ("CP-1", "ocpp2.0.1", 2)
    assert visitor.entry is world.directory.get("CP-1")
    assert visitor.verifier is None
    assert not visitor.confirms_new_password
    assert world.reason() == "admitted"


def test_every_way_to_fail_gets_the_same_answer():
    world = World({}, {"identity": "CP-2", "security_profile": 1}, {"identity": "CP-3", "password": None})
    answers = [
        world.knock(password="wrong"),
        world.knock(password=None),
        world.knock(user="CP-9"),
        world.knock("/ocpp/CP-2"),
        world.knock("/ocpp/CP-3"),
        world.knock("/ocpp/nobody"),
        world.knock(secure=False),
    ]
    assert {(answer.status, answer.retry_after) for answer in answers} == {(401, None)}
    assert [answer.reason_code for answer in answers] == [
        "password_wrong", "password_missing", "user_is_not_identity", "wrong_security_profile", "password_not_set",
        "identity_unknown", "tls_required",
    ]  # fmt: skip
    assert world.visitors == []


def test_404_for_unknown_identities_is_a_choice():
    assert World(reveal_unknown=True).knock().status == 404
    assert World({}, reveal_unknown=True).knock(password="wrong").status == 401


def test_a_url_without_identity_is_a_bad_request():
    world = World({})
    assert world.knock("/ocpp/..").status == 400
    assert world.knocks.counts["identity_invalid"] == 1


def test_without_a_common_version_it_is_a_farewell_even_for_the_right_station():
    world = World({}, {"identity": "CP-2", "pinned_protocol": "ocpp1.6"})
    assert world.knock(offers="ocpp1.5") == Farewell("no_common_version")
    assert world.knock(offers=None) == Farewell("no_common_version")
    assert world.knock("/CP-2", offers="ocpp2.0.1") == Farewell("pinned_version_not_offered")
    assert world.visitors == []


def test_a_wrong_password_never_learns_which_versions_are_spoken():
    assert World({}).knock(password="wrong", offers="ocpp1.5").status == 401


def test_the_second_password_confirms_the_change():
    both = [verifier_of(text.encode(), "CP-1", KEYS) for text in (PASSWORD, "f" * 40)]
    world = World({"verifiers": both})
    world.knock()
    world.knock(password="f" * 40)
    assert [visitor.confirms_new_password for visitor in world.visitors] == [False, True]


def test_a_password_met_under_a_former_key_is_stored_anew():
    rolled = VerifierKeys((b"n" * 32, b"k" * 32))
    world = World({}, keys=rolled)
    world.knock()
    assert world.visitors[0].verifier == verifier_of(PASSWORD.encode(), "CP-1", rolled)


def test_an_imported_password_is_looked_at_elsewhere_and_not_let_in_meanwhile():
    world = World({"verifiers": [slow_verifier_of(b"1234")]})
    assert world.knock(password="1234").status == 401
    assert world.reason() == "password_being_checked"
    assert [(entry.identity, password) for entry, password in world.slow] == [("CP-1", b"1234")]


class TestAttempts:
    limits = AttemptLimits(per_identity=3, per_identity_a_minute=60, per_network=20)

    def test_guessing_is_told_to_wait_and_known_and_unknown_wait_alike(self):
        world = World({}, attempts=self.limits)
        for identity in ("CP-1", "nobody"):
            answers = [world.knock(f"/{identity}", "wrong") for _ in range(4)]
            assert [answer.status for answer in answers] == [401, 401, 401, 429]
            assert answers[-1].retry_after == 2

    def test_a_generated_password_is_never_locked_out_not_even_from_the_same_network(self):
        world = World({}, attempts=self.limits)
        for _ in range(50):
            world.knock(password="wrong")
        assert isinstance(world.knock(), Admission)

    def test_a_weak_password_cannot_be_guessed_on_and_still_works_from_elsewhere(self):
        world = World({"password": "1234"}, attempts=self.limits)
        for _ in range(3):
            world.knock(password="wrong", address="203.0.113.5")
        assert world.knock(password="1234", address="203.0.113.5").status == 429
        assert isinstance(world.knock(password="1234", address="198.51.100.7"), Admission)

    def test_argon2_is_not_a_way_to_keep_us_busy(self):
        world = World({"verifiers": [slow_verifier_of(b"1234")]}, attempts=self.limits)
        for _ in range(50):
            world.knock(password="wrong")
        assert len(world.slow) == 3

    def test_right_passwords_cost_nothing(self):
        world = World(*({"identity": f"CP-{n}"} for n in range(300)), attempts=self.limits)
        assert all(isinstance(world.knock(f"/CP-{n}"), Admission) for n in range(300))


class TestStrangers:
    def test_are_refused_by_default(self):
        world = World()
        assert world.knock().status == 401
        assert world.visitors == []

    def test_may_wait_for_approval_and_their_password_is_kept_for_it(self):
        world = World(strangers=StrangerRules("approval"))
        assert isinstance(world.knock(), Admission)
        (visitor,) = world.visitors
        assert visitor.entry is None
        assert not visitor.is_approved
        assert visitor.profile == 0
        assert visitor.verifier == verifier_of(PASSWORD.encode(), "CP-1", KEYS)
        assert world.reason() == "admitted_to_approval_list"

    def test_may_come_without_a_password(self):
        world = World(strangers=StrangerRules("approval"))
        world.knock(password=None)
        assert world.visitors[0].verifier is None

    def test_need_a_presentable_identity(self):
        world = World(strangers=StrangerRules("approval"))
        assert world.knock("/a%20b").status == 401
        assert world.reason("a b") == "identity_not_presentable"

    def test_need_a_version_like_everybody(self):
        world = World(strangers=StrangerRules("approval"))
        assert isinstance(world.knock(offers="ocpp1.5"), Farewell)

    def test_may_be_accepted_at_once(self):
        world = World(strangers=StrangerRules("accept"))
        world.knock()
        assert world.visitors[0].is_approved

    def test_a_rule_approves_by_identity_and_network(self):
        rule = AutomaticRule(re.compile("ACME-[0-9]+"), (ip_network("198.51.100.0/24"),))
        world = World(strangers=StrangerRules("refuse", (rule,)))
        assert isinstance(world.knock("/ACME-7"), Admission)
        assert world.visitors[0].is_approved
        assert world.knock("/ACME-7", address="203.0.113.1").status == 401
        assert world.knock("/ACME-7x").status == 401
        assert world.knock("/ACME-7", address="unix").status == 401

    def test_are_few_at_once_and_fewer_from_one_network(self):
        world = World(strangers=StrangerRules("approval", at_once=5, at_once_per_network=3))
        links = []
        for n in range(8):
            answer = world.knock(f"/A-{n}", address="203.0.113.5" if n < 4 else f"198.51.{n}.1")
            if isinstance(answer, Admission):
                answer.receiver.opened(None)
                links.append(answer.receiver)
        assert len(links) == 5
        assert world.reason("A-3") == "strangers_too_many"
        assert world.knock("/A-9").status == 503
        links[0].closed(1000, "")
        assert isinstance(world.knock("/A-9"), Admission)

    def test_come_at_a_bounded_rate(self):
        world = World(
            strangers=StrangerRules("approval", a_minute=10, at_once=10**6, at_once_per_network=10**6)
        )
        assert sum(isinstance(world.knock(f"/A-{n}"), Admission) for n in range(100)) == 10
        world.seconds = 6.0
        assert isinstance(world.knock("/A-100"), Admission)

    def test_that_wait_count_too_when_they_return(self):
        world = World({"approval": "pending"}, strangers=StrangerRules("approval", at_once=1))
        answer = world.knock()
        answer.receiver.opened(None)
        assert world.knock().status == 503

    def test_a_wrong_password_may_be_a_new_one_the_directory_does_not_know_yet(self):
        world = World({})
        world.knock(password="wrong")
        world.knock()
        assert world.missed == ["CP-1"]

    def test_the_directory_is_asked_for_news_at_a_bounded_rate(self):
        world = World()
        for n in range(500):
            world.knock(f"/A-{n}", address=f"10.{n % 250}.0.1")
        assert world.missed == [f"A-{n}" for n in range(20)]


@pytest.fixture(scope="module")
def ours():
    return authority.new_authority("Ours", NOW)


@pytest.fixture
def certificate(ours):
    def issue(name="CP-1", organization="Operator", now=NOW):
        key = authority.new_key().public_key()
        made = authority.issue_station_certificate(ours, key, name, organization, now)
        return ssl.PEM_cert_to_DER_cert(made.public_bytes(authority.Encoding.PEM).decode())

    return issue


class TestCertificates:
    rules = CertificateRules(frozenset({"Operator"}))

    def world(self, *rows, **rules):
        return World(
            *({"security_profile": 3, "password": None, **row} for row in rows or ({},)),
            certificates=self.rules,
            **rules,
        )

    @pytest.mark.parametrize("name", ["CP-1", "SN 42"])
    def test_identity_or_serial_number_as_name_is_fine(self, certificate, name):
        world = self.world({"serial": "SN 42"})
        assert isinstance(world.knock(password=None, certificate=certificate(name)), Admission)
        assert world.visitors[0].profile == 3
        assert world.visitors[0].certificate.common_name == name

    @pytest.mark.parametrize(
        ("paper", "reason"),
        [
            ({"name": "CP-2"}, "client_certificate_of_another_station"),
            ({"organization": "Somebody"}, "client_certificate_of_another_operator"),
            ({"now": NOW - timedelta(days=400)}, "client_certificate_expired"),
            ({"now": NOW + timedelta(days=2)}, "client_certificate_expired"),
        ],
    )
    def test_another_name_operator_or_time_is_not(self, certificate, paper, reason):
        world = self.world()
        answer = world.knock(password=None, certificate=certificate(**paper))
        assert (answer.status, answer.reason_code) == (401, reason)

    def test_a_pinned_certificate_is_the_only_one(self, certificate):
        mine, other = certificate(), certificate()
        world = self.world({"certificate_serials": [read_certificate(mine).fingerprint]})
        assert isinstance(world.knock(password=None, certificate=mine), Admission)
        world.knock(password=None, certificate=other)
        assert world.reason() == "client_certificate_not_pinned"

    def test_one_certificate_is_never_two_stations(self, certificate):
        shared = certificate()
        serial = read_certificate(shared).serial.upper()
        world = self.world({"identity": "CP-2", "certificate_serials": [serial]}, {"identity": "CP-1"})
        world.knock(password=None, certificate=shared)
        assert world.reason() == "client_certificate_of_another_station"

    def test_a_revoked_one_is_refused(self, certificate):
        paper = certificate()
        bad = read_certificate(paper).serial
        world = World(
            {"security_profile": 3},
            certificates=CertificateRules(is_revoked=lambda shown: shown.serial == bad),
        )
        world.knock(certificate=paper)
        assert world.reason() == "client_certificate_revoked"

    def test_rubbish_is_refused(self):
        world = self.world()
        world.knock(password=None, certificate=b"rubbish")
        assert world.reason() == "client_certificate_unreadable"

    def test_no_certificate_is_refused(self):
        world = self.world()
        world.knock()
        assert world.reason() == "client_certificate_missing"


class TestDoctor:
    def test_it_says_how_far_a_station_got(self):
        world = World({})
        world.knock(password="wrong")
        knock = world.knocks.of_identity("CP-1")
        assert knock.passed == [Step.REACHED, Step.TLS, Step.REQUEST, Step.IDENTITY]
        assert knock.reason.sentence == "The password is wrong."
        assert (knock.at, knock.address, knock.tls_version) == (NOW, "198.51.100.7", "TLSv1.3")

    def test_without_tls_there_is_no_such_step(self):
        world = World({"security_profile": 1})
        world.knock(secure=False, offers="ocpp1.5")
        knock = world.knocks.of_identity("CP-1")
        assert knock.passed == [Step.REACHED, Step.REQUEST, Step.IDENTITY, Step.CREDENTIALS]

    def test_who_stumbled_is_known_by_address(self):
        world = World()
        world.door.stumbled("203.0.113.5", LISTENER, "tls_too_old")
        assert world.knocks.of_address("203.0.113.5").reason.step is Step.TLS
        assert world.knocks.counts == Counter({"tls_too_old": 1})

    def test_it_remembers_the_newest_and_no_more_than_it_may(self):
        knocks = Knocks(remembered=10)
        world = World({})
        world.door._parts = DoorParts(
            world.directory, KEYS, world.receive, note=knocks.note, clock=lambda: world.now
        )
        for n in range(100):
            world.now = NOW + timedelta(seconds=n)
            world.knock(f"/A-{n}")
            world.door.stumbled(f"10.0.0.{n}", LISTENER, "left_early")
        assert [knock.identity for knock in knocks.newest(3)].count("A-99") == 1
        assert knocks.of_identity("A-89") is None
        assert knocks.of_identity("A-90") is not None
        assert len(knocks.newest(1000)) == 20


def test_every_reason_is_complete():
    for code, reason in REASONS.items():
        assert code == reason.code
        assert reason.sentence.endswith(".")
        assert reason.remedy.endswith(".")
        assert isinstance(reason.step, Step)


def test_no_secret_is_written_down():
    world = World({})
    world.knock(password="a very secret one")
    assert "secret" not in repr(world.knocks.of_identity("CP-1"))


def test_a_rejection_has_no_reason_for_the_peer():
    assert isinstance(World().knock(), Rejection)
