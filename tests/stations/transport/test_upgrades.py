"""Who gets a WebSocket and who does not, over real sockets, the same for both listeners."""

import asyncio
from contextlib import suppress

import pytest

from gridlane.stations.transport.link import Farewell, Rejection
from gridlane.stations.transport.upgrade import why_no_websocket


async def test_the_door_sees_path_headers_peer_and_listener(street, open_door, wire):
    listener = await street.listener(open_door)
    client = await street.client(listener)
    await client.request(
        *wire.upgrade_lines(
            "/any/prefix/RDAM%7C123?x=1", "authorization: Basic QQ==", subprotocol="ocpp2.1, ocpp1.6"
        )
    )
    (handshake,) = open_door.knocks
    assert handshake.path == "/any/prefix/RDAM%7C123?x=1"
    assert list(handshake.headers("Authorization")) == ["Basic QQ=="]
    assert list(handshake.headers("Sec-WebSocket-Protocol")) == ["ocpp2.1, ocpp1.6"]
    assert list(handshake.headers("Cookie")) == []
    assert (handshake.peer.address, handshake.peer.secure) == ("127.0.0.1", False)
    assert handshake.peer.port == client.writer.get_extra_info("sockname")[1]
    assert handshake.listener is listener.settings


async def test_the_chosen_subprotocol_is_answered(street, open_door, wire):
    client = await street.client(await street.listener(open_door))
    answer = await client.request(*wire.upgrade_lines(subprotocol="ocpp2.0.1, ocpp1.6"))
    assert "\r\nSec-WebSocket-Protocol: ocpp1.6\r\n" in answer


async def test_without_a_common_version_the_handshake_is_completed_and_the_link_closed(
    street, open_door, wire
):
    open_door.answer = lambda handshake: Farewell("no_common_version")
    client = await street.client(await street.listener(open_door))
    answer = await client.request(*wire.upgrade_lines(subprotocol="ocpp1.5"))
    assert answer.startswith("HTTP/1.1 101")
    assert "sec-websocket-protocol" not in answer.lower()
    assert await client.close_code() == 1002


async def test_a_refusal_says_its_status_and_nothing_more(street, open_door, wire):
    answers = []
    listener = await street.listener(open_door)
    for reason in ("identity_unknown", "password_wrong"):
        open_door.answer = lambda handshake, reason=reason: Rejection(401, reason)
        client = await street.client(listener)
        answers.append(await client.request(*wire.upgrade_lines()) + (await client.reader.read()).decode())
    assert answers[0] == answers[1]
    assert answers[0].startswith("HTTP/1.1 401 Unauthorized\r\n")
    assert "\r\nWWW-Authenticate: Basic" in answers[0]
    assert "identity" not in answers[0]


async def test_a_refusal_may_say_when_to_come_again(street, open_door, wire):
    open_door.answer = lambda handshake: Rejection(429, "too_many_attempts", retry_after=60)
    client = await street.client(await street.listener(open_door))
    assert "\r\nRetry-After: 60\r\n" in await client.request(*wire.upgrade_lines())


async def test_a_door_that_fails_lets_nobody_in_and_says_nothing(street, open_door, wire):
    def fail(handshake):
        raise RuntimeError("secret of the inside")

    open_door.answer = fail
    client = await street.client(await street.listener(open_door))
    answer = await client.request(*wire.upgrade_lines()) + (await client.reader.read()).decode()
    assert answer.startswith("HTTP/1.1 503")
    assert "secret" not in answer


async def test_sloppy_but_clear_upgrades_are_taken(street, open_door, wire):
    lines = [
        line.replace("Connection: Upgrade", "connection: keep-alive, UPGRADE").replace("Upgrade: websocket", "UPGRADE: WebSocket")
        for line in wire.upgrade_lines("/CP-1", "X-Empty:", "Content-Length: 0")
    ]  # fmt: skip
    client = await street.client(await street.listener(open_door))
    assert (await client.request(*lines)).startswith("HTTP/1.1 101")


