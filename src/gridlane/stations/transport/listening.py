"""A listener: accepts sockets at its pace, sees them through TLS and the upgrade, keeps count of the open links.

Which library speaks WebSocket is a detail passed in (``protocol``); what a newcomer may cost before it is a station, and in
what order newcomers are served, is decided here.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from http import HTTPStatus
from ssl import SSLContext

import structlog

from gridlane.kernel.clock import monotonic
from gridlane.stations.transport import sockets
from gridlane.stations.transport.link import (
    Admission,
    Door,
    Farewell,
    Handshake,
    Headers,
    Link,
    Peer,
    Rejection,
)
from gridlane.stations.transport.pings import PingWheel
from gridlane.stations.transport.settings import Limits, ListenerSettings
from gridlane.stations.transport.sockets import Transport
from gridlane.stations.transport.tls import TlsFileUnusable, TlsIdentity, reason_of
from gridlane.stations.transport.turnstile import Crowd, Pace, network_of
from gridlane.stations.transport.upgrade import why_no_websocket

_ACCEPTS_AT_ONCE = 64
_BACKLOG = 4096
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
log = structlog.get_logger(__name__)


class Newcomer:
    """One accepted socket until it has become a link or is gone. Made, told and forgotten by its listener."""

    __slots__ = (
        "_answered",
        "_transport",
        "address",
        "deadline",
        "inside",
        "listener",
        "network",
        "peer",
        "port",
        "socket",
    )

    def __init__(self, listener: "Listener", accepted: socket.socket, address: str, port: int) -> None:
        self.listener = listener
        self.socket: socket.socket | None = accepted
        self.address = address
        self.port = port
        self.network = network_of(address)
        self.peer: Peer | None = None
        self.deadline: asyncio.TimerHandle | None = None
        self.inside = False
        self._answered = False
        self._transport: Transport | None = None

    def begin(self, protocol: asyncio.BaseProtocol, tls: SSLContext | None, limits: Limits) -> None:
        """Its turn has come: TLS, if any, and then the request."""
        accepted, self.socket = self.socket, None
        assert accepted is not None
        self._transport, done = sockets.begin(
            accepted,
            protocol,
            tls,
            handshake_seconds=limits.handshake_seconds + 1.0,  # the deadline comes first
            close_seconds=limits.close_seconds,
        )
        done.add_done_callback(self._tls_done)

    def connected(self, transport: Transport) -> None:
        """TCP, and TLS if any, stand; the request may come."""
        tls = transport.get_extra_info("ssl_object")
        self.peer = Peer(
            address=self.address,
            port=self.port,
            secure=tls is not None,
            certificate=tls.getpeercert(True) if tls is not None and self.listener.verifies else None,
            tls_version=tls.version() if tls is not None else None,
        )

    def knock(self, path: str, headers: Headers) -> Admission | Farewell | Rejection:
        """Decides about a whole HTTP request."""
        settings, door = self.listener.settings, self.listener.door
        unfit = why_no_websocket(headers)
        if unfit is not None:
            self.refuse(unfit.reason_code)
            return unfit
        assert self.peer is not None
        self._answered = True
        try:
            return door.knock(Handshake(path, headers, self.peer, settings))
        except Exception:  # supervises one newcomer: nobody else may suffer, and the peer learns nothing
            log.exception("the door failed", listener=settings.name, address=self.address)
            return Rejection(HTTPStatus.SERVICE_UNAVAILABLE, "door_failed")

    def refuse(self, reason_code: str) -> None:
        """Notes, once, that it never got as far as to knock."""
        if not self._answered:
            self._answered = True
            self.listener.door.stumbled(self.address, self.listener.settings, reason_code)

    def entered(self) -> None:
        """The upgrade is answered; from here on it is a link."""
        self.inside = True
        self._transport = None
        self.listener.forget(self)

    def gone(self) -> None:
        """The socket closed before that."""
        self.refuse("left_early")
        self._transport = None
        self.listener.forget(self)

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        elif self.socket is not None:
            self.socket.close()
        self.listener.forget(self)

    def _tls_done(self, done: asyncio.Future[None]) -> None:
        failure = done.exception()
        if failure is not None:
            self.refuse(reason_of(failure))
            self.gone()


class Listener:
    """Serves stations on one address until closed.

    ``protocol`` makes the asyncio protocol of one connection; ``picows_listener`` and ``websockets_listener`` have one
    each. Every method belongs to the event loop's thread.
    """

    def __init__(
        self, settings: ListenerSettings, door: Door, protocol: Callable[[Newcomer], asyncio.BaseProtocol]
    ) -> None:
        self.settings = settings
        self.door = door
        self.links = PingWheel(settings.limits.ping_seconds)
        self.tls = TlsIdentity(settings.tls) if settings.tls is not None else None
        self.verifies = settings.tls is not None and settings.tls.client_authorities is not None
        self._protocol = protocol
        limits = settings.limits
        self._waiting: Crowd[Newcomer] = Crowd(limits.waiting_sockets)
        self._entering: Crowd[Newcomer] = Crowd(limits.waiting_sockets)
        self._pace = Pace(limits.accepts_per_second, limits.accept_burst, monotonic())
        self._turn: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        self._sockets: list[socket.socket] = []

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens: host and port of every socket."""
        return [(name[0], name[1]) for name in (bound.getsockname() for bound in self._sockets)]

    async def open(self) -> None:
        """Binds and begins to accept. Raises OSError when an address is taken."""
        self._sockets = await _bind(self.settings)
        loop = asyncio.get_running_loop()
        for bound in self._sockets:
            loop.add_reader(bound, self._accept, bound)
        self.links.start()
        self._look_again()

    def stop_accepting(self) -> None:
        """Newcomers are turned away from now on; open links stay."""
        loop = asyncio.get_running_loop()
        for bound in self._sockets:
            loop.remove_reader(bound)
            bound.close()
        self._sockets = []
        for timer in (self._turn, self._look):
            if timer is not None:
                timer.cancel()
        for newcomer in self._waiting.everyone() + self._entering.everyone():
            newcomer.drop()

    async def close(self, code: int = 1001, reason: str = "going away", over_seconds: float = 0.0) -> None:
        """Stops accepting and says goodbye to every link, spread ``over_seconds`` so that they do not return as one.
        Ends when all are gone.
        """
        self.stop_accepting()
        links: list[Link] = list(self.links)  # type: ignore[arg-type]  # what is pinged here is a link
        pause = over_seconds / max(1, len(links))
        for link in links:
            link.close(code, reason)
            if pause:
                await asyncio.sleep(pause)
        await self.links.emptied()
        self.links.stop()

    def forget(self, newcomer: Newcomer) -> None:
        self._waiting.discard(newcomer.network, newcomer)
        self._entering.discard(newcomer.network, newcomer)
        if newcomer.deadline is not None:
            newcomer.deadline.cancel()
            newcomer.deadline = None

    def _look_again(self) -> None:
        if self.settings.tls is not None:
            loop = asyncio.get_running_loop()
            self._look = loop.call_later(self.settings.tls.looked_at_every, self._look_at_files)

    def _look_at_files(self) -> None:
        """Takes up renewed certificates; goes on with the old ones while the new ones cannot be used."""
        self._look_again()
        assert self.tls is not None
        try:
            if self.tls.reload_if_changed():
                log.info("certificates renewed", listener=self.settings.name)
        except TlsFileUnusable as problem:
            log.error("certificates not renewed", listener=self.settings.name, problem=str(problem))

    def _accept(self, bound: socket.socket) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                accepted, address = bound.accept()
            except (BlockingIOError, InterruptedError):
                break
            except ConnectionAbortedError:
                continue
            except OSError as problem:
                if problem.errno not in _OUT_OF_RESOURCES:
                    raise
                self._rest(bound, problem)
                break
            accepted.setblocking(False)
            host, port = (address[0], address[1]) if address else ("", 0)
            newcomer = Newcomer(self, accepted, host.removeprefix("::ffff:"), port)
            self._crowded_out(self._waiting.add(newcomer.network, newcomer))
        if self._turn is None:
            self._let_in()

    def _rest(self, bound: socket.socket, problem: OSError) -> None:
        """No file descriptors left: the backlog waits a second."""
        log.error("accepting paused", listener=self.settings.name, problem=str(problem))
        loop = asyncio.get_running_loop()
        loop.remove_reader(bound)
        loop.call_later(1.0, self._resume, bound)

    def _resume(self, bound: socket.socket) -> None:
        if bound in self._sockets:
            asyncio.get_running_loop().add_reader(bound, self._accept, bound)

    def _let_in(self) -> None:
        """Begins handshakes as fast as the pace allows; comes back by itself while somebody waits."""
        self._turn = None
        while len(self._waiting):
            if not self._pace.take(monotonic()):
                self._turn = asyncio.get_running_loop().call_later(self._pace.wait(), self._let_in)
                return
            newcomer = self._waiting.take()
            assert newcomer is not None
            self._begin(newcomer)

    def _begin(self, newcomer: Newcomer) -> None:
        limits = self.settings.limits
        self._crowded_out(self._entering.add(newcomer.network, newcomer))
        newcomer.deadline = asyncio.get_running_loop().call_later(
            limits.handshake_seconds, self._too_slow, newcomer
        )
        newcomer.begin(
            self._protocol(newcomer),
            self.tls.context if self.tls is not None else None,
            limits,
        )

    def _too_slow(self, newcomer: Newcomer) -> None:
        newcomer.refuse("handshake_timeout")
        newcomer.drop()

    def _crowded_out(self, newcomer: Newcomer | None) -> None:
        if newcomer is not None:
            newcomer.refuse("crowded_out")
            newcomer.drop()


async def _bind(settings: ListenerSettings) -> list[socket.socket]:
    """One listening socket per address the host name stands for."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        settings.host or None, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            bound = socket.socket(family, kind, protocol)
            sockets.append(bound)
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if settings.reuse_port:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind(address)
            bound.listen(_BACKLOG)
    except OSError:
        for bound in sockets:
            bound.close()
        raise
    return sockets
