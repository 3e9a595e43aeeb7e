"""The whole way in, over real sockets and both listeners: TLS, request, door. What field systems were broken with is here."""

import asyncio
import base64
import random
import re
from ipaddress import ip_network
from types import SimpleNamespace
from uuid import UUID

import pytest

from gridlane.stations.attempts import AttemptLimits
from gridlane.stations.client_certificates import CertificateRules, read_certificate
from gridlane.stations.credentials import VerifierKeys, new_password, slow_verifier_of, verifier_of
from gridlane.stations.directory import Directory, load
from gridlane.stations.door import DoorParts, DoorRules, StationDoor
from gridlane.stations.imported_passwords import ImportedPasswords
from gridlane.stations.knocks import Knocks
from gridlane.stations.strangers import AutomaticRule, StrangerRules
from gridlane.stations.transport.settings import ClientCertificates

KEYS = VerifierKeys((b"k" * 32,))
PASSWORD = "0123456789abcdef0123456789abcdef01234567"


def row(identity="CP-1", *, password=PASSWORD, profile=1, **more):
    verifiers = [verifier_of(password.encode(), identity, KEYS)] if password is not None else []
    defaults = {
        "id": UUID(int=1), "organization_id": None, "identity": identity, "approval": "accepted",
        "security_profile": profile,
        "next_security_profile": None, "verifiers": verifiers, "pinned_protocol": None, "serial": None,
        "certificate_serials": [],
    }  # fmt: skip
    return {**defaults, **more}


@pytest.fixture
def house(street, wire):
    """A real door with real receivers, and how to walk up to it."""

    class House:
        def __init__(self):
            self.knocks = Knocks()
            self.visitors, self.notebooks = [], []

        def door(self, *rows, check_slowly=None, **rules):
            self.directory = Directory(load(rows))
            parts = DoorParts(
                self.directory,
                KEYS,
                self.receive,
                note=self.knocks.note,
                **({"check_slowly": check_slowly} if check_slowly else {}),
            )
            return StationDoor(parts, DoorRules(**rules))

        def receive(self, visitor):
            self.visitors.append(visitor)
            self.notebooks.append(wire.Notebook())
            return self.notebooks[-1]

        async def walk_up(self, listener, path="/ocpp/CP-1", password=PASSWORD, *, tls=None, user=None, local=None, offers="ocpp1.6"):  # fmt: skip
            client = await street.client(listener, tls, local)
            more = []
            if password is not None:
                raw = password if isinstance(password, bytes) else password.encode()
                name = path.rpartition("/")[2] if user is None else user
                more = ["Authorization: Basic " + base64.b64encode(name.encode() + b":" + raw).decode()]
            answer = await client.request(*wire.upgrade_lines(path, *more, subprotocol=offers))
            return SimpleNamespace(client=client, status=int(answer.split()[1]), head=answer)

    return House()


async def test_profile_1_over_plain_sockets(street, house):
    listener = await street.listener(house.door(row()))
    seen = await house.walk_up(listener)
    assert seen.status == 101
    assert "\r\nSec-WebSocket-Protocol: ocpp1.6\r\n" in seen.head
    await seen.client.frame(1, b"hello")
    await house.notebooks[0].until(lambda notes: notes.messages)
    assert house.visitors[0].profile == 1


async def test_profile_2_over_tls(street, house, papers):
    listener = await street.listener(house.door(row(profile=2)), papers.server())
    assert (await house.walk_up(listener, tls=papers.client())).status == 101
    assert (await house.walk_up(listener, password="wrong", tls=papers.client())).status == 401
    assert house.visitors[0].profile == 2


async def test_profile_3_over_mutual_tls(street, house, papers):
    rules = CertificateRules(frozenset({"Operator"}))
    door = house.door(row(profile=3, password=None), row("CP-2", profile=3), certificates=rules)
    listener = await street.listener(door, papers.server(ClientCertificates.REQUIRED))
    mine = papers.client(papers.station)
    assert (await house.walk_up(listener, password=None, tls=mine)).status == 101
    assert house.visitors[0].profile == 3
    assert (await house.walk_up(listener, "/ocpp/CP-2", password=None, tls=mine)).status == 401
    assert house.knocks.of_identity("CP-2").reason_code == "client_certificate_of_another_station"


