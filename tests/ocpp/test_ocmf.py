import base64
import random
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gridlane.ocpp.ocmf import (
    OcmfUnreadable,
    PublicKeyUnreadable,
    TimeStatus,
    Verdict,
    read_ocmf,
    read_public_key,
    verify,
)

CURVES = ["secp192r1", "secp256k1", "secp256r1", "secp384r1", "brainpool256r1", "brainpool384r1"]


def test_a_record_is_read_and_kept_byte_for_byte(meter, reading):
    text = meter.record([reading("B", "2935.60"), reading("E", "2965.10", 4)], page=12345)

    record = read_ocmf(f" {text}\n")

    assert record.text == text
    assert (record.meter_serial, record.page, record.fiscal, record.user) == ("M-1", 12345, False, "1F2D3A4F")
    begin = record.readings[0]
    assert str(begin.value) == "2935.60"
    assert begin.at == datetime(2026, 7, 24, 11, 0, 4, tzinfo=UTC)
    assert begin.time_status is TimeStatus.SYNCHRONISED


def test_what_a_reading_repeats_may_be_left_out(meter, reading):
    short = '{"TM":"2026-07-24T13:04:04,000+0200 S","TX":"E","RV":12.5}'

    first, last = read_ocmf(meter.record([reading("B", "10.5"), short])).readings

    assert (last.register, last.unit, last.status, last.value) == (
        first.register,
        "kWh",
        "G",
        Decimal("12.5"),
    )


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("encoding", [None, "base64"])
def test_a_record_of_every_curve_verifies(new_meter, reading, curve, encoding):
    meter = new_meter(curve)
    record = read_ocmf(meter.record([reading("B", "1.0")], encoding=encoding))

    assert verify(record, meter.public) is Verdict.VALID
    assert verify(record, new_meter(curve).public) is Verdict.INVALID


def test_no_changed_byte_of_the_payload_is_ever_accepted(meter, reading):
    text = meter.record([reading("B", "2935.60"), reading("E", "2965.10", 4)])
    genuine = read_ocmf(text)
    rng = random.Random(4)
    for _ in range(500):
        place = rng.randrange(len(text))
        forged = text[:place] + rng.choice('0123456789ABCDEFabc:," {}') + text[place + 1 :]
        with suppress(OcmfUnreadable):
            record = read_ocmf(forged)
            accepted = verify(record, meter.public) is Verdict.VALID
            assert accepted is (
                (record.signed_bytes, record.signature, record.method)
                == (genuine.signed_bytes, genuine.signature, genuine.method)
            )


def test_white_space_inside_of_the_payload_is_part_of_what_was_signed(meter, reading):
    text = meter.record([reading("B", "1.0")])

    assert verify(read_ocmf(text.replace('"PG":', '"PG": ')), meter.public) is Verdict.INVALID


def test_the_method_and_the_key_must_be_of_one_curve(new_meter, reading):
    meter = new_meter("secp256r1")
    record = read_ocmf(meter.record([reading("B", "1.0")]))

    assert verify(record, new_meter("secp256k1").public) is Verdict.OTHER_CURVE