async def test_a_frame_sent_with_the_request_is_not_lost(street, open_door, wire):
    client = await street.client(await street.listener(open_door))
    request = "\r\n".join(wire.upgrade_lines()).encode() + b"\r\n\r\n"
    await client.raw(request + wire.masked_frame(1, b"eager"))
    assert (await client.answer()).startswith("HTTP/1.1 101")
    await open_door.notebooks[0].until(lambda notes: notes.messages)


async def test_a_request_in_pieces_is_put_together(street, open_door, wire):
    client = await street.client(await street.listener(open_door))
    request = "\r\n".join(wire.upgrade_lines()).encode() + b"\r\n\r\n"
    for start in range(0, len(request), 7):
        await client.raw(request[start : start + 7])
        await asyncio.sleep(0)
    assert (await client.answer()).startswith("HTTP/1.1 101")


def without(lines, *starts):
    return [line for line in lines if not line.startswith(starts)]


NO_UPGRADES = {
    "a browser": lambda lines: ["GET / HTTP/1.1", "Host: x"],
    "no upgrade header": lambda lines: without(lines, "Upgrade"),
    "no connection header": lambda lines: without(lines, "Connection"),
    "h2c": lambda lines: [line.replace("websocket", "h2c") for line in lines],
    "no key": lambda lines: without(lines, "Sec-WebSocket-Key"),
    "two keys": lambda lines: [*lines, "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="],
    "a short key": lambda lines: [*without(lines, "Sec-WebSocket-Key"), "Sec-WebSocket-Key: MDEy"],
    "a key of letters": lambda lines: [*without(lines, "Sec-WebSocket-Key"), "Sec-WebSocket-Key: ÄÖÜ"],
    "no version": lambda lines: without(lines, "Sec-WebSocket-Version"),
    "version 8": lambda lines: [line.replace(": 13", ": 8") for line in lines],
    "two versions": lambda lines: [*lines, "Sec-WebSocket-Version: 13"],
    "two hosts": lambda lines: [*lines, "Host: elsewhere"],
    "POST": lambda lines: [lines[0].replace("GET", "POST"), *lines[1:]],
    "HTTP/1.0": lambda lines: [lines[0].replace("1.1", "1.0"), *lines[1:]],
    "HTTP/2 preface": lambda lines: ["PRI * HTTP/2.0", "", "SM", ""],
    "no target": lambda lines: ["GET HTTP/1.1", *lines[1:]],
    "a space in the target": lambda lines: ["GET /a b HTTP/1.1", *lines[1:]],
    "a body": lambda lines: [*lines, "Content-Length: 5"],
    "a chunked body": lambda lines: [*lines, "Transfer-Encoding: chunked"],
    "two lengths": lambda lines: [*lines, "Content-Length: 0", "Content-Length: 5"],
    "a negative length": lambda lines: [*lines, "Content-Length: -1"],
    "a folded header": lambda lines: [*lines, "X-A: b", " c"],
    "a header without colon": lambda lines: [*lines, "Nonsense"],
    "a space before the colon": lambda lines: [*lines, "Content-Length : 0"],
    "a zero byte": lambda lines: [*lines, "X-A: b\0c"],
    "a bare carriage return": lambda lines: [*lines, "X-A: b\rTransfer-Encoding: chunked"],
    "TLS on a plain port": lambda lines: ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
}


@pytest.mark.parametrize("spoil", NO_UPGRADES.values(), ids=NO_UPGRADES.keys())
async def test_what_is_no_clean_upgrade_never_reaches_the_door(street, open_door, wire, spoil):
    client = await street.client(await street.listener(open_door, handshake_seconds=0.5))
    answer = await client.request(*spoil(wire.upgrade_lines()))
    assert not answer.startswith("HTTP/1.1 101")
    assert open_door.knocks == []
    assert await client.is_closed()
    assert await open_door.stumble() in {
        "not_a_websocket", "request_malformed", "left_early", "handshake_timeout",
    }  # fmt: skip


