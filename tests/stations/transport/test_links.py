"""Messages, limits and goodbyes, over real sockets, the same for both listeners."""

import asyncio
import socket
import zlib

import pytest


async def test_a_text_message_arrives_whole_and_its_answer_goes_back(street, open_door):
    open_door.react = lambda link, message: link.send(message[::-1])
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    await client.frame(1, b'[2,"1","Heartbeat",{}]')
    assert await client.read_frame() == (1, b'[2,"1","Heartbeat",{}]'[::-1])
    assert notebook.messages == [b'[2,"1","Heartbeat",{}]']


async def test_many_messages_in_one_read_arrive_in_order(street, open_door, wire):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    await client.raw(b"".join(wire.masked_frame(1, str(n).encode()) for n in range(500)))
    await notebook.until(lambda notes: len(notes.messages) == 500)
    assert notebook.messages == [str(n).encode() for n in range(500)]


async def test_a_message_in_fragments_is_put_together_with_a_ping_in_between(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    await client.frame(1, '[2,"ä'.encode()[:-1], fin=False)
    await client.frame(9, b"there?")
    await client.frame(0, b"", fin=False)
    await client.frame(0, "ä".encode()[-1:] + b'"]', fin=True)
    await notebook.until(lambda notes: notes.messages)
    assert notebook.messages == ['[2,"ä"]'.encode()]
    assert await client.read_frame() == (10, b"there?")


async def test_a_byte_at_a_time_is_slow_but_fine(street, open_door, wire):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    for byte in wire.masked_frame(1, b'[2,"1","Heartbeat",{}]'):
        await client.raw(bytes([byte]))
    await notebook.until(lambda notes: notes.messages)


async def test_a_message_of_exactly_the_limit_is_taken(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door, message_bytes=5000))
    await client.frame(1, b"x" * 5000)
    await notebook.until(lambda notes: notes.messages)


@pytest.mark.parametrize("size", [5001, 70_000, 3_000_000])
async def test_a_message_over_the_limit_closes_with_1009(street, open_door, wire, size):
    client, notebook = await street.connected(open_door, await street.listener(open_door, message_bytes=5000))
    sending = asyncio.ensure_future(client.frame(1, b"x" * size))
    assert await client.close_code() in {
        1009,
        1006,
    }  # a reset may overtake the word when we do not read it all
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await notebook.until(lambda notes: notes.ended)
    assert notebook.ended[0] == 1009
    assert notebook.messages == []


async def test_fragments_that_together_exceed_the_limit_close_with_1009(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door, message_bytes=5000))
    await client.frame(1, b"x" * 3000, fin=False)
    await client.frame(0, b"x" * 2001)
    assert await client.close_code() == 1009
    assert notebook.messages == []


async def test_endless_empty_fragments_hold_no_memory(street, open_door, wire):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    await client.frame(1, b"a", fin=False)
    await client.raw(wire.masked_frame(0, b"", fin=False) * 2000)
    await client.frame(0, b"b")
    await notebook.until(lambda notes: notes.messages)
    assert notebook.messages == [b"ab"]


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(2, b"\x00\x01", True, 0)], 1003),
        ([(1, b"\xff\xfe", True, 0)], 1007),
        ([(1, b"\xed\xa0\x80", True, 0)], 1007),  # a lone surrogate
        ([(0, b"x", True, 0)], 1002),
        ([(1, b"a", False, 0), (1, b"b", True, 0)], 1002),
        ([(1, b"a", True, 0x40)], 1002),
        ([(1, b"a", True, 0x10)], 1002),
        ([(3, b"a", True, 0)], 1002),
        ([(9, b"a" * 126, True, 0)], 1002),
        ([(9, b"a", False, 0)], 1002),
        ([(8, b"\x00", True, 0)], 1002),
        ([(8, b"\x03\xee", True, 0)], 1002),  # 1006 may not be said
    ],
    ids=[
        "binary", "not UTF-8", "surrogate", "continuation of nothing", "two beginnings", "RSV1", "RSV3",
        "unknown opcode", "long ping", "fragmented ping", "close of one byte", "close 1006",
    ],
)  # fmt: skip
async def test_a_frame_against_the_rules_ends_the_link_and_delivers_nothing(street, open_door, frames, code):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    for opcode, payload, fin, bits in frames:
        await client.frame(opcode, payload, fin=fin, bits=bits)
    assert await client.close_code() == code
    await notebook.until(lambda notes: notes.ended)
    assert notebook.messages == []


