"""Drivers link cards that were handed out, and block those they have lost."""

import pytest

from gridlane.accounts import own_cards
from gridlane.accounts.issuing import TokenUnknown
from gridlane.accounts.own_cards import CardNotLinked, TooManyTries
from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.kernel.access import Caller, Permission
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database
from gridlane.kernel.ids import new_id


@pytest.fixture
async def database(installation):
    opened = Database(installation.url, pool=2)
    yield opened
    await opened.close()


@pytest.fixture
def cipher(installation):
    return TokenCipher(installation.settings.secret(SECRET))


@pytest.fixture
def driver(installation):
    def build():
        may = frozenset({Permission.CHARGE})
        return Caller("person", "anna@example.org", installation.organization_id, new_id(), may)

    return build


async def test_a_handed_out_card_becomes_ones_own_once(installation, database, cipher, driver):
    anna, berta = driver(), driver()
    await installation.issue_token("04AABBCC")
    id_ = await own_cards.link(database, anna, cipher, "04 aa bb cc", "Key ring", system_clock())
    async with database.unit_of_work(anna.scope) as work:
        (card,) = await own_cards.cards_of(work, anna.person_id)
    assert (card["id"], card["name"], card["last4"]) == (id_, "Key ring", "BBCC")
    with pytest.raises(CardNotLinked):
        await own_cards.link(database, berta, cipher, "04AABBCC", "", system_clock())


async def test_a_lost_card_is_blocked_by_its_owner_only(installation, database, cipher, driver):
    anna, berta = driver(), driver()
    await installation.issue_token("04AABBCC")
    id_ = await own_cards.link(database, anna, cipher, "04AABBCC", "", system_clock())
    async with database.unit_of_work(berta.scope) as work:
        with pytest.raises(TokenUnknown):
            await own_cards.report_lost(work, berta, id_)
    async with database.unit_of_work(anna.scope) as work:
        await own_cards.report_lost(work, anna, id_)
    assert await installation.sql("SELECT status FROM tokens") == [("blocked",)]


async def test_nobody_finds_cards_by_trying(installation, database, cipher, driver):
    anna = driver()
    for number in range(own_cards.TRIES):
        with pytest.raises(CardNotLinked):
            await own_cards.link(database, anna, cipher, f"0400000{number}", "", system_clock())
    await installation.issue_token("04AABBCC")
    with pytest.raises(TooManyTries):
        await own_cards.link(database, anna, cipher, "04AABBCC", "", system_clock())
