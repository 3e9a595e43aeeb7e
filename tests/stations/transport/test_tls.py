"""TLS as stations meet it, over real sockets, the same for both listeners."""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from gridlane.stations import development_authority as authority
from gridlane.stations.transport.settings import ClientCertificates, TlsSettings
from gridlane.stations.transport.tls import TlsFileUnusable, TlsIdentity, reason_of, server_context

SUITES = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": False,
    "ECDHE-ECDSA-AES256-GCM-SHA384": False,
    "AES128-GCM-SHA256": True,
    "AES256-GCM-SHA384": True,
}


async def test_a_message_goes_both_ways_over_tls(street, open_door, papers):
    open_door.react = lambda link, message: link.send(message)
    listener = await street.listener(open_door, papers.server())
    client, notebook = await street.connected(open_door, listener, tls=papers.client())
    await client.frame(1, b"x" * 40_000)
    assert await client.read_frame() == (1, b"x" * 40_000)
    assert notebook.link.peer.secure
    assert notebook.link.peer.tls_version == "TLSv1.3"
    assert notebook.link.peer.certificate is None


@pytest.mark.parametrize(("suite", "needs_the_switch"), SUITES.items())
async def test_the_four_suites_of_ocpp_work_the_rsa_ones_by_a_switch(
    street, open_door, papers, suite, needs_the_switch
):
    listener = await street.listener(open_door, papers.server(tls_rsa=needs_the_switch))
    old = papers.client(suites=suite, version=ssl.TLSVersion.TLSv1_2)
    client, _ = await street.connected(open_door, listener, tls=old)
    assert client.writer.get_extra_info("cipher")[0] == suite


@pytest.mark.parametrize("suite", [suite for suite, switch in SUITES.items() if switch])
async def test_rsa_key_exchange_is_off_by_default(street, open_door, papers, suite):
    listener = await street.listener(open_door, papers.server())
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await street.client(listener, papers.client(suites=suite, version=ssl.TLSVersion.TLSv1_2))
    assert await open_door.stumble() == "tls_no_shared_suite"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_tls_1_1_is_refused_and_noted(street, open_door, papers):
    listener = await street.listener(open_door, papers.server())
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await street.client(listener, papers.client(suites="ALL:@SECLEVEL=0", version=ssl.TLSVersion.TLSv1_1))
    assert await open_door.stumble() == "tls_too_old"


async def test_plain_http_on_a_tls_port_is_named(street, open_door, papers, wire):
    client = await street.client(await street.listener(open_door, papers.server()))
    await client.request(*wire.upgrade_lines())
    assert await open_door.stumble() == "plain_text_on_tls_port"


async def test_a_station_that_does_not_trust_us_is_named(street, open_door, papers):
    listener = await street.listener(open_door, papers.server())

    def connect():
        with socket.create_connection(listener.addresses[0]) as raw:
            ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")

    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(connect)
    assert await open_door.stumble() == "server_certificate_refused"


async def test_who_leaves_in_the_middle_of_tls_is_noted_and_breaks_nothing(street, open_door, papers, caplog):
    client = await street.client(await street.listener(open_door, papers.server()))
    client.close()
    assert await open_door.stumble() == "left_early"
    assert caplog.records == []


async def test_a_tls_handshake_that_stops_half_way_ends_at_the_deadline(street, open_door, papers):
    client = await street.client(await street.listener(open_door, papers.server(), handshake_seconds=0.15))
    await client.raw(b"\x16\x03\x01\x02\x00\x01")
    assert await client.is_closed()
    assert await open_door.stumble() == "handshake_timeout"