async def test_a_second_request_behind_a_refused_one_is_never_answered(street, open_door, wire):
    client = await street.client(await street.listener(open_door))
    smuggled = "\r\n".join(wire.upgrade_lines("/CP-2")) + "\r\n\r\n"
    await client.raw(b"GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + smuggled.encode())
    everything = (await client.reader.read()).decode()
    assert everything.count("HTTP/1.1") == 1
    assert open_door.knocks == []


async def test_an_endless_request_is_cut_off(street, open_door):
    client = await street.client(await street.listener(open_door))
    sent = 0
    with suppress(
        ConnectionError, RuntimeError
    ):  # uvloop says RuntimeError of a socket that closed meanwhile
        while sent < 20_000_000:
            await client.raw(b"X-A: " + b"a" * 5000 + b"\r\n")
            sent += 5000
    assert sent < 20_000_000
    assert open_door.knocks == []


async def test_a_handshake_has_a_deadline_however_busy_it_looks(street, open_door):
    client = await street.client(await street.listener(open_door, handshake_seconds=0.15))
    began = asyncio.get_running_loop().time()
    with suppress(
        ConnectionError, RuntimeError
    ):  # uvloop says RuntimeError of a socket that closed meanwhile
        while asyncio.get_running_loop().time() - began < 3:
            await client.raw(b"G")
            await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - began < 3
    assert await open_door.stumble() == "handshake_timeout"


async def test_who_leaves_before_asking_is_noted(street, open_door):
    client = await street.client(await street.listener(open_door))
    client.close()
    assert await open_door.stumble() == "left_early"


async def test_half_handshakes_beyond_the_bound_push_each_other_out_not_a_station_elsewhere(
    street, open_door, wire
):
    listener = await street.listener(open_door, waiting_sockets=5, accepts_per_second=1e6)
    station = await street.client(listener, local="127.0.9.1")
    flood = [await street.client(listener, local="127.0.1.1") for _ in range(20)]
    assert await flood[0].is_closed()
    assert (await station.request(*wire.upgrade_lines())).startswith("HTTP/1.1 101")
    assert set(open_door.stumbles) == {"crowded_out"}


async def test_a_storm_is_let_in_at_the_pace_and_everybody_gets_in(street, open_door, wire):
    listener = await street.listener(open_door, accepts_per_second=200.0, accept_burst=5)
    began = asyncio.get_running_loop().time()
    clients = [await street.client(listener) for _ in range(45)]
    answers = await asyncio.gather(*(client.request(*wire.upgrade_lines()) for client in clients))
    assert all(answer.startswith("HTTP/1.1 101") for answer in answers)
    assert asyncio.get_running_loop().time() - began >= 40 / 200 * 0.9


async def test_a_station_elsewhere_does_not_wait_behind_a_flood(street, open_door, wire):
    listener = await street.listener(open_door, accepts_per_second=20.0, accept_burst=1)
    for _ in range(100):  # five seconds' worth
        await street.client(listener, local="127.0.1.1")
    station = await street.client(listener, local="127.0.9.1")
    async with asyncio.timeout(2):
        assert (await station.request(*wire.upgrade_lines())).startswith("HTTP/1.1 101")


async def test_stopping_to_accept_drops_newcomers_and_keeps_links(street, open_door, wire):
    listener = await street.listener(open_door)
    client, notebook = await street.connected(open_door, listener)
    newcomer = await street.client(listener)
    await asyncio.sleep(0.02)
    listener.stop_accepting()
    assert await newcomer.is_closed()
    await client.frame(1, b"still here")
    await notebook.until(lambda notes: notes.messages)


def test_checking_an_upgrade_needs_no_socket():
    headers = {
        "upgrade": ["foo, websocket"],
        "connection": ["keep-alive", "Upgrade"],
        "sec-websocket-version": ["13"],
        "sec-websocket-key": ["MDEyMzQ1Njc4OWFiY2RlZg=="],
    }
    assert why_no_websocket(lambda name: headers.get(name, [])) is None
