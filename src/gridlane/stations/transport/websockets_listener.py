"""The twin of the picows listener on ``websockets``: a second implementation of the same promises, and the one that
compresses (permessage-deflate, RFC 7692).

``websockets`` is used as a state machine without IO, in the same sockets, with the same door, limits and pings. Compression is tuned for
memory: the window of what a station sends is 4 KiB, and what we send keeps no window at all.
"""

import asyncio
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, cast

import structlog
from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from gridlane.stations.transport.link import Admission, Door, Farewell, Peer, Receiver, Rejection
from gridlane.stations.transport.listening import Listener, Newcomer
from gridlane.stations.transport.settings import Limits, ListenerSettings
from gridlane.stations.transport.sockets import Transport
from gridlane.stations.transport.upgrade import MALFORMED, TOO_LARGE, answer_body, answer_headers

_ABNORMAL = 1006

_DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    server_max_window_bits=10,
    client_max_window_bits=12,
    compress_settings={"level": 3, "memLevel": 3},
)

_READ_BUFFER = memoryview(bytearray(64 * 1024))
"""One for all: what is read is consumed before anything else is."""

log = structlog.get_logger(__name__)

_library_log = logging.getLogger("websockets.server")
_library_log.setLevel(logging.ERROR)  # misbehaving peers are no news


def websockets_listener(settings: ListenerSettings, door: Door) -> Listener:
    return Listener(settings, door, WebsocketsLink)


class _Wire(ServerProtocol):
    """The state machine, told by the door which subprotocol to speak."""

    chosen: Subprotocol | None = None

    def process_subprotocol(self, headers: Headers) -> Subprotocol | None:
        return self.chosen