class TestClientCertificates:
    @pytest.mark.parametrize("asked", [ClientCertificates.WELCOME, ClientCertificates.REQUIRED])
    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    async def test_a_verified_certificate_reaches_the_door_as_der(
        self, street, open_door, papers, asked, version
    ):
        listener = await street.listener(open_door, papers.server(asked))
        await street.connected(open_door, listener, tls=papers.client(papers.station, version=version))
        pem = papers.station.read_text()
        assert open_door.knocks[0].peer.certificate == ssl.PEM_cert_to_DER_cert(
            pem[: pem.index("-----BEGIN PRIVATE")]
        )

    async def test_no_certificate_is_fine_where_it_is_only_welcome(self, street, open_door, papers):
        listener = await street.listener(open_door, papers.server(ClientCertificates.WELCOME))
        await street.connected(open_door, listener, tls=papers.client())
        assert open_door.knocks[0].peer.certificate is None

    @pytest.mark.parametrize(
        ("which", "reason"),
        [
            (None, "client_certificate_missing"),
            ("foreign", "client_certificate_untrusted"),
            ("outdated", "client_certificate_expired"),
        ],
    )
    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    async def test_a_wrong_one_is_refused_with_its_reason(
        self, street, open_door, papers, wire, which, reason, version
    ):
        listener = await street.listener(open_door, papers.server(ClientCertificates.REQUIRED))
        shown = getattr(papers, which) if which else None
        try:
            client = await street.client(listener, papers.client(shown, version=version))
            assert not await client.request(*wire.upgrade_lines())
        except (ssl.SSLError, ConnectionError):
            pass
        assert await open_door.stumble() == reason
        assert open_door.knocks == []

    async def test_no_temporary_file_is_needed_to_read_one(self, street, open_door, papers, monkeypatch):
        monkeypatch.setattr("tempfile.NamedTemporaryFile", None)
        listener = await street.listener(open_door, papers.server(ClientCertificates.REQUIRED))
        await street.connected(open_door, listener, tls=papers.client(papers.station))

    async def test_a_resumed_session_still_knows_its_certificate(self, street, open_door, papers, wire):
        listener = await street.listener(open_door, papers.server(ClientCertificates.REQUIRED))
        context = papers.client(papers.station, version=ssl.TLSVersion.TLSv1_2)
        host, port = listener.addresses[0]

        def knock(session):
            with (
                socket.create_connection((host, port)) as raw,
                context.wrap_socket(raw, server_hostname="localhost", session=session) as secure,
            ):
                secure.sendall(("\r\n".join(wire.upgrade_lines()) + "\r\n\r\n").encode())
                assert secure.recv(12) == b"HTTP/1.1 101"
                return secure.session, secure.session_reused

        session, _ = await asyncio.to_thread(knock, None)
        _, reused = await asyncio.to_thread(knock, session)
        assert reused
        first, second = open_door.knocks
        assert first.peer.certificate == second.peer.certificate is not None


class TestFiles:
    async def test_a_renewed_certificate_serves_newcomers_and_drops_nobody(
        self, street, open_door, papers, tmp_path
    ):
        now = datetime.now(UTC)
        pairs = tuple(
            (shutil.copy(chain, tmp_path / chain.name), shutil.copy(key, tmp_path / key.name))
            for chain, key in papers.chains
        )
        listener = await street.listener(open_door, TlsSettings(pairs))
        client, notebook = await street.connected(open_door, listener, tls=papers.client())
        before = client.writer.get_extra_info("ssl_object").getpeercert(True)
        assert not listener.tls.reload_if_changed()

        key = authority.new_key()
        renewed = authority.issue_server_certificate(papers.ours, key.public_key(), ["localhost"], now)
        pairs[0][1].write_bytes(authority.key_pem(key))
        pairs[0][0].write_bytes(renewed.public_bytes(authority.Encoding.PEM))
        assert listener.tls.reload_if_changed()

        later, _ = await street.connected(open_door, listener, tls=papers.client())
        assert later.writer.get_extra_info("ssl_object").getpeercert(True) != before
        await client.frame(1, b"still here")
        await notebook.until(lambda notes: notes.messages)

    async def test_a_listener_finds_renewed_files_by_itself_and_survives_bad_ones(
        self, street, open_door, papers, tmp_path
    ):
        chain, key = (shutil.copy(path, tmp_path / path.name) for path in papers.chains[0])
        listener = await street.listener(open_door, TlsSettings(((chain, key),), looked_at_every=0.02))
        before = listener.tls.context
        chain.write_text("rubbish")
        await asyncio.sleep(0.1)
        assert listener.tls.context is before
        shutil.copy(papers.chains[0][0], chain)
        async with asyncio.timeout(5):
            while listener.tls.context is before:  # noqa: ASYNC110  # nobody tells when files are looked at
                await asyncio.sleep(0.01)
        await street.connected(open_door, listener, tls=papers.client())

    def test_a_bad_renewal_is_named_and_the_old_certificate_stays(self, papers, tmp_path):
        chain, key = (shutil.copy(path, tmp_path / path.name) for path in papers.chains[0])
        identity = TlsIdentity(TlsSettings(((chain, key),)))
        before = identity.context
        chain.write_text("rubbish")
        with pytest.raises(TlsFileUnusable, match=chain.name):
            identity.reload_if_changed()
        assert identity.context is before

    def test_a_key_of_another_certificate_is_refused(self, papers):
        mixed = TlsSettings(((papers.chains[0][0], papers.chains[1][1]),))
        with pytest.raises(TlsFileUnusable):
            server_context(mixed)

    def test_profile_3_without_authorities_is_refused(self, papers):
        with pytest.raises(TlsFileUnusable, match="authorities"):
            server_context(TlsSettings(papers.chains, ClientCertificates.REQUIRED))

    def test_authorities_that_are_none_are_refused(self, papers, tmp_path):
        (tmp_path / "empty.pem").write_text("")
        with pytest.raises(TlsFileUnusable, match=r"empty\.pem"):
            server_context(TlsSettings(papers.chains, ClientCertificates.WELCOME, tmp_path / "empty.pem"))


