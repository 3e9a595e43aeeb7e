"""Who gets a certificate, what becomes of it, what is installed, and who is asked about revocation and contracts."""

import asyncio
import base64
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from gridlane.kernel.bus import LocalBus
from gridlane.kernel.settings import Settings
from gridlane.stations import certificate_expiry
from gridlane.stations import commands as c
from gridlane.stations.certificate_hashes import root_hashes
from gridlane.stations.certificate_status import Responders, StatusAsked, may_ask
from gridlane.stations.certificates import SigningAsked
from gridlane.stations.decision import OperationAnswered
from gridlane.stations.development_authority import issue_station_certificate, new_authority, new_key
from gridlane.stations.reports import (
    CertificateStatusRequested,
    PartReported,
    SigningRequested,
    VariableReported,
    VehicleCertificateRequested,
)
from gridlane.stations.signing_requests import read_request, why_not_signed
from gridlane.stations.station_authority import Signer, station_authority
from gridlane.stations.vehicle_certificates import ContractAsked, ContractPool

YES = c.Answer(agreed=True, status="Accepted")


def request(common_name="SN-1", organization="Operator", key=None):
    names = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name)]
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in names if value])
    key = key or ec.generate_private_key(ec.SECP256R1())
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, algorithm)
    return made.public_bytes(Encoding.PEM).decode()


def tampered(pem):
    der = bytearray(x509.load_pem_x509_csr(pem.encode()).public_bytes(Encoding.DER))
    der[der.index(b"SN-1") + 3] = ord("2")
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{base64.encodebytes(der).decode()}-----END CERTIFICATE REQUEST-----"


WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 (to be refused)


@pytest.mark.parametrize(
    ("pem", "kind", "words"),
    [
        (request(), "ChargingStationCertificate", None),
        (request("CP-1"), "ChargingStationCertificate", None),
        (request("another"), "ChargingStationCertificate", "common name"),
        (request(organization=""), "ChargingStationCertificate", "organization"),
        (request(organization="Stranger"), "ChargingStationCertificate", "not the station's operator"),
        (request(key=WEAK), "ChargingStationCertificate", "too weak"),
        (request(key=ed25519.Ed25519PrivateKey.generate()), "ChargingStationCertificate", "not accepted"),
        (tampered(request()), "ChargingStationCertificate", "not signed"),
        ("-----BEGIN NONSENSE", "ChargingStationCertificate", "cannot be read"),
        (request("SECC-77"), "V2GCertificate", None),
        (request(key=ec.generate_private_key(ec.SECP384R1())), "V2GCertificate", "V2G"),
    ],
)
def test_a_request_is_signed_only_for_the_station_itself_with_a_good_key(pem, kind, words):
    reason = why_not_signed(read_request(pem), kind=kind, names={"SN-1", "CP-1"}, operators={"Operator"})
    assert (reason is None) if words is None else words in reason


# --- signing -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def signing_station(stored_station, database_url, tmp_path, street):
    station = await stored_station()
    station.settings = Settings(data_dir=tmp_path)
    station.answerers[SigningAsked] = Signer(database_url, station.settings, lambda: street.now)
    return station


async def test_a_good_request_is_signed_sent_and_noted_as_taken(signing_station, street):
    station = signing_station
    decided = await station.tell(SigningRequested(request=request(), request_id=12))
    assert decided.reply.accepted
    (call,) = decided.calls
    assert call.command.request_id == 12
    leaf = x509.load_pem_x509_certificate(call.command.chain.encode())
    leaf.verify_directly_issued_by(station_authority(station.settings, street.now).certificate)
    await station.tell(OperationAnswered(id=call.operation, answer=YES))
    (issued,) = await station.rows("SELECT status, serial, kind FROM issued_certificates")
    assert issued["status"] == "accepted"
    assert issued["serial"] == f"{leaf.serial_number:x}"
    (operation,) = await station.rows("SELECT status, kind, actor FROM operations")
    assert operation == {"status": "verified", "kind": "certificate_signed", "actor": "gridlane"}


async def test_a_pinned_station_may_show_its_new_certificate(signing_station):
    station = signing_station
    await station.rows("UPDATE stations SET certificate_serials = '[\"aa\"]' RETURNING id")
    decided = await station.tell(SigningRequested(request=request()))
    await station.tell(OperationAnswered(id=decided.calls[0].operation, answer=YES))
    (pinned,) = await station.rows("SELECT certificate_serials AS serials FROM stations")
    (issued,) = await station.rows("SELECT serial FROM issued_certificates")
    assert issued["serial"] in pinned["serials"]


