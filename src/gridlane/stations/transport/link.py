"""What the sockets and the station's owner promise each other. Both listeners satisfy exactly this.

Everything here happens on the event loop's thread, synchronously: the upgrade is decided while the request is at hand, and
a message is given to its receiver before the next one is read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gridlane.stations.transport.settings import ListenerSettings


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a socket.

    ``certificate`` is the DER of a client certificate whose chain was verified in the TLS handshake, else None.
    ``tls_version`` is what OpenSSL calls it (``TLSv1.3``), None without TLS.
    """

    address: str
    port: int
    secure: bool
    certificate: bytes | None = None
    tls_version: str | None = None


Headers = Callable[[str], Sequence[str]]
"""All values of a header, in order, by its name in any case; empty when absent."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """A well-formed request for a WebSocket. ``path`` is the raw request target: still percent-encoded, with its query."""

    path: str
    headers: Headers
    peer: Peer
    listener: ListenerSettings


class Link(Protocol):
    """An open connection to a station. Nothing raises: a link that is gone ignores what it is asked."""

    @property
    def peer(self) -> Peer: ...

    @property
    def is_open(self) -> bool:
        """False from the first close frame in either direction on."""

    @property
    def buffered(self) -> int:
        """Bytes sent but not yet taken by the operating system."""

    def send(self, message: bytes) -> None:
        """One text message (UTF-8). A peer that does not read while much is buffered is cut off (code 1013)."""

    def close(self, code: int, reason: str) -> None:
        """Says goodbye; the socket goes when the peer has answered, or soon anyway. ``reason``: at most 123 bytes."""

    def abort(self) -> None:
        """Drops the socket now, without a word."""

    def pause_reading(self) -> None:
        """Lets the peer's data wait in the operating system. Messages already read still arrive."""

    def resume_reading(self) -> None: ...


class Receiver(Protocol):
    """One station's owner, seen from its socket. ``closed`` is the last call, made exactly once if ``opened`` was."""

    def opened(self, link: Link) -> None: ...

    def received(self, message: bytes) -> None:
        """A whole text message: reassembled, decompressed, within the size limit, valid UTF-8. Yours to keep."""

    def closed(self, code: int, reason: str) -> None:
        """``code`` as in RFC 6455 section 7.4.1; 1006 when the socket went without a goodbye."""

    def writable(self, now: bool) -> None:
        """False when the peer reads slower than it is written to; True when it has caught up."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Come in, and speak ``subprotocol`` (one that the station offered)."""

    subprotocol: str
    receiver: Receiver


@dataclass(frozen=True, slots=True)
class Farewell:
    """No version is shared: the handshake is completed without a subprotocol and the link closed at once (code 1002),
    as OCPP-J asks. Nobody receives anything.
    """

    reason_code: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """Not this time: an HTTP ``status`` and nothing else to learn from. ``reason_code`` stays on our side."""

    status: int
    reason_code: str
    retry_after: int | None = None


class Door(Protocol):
    """Decides who comes in, from memory alone."""

    def knock(self, handshake: Handshake) -> Admission | Farewell | Rejection: ...

    def stumbled(self, address: str, listener: ListenerSettings, reason_code: str) -> None:
        """A connection ended before it could knock: TLS failed, the request was no upgrade, or it took too long."""
