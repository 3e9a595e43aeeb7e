"""What to send makes the list wanted, whatever a station held; and what it took is known by digests alone."""

from hypothesis import given
from hypothesis import strategies as st

from gridlane.stations import commands as c
from gridlane.stations.local_list import digests, token_digest, updates

TOKENS = st.dictionaries(
    st.text("ABCDEF0123456789", min_size=4, max_size=8).map(str.upper),
    st.sampled_from(("Accepted", "Blocked")),
    max_size=25,
)


def entries(tokens):
    return [
        {"idToken": {"idToken": token, "type": "ISO14443"}, "idTokenInfo": {"status": status}}
        for token, status in tokens.items()
    ]


def applied(held, messages):
    """An honest station's list after these messages."""
    listed = dict(held)
    for message in messages:
        if message.full:
            listed = {}
        for entry in message.entries:
            if entry.get("idTokenInfo") is None:
                listed.pop(token_digest(entry), None)
            else:
                listed |= digests([entry])
    return listed


@given(TOKENS, TOKENS, st.integers(1, 10), st.booleans(), st.booleans())
def test_the_messages_make_the_wanted_list(before, wanted, per_message, is_known, names_all):
    held = digests(entries(before)) if is_known else None
    known = {token_digest(one): one["idToken"] for one in entries(before)} if names_all else {}
    messages = updates(4, held, entries(wanted), known=known, per_message=per_message)
    start = digests(entries(before))
    assert applied(start, messages) == digests(entries(wanted))
    assert all(len(message.entries) <= per_message for message in messages)
    assert [message.version for message in messages] == list(range(5, 5 + len(messages)))


@given(TOKENS)
def test_a_list_that_is_right_already_is_not_sent(tokens):
    assert updates(4, digests(entries(tokens)), entries(tokens)) == []


@given(TOKENS, st.integers(0, 10))
def test_no_more_entries_than_a_station_can_hold_are_sent(tokens, most):
    sent = [one for message in updates(0, None, entries(tokens), most=most) for one in message.entries]
    assert len(sent) <= most


YES = c.Answer(agreed=True, status="Accepted")


async def test_the_list_a_station_took_is_known_by_digests_and_its_version(stored_station):
    station = await stored_station()

    async def held():
        (row,) = await station.rows("SELECT version, entries FROM station_local_lists")
        return row["version"], row["entries"]

    first = entries({"AAAA": "Accepted", "BBBB": "Accepted"})
    await station.ask(c.SendList(version=1, entries=tuple(first)), YES)
    assert await held() == (1, digests(first))
    gone = {"idToken": first[0]["idToken"]}
    new = entries({"CCCC": "Accepted"})
    await station.ask(c.SendList(version=2, full=False, entries=(gone, *new)), YES)
    assert await held() == (2, digests([first[1], *new]))
    await station.ask(c.GetListVersion(), c.Answer(agreed=True, status="Accepted", data={"version": 2}))
    assert await held() == (2, digests([first[1], *new]))
    await station.ask(c.GetListVersion(), c.Answer(agreed=True, status="Accepted", data={"version": 9}))
    assert await held() == (9, None)
    await station.ask(c.GetListVersion(), c.Answer(agreed=True, status="Accepted", data={"version": 0}))
    assert await held() == (0, {})


async def test_a_change_of_a_list_we_do_not_know_leaves_it_unknown(stored_station):
    station = await stored_station()
    await station.ask(c.GetListVersion(), c.Answer(agreed=True, status="Accepted", data={"version": 3}))
    await station.ask(c.SendList(version=4, full=False, entries=tuple(entries({"CCCC": "Accepted"}))), YES)
    assert await station.rows("SELECT version, entries FROM station_local_lists") == [
        {"version": 4, "entries": None}
    ]