async def test_a_certificate_that_the_station_refuses_is_told_on(signing_station):
    decided = await signing_station.tell(SigningRequested(request=request()))
    answer = c.Answer(agreed=False, status="Rejected", reason="InvalidCertificate")
    told = await signing_station.tell(OperationAnswered(id=decided.calls[0].operation, answer=answer))
    assert "InvalidCertificate" in [getattr(fact.fact, "reason", None) for fact in told.facts]
    (issued,) = await signing_station.rows("SELECT status FROM issued_certificates")
    assert issued["status"] == "refused"


async def test_a_bad_request_is_refused_and_nothing_leaves(signing_station):
    decided = await signing_station.tell(SigningRequested(request=request("another")))
    assert not decided.reply.accepted
    assert decided.calls == []
    assert "common name" in decided.facts[0].fact.reason


async def test_the_operator_a_station_was_told_of_must_stand_in_its_request(signing_station):
    name = VariableReported(
        component="SecurityCtrlr", variable="OrganizationName", attributes=({"value": "Operator"},)
    )
    await signing_station.tell(PartReported(block="device_model", request_id=1, last=True, variables=(name,)))
    assert not (
        await signing_station.tell(SigningRequested(request=request(organization="X")))
    ).reply.accepted
    assert (await signing_station.tell(SigningRequested(request=request()))).reply.accepted


async def test_a_station_that_never_stops_asking_is_refused(signing_station):
    answers = [
        (await signing_station.tell(SigningRequested(request=request()))).reply.accepted for _ in range(12)
    ]
    assert answers == [True] * 10 + [False] * 2


async def test_v2g_certificates_are_not_made_at_home(signing_station):
    wish = SigningRequested(request=request(), kind="V2GCertificate")
    assert "V2G" in (await signing_station.tell(wish)).reply.reason


async def test_an_expiring_certificate_is_told_once_and_the_station_asked_for_a_new_request(
    signing_station, database, street
):
    station = signing_station
    decided = await station.tell(SigningRequested(request=request()))
    await station.tell(OperationAnswered(id=decided.calls[0].operation, answer=YES))
    bus = LocalBus()
    assert await certificate_expiry.renew(database, bus, street.now) == 0
    assert await certificate_expiry.renew(database, bus, street.later(days=340)) == 1
    assert await certificate_expiry.renew(database, bus, street.later(days=341)) == 0
    (trigger,) = await station.rows("SELECT params FROM operations WHERE kind = 'trigger'")
    assert "SignChargingStationCertificate" in trigger["params"]


# --- what is installed -------------------------------------------------------------------------------------------


def hashed(number):
    return {
        "hashAlgorithm": "SHA256", "issuerNameHash": "AA", "issuerKeyHash": "BB", "serialNumber": number,
    }  # fmt: skip


async def test_installed_certificates_are_what_the_station_lists(stored_station, street):
    station = await stored_station()

    async def serials():
        return [
            row["serial_number"]
            for row in await station.rows("SELECT * FROM installed_certificates ORDER BY 6")
        ]

    def listed(use, *numbers):
        chains = [{"certificateType": use, "certificateHashData": hashed(one)} for one in numbers]
        return c.Answer(agreed=True, status="Accepted", data={"certificateHashDataChain": chains})

    await station.ask(c.GetCertificates(), listed("CSMSRootCertificate", "1", "2"))
    await station.ask(c.GetCertificates(), listed("MORootCertificate", "3"), street.later(minutes=1))
    assert await serials() == ["3"]
    uses = ("CSMSRootCertificate",)
    await station.ask(c.GetCertificates(uses=uses), listed(uses[0], "4"), street.later(minutes=2))
    assert sorted(await serials()) == ["3", "4"]
    await station.ask(c.DeleteCertificate(hash_data=hashed("4")), YES)
    assert await serials() == ["3"]
    nothing = c.Answer(agreed=False, status="NotFound")
    await station.ask(c.GetCertificates(), nothing, street.later(minutes=3))
    assert await serials() == []


async def test_a_root_that_was_installed_is_known_by_its_hashes(stored_station, street):
    station = await stored_station()
    root = new_authority("Root", street.now).certificate
    pem = root.public_bytes(Encoding.PEM).decode()
    await station.ask(c.InstallCertificate(use="CSMSRootCertificate", certificate=pem), YES)
    (row,) = await station.rows("SELECT * FROM installed_certificates")
    made = ocsp.OCSPRequestBuilder().add_certificate(root, root, hashes.SHA256()).build()
    assert row["issuer_key_hash"] == made.issuer_key_hash.hex() == root_hashes(pem)["issuerKeyHash"]
    assert row["issuer_name_hash"] == made.issuer_name_hash.hex()