async def test_a_frame_without_mask_ends_the_link(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    await client.raw(b"\x81\x02{}")
    assert await client.close_code() == 1002
    assert notebook.messages == []


async def test_nothing_is_delivered_after_a_broken_rule(street, open_door, wire):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    await client.raw(wire.masked_frame(2, b"x") + wire.masked_frame(1, b"late"))
    await client.close_code()
    await notebook.until(lambda notes: notes.ended)
    assert notebook.messages == []


async def test_a_hundred_thousand_nested_arrays_are_only_a_text_here(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    await client.frame(1, b"[" * 100_000)
    await notebook.until(lambda notes: notes.messages)
    assert len(notebook.messages[0]) == 100_000


async def test_a_peer_that_says_goodbye_is_answered_and_its_code_is_told(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    await client.frame(8, (1001).to_bytes(2) + b"rebooting")
    assert await client.close_code() == 1001
    assert await client.is_closed()
    await notebook.until(lambda notes: notes.ended)
    assert notebook.ended == (1001, "rebooting")
    assert not notebook.link.is_open


async def test_a_peer_that_vanishes_is_1006(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    client.writer.transport.abort()
    await notebook.until(lambda notes: notes.ended)
    assert notebook.ended[0] == 1006


async def test_our_goodbye_carries_code_and_reason_and_ends_when_answered(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    notebook.link.close(1012, "restarting")
    notebook.link.send(b"too late")
    assert await client.read_frame() == (8, (1012).to_bytes(2) + b"restarting")
    await client.frame(8, (1012).to_bytes(2))
    assert await client.is_closed()
    await notebook.until(lambda notes: notes.ended)
    assert notebook.ended == (1012, "restarting")


async def test_our_goodbye_does_not_wait_for_ever(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door, close_seconds=0.1))
    notebook.link.close(1000, "")
    await notebook.until(lambda notes: notes.ended)
    assert await client.is_closed()


async def test_a_link_that_is_gone_ignores_what_it_is_asked(street, open_door):
    _, notebook = await street.connected(open_door, await street.listener(open_door))
    notebook.link.abort()
    await notebook.until(lambda notes: notes.ended)
    notebook.link.send(b"x")
    notebook.link.close(1000, "")
    notebook.link.abort()
    notebook.link.pause_reading()
    notebook.link.resume_reading()
    assert not notebook.link.is_open


async def test_a_receiver_that_fails_costs_its_own_link_only(street, open_door):
    listener = await street.listener(open_door)
    good, good_notes = await street.connected(open_door, listener)

    def fail(link, message):
        raise RuntimeError("a bug")

    open_door.react = fail
    bad, _ = await street.connected(open_door, listener)
    await bad.frame(1, b"x")
    assert await bad.close_code() == 1011
    await good.frame(1, b"still here")
    await good_notes.until(lambda notes: notes.messages)


async def test_a_silent_peer_is_pinged_and_cut_when_it_does_not_answer(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door, ping_seconds=0.05))
    assert (await client.read_frame())[0] == 9
    await notebook.until(lambda notes: notes.ended)
    assert notebook.ended == (1006, "no answer to pings")


async def test_a_silent_peer_that_answers_pings_stays(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door, ping_seconds=0.05))
    for _ in range(5):
        opcode, payload = await client.read_frame()
        assert opcode == 9
        await client.frame(10, payload)
    assert notebook.ended is None


async def test_a_peer_that_only_pings_us_stays(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door, ping_seconds=0.1))
    for _ in range(10):
        await client.frame(9, b"")
        await asyncio.sleep(0.04)
    assert notebook.ended is None


async def test_a_peer_that_does_not_read_is_told_of_and_cut(street, open_door):
    listener = await street.listener(open_door, slow_reader_seconds=0.2)
    client, notebook = await street.connected(open_door, listener)
    client.writer.transport.pause_reading()
    for _ in range(400):
        notebook.link.send(b"x" * 50_000)
        if notebook.writable_changes:
            break
    assert notebook.writable_changes == [False]
    assert notebook.link.buffered > 0
    await notebook.until(lambda notes: notes.ended)
    assert notebook.ended[0] == 1013


async def test_what_waits_for_a_peer_that_does_not_read_is_bounded(street, open_door):
    client, notebook = await street.connected(
        open_door, await street.listener(open_door, buffered_bytes=100_000)
    )
    client.writer.transport.pause_reading()
    most = 0
    for _ in range(2000):
        notebook.link.send(b"x" * 50_000)
        most = max(most, notebook.link.buffered if notebook.link.is_open else 0)
    await notebook.until(lambda notes: notes.ended)
    assert notebook.ended[0] == 1013
    assert most <= 100_000 + 50_014


async def test_a_peer_that_reads_again_is_written_to_again(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    client.writer.transport.pause_reading()
    sent = 0
    while not notebook.writable_changes:
        notebook.link.send(b"x" * 50_000)
        sent += 1
    client.writer.transport.resume_reading()
    for _ in range(sent):
        assert len((await client.read_frame())[1]) == 50_000
    await notebook.until(lambda notes: notes.writable_changes == [False, True])
    assert notebook.link.is_open


async def test_reading_can_wait(street, open_door):
    client, notebook = await street.connected(open_door, await street.listener(open_door))
    notebook.link.pause_reading()
    await client.frame(1, b"one")
    await asyncio.sleep(0.05)
    assert notebook.messages == []
    notebook.link.resume_reading()
    await notebook.until(lambda notes: notes.messages)


async def test_closing_a_listener_says_goodbye_to_every_link(street, open_door):
    listener = await street.listener(open_door)
    clients = [await street.connected(open_door, listener) for _ in range(3)]
    closing = asyncio.ensure_future(listener.close(1012, "restarting", over_seconds=0.05))
    for client, _ in clients:
        assert await client.close_code() == 1012
        await client.frame(8, (1012).to_bytes(2))
    await closing
    assert len(listener.links) == 0
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", client.writer.get_extra_info("peername")[1])


async def test_nagle_never_delays_an_answer(street, open_door):
    _, notebook = await street.connected(open_door, await street.listener(open_door))
    transport = getattr(notebook.link._transport, "underlying_transport", notebook.link._transport)
    accepted = transport.get_extra_info("socket")
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"


class TestCompression:
    @pytest.fixture
    def twin(self):
        return "websockets"

    @staticmethod
    def deflated(data: bytes) -> bytes:
        squeezer = zlib.compressobj(wbits=-12)
        return (squeezer.compress(data) + squeezer.flush(zlib.Z_SYNC_FLUSH))[:-4]

    async def test_is_used_when_the_listener_offers_it(self, street, open_door):
        open_door.react = lambda link, message: link.send(message)
        client, notebook = await street.connected(
            open_door, await street.listener(open_door, compression=True), OFFER
        )
        await client.frame(1, self.deflated(b'{"a":"b"}' * 100), bits=0x40)
        await notebook.until(lambda notes: notes.messages)
        assert notebook.messages == [b'{"a":"b"}' * 100]
        _, answer = await client.read_frame()
        assert len(answer) < 100
        assert zlib.decompressobj(wbits=-10).decompress(answer + b"\0\0\xff\xff") == notebook.messages[0]

    async def test_is_not_used_unless_asked_for(self, street, open_door):
        client = await street.client(await street.listener(open_door, compression=False))
        answer = await client.request(
            "GET /ocpp/CP-1 HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", OFFER,
            "Sec-WebSocket-Protocol: ocpp1.6",
        )  # fmt: skip
        assert answer.startswith("HTTP/1.1 101")
        assert "xtensions" not in answer

    async def test_a_bomb_is_refused_before_it_is_unpacked(self, street, open_door):
        client, notebook = await street.connected(
            open_door, await street.listener(open_door, compression=True, message_bytes=100_000), OFFER
        )
        await client.frame(1, self.deflated(b"\0" * 20_000_000), bits=0x40)
        assert await client.close_code() == 1009
        assert notebook.messages == []

    async def test_rubbish_instead_of_deflate_is_refused(self, street, open_door):
        client, notebook = await street.connected(
            open_door, await street.listener(open_door, compression=True), OFFER
        )
        await client.frame(1, b"\xff" * 50, bits=0x40)
        assert await client.close_code() == 1002
        assert notebook.messages == []
