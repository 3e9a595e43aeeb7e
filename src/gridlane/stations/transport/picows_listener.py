"""The listener for almost everybody: ``picows`` parses frames and masks in C, the rest is decided here.

picows knows frames; messages are ours: reassembly, the size of a whole message, UTF-8, what may not be sent, pings, slow
readers and the goodbye. It reads into one small buffer per link and gives a payload as bytes, so a message is copied once.
"""

import asyncio
from functools import partial
from typing import Any, SupportsInt, cast

import structlog
from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSAutoPingStrategy, WSProtocol  # type: ignore[attr-defined]  # its stub names public parts only

from gridlane.stations.transport.link import Admission, Door, Farewell, Peer, Receiver, Rejection
from gridlane.stations.transport.listening import Listener, Newcomer
from gridlane.stations.transport.settings import Limits, ListenerSettings
from gridlane.stations.transport.sockets import Transport
from gridlane.stations.transport.upgrade import MALFORMED, answer_body, answer_headers

TEXT, BINARY, CONTINUATION = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION
PING, PONG, CLOSE = WSMsgType.PING, WSMsgType.PONG, WSMsgType.CLOSE

_READ_BUFFER_BYTES = 2048
_NO_STATUS, _ABNORMAL = 1005, 1006
_ECHO = {WSCloseCode.NO_INFO: WSCloseCode.OK, WSCloseCode.ABNORMAL_CLOSURE: WSCloseCode.PROTOCOL_ERROR}
"""A goodbye is answered with its own code, but for these two, which no peer may say (RFC 6455, 7.4.1)."""

log = structlog.get_logger(__name__)


class _Quiet:
    """Stands in for a logging.Logger, of which picows would make and keep one per connection.

    Misbehaving peers are no news; an exception in a receiver is.
    """

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # the name logging gave it
        return False

    def nothing(self, *_: Any, **__: Any) -> None: ...

    def exception(self, message: str, *_: Any) -> None:
        log.exception("a link failed", problem=message)  # noqa: LOG004  # called from picows' own handler

    log = debug = info = warning = error = nothing


def picows_listener(settings: ListenerSettings, door: Door) -> Listener:
    return Listener(settings, door, _StationProtocol)


class _StationProtocol(WSProtocol):  # type: ignore[misc]  # see above
    """A picows connection that tells its newcomer what happens before the upgrade."""

    __slots__ = ("_newcomer",)

    def __init__(self, newcomer: Newcomer) -> None:
        super().__init__(
            None,  # host and port: a client's business
            None,  # path: likewise
            False,  # client side
            partial(_upgrade, newcomer),
            _QUIET,
            True,  # disconnect on exception
            None,  # the newcomer has a deadline of its own, which includes TLS
            False,  # one wheel pings every link
            0.0,
            0.0,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            False,  # a ping counts as being heard, so it is answered here
            newcomer.listener.settings.limits.message_bytes,
            None,
            _READ_BUFFER_BYTES,
        )
        self._newcomer = newcomer

    def connection_made(self, transport: Transport) -> None:
        self._newcomer.connected(transport)
        super().connection_made(transport)

    def connection_lost(self, failure: Exception | None) -> None:
        super().connection_lost(failure)
        if not self._newcomer.inside:
            if self.transport.response is not None:  # picows itself refused it
                self._newcomer.refuse(MALFORMED.reason_code)
            self._newcomer.gone()


