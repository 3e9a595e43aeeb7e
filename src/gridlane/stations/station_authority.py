"""Signs what stations ask for: by an authority of our own in the data directory, or by another over EST (RFC 7030).

V2G certificates come from another authority alone: a V2G root is nobody's to make at home.
"""

import base64
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from psycopg import AsyncConnection

from gridlane.kernel.clock import Clock, system_clock
from gridlane.kernel.settings import Settings
from gridlane.stations.certificates import NotSigned, Signed, SigningAsked
from gridlane.stations.development_authority import (
    Authority,
    PublicKey,
    issue_station_certificate,
    load_or_make_authority,
)
from gridlane.stations.signing_requests import V2G, SigningRequest, read_request, why_not_signed

log = structlog.get_logger(__name__)

MOST_PER_HOUR = 10
"""Requests of one station that are signed within an hour: one that asks more often does not take what it gets."""

EST_SECONDS = 4.0

_KNOWN = """
SELECT s.serial,
  (SELECT array_agg(DISTINCT v.value) FROM station_variables v WHERE v.station_id = s.id AND v.attribute = 'Actual'
     AND v.variable IN ('OrganizationName', 'CpoName') AND v.value <> '') AS operators,
  (SELECT count(*) FROM issued_certificates i WHERE i.station_id = s.id AND i.issued_at > %s) AS lately
FROM stations s WHERE s.id = %s
"""


class Signer:
    """Answers ``SigningAsked``."""

    def __init__(self, owner_url: str, settings: Settings, clock: Clock = system_clock) -> None:
        self._url = owner_url
        self._settings = settings
        self._clock = clock

    async def __call__(self, question: SigningAsked) -> Signed | NotSigned:
        """Raises OSError or psycopg.OperationalError while the database is away."""
        now = self._clock()
        async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
            cursor = await connection.execute(_KNOWN, (now - timedelta(hours=1), question.station_id))
            serial, operators, lately = await cursor.fetchone() or (None, None, 0)
        request = read_request(question.request)
        names = {question.identity, serial} - {None}
        reason = why_not_signed(request, kind=question.kind, names=names, operators=operators or ())
        if lately >= MOST_PER_HOUR:
            reason = f"{lately} certificates were signed for it within an hour"
        if reason is not None or request is None:
            return NotSigned(reason or "")
        return await self._sign(request, question.kind, now)

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _sign(self, request: SigningRequest, kind: str, now: datetime) -> Signed | NotSigned:
        settings = self._settings
        url = settings.v2g_authority_url if kind in V2G else settings.station_authority_url
        if url is not None:
            return await enrolled(url, request.der)
        if kind in V2G:
            return NotSigned("no authority for V2G certificates is set")
        authority = station_authority(settings, now)
        key = x509.load_der_x509_csr(request.der).public_key()
        assert isinstance(key, PublicKey)
        return _signed(
            [issue_station_certificate(authority, key, request.common_name, request.organization, now)]
        )


def station_authority(settings: Settings, now: datetime) -> Authority:
    """The authority of our own, made at its first use."""
    directory = authority_file(settings).parent
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return load_or_make_authority(directory, now)


def authority_file(settings: Settings) -> Path:
    """PEM of the authority of our own: what our end of the socket trusts."""
    return settings.data_dir / "tls" / "stations" / "authority.pem"


async def enrolled(url: str, request: bytes) -> Signed | NotSigned:
    """Have a request signed by EST's simpleenroll; user and password stand in the address."""
    import httpx2

    headers = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
    try:
        async with httpx2.AsyncClient(timeout=EST_SECONDS) as client:
            answer = await client.post(
                f"{url.rstrip('/')}/simpleenroll", content=base64.encodebytes(request), headers=headers
            )
            answer.raise_for_status()
        found = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content))
        return _signed(found)
    except (httpx2.HTTPError, ValueError, IndexError) as trouble:
        log.warning("authority did not sign", reason=repr(trouble))
        return NotSigned("the authority does not sign at present")


def _signed(chain: list[x509.Certificate]) -> Signed:
    leaf = chain[0]
    return Signed(
        chain="".join(one.public_bytes(Encoding.PEM).decode() for one in chain),
        serial=f"{leaf.serial_number:x}",
        subject=leaf.subject.rfc4514_string(),
        issuer=leaf.issuer.rfc4514_string(),
        expires_at=leaf.not_valid_after_utc,
    )
