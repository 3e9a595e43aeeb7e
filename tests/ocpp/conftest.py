"""A meter of our own that signs OCMF records, for the tests of signed values."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVES = {
    "secp192r1": ec.SECP192R1,
    "secp256k1": ec.SECP256K1,
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "brainpool256r1": ec.BrainpoolP256R1,
    "brainpool384r1": ec.BrainpoolP384R1,
}


class SigningMeter:
    """Prints records as a real one does: compact JSON, numbers with their decimals, the signature in DER."""

    def __init__(self, curve="secp256r1", serial="M-1"):
        self.private = ec.generate_private_key(CURVES[curve]())
        self.public = self.private.public_key()
        self.method = f"ECDSA-{curve}-SHA256"
        self.serial = serial

    def record(self, readings, page=1, *, encoding=None, **changes):
        payload = {
            "FV": "1.0",
            "GS": "G-1",
            "PG": f"T{page}",
            "MS": self.serial,
            "IS": True,
            "IT": "ISO14443",
            "ID": "1F2D3A4F",
        }
        payload |= changes
        rows = ",".join(readings)
        body = json.dumps(payload, separators=(",", ":"))[:-1] + f',"RD":[{rows}]' + "}"
        return self.sign(body, encoding)

    def sign(self, body, encoding=None):
        signature = self.private.sign(body.encode(), ec.ECDSA(SHA256()))
        section = {"SA": self.method, "SD": signature.hex().upper()}
        if encoding == "base64":
            section |= {"SE": "base64", "SD": base64.b64encode(signature).decode()}
        return f"OCMF|{body}|{json.dumps(section)}"

    def key_bytes(self, form=PublicFormat.SubjectPublicKeyInfo, encoding=Encoding.DER):
        return self.public.public_bytes(encoding, form)


@pytest.fixture
def meter():
    return SigningMeter()


@pytest.fixture
def new_meter():
    return SigningMeter


@pytest.fixture
def reading():
    """One RD entry as text, so that the number stays as printed."""

    def build(reason, value, minute=0, *, status="S", **changes):
        fields = {
            "TM": f'"2026-07-24T13:{minute:02d}:04,000+0200 {status}"',
            "TX": f'"{reason}"',
            "RV": value,
            "RI": '"1-b:1.8.0"',
            "RU": '"kWh"',
            "RT": '"AC"',
            "EF": '""',
            "ST": '"G"',
        } | changes
        return "{" + ",".join(f'"{key}":{text}' for key, text in fields.items() if text is not None) + "}"

    return build