def _upgrade(newcomer: Newcomer, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
    headers = request.headers
    answer = newcomer.knock(
        request.path.decode("utf-8", "surrogateescape"), lambda name: headers.getall(name, [])
    )
    if isinstance(answer, Rejection):
        refusal = WSUpgradeResponse.create_error_response(
            answer.status, answer_body(answer), answer_headers(answer)
        )
        return WSUpgradeResponseWithListener(refusal, None)
    # picows wants the bare word where proxies say "keep-alive, Upgrade"; that was checked already
    headers["Connection"] = "Upgrade"
    newcomer.entered()
    chosen = [("Sec-WebSocket-Protocol", answer.subprotocol)] if isinstance(answer, Admission) else []
    return WSUpgradeResponseWithListener(
        WSUpgradeResponse.create_101_response(chosen), PicowsLink(newcomer, answer)
    )


class PicowsLink(WSListener):
    """One open connection; see ``link.Link``."""

    __slots__ = (
        "_deadline",
        "_farewell",
        "_limits",
        "_listener",
        "_open",
        "_parts",
        "_parts_bytes",
        "_paused",
        "_receiver",
        "_transport",
        "heard",
        "peer",
        "pinged",
        "slot",
    )

    _transport: WSTransport

    def __init__(self, newcomer: Newcomer, answer: Admission | Farewell) -> None:
        assert newcomer.peer is not None
        self.peer: Peer = newcomer.peer
        self.heard = True
        self.pinged = False
        self.slot = 0
        self._listener = newcomer.listener
        self._limits: Limits = newcomer.listener.settings.limits
        self._receiver: Receiver | None = answer.receiver if isinstance(answer, Admission) else None
        self._open = True
        self._paused = False
        self._parts: list[bytes] | None = None
        self._parts_bytes = 0
        self._farewell: tuple[int, str] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    # What the station's owner asks for

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def buffered(self) -> int:
        return self._transport.underlying_transport.get_write_buffer_size()

    def send(self, message: bytes) -> None:
        if self._paused and self.buffered > self._limits.buffered_bytes:
            self._cut(1013, "the peer does not read")
            return
        self._transport.send(TEXT, message)

    def close(self, code: int, reason: str) -> None:
        if not self._open:
            return
        self._open = False
        self._farewell = (code, reason)
        self._transport.send_close(cast("WSCloseCode", code), reason.encode()[:123])
        self._within(self._limits.close_seconds, self.abort)

    def abort(self) -> None:
        self._open = False
        self._transport.disconnect(graceful=False)

    def pause_reading(self) -> None:
        self._transport.underlying_transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.underlying_transport.resume_reading()

    # What the ping wheel asks for

    def ping(self) -> None:
        self._transport.send_ping()

    def lost(self) -> None:
        self._cut(_ABNORMAL, "no answer to pings")

    # What picows tells

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._listener.links.add(self)
        if self._receiver is None:
            self.close(1002, "no common subprotocol")
        else:
            self._receiver.opened(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.heard = True
        if (
            transport.is_close_frame_sent
            or frame.msg_type is not TEXT
            or not frame.fin
            or self._parts is not None
        ):
            self._uncommon_frame(transport, frame)
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(1002, "reserved bits without an extension")
        elif frame.payload_size > self._limits.message_bytes:
            self._fail(1009, "message too big")
        else:
            self._deliver(frame.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._open = False
        self._listener.links.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        receiver, self._receiver = self._receiver, None
        self._parts = None
        if receiver is not None:
            receiver.closed(*self._how_it_ended(transport))

    def pause_writing(self) -> None:
        self._paused = True
        self._within(self._limits.slow_reader_seconds, self._too_slow)
        if self._receiver is not None:
            self._receiver.writable(False)

    def resume_writing(self) -> None:
        self._paused = False
        if self._open and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._receiver is not None:
            self._receiver.writable(True)

    # The rest

    def _deliver(self, message: bytes) -> None:
        if not message.isascii():
            try:
                message.decode()
            except UnicodeDecodeError:
                self._fail(1007, "text that is not UTF-8")
                return
        if self._receiver is not None:
            self._receiver.received(message)

    def _uncommon_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is CLOSE:
            self._goodbye(transport, frame)
        elif transport.is_close_frame_sent:
            return  # what was still under way when we closed
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(1002, "reserved bits without an extension")
        elif kind is PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind is BINARY:
            self._fail(1003, "OCPP is text")
        elif kind is TEXT and self._parts is None:
            self._parts, self._parts_bytes = [], 0
            self._gather(frame)
        elif kind is CONTINUATION and self._parts is not None:
            self._gather(frame)
        elif kind is not PONG:
            self._fail(1002, "fragments out of order")

    def _gather(self, frame: WSFrame) -> None:
        assert self._parts is not None
        self._parts_bytes += frame.payload_size
        if self._parts_bytes > self._limits.message_bytes:
            self._fail(1009, "message too big")
            return
        if frame.payload_size:
            self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            message, self._parts = b"".join(self._parts), None
            self._deliver(message)

    def _goodbye(self, transport: WSTransport, frame: WSFrame) -> None:
        """The peer closes, or answers our close: either way the server ends the connection now (RFC 6455, 7.1.1)."""
        self._open = False
        if not transport.is_close_frame_sent:
            code = frame.get_close_code()
            transport.send_close(_ECHO.get(code, code))
        transport.disconnect()

    def _fail(self, code: int, reason: str) -> None:
        """Reads no further: whatever else the peer had to say waits in the operating system until the link is gone."""
        self._parts = None
        self.close(code, reason)
        self.pause_reading()
        self._within(min(1.0, self._limits.close_seconds), self.abort)

    def _cut(self, code: int, reason: str) -> None:
        self._farewell = (code, reason)
        self.abort()

    def _too_slow(self) -> None:
        self._cut(1013, "the peer does not read")

    def _within(self, seconds: float, act: Any) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, act)

    def _how_it_ended(self, transport: WSTransport) -> tuple[int, str]:
        said = transport.close_handshake
        if self._farewell is not None:
            return self._farewell
        last = (said.recv or said.sent) if said is not None else None
        if last is None:
            return _ABNORMAL, ""
        return int(cast("SupportsInt", last.code)) or _NO_STATUS, last.reason or ""


_QUIET = _Quiet()