# --- revocation --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def http_server(answer):
    """A server that answers each request's body by ``answer(body)``; gives its host:port."""

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = answer(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def revocation():
    """An authority, a certificate of it, and a responder that says good for a day; counts what it was asked."""
    now = datetime.now(UTC)
    authority = new_authority("MO root", now)
    leaf = issue_station_certificate(authority, new_key().public_key(), "EMAID", "MO", now)
    asked = []

    def answer(body):
        asked.append(ocsp.load_der_ocsp_request(body))
        return (
            ocsp.OCSPResponseBuilder()
            .add_response(
                leaf, authority.certificate, hashes.SHA256(), ocsp.OCSPCertStatus.GOOD, now, now + timedelta(days=1), None, None
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate)
            .sign(authority.key, hashes.SHA256())
            .public_bytes(Encoding.DER)
        )  # fmt: skip

    data = root_hashes(authority.certificate.public_bytes(Encoding.PEM).decode())
    return answer, asked, {**data, "serialNumber": f"{leaf.serial_number:x}"}


async def test_a_status_is_asked_once_until_its_next_update_and_passed_on_whole(stored_station, revocation):
    answer, asked, data = revocation
    async with http_server(answer) as host:
        station = await stored_station()
        station.answerers[StatusAsked] = Responders([host])
        wish = CertificateStatusRequested(certificates=({**data, "responderURL": f"http://{host}/ocsp"},))
        for _ in range(2):
            reply = (await station.tell(wish)).reply
        assert reply.status == "Accepted"
        told = ocsp.load_der_ocsp_response(base64.b64decode(reply.ocsp))
        assert told.certificate_status is ocsp.OCSPCertStatus.GOOD
        assert len(asked) == 1


async def test_the_chain_of_a_vehicle_is_told_in_words(stored_station, revocation):
    answer, _asked, data = revocation
    async with http_server(answer) as host:
        station = await stored_station()
        station.answerers[StatusAsked] = Responders([host])
        infos = tuple(
            {"certificateHashData": data, "source": source, "urls": [f"http://{host}/"]}
            for source in ("OCSP", "CRL")
        )
        reply = (await station.tell(CertificateStatusRequested(certificates=infos, chain=True))).reply
    assert [one["status"] for one in reply.results] == ["Good", "Failed"]


async def test_a_host_that_nobody_named_is_never_asked(stored_station, revocation):
    answer, asked, data = revocation
    async with http_server(answer) as host:
        station = await stored_station()
        station.answerers[StatusAsked] = Responders([])
        wish = CertificateStatusRequested(certificates=({**data, "responderURL": f"http://{host}/"},))
        assert (await station.tell(wish)).reply.status == "Failed"
    assert asked == []


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("http://ocsp.example.com/x", True),
        ("https://OCSP.example.com:443/", True),
        ("http://a.trusted.org/", True),
        ("http://trusted.org.evil.net/", False),
        ("http://ocsp.example.com:22/", False),
        ("http://ocsp.example.com@169.254.169.254/", False),
        ("http://user@ocsp.example.com/", False),
        ("file:///etc/passwd", False),
        ("http://[::1/", False),
        ("", False),
    ],
)
def test_only_named_hosts_on_their_usual_ports_may_be_asked(url, may):
    assert may_ask(url, ["ocsp.example.com", ".trusted.org"]) is may


# --- contracts ---------------------------------------------------------------------------------------------------


async def test_a_vehicles_request_goes_to_the_pool_unopened_and_fails_without_one(stored_station):
    station = await stored_station()
    wish = VehicleCertificateRequested(exi="UkVR", schema="urn:iso:15118:2:2013", action="Install")
    station.answerers[ContractAsked] = ContractPool(None)
    assert (await station.tell(wish)).reply.status == "Failed"
    bodies = []

    def answer(body):
        bodies.append(body)
        return b'{"exiResponse": "UkVT", "remainingContracts": 0}'

    async with http_server(answer) as host:
        station.answerers[ContractAsked] = ContractPool(f"http://{host}/")
        reply = (await station.tell(wish)).reply
    assert (reply.status, reply.exi, reply.remaining_contracts) == ("Accepted", "UkVT", 0)
    assert b'"UkVR"' in bodies[0]


@pytest.mark.parametrize("answer", [b"[]", b"not json", b'{"exiResponse": 5}'])
async def test_a_pool_that_talks_nonsense_has_failed(answer):
    asked = ContractAsked(request=VehicleCertificateRequested(exi="UkVR", schema="s", action="Update"))
    async with http_server(lambda _body: answer) as host:
        assert (await ContractPool(f"http://{host}/")(asked)).status == "Failed"
