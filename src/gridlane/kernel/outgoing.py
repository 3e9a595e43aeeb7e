"""Calls to addresses that somebody of an organization has chosen: never into the network that Gridlane itself runs in."""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

SECONDS = 10.0


class OutgoingRefused(Exception):
    """An address that is not called; says why."""


class OutgoingFailed(Exception):
    """There was no answer; says why."""


def check(url: str, *, private: bool) -> None:
    """The address is https of the open internet, by its looks; with ``private`` any http address will do.

    Raises OutgoingRefused.
    """
    parts = urlsplit(url)
    if private:
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OutgoingRefused("it is no http or https address")
        return
    if parts.scheme != "https" or not parts.hostname or parts.username:
        raise OutgoingRefused("only https addresses without a user name are called")
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return
    if not literal.is_global:
        raise OutgoingRefused("it lies in a private network")


async def post(url: str, body: bytes, headers: Mapping[str, str], *, private: bool) -> int:
    """The status that was answered; redirects are not followed. Raises OutgoingRefused, OutgoingFailed."""
    import httpx2

    check(url, private=private)
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = await address_of(host, parts.port or (443 if parts.scheme == "https" else 80), private=private)
    target = httpx2.URL(url).copy_with(host=address)
    named = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "Gridlane", **headers}
    try:
        async with httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
            request = client.build_request("POST", target, content=body, headers=named)
            request.extensions["sni_hostname"] = host
            return (await client.send(request)).status_code
    except httpx2.HTTPError as trouble:
        raise OutgoingFailed(f"{type(trouble).__name__}: {trouble}") from None


async def address_of(host: str, port: int, *, private: bool) -> str:
    """The address that a host's name stands for now, to be called instead of the name. Raises OutgoingRefused."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as trouble:
        raise OutgoingRefused(f"{host} cannot be found: {trouble}") from None
    addresses = [str(one[4][0]) for one in found]
    if not private:
        addresses = [one for one in addresses if ipaddress.ip_address(one).is_global]
    if not addresses:
        raise OutgoingRefused(f"{host} lies in a private network")
    return addresses[0]