@pytest.mark.parametrize(
    ("method", "verdict"),
    [
        ("ECDSA-secp192k1-SHA256", Verdict.METHOD_UNSUPPORTED),
        ("ECDSA-secp256r1-SHA1", Verdict.METHOD_UNKNOWN),
        ("RSA-2048-SHA256", Verdict.METHOD_UNKNOWN),
        ("none", Verdict.METHOD_UNKNOWN),
        ("ECDSA-brainpoolP256r1-SHA256", Verdict.OTHER_CURVE),
    ],
)
def test_a_method_that_is_not_known_never_verifies(meter, reading, method, verdict):
    meter.method = method

    assert verify(read_ocmf(meter.record([reading("B", "1.0")])), meter.public) is verdict


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OCMF|{}",
        "OCMF|{}|{}",
        "XCMF|{}|{}",
        "OCMF|[]|{}",
        'OCMF|{"PG":"T1","RD":[]}|{"SD":"00"}',
        'OCMF|{"PG":"T1","RD":{}}|{"SD":"00"}',
        'OCMF|{"PG":"Q1","RD":[{"TM":"2026-07-24T13:00:04,000+0200 S"}]}|{"SD":"00"}',
        'OCMF|{"PG":"T1","RD":[{"TM":"2026-07-24T13:00:04,000 S"}]}|{"SD":"00"}',
        'OCMF|{"PG":"T1","RD":[{"TM":"yesterday S"}]}|{"SD":"00"}',
        'OCMF|{"PG":"T1","RD":[{"TM":"2026-07-24T13:00:04,000+0200 Z"}]}|{"SD":"00"}',
        'OCMF|{"PG":"T1","RD":[{"TM":"2026-07-24T13:00:04,000+0200 S","RV":"5"}]}|{"SD":"00"}',
        'OCMF|{"PG":"T1","RD":[{"TM":"2026-07-24T13:00:04,000+0200 S","RV":NaN}]}|{"SD":"00"}',
        'OCMF|{"PG":"T1","RD":[{"TM":"2026-07-24T13:00:04,000+0200 S","RV":5,"RV":6}]}|{"SD":"00"}',
        'OCMF|{"PG":"T1","RD":[{"TM":"2026-07-24T13:00:04,000+0200 S","RV":5}]}|{"SD":"zz"}',
        'OCMF|{"PG":"T1","RD":[{"TM":"2026-07-24T13:00:04,000+0200 S","RV":5}]}|{"SD":"00","SE":"rot13"}',
        'OCMF|{"PG":"T1","RD":[{"TM":"2026-07-24T13:00:04,000+0200 S","RV":5}]}|{"SD":"00","SM":"text/plain"}',
        "OCMF|" + "[" * 50_000 + "|{}",
        "OCMF|" + "x" * 70_000 + "|{}",
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused_with_a_reason(text):
    with pytest.raises(OcmfUnreadable, match="no OCMF record"):
        read_ocmf(text)


def forms_of(meter):
    der = meter.key_bytes()
    point = meter.key_bytes(PublicFormat.UncompressedPoint, Encoding.X962)
    envelope = f"oca:base16:asn1:{der.hex()}"
    return {
        "hex": der.hex(),
        "hex with spaces": " ".join(der.hex().upper()[i : i + 4] for i in range(0, len(der.hex()), 4)),
        "base64": base64.b64encode(der).decode(),
        "pem": meter.key_bytes(encoding=Encoding.PEM).decode(),
        "envelope": envelope,
        "envelope in base64": base64.b64encode(envelope.encode()).decode(),
        "hex in base64": base64.b64encode(der.hex().encode()).decode(),
        "point": point.hex(),
        "compressed point": meter.key_bytes(PublicFormat.CompressedPoint, Encoding.X962).hex(),
        "X and Y alone": point[1:].hex(),
    }


@pytest.mark.parametrize("curve", CURVES)
def test_a_key_is_read_in_every_form_that_is_printed(new_meter, curve):
    meter = new_meter(curve)

    for name, text in forms_of(meter).items():
        assert read_public_key(text, meter.method).public_numbers() == meter.public.public_numbers(), name


@pytest.mark.parametrize(
    "text", ["", "zz", "30", "3000", "0400", base64.b64encode(b"hello").decode(), "-----BEGIN x"]
)
def test_what_is_no_key_is_refused_with_a_reason(text):
    with pytest.raises(PublicKeyUnreadable):
        read_public_key(text)


def test_a_key_of_another_kind_is_refused():
    pem = (
        rsa.generate_private_key(65537, 2048)
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )

    with pytest.raises(PublicKeyUnreadable, match="elliptic"):
        read_public_key(pem.decode())


def test_a_point_off_the_curve_is_refused():
    with pytest.raises(PublicKeyUnreadable):
        read_public_key("04" + "11" * 64)


def test_random_text_is_never_more_than_a_refusal(meter):
    rng = random.Random(5)
    for _ in range(500):
        text = "".join(rng.choice('0123456789abcdefOCMF|{}":,=+/ ') for _ in range(rng.randint(0, 200)))
        for read, refusal in ((read_ocmf, OcmfUnreadable), (read_public_key, PublicKeyUnreadable)):
            with suppress(refusal):
                assert isinstance(read(text), ec.EllipticCurvePublicKey)