async def test_profiles_2_and_3_share_a_port(street, house, papers):
    door = house.door(row(profile=3, password=None), row("CP-2", profile=2))
    listener = await street.listener(door, papers.server(ClientCertificates.WELCOME))
    assert (await house.walk_up(listener, password=None, tls=papers.client(papers.station))).status == 101
    assert (await house.walk_up(listener, "/ocpp/CP-2", tls=papers.client())).status == 101
    assert (await house.walk_up(listener, tls=papers.client())).status == 401


async def test_a_certificate_revoked_while_a_session_could_be_resumed(street, house, papers):
    revoked = set()
    rules = CertificateRules(is_revoked=lambda shown: shown.fingerprint in revoked)
    door = house.door(row(profile=3, password=None), certificates=rules)
    listener = await street.listener(door, papers.server(ClientCertificates.REQUIRED))
    mine = papers.client(papers.station)
    first = await house.walk_up(listener, password=None, tls=mine)
    assert first.status == 101
    revoked.add(read_certificate(house.visitors[0].peer.certificate).fingerprint)
    assert (await house.walk_up(listener, password=None, tls=mine)).status == 401


async def test_an_old_stations_raw_key_opens(street, house):
    listener = await street.listener(house.door(row()))
    assert (await house.walk_up(listener, password=bytes.fromhex(PASSWORD))).status == 101


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("/ocpp/RDAM%7C123", "RDAM|123"),
        ("/a/b/c/Z%C3%BCrich%201", "Zürich 1"),
        ("/CP-1/", "CP-1"),
        ("/ocpp/CP-1?version=ocpp2.0.1", "CP-1"),
        ("/ocpp2.0.1/CP-1", "CP-1"),
    ],
)
async def test_odd_identities_are_met(street, house, path, identity):
    listener = await street.listener(house.door(row(identity)))
    assert (await house.walk_up(listener, path, user=identity)).status == 101
    assert house.visitors[0].identity == identity
    assert house.visitors[0].version == "ocpp1.6"


@pytest.mark.parametrize("path", ["/", "/ocpp/..", "/ocpp/%00", "/ocpp/%FF%FE", "/ocpp/" + "x" * 300])
async def test_identities_that_are_none_are_bad_requests(street, house, path):
    listener = await street.listener(house.door(row()))
    assert (await house.walk_up(listener, path, user="x")).status == 400


async def test_no_authentication_means_no_entry(street, house, papers):
    """CWE-306 of the advisories of 2026: a socket that knows an identity but no secret."""
    door = house.door(row(), row("CP-2", profile=2), row("CP-3", profile=3), row("CP-4", password=None))
    plain = await street.listener(door)
    secure = await street.listener(door, papers.server(ClientCertificates.WELCOME))
    for identity in ("CP-1", "CP-2", "CP-3", "CP-4", "nobody"):
        for listener, tls in ((plain, None), (secure, papers.client())):
            assert (await house.walk_up(listener, f"/{identity}", password=None, tls=tls)).status == 401
    assert house.visitors == []


async def test_profile_0_is_an_exception_of_one_station_and_is_noted(street, house):
    listener = await street.listener(house.door(row(), row("CP-0", profile=0, password=None)))
    assert (await house.walk_up(listener, "/CP-0", password=None)).status == 101
    assert (await house.walk_up(listener, password=None)).status == 401
    assert house.knocks.of_identity("CP-0").reason_code == "admitted_without_authentication"


async def test_guessing_is_slowed_and_never_opens(street, house):
    """CWE-307 of the advisories of 2026: no limit on attempts. And the true station is not locked out by them."""
    door = house.door(row(), attempts=AttemptLimits(per_identity=5, per_identity_a_minute=1))
    listener = await street.listener(door)
    statuses = [(await house.walk_up(listener, password=new_password())).status for _ in range(20)]
    assert statuses == [401] * 5 + [429] * 15
    assert (await house.walk_up(listener)).status == 101


