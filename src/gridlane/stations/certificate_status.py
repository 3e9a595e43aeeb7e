"""Whether a certificate was revoked (M06, M07): asked of its OCSP responder on a station's behalf.

The responder's address comes from the station (from a certificate it was shown), so only hosts that the operator
named are asked: a station must not be able to make us call whom it likes. Answers are kept until their next update.
"""

import base64
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from gridlane.kernel.clock import Clock, system_clock
from gridlane.stations.decision import Ask, Commit, Question
from gridlane.stations.replies import CertificateStatusAnswered
from gridlane.stations.reports import CertificateStatusRequested
from gridlane.stations.state import Live

log = structlog.get_logger(__name__)

SECONDS = 3.0
LARGEST = 65_536
MOST_KEPT = 2000
FAILED_FOR = timedelta(minutes=5)
"""When a status that could not be had may be asked again (nextUpdate is required in 2.1)."""

ALGORITHMS: dict[str, hashes.HashAlgorithm] = {
    "SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()
}  # fmt: skip
PORTS = {"http": 80, "https": 443}


class StatusAsked(Question, frozen=True, kw_only=True):
    """The status of each of these certificates, please (OCSPRequestData or CertificateStatusRequestInfo)."""

    certificates: tuple[dict[str, Any], ...]


def status_requested(
    live: Live, what: CertificateStatusRequested, now: datetime, answer: Any
) -> Commit | Ask:
    """GetCertificateStatus, GetCertificateChainStatus. ``answer`` are DER responses, None where there is none."""
    if answer is None:
        return Ask(StatusAsked(certificates=what.certificates))
    responses: list[bytes | None] = answer
    if not what.chain:
        found = responses[0]
        if found is None:
            return Commit(live, CertificateStatusAnswered(status="Failed"))
        return Commit(
            live, CertificateStatusAnswered(status="Accepted", ocsp=base64.b64encode(found).decode())
        )
    results = tuple(
        _result(asked, response, now) for asked, response in zip(what.certificates, responses, strict=True)
    )
    return Commit(live, CertificateStatusAnswered(status="Accepted", results=results))


_WORDS = {
    ocsp.OCSPCertStatus.GOOD: "Good",
    ocsp.OCSPCertStatus.REVOKED: "Revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "Unknown",
}


def _result(asked: dict[str, Any], response: bytes | None, now: datetime) -> dict[str, Any]:
    status, until = "Failed", now + FAILED_FOR
    if response is not None:
        told = ocsp.load_der_ocsp_response(response)
        status, until = _WORDS[told.certificate_status], told.next_update_utc or until
    return {
        "certificateHashData": asked["certificateHashData"],
        "source": asked["source"],
        "status": status,
        "nextUpdate": until,
    }


# --- asking ------------------------------------------------------------------------------------------------------


class Responders:
    """Answers ``StatusAsked``. ``hosts`` may be asked; one that begins with a dot stands for all below it."""

    def __init__(self, hosts: Collection[str], clock: Clock = system_clock) -> None:
        self._hosts = hosts
        self._clock = clock
        self._kept: dict[bytes, tuple[datetime, bytes]] = {}

    async def __call__(self, question: StatusAsked) -> list[bytes | None]:
        return [await self._status(one) for one in question.certificates]

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _status(self, certificate: dict[str, Any]) -> bytes | None:
        if certificate.get("source", "OCSP") != "OCSP":
            return None
        request = request_for(certificate)
        if request is None:
            return None
        kept = self._kept.get(request)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        urls = certificate.get("urls") or [certificate.get("responderURL", "")]
        for url in urls:
            if not may_ask(url, self._hosts):
                log.warning("OCSP responder not asked: its host is not among ocsp_hosts", url=url)
                continue
            response = await _ask(url, request)
            if response is not None:
                self._keep(request, response)
                return response
        return None

    def _keep(self, request: bytes, response: bytes) -> None:
        until = ocsp.load_der_ocsp_response(response).next_update_utc
        if until is not None:
            while len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[request] = (until, response)


def may_ask(url: str, hosts: Collection[str]) -> bool:
    """Whether an address is one of a host that was named, on the usual port or the named one (``host:port``)."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if parts.scheme not in PORTS or not host or parts.username is not None:
        return False
    if port not in (None, PORTS[parts.scheme]):
        return f"{host}:{port}" in hosts
    return any(host == one.lower() or (one.startswith(".") and host.endswith(one.lower())) for one in hosts)


def request_for(certificate: dict[str, Any]) -> bytes | None:
    """The OCSP request (DER) by the hashes a station gave; None where they are none."""
    hashed = certificate.get("certificateHashData", certificate)
    try:
        algorithm = ALGORITHMS[hashed["hashAlgorithm"]]
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
            bytes.fromhex(hashed["issuerNameHash"]),
            bytes.fromhex(hashed["issuerKeyHash"]),
            int(hashed["serialNumber"], 16),
            algorithm,
        )
        return builder.build().public_bytes(Encoding.DER)
    except (KeyError, ValueError):
        return None


async def _ask(url: str, request: bytes) -> bytes | None:
    import httpx2

    headers = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
    try:
        async with (
            httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False) as client,
            client.stream("POST", url, content=request, headers=headers) as answer,
        ):
            answer.raise_for_status()
            content = b""
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > LARGEST:
                    return None
        return content if _answers(content, request) else None
    except (httpx2.HTTPError, ValueError) as trouble:
        log.warning("OCSP responder did not answer", url=url, reason=repr(trouble))
        return None


def _answers(content: bytes, request: bytes) -> bool:
    """Whether a response is about the certificate asked for. Its signature is checked by whoever knows the issuer."""
    told, asked = ocsp.load_der_ocsp_response(content), ocsp.load_der_ocsp_request(request)
    if told.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return False
    until = told.next_update_utc
    is_fresh = until is None or until > datetime.now(UTC)
    return told.serial_number == asked.serial_number and is_fresh
