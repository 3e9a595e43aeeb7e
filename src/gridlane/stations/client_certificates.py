"""What a station's certificate must say (security profile 3). That its chain is trusted was OpenSSL's business."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from gridlane.stations.directory import Directory, Entry


@dataclass(frozen=True, slots=True)
class StationCertificate:
    """``serial`` and ``fingerprint`` (SHA-256 of the DER) in lower-case hex."""

    common_name: str
    organization: str
    serial: str
    fingerprint: str
    valid_from: datetime
    valid_until: datetime


def read_certificate(der: bytes) -> StationCertificate | None:
    """None for what is no certificate. Names that occur several times are joined, so that none can hide."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import NameOID

    try:
        certificate = x509.load_der_x509_certificate(der)
        subject = certificate.subject
    except ValueError:
        return None

    def name(oid: x509.ObjectIdentifier) -> str:
        return "\n".join(str(found.value) for found in subject.get_attributes_for_oid(oid))

    return StationCertificate(
        common_name=name(NameOID.COMMON_NAME),
        organization=name(NameOID.ORGANIZATION_NAME),
        serial=f"{certificate.serial_number:x}",
        fingerprint=certificate.fingerprint(SHA256()).hex(),
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
    )


@dataclass(frozen=True, slots=True)
class CertificateRules:
    """``operators``: the names accepted as O; empty accepts any, for authorities that sign for one operator only.
    ``is_revoked`` is asked about every certificate.
    """

    operators: Collection[str] = frozenset()
    is_revoked: Callable[[StationCertificate], bool] = lambda _: False


def why_certificate_refused(
    certificate: StationCertificate,
    entry: Entry,
    directory: Directory,
    rules: CertificateRules,
    now: datetime,
) -> str | None:
    """A reason code, or None when the certificate proves that this is the station of the entry.

    O names the operator, CN the station's serial number (OCPP, security profile 3) or its identity; a certificate belongs to one station, and a station that has certificates pinned shows one of them. Checked against
    the clock again, since a resumed TLS session is not.
    """
    if not certificate.valid_from <= now <= certificate.valid_until:
        return "client_certificate_expired"
    if rules.is_revoked(certificate):
        return "client_certificate_revoked"
    if rules.operators and certificate.organization not in rules.operators:
        return "client_certificate_of_another_operator"
    pinned_to = {directory.holder(certificate.serial), directory.holder(certificate.fingerprint)} - {None}
    if pinned_to and pinned_to != {entry.identity}:
        return "client_certificate_of_another_station"
    if entry.certificates:
        return None if pinned_to else "client_certificate_not_pinned"
    if certificate.common_name not in {entry.identity, entry.serial} - {None}:
        return "client_certificate_of_another_station"
    return None
