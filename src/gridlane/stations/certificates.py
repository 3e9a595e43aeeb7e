"""Certificates of stations: what they ask to be signed, what they were given, and what is installed in them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from gridlane.kernel.database import metadata
from gridlane.kernel.facts import Fact
from gridlane.kernel.group_commit import RecordSink, append, update
from gridlane.kernel.ids import new_id
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.decision import Ask, Commit, Question, report_fact
from gridlane.stations.model import of_station
from gridlane.stations.own_operations import begun
from gridlane.stations.replies import SigningAnswered
from gridlane.stations.reports import SigningRequested
from gridlane.stations.state import Live

issued_certificates = sa.Table(
    "issued_certificates",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    *of_station(key=False),
    sa.Column("kind", sa.Text, nullable=False, comment="CertificateSigningUseEnumType"),
    sa.Column("serial", sa.Text, nullable=False, comment="lower-case hex"),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("chain", sa.Text, nullable=False, comment="PEM"),
    sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("status", sa.Text, nullable=False, comment="sent, accepted, refused: by the station"),
    sa.Column("expiry_told_at", sa.DateTime(timezone=True), nullable=True),
    sa.Index(None, "station_id", "issued_at"),
    sa.Index(
        "ix_issued_certificates_expiring",
        "expires_at",
        postgresql_where=sa.text("status = 'accepted' AND expiry_told_at IS NULL"),
    ),
    comment="certificates signed for stations",
)

installed_certificates = sa.Table(
    "installed_certificates",
    metadata,
    *of_station(),
    sa.Column("use", sa.Text, primary_key=True, comment="GetCertificateIdUseEnumType"),
    sa.Column("issuer_key_hash", sa.Text, primary_key=True),
    sa.Column("issuer_name_hash", sa.Text, primary_key=True),
    sa.Column("serial_number", sa.Text, primary_key=True),
    sa.Column("hash_algorithm", sa.Text, primary_key=True),
    sa.Column("is_child", sa.Boolean, nullable=False, comment="below the first of its chain"),
    sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
    comment="certificates installed in stations, as they told it last",
)


class CertificateIssued(Fact, frozen=True, kw_only=True, tag="station_certificate_issued"):
    """A certificate was signed for a station and sent to it."""

    kind: str
    serial: str
    expires_at: datetime


class SigningRefused(Fact, frozen=True, kw_only=True, tag="station_signing_refused"):
    """A station's request for a certificate was not signed."""

    kind: str
    reason: str


class CertificateRefused(Fact, frozen=True, kw_only=True, tag="station_certificate_refused"):
    """A station did not take the certificate that it had asked for."""

    serial: str
    reason: str


class CertificateExpiring(Fact, frozen=True, kw_only=True, tag="station_certificate_expiring"):
    """The certificate of a station is over soon; the station was asked to request a new one."""

    kind: str
    serial: str
    expires_at: datetime


class SigningAsked(Question, frozen=True, kw_only=True):
    """Please sign this request of a station."""

    station_id: UUID
    identity: str
    kind: str
    request: str


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """``chain`` is PEM, the station's certificate first."""

    chain: str
    serial: str
    subject: str
    issuer: str
    expires_at: datetime


class NotSigned(msgspec.Struct, frozen=True):
    reason: str


class IssuedRow(msgspec.Struct):
    id: UUID
    organization_id: UUID | None
    station_id: UUID
    kind: str
    serial: str
    subject: str
    issuer: str
    chain: str
    issued_at: datetime
    expires_at: datetime
    status: str


class IssuedStatus(msgspec.Struct):
    serial: str
    status: str


class InstalledRow(msgspec.Struct):
    organization_id: UUID | None
    station_id: UUID
    use: str
    issuer_key_hash: str
    issuer_name_hash: str
    serial_number: str
    hash_algorithm: str
    is_child: bool
    reported_at: datetime


class Untold(msgspec.Struct):
    """Installed certificates of these uses (None: of all) that were told of before this instant are gone."""

    station_id: UUID
    before: datetime
    uses: tuple[str, ...] | None


class Removed(msgspec.Struct):
    station_id: UUID
    issuer_key_hash: str
    serial_number: str


class PinRow(msgspec.Struct):
    id: UUID
    serial: str
    changed_at: datetime


ISSUED = append("issued_certificates", IssuedRow.__struct_fields__)
ISSUED_STATUS = update("issued_certificates", "serial", ("status",), name="issued_certificates status")
INSTALLED = RecordSink(
    "installed_certificates",
    b"""
    INSERT INTO installed_certificates SELECT * FROM json_populate_recordset(null::installed_certificates, $1::json)
    ON CONFLICT (station_id, use, issuer_key_hash, issuer_name_hash, serial_number, hash_algorithm)
    DO UPDATE SET reported_at = excluded.reported_at, is_child = excluded.is_child
    """,
)
UNTOLD = RecordSink(
    "installed_certificates untold",
    b"""
    DELETE FROM installed_certificates i
    USING json_to_recordset($1::json) AS old(station_id uuid, before timestamptz, uses jsonb)
    WHERE i.station_id = old.station_id AND i.reported_at < old.before AND (old.uses IS NULL OR old.uses ? i.use)
    """,
)
REMOVED = RecordSink(
    "installed_certificates removed",
    b"""
    DELETE FROM installed_certificates i
    USING json_to_recordset($1::json) AS old(station_id uuid, issuer_key_hash text, serial_number text)
    WHERE i.station_id = old.station_id AND i.issuer_key_hash = old.issuer_key_hash
      AND i.serial_number = old.serial_number
    """,
)
# A station with pinned certificates may show its new one from now on, the old one until it is unpinned.
PINNED = RecordSink(
    "stations pinned certificates",
    b"""
    UPDATE stations s SET certificate_serials = s.certificate_serials || to_jsonb(new.serial),
      changed_at = new.changed_at
    FROM json_to_recordset($1::json) AS new(id uuid, serial text, changed_at timestamptz)
    WHERE s.id = new.id AND jsonb_array_length(s.certificate_serials) > 0
    """,
)