def test_compression_and_renegotiation_are_off(papers):
    options = server_context(papers.server()).options
    assert options & ssl.OP_NO_COMPRESSION
    assert options & ssl.OP_NO_RENEGOTIATION


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ConnectionResetError(), "left_early"),
        (ssl.SSLError(1, "whatever"), "tls_failed"),
    ],
)
def test_a_failure_has_a_reason(failure, reason):
    assert reason_of(failure) == reason


class TestDevelopmentAuthority:
    def test_its_chains_are_kept_private_and_used_again(self, tmp_path):
        now = datetime.now(UTC)
        first = authority.ensure_development_chains(tmp_path / "tls", ["localhost"], now)
        kept = [path.read_bytes() for pair in first for path in pair]
        again = authority.ensure_development_chains(tmp_path / "tls", ["localhost"], now)
        assert [path.read_bytes() for pair in again for path in pair] == kept
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "tls").iterdir()} == {0o600}

    def test_a_new_host_or_a_near_end_renews_the_chains_but_not_the_authority(self, tmp_path):
        now = datetime.now(UTC)
        (chain, _), _ = authority.ensure_development_chains(tmp_path, ["localhost"], now)
        root, before = (tmp_path / "authority.pem").read_bytes(), chain.read_bytes()
        authority.ensure_development_chains(tmp_path, ["localhost", "10.0.0.7"], now)
        assert chain.read_bytes() != before
        before = chain.read_bytes()
        authority.ensure_development_chains(
            tmp_path, ["localhost", "10.0.0.7"], now.replace(year=now.year + 1)
        )
        assert chain.read_bytes() != before
        assert (tmp_path / "authority.pem").read_bytes() == root

    def test_a_lost_authority_is_replaced_with_all_it_signed(self, tmp_path):
        now = datetime.now(UTC)
        pairs = authority.ensure_development_chains(tmp_path, ["localhost"], now)
        (tmp_path / "authority.key").unlink()
        before = pairs[0][0].read_bytes()
        assert authority.ensure_development_chains(tmp_path, ["localhost"], now) == pairs
        assert pairs[0][0].read_bytes() != before


def test_nothing_here_imports_a_database_or_a_web_framework():
    code = (
        "import sys; import gridlane.stations.transport.picows_listener, gridlane.stations.transport.websockets_listener;"
        "print(','.join(m for m in ('sqlalchemy', 'pydantic', 'fastapi', 'numpy', 'psycopg') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ
    )
    assert done.stdout.strip() == ""


async def test_a_python_with_openssl_built_in_serves_tls_too(street, open_door, papers, monkeypatch):
    monkeypatch.setattr("aiofastnet.OPENSSL_DYN_LIBS", None)
    open_door.react = lambda link, message: link.send(message)
    listener = await street.listener(open_door, papers.server(ClientCertificates.REQUIRED))
    listener.tls.context._aiofastnet_force_fallback_ssl = True
    client, notebook = await street.connected(open_door, listener, tls=papers.client(papers.station))
    await client.frame(1, b"x" * 40_000)
    assert await client.read_frame() == (1, b"x" * 40_000)
    assert notebook.link.peer.certificate is not None
    with suppress(ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
        stranger = await street.client(listener, papers.client(papers.foreign))
        await stranger.reader.readexactly(1)
    assert await open_door.stumble() == "client_certificate_untrusted"
