import asyncio
from uuid import UUID

from gridlane.stations.credentials import VerifierKeys, check, pack, slow_verifier_of
from gridlane.stations.directory import Entry
from gridlane.stations.imported_passwords import ImportedPasswords

KEYS = VerifierKeys((b"k" * 32,))


def entry(slow):
    return Entry(
        station_id=UUID(int=1),
        organization_id=None,
        identity="CP-1",
        approval="accepted",
        profiles=4,
        slow_verifier=slow,
    )


async def test_the_right_one_becomes_a_keyed_verifier_and_wrong_ones_nothing():
    done = asyncio.Queue()
    passwords = ImportedPasswords(KEYS, lambda entry, verifier: done.put_nowait((entry, verifier)))
    known = entry(slow_verifier_of(b"1234"))
    for guess in (b"wrong", b"1234", b"1234"):
        passwords.check(known, guess)
    found, verifier = await asyncio.wait_for(done.get(), 10)
    assert found is known
    packed = pack([verifier])
    assert packed.is_weak
    assert check(packed.slots, b"1234", "CP-1", KEYS)
    await asyncio.sleep(0.05)
    assert done.empty()


async def test_it_works_again_after_a_pause():
    done = asyncio.Queue()
    passwords = ImportedPasswords(KEYS, lambda entry, verifier: done.put_nowait(verifier))
    for _ in range(2):
        passwords.check(entry(slow_verifier_of(b"1234")), b"1234")
        await asyncio.wait_for(done.get(), 10)
        await asyncio.sleep(0)
