import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.accounts.tokens import TokenCipher, last4, normalised
from gridlane.stations.reports import TokenRef

CIPHER = TokenCipher(b"s" * 32)


@pytest.mark.parametrize(
    "spelled",
    [
        TokenRef("DE-8AA-C12345678-9", "eMAID"),
        TokenRef("de8aac123456789", "eMAID"),
        TokenRef("DE8AAC12345678", "eMAID"),
        TokenRef("DE-8AA-C12345678-9"),
    ],
)
def test_a_contract_is_the_same_however_it_is_spelled(spelled):
    assert normalised(spelled) == "DE8AAC12345678"
    assert CIPHER.key(spelled) == CIPHER.key(TokenRef("DE8AAC123456789", "eMAID"))


def test_a_card_is_the_same_in_any_case_and_over_any_version():
    assert CIPHER.key(TokenRef("04aabbcc", "ISO14443")) == CIPHER.key(TokenRef("04AABBCC"))


def test_another_secret_gives_other_keys():
    token = TokenRef("04AABBCC")
    assert TokenCipher(b"t" * 32).key(token) != CIPHER.key(token)


def test_a_short_number_shows_nothing_of_itself():
    assert last4(TokenRef("1234567")) == ""
    assert last4(TokenRef("04AABBCC")) == "BBCC"


@given(st.text(min_size=1, max_size=255), st.sampled_from(["ISO14443", "eMAID", "Central"]))
def test_a_sealed_number_is_read_back_whole_and_is_not_there_to_see(value, kind):
    token = TokenRef(value, kind)
    sealed = CIPHER.seal(token)
    assert CIPHER.unseal(sealed, kind) == token
    assert CIPHER.seal(token) != sealed


@given(st.text(max_size=255))
def test_any_text_has_a_key(value):
    assert CIPHER.key(TokenRef(value)).int >= 0