# --- signing -----------------------------------------------------------------------------------------------------


def signing_requested(live: Live, what: SigningRequested, now: datetime, answer: Any) -> Commit | Ask:
    """SignCertificate (A02, A03): signed before it is answered, so that what is accepted surely follows."""
    if answer is None:
        station = live.station
        return Ask(
            SigningAsked(
                station_id=station.id, identity=station.identity, kind=what.kind, request=what.request
            )
        )
    if isinstance(answer, NotSigned):
        fact = SigningRefused(kind=what.kind, reason=answer.reason)
        reply = SigningAnswered(accepted=False, reason=answer.reason)
        return Commit(live, reply, facts=[report_fact(live, fact, now)])
    assert isinstance(answer, Signed)
    return _issued(live, what, answer, now)


def _issued(live: Live, what: SigningRequested, signed: Signed, now: datetime) -> Commit:
    command = c.CertificateSigned(chain=signed.chain, use=what.kind, request_id=what.request_id)
    commit = begun(live, command, now, reason="the station asked for it")
    commit.reply = SigningAnswered(accepted=True)
    row = IssuedRow(
        new_id(),
        live.station.organization_id,
        live.station.id,
        what.kind,
        signed.serial,
        signed.subject,
        signed.issuer,
        signed.chain,
        now,
        signed.expires_at,
        "sent",
    )
    commit.rows.append((ISSUED, row))
    fact = CertificateIssued(kind=what.kind, serial=signed.serial, expires_at=signed.expires_at)
    commit.facts.append(report_fact(live, fact, now))
    return commit


def was_taken(live: Live, command: c.CertificateSigned, answer: Answer, now: datetime) -> Commit:
    """CertificateSigned: whether the station took its certificate."""
    from gridlane.stations.certificate_hashes import serial_of

    serial = serial_of(command.chain)
    if serial is None:
        return Commit(live)
    status = "accepted" if answer.agreed else "refused"
    commit = Commit(live, rows=[(ISSUED_STATUS, IssuedStatus(serial, status))])
    if answer.agreed:
        commit.rows.append((PINNED, PinRow(live.station.id, serial, now)))
    else:
        fact = CertificateRefused(serial=serial, reason=answer.reason or answer.status)
        commit.facts.append(report_fact(live, fact, now))
    return commit


# --- what is installed -------------------------------------------------------------------------------------------


def were_listed(live: Live, command: c.GetCertificates, answer: Answer, now: datetime) -> Commit:
    """GetInstalledCertificateIds (M03): NotFound tells that there are none."""
    if not answer.agreed and answer.status != "NotFound":
        return Commit(live)
    rows = {_key(row): row for row in _listed(live, answer, now)}
    untold = Untold(live.station.id, now, command.uses or None)
    return Commit(live, rows=[(UNTOLD, untold), *((INSTALLED, row) for row in rows.values())])


def was_installed(live: Live, command: c.InstallCertificate, answer: Answer, now: datetime) -> Commit:
    """InstallCertificate (M05)."""
    from gridlane.stations.certificate_hashes import root_hashes

    hashed = root_hashes(command.certificate) if answer.agreed else None
    if hashed is None:
        return Commit(live)
    return Commit(live, rows=[(INSTALLED, _row(live, command.use, hashed, now))])


def was_deleted(live: Live, command: c.DeleteCertificate, answer: Answer, _now: datetime) -> Commit:
    """DeleteCertificate (M04)."""
    if not answer.agreed and answer.status != "NotFound":
        return Commit(live)
    gone = Removed(
        live.station.id,
        command.hash_data.get("issuerKeyHash", "").lower(),
        command.hash_data.get("serialNumber", "").lower(),
    )
    return Commit(live, rows=[(REMOVED, gone)])


def _listed(live: Live, answer: Answer, now: datetime) -> Iterator[InstalledRow]:
    for chain in answer.data.get("certificateHashDataChain", ()):
        yield _row(live, chain["certificateType"], chain["certificateHashData"], now)
        for child in chain.get("childCertificateHashData", ()):
            yield _row(live, chain["certificateType"], child, now, is_child=True)


def _row(
    live: Live, use: str, hashed: dict[str, str], now: datetime, *, is_child: bool = False
) -> InstalledRow:
    return InstalledRow(
        live.station.organization_id,
        live.station.id,
        use,
        hashed["issuerKeyHash"].lower(),
        hashed["issuerNameHash"].lower(),
        hashed["serialNumber"].lower(),
        hashed["hashAlgorithm"],
        is_child,
        now,
    )


def _key(row: InstalledRow) -> tuple[str, ...]:
    return (row.use, row.issuer_key_hash, row.issuer_name_hash, row.serial_number, row.hash_algorithm)
