"""Certificates by the numbers OCPP names them by: serial numbers and OCSP's hashes of their issuer."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def serial_of(chain: str) -> str | None:
    """The serial number (lower-case hex) of the first certificate of a PEM chain."""
    try:
        return f"{x509.load_pem_x509_certificates(chain.encode())[0].serial_number:x}"
    except (ValueError, IndexError):
        return None


def root_hashes(pem: str) -> dict[str, str] | None:
    """CertificateHashDataType (SHA-256) of a root, which is its own issuer; None for what is no certificate."""
    try:
        certificate = x509.load_pem_x509_certificates(pem.encode())[0]
    except (ValueError, IndexError):
        return None
    bits = _key_bits(certificate)
    if bits is None:
        return None
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": hashlib.sha256(certificate.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": hashlib.sha256(bits).hexdigest(),
        "serialNumber": f"{certificate.serial_number:x}",
    }


def _key_bits(certificate: x509.Certificate) -> bytes | None:
    """The key's BIT STRING, without tag and length (RFC 6960, 4.1.1)."""
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return None
