import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.stations import credentials
from gridlane.stations.credentials import Match, VerifierKeys, check, new_password, pack, verifier_of

KEYS = VerifierKeys((b"k" * 32,))
ROLLED = VerifierKeys((b"n" * 32, b"k" * 32))


def slots(*passwords, identity="CP-1", keys=KEYS):
    return pack([verifier_of(password, identity, keys) for password in passwords]).slots


def test_a_new_password_fits_every_version_of_ocpp():
    password = new_password()
    assert len(password) == 40
    assert len(bytes.fromhex(password)) == 20
    assert credentials.is_strong(password.encode())
    assert password != new_password()


def test_a_1_6_station_may_send_the_bytes_and_a_2_0_1_station_the_digits():
    password = new_password()
    stored = slots(password.encode())
    for sent in (password.encode(), password.upper().encode(), bytes.fromhex(password)):
        assert check(stored, sent, "CP-1", KEYS) == Match(0, False)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_only_the_same_password_fits(stored, sent):
    same = credentials._canonical(stored) == credentials._canonical(sent)
    assert (check(slots(stored), sent, "CP-1", KEYS) is not None) is same


def test_a_verifier_is_of_one_identity():
    assert check(slots(b"secret"), b"secret", "CP-2", KEYS) is None


def test_while_a_password_changes_both_fit_and_it_is_known_which_did():
    stored = slots(b"old", b"new")
    assert check(stored, b"old", "CP-1", KEYS) == Match(0, False)
    assert check(stored, b"new", "CP-1", KEYS) == Match(1, False)
    assert check(stored, b"third", "CP-1", KEYS) is None


def test_a_former_key_still_checks_and_says_so():
    assert check(slots(b"secret"), b"secret", "CP-1", ROLLED) == Match(0, True)
    assert check(slots(b"secret", keys=ROLLED), b"secret", "CP-1", ROLLED) == Match(0, False)
    assert check(slots(b"secret", keys=ROLLED), b"secret", "CP-1", KEYS) is None


@pytest.mark.parametrize("sent", [b"", b"\0", b"\0" * 33])
def test_nothing_stored_admits_nobody(sent):
    assert check(b"", sent, "CP-1", KEYS) is None
    assert check(b"\0" * 66, sent, "CP-1", KEYS) is None


@pytest.mark.parametrize(
    "text", ["", "keyed", "keyed:zz:AAAA", "keyed:00:!!", "keyed:00:AAAA", "md5:xx:yy", "weak:"]
)
def test_a_damaged_verifier_admits_nobody(text):
    packed = pack([text])
    assert packed.slots == b""
    assert check(packed.slots, b"", "CP-1", KEYS) is None


def test_more_than_two_verifiers_are_not_kept():
    assert len(slots(b"a", b"b", b"c")) == 66


@pytest.mark.parametrize(
    ("password", "strong"),
    [
        (b"0123456789abcdef" * 2, True),
        (b"3" * 31, False),
        (b"correct horse battery staple", True),
        (b"aaaaaaaaaaaaaaaaaaaaaaaaaaa", False),
        (b"secret", False),
        (b"", False),
    ],
)
def test_what_looks_guessable_is_marked(password, strong):
    assert credentials.is_strong(password) is strong
    assert pack([verifier_of(password, "CP-1", KEYS)]).is_weak is not strong


def test_an_imported_password_is_checked_slowly_once():
    slow = credentials.slow_verifier_of(b"1234")
    assert pack([slow]).slow == slow
    assert pack([slow]).slots == b""
    assert credentials.matches_slowly(slow, b"1234")
    assert not credentials.matches_slowly(slow, b"1235")
    assert not credentials.matches_slowly("argon2:rubbish", b"1234")


def test_a_stored_verifier_does_not_show_its_password():
    assert b"secret" not in verifier_of(b"secret", "CP-1", KEYS).encode()