class WebsocketsLink(asyncio.BufferedProtocol):
    """One connection, before and after its upgrade; see ``link.Link``."""

    __slots__ = (
        "_deadline",
        "_farewell",
        "_limits",
        "_listener",
        "_newcomer",
        "_open",
        "_parts",
        "_paused",
        "_receiver",
        "_request",
        "_transport",
        "_wire",
        "heard",
        "peer",
        "pinged",
        "slot",
    )

    peer: Peer
    _transport: Transport

    def __init__(self, newcomer: Newcomer) -> None:
        settings: ListenerSettings = newcomer.listener.settings
        self.heard = True
        self.pinged = False
        self.slot = 0
        self._newcomer: Newcomer | None = newcomer
        self._listener = newcomer.listener
        self._limits: Limits = settings.limits
        self._wire = _Wire(
            extensions=[_DEFLATE] if settings.compression else None,
            max_size=settings.limits.message_bytes,
            logger=_library_log,
        )
        self._request = b""
        self._receiver: Receiver | None = None
        self._open = False
        self._paused = False
        self._parts: list[bytes] = []
        self._farewell: tuple[int, str] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    # What the station's owner asks for

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    def send(self, message: bytes) -> None:
        if not self._open:
            return
        if self._paused and self.buffered > self._limits.buffered_bytes:
            self._cut(1013, "the peer does not read")
            return
        self._wire.send_text(message)
        self._flush()

    def close(self, code: int, reason: str) -> None:
        if not self._open:
            return
        self._open = False
        self._farewell = (code, reason)
        self._wire.send_close(code, reason.encode()[:123].decode(errors="ignore"))
        self._flush()
        self._within(self._limits.close_seconds, self.abort)

    def abort(self) -> None:
        self._open = False
        self._transport.abort()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    # What the ping wheel asks for

    def ping(self) -> None:
        if self._open:
            self._wire.send_ping(b"")
            self._flush()

    def lost(self) -> None:
        self._cut(_ABNORMAL, "no answer to pings")

    # What the socket tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert self._newcomer is not None
        self._transport = cast("Transport", transport)
        self._newcomer.connected(self._transport)
        assert self._newcomer.peer is not None
        self.peer = self._newcomer.peer

    def get_buffer(self, sizehint: int) -> memoryview:
        return _READ_BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        self.heard = True
        data = _READ_BUFFER[:nbytes]
        if self._newcomer is None:
            self._read(data)
        else:
            self._read_request(data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, failure: Exception | None) -> None:
        self._open = False
        if self._newcomer is not None:
            self._newcomer.gone()
            self._newcomer = None
        else:
            self._listener.links.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._parts = []
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.closed(*self._how_it_ended())

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

    def _read_request(self, data: memoryview) -> None:
        """Holds back what follows the request until it is answered: before that it is neither frame nor anything."""
        self._request += data
        head, end, rest = self._request.partition(b"\r\n\r\n")
        if len(head) > self._limits.request_bytes:
            assert self._newcomer is not None
            self._newcomer.refuse(TOO_LARGE.reason_code)
            self._transport.abort()
        elif end:
            self._request = b""
            self._read(head + end)
            if self._open and rest:
                self._read(rest)

    def _read(self, data: bytes | memoryview) -> None:
        if self._wire.eof_sent:
            return  # what was still under way when we closed
        self._wire.receive_data(data)  # type: ignore[arg-type]  # any buffer will do
        for event in self._wire.events_received():
            if isinstance(event, Request):
                self._upgrade(event)
            elif isinstance(event, Frame) and self._open:
                self._received(event)
        self._flush()

    def _upgrade(self, request: Request) -> None:
        newcomer = self._newcomer
        assert newcomer is not None
        answer = self._answer(newcomer, request)
        if isinstance(answer, Rejection):
            self._wire.send_response(_refusal(answer))
            self._flush()
            return
        if isinstance(answer, Admission):
            self._wire.chosen = Subprotocol(answer.subprotocol)
            self._receiver = answer.receiver
        response = self._wire.accept(request)
        self._wire.send_response(response)
        self._flush()
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._receiver = None
            newcomer.refuse(MALFORMED.reason_code)
            return
        self._newcomer = None
        newcomer.entered()
        self._enter()

    def _answer(self, newcomer: Newcomer, request: Request) -> Admission | Farewell | Rejection:
        if request.method != "GET" or request.protocol != "HTTP/1.1":
            newcomer.refuse(MALFORMED.reason_code)
            return MALFORMED
        return newcomer.knock(request.path, request.headers.get_all)

    def _enter(self) -> None:
        self._open = True
        self._listener.links.add(self)
        if self._receiver is None:
            self.close(1002, "no common subprotocol")
        else:
            self._guarded(self._receiver.opened, self)

    def _received(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._fail(1003, "OCPP is text")
        elif frame.opcode is Opcode.CLOSE:
            self._open = False
        elif frame.opcode is Opcode.TEXT or frame.opcode is Opcode.CONT:
            if frame.data:
                self._parts.append(bytes(frame.data))
            if frame.fin:
                message = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
                self._parts = []
                self._deliver(message)

    def _deliver(self, message: bytes) -> None:
        if not message.isascii():
            try:
                message.decode()
            except UnicodeDecodeError:
                self._fail(1007, "text that is not UTF-8")
                return
        if self._receiver is not None:
            self._guarded(self._receiver.received, message)

    def _guarded(self, tell: Any, what: Any) -> None:
        try:
            tell(what)
        except Exception:  # supervises one link, as picows does for its twin: the others go on
            log.exception("a link failed")
            self.close(1011, "")

    def _flush(self) -> None:
        for data in self._wire.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._end()

    def _end(self) -> None:
        """The state machine has said its last word: after a goodbye from both sides, or because the peer broke a rule."""
        self._open = False
        if self._newcomer is not None or self._wire.close_rcvd is not None:
            self._transport.close()
        else:
            self._transport.pause_reading()
            self._within(min(1.0, self._limits.close_seconds), self.abort)

    def _fail(self, code: int, reason: str) -> None:
        self._parts = []
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

    def _how_it_ended(self) -> tuple[int, str]:
        if self._farewell is not None:
            return self._farewell
        said = self._wire.close_rcvd or self._wire.close_sent
        return (int(said.code), said.reason) if said is not None else (_ABNORMAL, "")


def _refusal(rejection: Rejection) -> Response:
    body = answer_body(rejection)
    headers: Iterable[tuple[str, str]] = [
        *answer_headers(rejection),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    status = HTTPStatus(rejection.status)
    return Response(status.value, status.phrase, Headers(headers), body)
