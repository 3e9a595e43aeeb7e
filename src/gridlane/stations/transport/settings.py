"""How one listener behaves. Plain values, made from the installation's settings by the composition root."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class ClientCertificates(Enum):
    """Whether a TLS listener asks a station for a certificate (security profile 3)."""

    IGNORED = "ignored"  # profiles 1 and 2 only
    WELCOME = "welcome"  # profiles 2 and 3 on one port
    REQUIRED = "required"  # profile 3 only


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The server's identity. ``chains`` are (certificate chain, private key) PEM files: one ECDSA and one RSA pair
    serve every station that OCPP knows of.
    """

    chains: tuple[tuple[Path, Path], ...]
    client_certificates: ClientCertificates = ClientCertificates.IGNORED
    client_authorities: Path | None = None
    tls_rsa: bool = False
    """Also offer the two suites with RSA key exchange, for certification and old stations: no forward secrecy."""
    looked_at_every: float = 60.0
    """Seconds between two looks at the files; changed ones serve newcomers from then on."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds in bytes, seconds and pieces; each protects the other stations from one."""

    message_bytes: int = 256 * 1024
    request_bytes: int = 16 * 1024
    handshake_seconds: float = 15.0
    """From accept to the end of the upgrade, TLS included."""
    buffered_bytes: int = 1024 * 1024
    slow_reader_seconds: float = 30.0
    ping_seconds: float = 60.0
    """A silent link is pinged after this long, and cut after as long again without an answer."""
    close_seconds: float = 5.0
    accepts_per_second: float = 500.0
    accept_burst: int = 20
    waiting_sockets: int = 4096
    """Accepted sockets that await their turn, and as many again in the middle of a handshake."""


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    name: str
    host: str
    port: int
    tls: TlsSettings | None = None
    compression: bool = False
    """Offer permessage-deflate: for stations that pay per byte. Costs about 10 KiB and twice the CPU each."""
    reuse_port: bool = False
    """Several gateway processes on one port; the kernel spreads the stations."""
    limits: Limits = field(default_factory=Limits)
