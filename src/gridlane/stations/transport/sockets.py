"""From an accepted socket to a transport, by the parts of aiofastnet rather than by its front door.

The front door insists on 16 KiB of buffer each way per TLS connection. Station messages are a tenth of that, and with 2 KiB
a TLS link costs 29 KiB and stays there; with 17 KiB it costs 41, and 58 once links have come and gone (measured, glibc).
This is the only file that knows the library's inner names; its version is pinned.
"""

import asyncio
import logging
import socket
import ssl
from typing import Any, Protocol

import aiofastnet
from aiofastnet.selector_transport import SelectorSocketTransport
from aiofastnet.ssl_transport import SSLTransport_Socket, SSLTransport_Transport

_TLS_BUFFER_BYTES = 2048

# It reports every failed handshake as an error of ours; they are the business of ``Door.stumbled``.
logging.getLogger("aiofastnet").setLevel(logging.CRITICAL)


class Transport(Protocol):
    """What we use of an asyncio transport; aiofastnet's look like one without being one."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_write_buffer_size(self) -> int: ...

    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


def begin(
    accepted: socket.socket,
    protocol: asyncio.BaseProtocol,
    tls: ssl.SSLContext | None,
    *,
    handshake_seconds: float,
    close_seconds: float,
) -> tuple[Transport, asyncio.Future[None]]:
    """The transport, at once, and a future that is done when TLS stands or has failed (then with an OSError)."""
    running = asyncio.get_running_loop()
    loop = _CalmLoop(running)
    done: asyncio.Future[None] = running.create_future()
    if tls is None:
        return SelectorSocketTransport(loop, accepted, protocol, waiter=done), done
    arguments = (
        loop,
        protocol,
        tls,
        True,  # server side
        handshake_seconds,
        close_seconds,
        _TLS_BUFFER_BYTES,
        _TLS_BUFFER_BYTES,
    )
    if (
        aiofastnet.OPENSSL_DYN_LIBS is None
    ):  # a Python with OpenSSL built in: the library goes by way of ``ssl``
        transport = SSLTransport_Transport(*arguments, waiter=done)
        SelectorSocketTransport(loop, accepted, transport.get_tls_protocol())
        return transport, done
    return SSLTransport_Socket(*arguments, accepted, waiter=done), done


class _CalmLoop:
    """The event loop, which does not take a peer that leaves during a TLS handshake for a failure of the program.

    aiofastnet reports that as an exception class where an exception belongs, and no handler can print it.
    """

    __slots__ = ("_loop",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if context.get("exception") is not ConnectionResetError:
            self._loop.call_exception_handler(context)
