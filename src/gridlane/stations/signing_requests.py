"""Requests for a certificate (PKCS #10), read and judged: who asks, with which key, in whose name. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

LEAST_RSA = 2048
CURVES = {"secp256r1", "secp384r1", "secp521r1"}
V2G_CURVES = {"secp256r1", "secp521r1"}
"""ISO 15118-2 wants the first, ISO 15118-20 the second."""

V2G = ("V2GCertificate", "V2G20Certificate")


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """``key`` is the curve's name, or ``rsa`` with its ``bits``. ``der`` is the request itself."""

    common_name: str
    organization: str
    key: str
    bits: int
    is_signed: bool
    der: bytes


def read_request(pem: str) -> SigningRequest | None:
    """None for what is no request, or one of a kind of key that nobody here can check."""
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        key = request.public_key()
        is_signed = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        return None
    if isinstance(key, ec.EllipticCurvePublicKey):
        kind, bits = key.curve.name, key.curve.key_size
    elif isinstance(key, rsa.RSAPublicKey):
        kind, bits = "rsa", key.key_size
    else:
        kind, bits = type(key).__name__, 0
    return SigningRequest(
        common_name=_name(request.subject, NameOID.COMMON_NAME),
        organization=_name(request.subject, NameOID.ORGANIZATION_NAME),
        key=kind,
        bits=bits,
        is_signed=is_signed,
        der=_der(request),
    )


def why_not_signed(
    request: SigningRequest | None, *, kind: str, names: Collection[str], operators: Collection[str]
) -> str | None:
    """A reason in words, or None when the request may be signed.

    ``names`` are the station's identity and serial number: the common name is one of them (A02, A03; the SECC's id in
    a V2G certificate is the station's own affair). ``operators`` are the names the operator is known by at the station;
    where there are none, any that is given will do.
    """
    if request is None:
        return "the request cannot be read"
    if not request.is_signed:
        return "the request is not signed by its own key"
    weakness = _weakness(request, kind)
    if weakness:
        return weakness
    if kind not in V2G and request.common_name not in names:
        return (
            f"the common name {request.common_name!r} is neither the station's serial number nor its identity"
        )
    if not request.common_name:
        return "the common name is missing"
    if not request.organization:
        return "the organization is missing"
    if operators and request.organization not in operators:
        return f"the organization {request.organization!r} is not the station's operator"
    return None


def _weakness(request: SigningRequest, kind: str) -> str | None:
    if kind in V2G:
        return None if request.key in V2G_CURVES else f"a V2G certificate cannot have a key of {request.key}"
    if request.key == "rsa":
        return None if request.bits >= LEAST_RSA else f"an RSA key of {request.bits} bits is too weak"
    return None if request.key in CURVES else f"a key of {request.key} is not accepted"


def _name(subject: x509.Name, oid: x509.ObjectIdentifier) -> str:
    """Names that occur several times are joined, so that none can hide."""
    return "\n".join(str(found.value) for found in subject.get_attributes_for_oid(oid))


def _der(request: x509.CertificateSigningRequest) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return request.public_bytes(Encoding.DER)
