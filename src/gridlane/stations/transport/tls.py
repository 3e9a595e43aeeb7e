"""TLS as OCPP asks for it: version 1.2 or newer, the mandatory suites over an RSA and an ECDSA chain at once, client
certificates for security profile 3, no compression, no renegotiation, session tickets for quick reconnects.
"""

import ssl
from pathlib import Path

from gridlane.kernel.errors import Kind, Refusal
from gridlane.stations.transport.settings import ClientCertificates, TlsSettings

_SUITES = (
    # the two of OCPP with forward secrecy, then the same strength for RSA chains and for processors without AES
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
_RSA_KEY_EXCHANGE = "AES128-GCM-SHA256:AES256-GCM-SHA384"

_PARTIAL_CHAIN = getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)


class TlsFileUnusable(Refusal):
    code = "tls_file_unusable"
    kind = Kind.INVALID
    sentence = "The TLS file {path} cannot be used: {problem}."


class _ServerContext(ssl.SSLContext):
    """Hides from the transport library that certificates are verified.

    aiofastnet decodes a verified certificate by way of a temporary file on every handshake. OpenSSL verifies all the same,
    and we read the certificate as DER.
    """

    @property  # type: ignore[override]  # its two bases disagree about the type
    def verify_mode(self) -> int:
        return ssl.CERT_NONE

    @verify_mode.setter
    def verify_mode(self, mode: int) -> None:
        ssl.SSLContext.verify_mode.__set__(self, mode)  # type: ignore[attr-defined]  # see above


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """A fresh context with the files as they are now. Raises TlsFileUnusable, naming the file."""
    context = _ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{_SUITES}:{_RSA_KEY_EXCHANGE}" if settings.tls_rsa else _SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 1
    for chain, key in settings.chains:
        _load_chain(context, chain, key)
    if settings.client_certificates is not ClientCertificates.IGNORED:
        _ask_for_certificates(context, settings)
    return context


def _load_chain(context: ssl.SSLContext, chain: Path, key: Path) -> None:
    try:
        context.load_cert_chain(chain, key)
    except (OSError, ValueError) as problem:  # SSLError is an OSError
        raise TlsFileUnusable(path=f"{chain} (key {key})", problem=problem) from problem


def _ask_for_certificates(context: ssl.SSLContext, settings: TlsSettings) -> None:
    authorities = settings.client_authorities
    if authorities is None:
        raise TlsFileUnusable(path="client_authorities", problem="profile 3 needs the authorities to trust")
    try:
        context.load_verify_locations(authorities)
    except (OSError, ValueError) as problem:
        raise TlsFileUnusable(path=str(authorities), problem=problem) from problem
    # An operator may trust one sub-authority of a manufacturer without trusting its root.
    context.verify_flags |= ssl.VerifyFlags(_PARTIAL_CHAIN)
    required = settings.client_certificates is ClientCertificates.REQUIRED
    context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL


class TlsIdentity:
    """A listener's context, replaced as a whole when its files change; open connections keep the one they began with."""

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._seen = self._file_times()
        self.context = server_context(settings)

    def reload(self) -> None:
        """Reads the files again. Raises TlsFileUnusable, and then goes on with the old ones."""
        seen = self._file_times()
        self.context = server_context(self._settings)
        self._seen = seen

    def reload_if_changed(self) -> bool:
        """Whether the files had changed. Raises TlsFileUnusable, and then goes on with the old ones."""
        if self._file_times() == self._seen:
            return False
        self.reload()
        return True

    def _file_times(self) -> tuple[int | None, ...]:
        files = [path for pair in self._settings.chains for path in pair]
        if self._settings.client_authorities is not None:
            files.append(self._settings.client_authorities)
        return tuple(_modified(path) for path in files)


def _modified(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


_CERTIFICATE_HAS_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED

_REASONS = {
    "HTTP_REQUEST": "plain_text_on_tls_port",
    "NO_SHARED_CIPHER": "tls_no_shared_suite",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "client_certificate_missing",
    "SSLV3_ALERT_BAD_CERTIFICATE": "server_certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "server_certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "server_certificate_refused",
    "TLSV1_ALERT_DECRYPT_ERROR": "server_certificate_refused",
    "TLSV1_ALERT_UNKNOWN_CA": "server_certificate_refused",
    "UNSUPPORTED_PROTOCOL": "tls_too_old",
    "VERSION_TOO_LOW": "tls_too_old",
    "WRONG_SSL_VERSION": "tls_too_old",
}


def reason_of(failure: BaseException) -> str:
    """The reason code of a TLS handshake that failed."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        expired = failure.verify_code == _CERTIFICATE_HAS_EXPIRED
        return "client_certificate_expired" if expired else "client_certificate_untrusted"
    if isinstance(failure, ssl.SSLError):
        return _REASONS.get(getattr(failure, "reason", ""), "tls_failed")
    return "left_early"
