"""Whether a request asks for a WebSocket at all (RFC 6455 section 4.2.1), and what a refused one is told.

Both listeners check with this, so that they say the same to the same request. Lenient where field devices are sloppy
(``Connection: keep-alive, Upgrade``; any case), strict where ambiguity helps an attacker (repeated keys or hosts).
"""

import binascii
from http import HTTPStatus

from gridlane.stations.transport.link import Headers, Rejection

_WEBSOCKET_VERSION = "13"
_KEY_BYTES = 16

NOT_AN_UPGRADE = Rejection(HTTPStatus.UPGRADE_REQUIRED, "not_a_websocket")
MALFORMED = Rejection(HTTPStatus.BAD_REQUEST, "request_malformed")
TOO_LARGE = Rejection(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "request_too_large")


def tokens_of(values: tuple[str, ...] | list[str]) -> list[str]:
    """The comma-separated tokens of a header that may be repeated, in order."""
    return [token.strip() for value in values for token in value.split(",") if token.strip()]


def why_no_websocket(headers: Headers) -> Rejection | None:
    """None for a valid WebSocket upgrade request."""
    if not (_names(headers, "upgrade", "websocket") and _names(headers, "connection", "upgrade")):
        return NOT_AN_UPGRADE
    if list(headers("sec-websocket-version")) != [_WEBSOCKET_VERSION]:
        return NOT_AN_UPGRADE
    keys = headers("sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]) or len(headers("host")) > 1:
        return MALFORMED
    return None


def answer_headers(rejection: Rejection) -> list[tuple[str, str]]:
    """The headers a refused request is answered with, besides those about the body and the connection."""
    headers = []
    if rejection.status == HTTPStatus.UNAUTHORIZED:
        headers.append(("WWW-Authenticate", 'Basic realm="stations"'))
    if rejection.status == HTTPStatus.UPGRADE_REQUIRED:
        headers += [("Upgrade", "websocket"), ("Sec-WebSocket-Version", _WEBSOCKET_VERSION)]
    if rejection.retry_after is not None:
        headers.append(("Retry-After", str(rejection.retry_after)))
    return headers


def answer_body(rejection: Rejection) -> bytes:
    """Says nothing but the status, so that a refusal never tells one reason from another."""
    return f"{HTTPStatus(rejection.status).phrase}\n".encode()


def _names(headers: Headers, name: str, token: str) -> bool:
    return any(found.lower() == token for found in tokens_of(list(headers(name))))


def _is_key(text: str) -> bool:
    try:
        return len(binascii.a2b_base64(text, strict_mode=True)) == _KEY_BYTES
    except ValueError:
        return False