async def test_an_identity_read_off_a_map_neither_displaces_nor_disturbs_the_station(street, house):
    """CWE-613 and -522 of the advisories: a second connection under a public identity, without its secret."""
    listener = await street.listener(house.door(row()))
    true = await house.walk_up(listener)
    for password in (None, "guess"):
        assert (await house.walk_up(listener, password=password)).status == 401
    await true.client.frame(1, b"still here")
    await house.notebooks[0].until(lambda notes: notes.messages)
    assert house.notebooks[0].ended is None
    assert len(house.notebooks) == 1


async def test_known_and_unknown_stations_get_the_same_bytes(street, house):
    listener = await street.listener(house.door(row()))
    answers = set()
    for path in ("/CP-1", "/nobody"):
        seen = await house.walk_up(listener, path, password="wrong")
        answers.add(seen.head + (await seen.client.reader.read()).decode())
    assert len(answers) == 1


async def test_an_imported_weak_password_is_let_in_at_the_second_try(street, house):
    def verified(entry, verifier):
        house.directory.apply(load([row(verifiers=[verifier])]))
        done.set()

    done = asyncio.Event()
    imported = ImportedPasswords(KEYS, verified)
    door = house.door(row(verifiers=[slow_verifier_of(b"1234")]), check_slowly=imported.check)
    listener = await street.listener(door)
    assert (await house.walk_up(listener, password="1234")).status == 401
    await asyncio.wait_for(done.wait(), 10)
    assert (await house.walk_up(listener, password="1234")).status == 101
    assert (await house.walk_up(listener, password="12345")).status == 401


async def test_no_common_version_completes_and_closes(street, house):
    listener = await street.listener(house.door(row()))
    seen = await house.walk_up(listener, offers="ocpp1.5, soap")
    assert seen.status == 101
    assert await seen.client.close_code() == 1002
    assert house.visitors == []


async def test_strangers_wait_for_approval_or_come_by_a_rule(street, house):
    rule = AutomaticRule(re.compile("ACME-.*"), (ip_network("127.0.7.0/24"),))
    listener = await street.listener(house.door(strangers=StrangerRules("approval", (rule,))))
    assert (await house.walk_up(listener, "/new", password=None)).status == 101
    assert (await house.walk_up(listener, "/ACME-1", local="127.0.7.1")).status == 101
    assert [visitor.is_approved for visitor in house.visitors] == [False, True]


async def test_hundreds_of_stations_behind_one_address_come_in(street, house):
    rows = [row(f"CP-{n}") for n in range(200)]
    listener = await street.listener(house.door(*rows), accepts_per_second=1e5)
    seen = await asyncio.gather(*(house.walk_up(listener, f"/CP-{n}") for n in range(200)))
    assert {one.status for one in seen} == {101}


async def test_hostile_handshakes_crash_nothing_and_disturb_nobody(street, house, wire):
    """A slice of ``gridlane bench hostile``."""
    listener = await street.listener(house.door(row()), accepts_per_second=1e5, handshake_seconds=2.0)
    true = await house.walk_up(listener)
    dice = random.Random(7)
    good = (
        "\r\n".join(wire.upgrade_lines("/ocpp/CP-1", "Authorization: Basic Q1AtMTp3cm9uZw==")).encode()
        + b"\r\n\r\n"
    )
    for _ in range(150):
        spoiled = bytearray(good)
        for _ in range(dice.randrange(1, 8)):
            at = dice.randrange(len(spoiled))
            choice = dice.randrange(3)
            if choice == 0:
                spoiled[at] = dice.randrange(256)
            elif choice == 1:
                del spoiled[at : at + dice.randrange(20)]
            else:
                spoiled[at:at] = dice.randbytes(dice.randrange(20))
        client = await street.client(listener)
        await client.raw(bytes(spoiled))
        client.writer.transport.abort()
    await true.client.frame(1, b"still here")
    await house.notebooks[0].until(lambda notes: notes.messages)
    assert len(house.visitors) == 1
