from uuid import UUID

from gridlane.stations.credentials import VerifierKeys, slow_verifier_of, verifier_of
from gridlane.stations.directory import COLUMNS, Directory, Entry, load
from gridlane.stations.model import stations

KEYS = VerifierKeys((b"k" * 32,))


def row(identity="CP-1", **more):
    defaults = {
        "id": UUID(int=1),
        "organization_id": UUID(int=7),
        "identity": identity,
        "approval": "accepted",
        "security_profile": 2,
        "next_security_profile": None,
        "verifiers": [],
        "pinned_protocol": None,
        "serial": None,
        "certificate_serials": [],
    }
    return {**defaults, **more}


def test_it_reads_columns_that_exist():
    assert set(COLUMNS) == set(row())
    assert set(COLUMNS) <= set(stations.c.keys())


def test_a_row_becomes_an_entry():
    strong, weak = verifier_of(b"f" * 40, "CP-1", KEYS), verifier_of(b"1234", "CP-1", KEYS)
    (entry,) = load(
        [
            row(
                verifiers=[strong, weak],
                security_profile=3,
                pinned_protocol="ocpp1.6",
                serial="SN 1",
                certificate_serials=["AB01"],
            )
        ]
    )
    assert entry.allows(3)
    assert not entry.allows(2)
    assert len(entry.verifiers) == 66
    assert entry.is_weak
    assert (entry.pinned, entry.serial, entry.certificates) == ("ocpp1.6", "SN 1", ("ab01",))


def test_an_imported_password_waits_in_its_entry():
    slow = slow_verifier_of(b"1234")
    (entry,) = load([row(verifiers=[slow])])
    assert entry.slow_verifier == slow
    assert entry.verifiers == b""


def test_organizations_are_shared_between_entries():
    first, second = load([row("CP-1"), row("CP-2", organization_id=UUID(int=7))])
    assert first.organization_id is second.organization_id


def test_changes_replace_entries_and_move_their_certificates():
    directory = Directory(load([row(certificate_serials=["aa", "bb"]), row("CP-2")]))
    assert directory.holder("aa") == "CP-1"
    directory.apply(load([row(certificate_serials=["bb"]), row("CP-2", certificate_serials=["aa"])]))
    assert (directory.holder("aa"), directory.holder("bb")) == ("CP-2", "CP-1")
    directory.apply([], gone=["CP-1", "never was"])
    assert directory.get("CP-1") is None
    assert directory.holder("bb") is None
    assert len(directory) == 1


def test_a_certificate_claimed_twice_stays_with_the_later_when_the_earlier_goes():
    directory = Directory(load([row(certificate_serials=["aa"]), row("CP-2", certificate_serials=["aa"])]))
    directory.apply([], gone=["CP-1"])
    assert directory.holder("aa") == "CP-2"


def test_an_entry_is_not_tracked_by_the_garbage_collector():
    assert not Entry.__struct_config__.gc
