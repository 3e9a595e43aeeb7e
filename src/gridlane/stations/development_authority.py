"""A certificate authority of our own, so that TLS and client certificates work on the first run.

It lives in the data directory, readable by its owner alone. It is for trying things out and for closed networks; on the
internet a station should meet a certificate from an authority that it already trusts (docs/operators/connecting-stations.md).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=365)
_RENEWED_BEFORE = timedelta(days=30)
_CLOCKS_DIFFER_BY = timedelta(hours=25)
"""Stations begin life with a clock that may be a day or a time zone off."""

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class Authority:
    certificate: x509.Certificate
    key: PrivateKey


def new_key(*, with_rsa: bool = False) -> PrivateKey:
    """ECDSA on P-256, or RSA with 2048 bits: what OCPP's suites ask for."""
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if with_rsa
        else ec.generate_private_key(ec.SECP256R1())
    )


def new_authority(name: str, now: datetime) -> Authority:
    key = new_key()
    subject = _subject(name, "Gridlane development")
    certificate = (
        _draft(subject, subject, key.public_key(), now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, SHA256())
    )
    return Authority(certificate, key)


def issue_server_certificate(
    authority: Authority, key: PublicKey, hosts: Sequence[str], now: datetime
) -> x509.Certificate:
    """For our end of the socket, valid for these DNS names and addresses."""
    names: list[x509.GeneralName] = [_general_name(host) for host in hosts]
    return (
        _draft(_subject(hosts[0], "Gridlane"), authority.certificate.subject, key, now, _LEAF_LIFE)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority.key, SHA256())
    )


def issue_station_certificate(
    authority: Authority, key: PublicKey, common_name: str, organization: str, now: datetime
) -> x509.Certificate:
    """For security profile 3: O is the operator, CN the station's serial number or identity."""
    return (
        _draft(_subject(common_name, organization), authority.certificate.subject, key, now, _LEAF_LIFE)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(authority.key, SHA256())
    )


def ensure_development_chains(
    directory: Path, hosts: Sequence[str], now: datetime
) -> tuple[tuple[Path, Path], ...]:
    """An ECDSA and an RSA pair (certificate, key) for ``TlsSettings.chains``; made or renewed when due.

    ``directory/authority.pem`` is what a station must trust.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = load_or_make_authority(directory, now)
    pairs = []
    for kind in ("ecdsa", "rsa"):
        chain, key_file = directory / f"server-{kind}.pem", directory / f"server-{kind}.key"
        if not _still_good(chain, authority, hosts, now):
            key = new_key(with_rsa=kind == "rsa")
            certificate = issue_server_certificate(authority, key.public_key(), hosts, now)
            _write(key_file, key_pem(key))
            _write(chain, certificate.public_bytes(Encoding.PEM))
        pairs.append((chain, key_file))
    return tuple(pairs)


def load_or_make_authority(directory: Path, now: datetime) -> Authority:
    chain, key_file = directory / "authority.pem", directory / "authority.key"
    if chain.exists() and key_file.exists():
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        if isinstance(key, PrivateKey) and certificate.not_valid_after_utc - now > _LEAF_LIFE:
            return Authority(certificate, key)
    authority = new_authority("Gridlane development authority", now)
    _write(key_file, key_pem(authority.key))
    _write(chain, authority.certificate.public_bytes(Encoding.PEM))
    return authority


def key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _draft(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER_BY)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _subject(common_name: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, signs_certificates: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        key_encipherment=not signs_certificates,  # the suites with RSA key exchange need it
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _still_good(chain: Path, authority: Authority, hosts: Sequence[str], now: datetime) -> bool:
    if not chain.exists():
        return False
    certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        certificate.not_valid_after_utc - now > _RENEWED_BEFORE
        and certificate.issuer == authority.certificate.subject
        and set(names) == {_general_name(host) for host in hosts}
        and _is_signed_by(certificate, authority)
    )


def _is_signed_by(certificate: x509.Certificate, authority: Authority) -> bool:
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, InvalidSignature):
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    """Replaces a file at one stroke, readable by its owner alone."""
    draft = path.with_suffix(path.suffix + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
