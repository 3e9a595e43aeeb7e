"""A station's certificates: requests, chains that fit its key, and the hashes it lists them by (OCSP's, SHA-256)."""

import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID


def new_request(common_name: str, organization: str) -> tuple[str, ec.EllipticCurvePrivateKey]:
    """A PKCS #10 request (PEM) for a fresh P-256 key, and the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode(), key


def fits(chain: str, key: Any) -> bool:
    """Whether a chain's leaf certifies this key."""
    try:
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
    except (ValueError, IndexError):
        return False
    return key is not None and _public(leaf.public_key()) == _public(key.public_key())


def hash_data(certificate: str) -> dict[str, str] | None:
    """CertificateHashDataType of a (self-signed) root, or None for what is no certificate."""
    try:
        found = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        return None
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": hashlib.sha256(found.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": hashlib.sha256(_key_bits(found.public_key())).hexdigest(),
        "serialNumber": f"{found.serial_number:x}"[:40],
    }


def _key_bits(key: Any) -> bytes:
    """The value of the subjectPublicKey alone, as OCSP hashes it (RFC 6960, 4.1.1)."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.PKCS1))


def _public(key: Any) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
