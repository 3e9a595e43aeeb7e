"""Who may knock: every station's entry, in memory, so that the door never waits for the database.

A gateway loads all of it at its start and applies what has changed since (rows by ``changed_at``). An entry is immutable
and small: 100,000 of them take some 40 MB.
"""

from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any, cast
from uuid import UUID

import msgspec

from gridlane.stations.credentials import pack
from gridlane.stations.state import Approval

_CERTIFICATES = 3
"""The security profile for which a station's serial number matters here."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What the door knows about one station.

    ``profiles`` is a set of security profiles as bits: two while a station moves up to ``next_profile``, else one.
    ``verifiers`` as ``credentials.Packed``. ``certificates`` are serial numbers or SHA-256 fingerprints, in lower-case hex;
    when there are none, name and authority decide.
    """

    station_id: UUID
    organization_id: UUID | None
    identity: str
    approval: Approval
    profiles: int
    verifiers: bytes = b""
    is_weak: bool = False
    slow_verifier: str | None = None
    pinned: str | None = None
    serial: str | None = None
    certificates: tuple[str, ...] = ()
    next_profile: int | None = None

    def allows(self, profile: int) -> bool:
        return bool(self.profiles >> profile & 1)


class Directory:
    """Entries by identity. Belongs to one event loop; ``apply`` is not meant to be called from another thread."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: dict[str, Entry] = {}
        self._certificates: dict[str, str] = {}
        self.apply(entries)

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, identity: str) -> Entry | None:
        return self.entries.get(identity)

    def holder(self, certificate: str) -> str | None:
        """The identity a certificate (serial number or fingerprint) is pinned to."""
        return self._certificates.get(certificate)

    def apply(self, entries: Iterable[Entry], gone: Iterable[str] = ()) -> None:
        """Takes over new and changed entries, and drops the identities that are gone."""
        for identity in gone:
            self._drop(identity)
        for entry in entries:
            self._drop(entry.identity)
            self.entries[entry.identity] = entry
            for certificate in entry.certificates:
                self._certificates[certificate] = entry.identity

    def _drop(self, identity: str) -> None:
        entry = self.entries.pop(identity, None)
        if entry is not None:
            for certificate in entry.certificates:
                if self._certificates.get(certificate) == identity:
                    del self._certificates[certificate]


def load(rows: Iterable[Mapping[str, Any]]) -> Iterable[Entry]:
    """Entries from rows of ``stations`` (the columns named here suffice)."""
    organizations: dict[UUID, UUID] = {}
    for row in rows:
        packed = pack(row["verifiers"])
        organization, coming = row["organization_id"], row["next_security_profile"]
        yield Entry(
            station_id=row["id"],
            organization_id=organizations.setdefault(organization, organization) if organization else None,
            identity=row["identity"],
            approval=cast("Approval", intern(row["approval"])),
            profiles=1 << row["security_profile"] | (0 if coming is None else 1 << coming),
            verifiers=packed.slots,
            is_weak=packed.is_weak,
            slow_verifier=packed.slow,
            pinned=intern(row["pinned_protocol"]) if row["pinned_protocol"] else None,
            serial=row["serial"] if _CERTIFICATES in (row["security_profile"], coming) else None,
            certificates=tuple(text.lower() for text in row["certificate_serials"]),
            next_profile=coming,
        )


COLUMNS = (
    "id", "organization_id", "identity", "approval", "security_profile", "next_security_profile", "verifiers",
    "pinned_protocol", "serial", "certificate_serials",
)  # fmt: skip
"""Of ``stations``: what ``load`` reads."""
