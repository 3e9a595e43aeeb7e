"""An attacker as a process of its own, at the lowest priority, so that it does not slow the stations it is measured by.

Everything at once and as fast as it can: spoiled requests, requests that never end, sockets held open, wrong passwords. Prints
how many of each it managed, and how often a wrong password was let in.
"""

import asyncio
import base64
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import uvloop

_AT_ONCE = 200
_HELD_SECONDS = 3.0
_ATTACKERS_NETWORK = "127.0.1."


def request(path: str, authorization: bytes, key: str = "MDEyMzQ1Njc4OWFiY2RlZg==") -> bytes:
    """An upgrade request with HTTP Basic; ``authorization`` is user:password."""
    basic = base64.b64encode(authorization).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {basic}\r\n\r\n"
    ).encode()


def spoiled(dice: random.Random) -> bytes:
    """A request with a few bytes changed, left out or put in."""
    data = bytearray(request(f"/ocpp/CP-{dice.randrange(1000)}", b"CP-1:wrong"))
    for _ in range(dice.randrange(1, 8)):
        at = dice.randrange(len(data))
        change = dice.randrange(3)
        if change == 0:
            data[at] = dice.randrange(256)
        elif change == 1:
            del data[at : at + dice.randrange(20)]
        else:
            data[at:at] = dice.randbytes(dice.randrange(20))
    return bytes(data)


def wrong_password(dice: random.Random) -> bytes:
    identity = f"CP-{dice.randrange(1000)}"
    return request(f"/ocpp/{identity}", f"{identity}:".encode() + dice.randbytes(20))


def never_ending(dice: random.Random) -> bytes:
    return b"GET /ocpp/CP-1 HTTP/1.1\r\nX-A: " + dice.randbytes(100).hex().encode()


ATTACKS: dict[str, tuple[Callable[[random.Random], bytes], bool]] = {
    "spoiled requests": (spoiled, False),
    "wrong passwords": (wrong_password, False),
    "half handshakes": (never_ending, True),
}
"""Name -> what is sent, and whether the socket is then held open."""


async def attack(port: int, seconds: float, seed: int) -> Counter[str]:
    dice, done = random.Random(seed), Counter[str]()
    ends = asyncio.get_running_loop().time() + seconds

    async def one_after_another() -> None:
        while asyncio.get_running_loop().time() < ends:
            name = dice.choice(list(ATTACKS))
            make, holds = ATTACKS[name]
            with suppress(OSError, TimeoutError):
                answer = await _send(port, make(dice), holds=holds, dice=dice)
                done["let in"] += answer.startswith(b"HTTP/1.1 101")
            done[name] += 1

    await asyncio.gather(*(one_after_another() for _ in range(_AT_ONCE)))
    return done


async def _send(port: int, data: bytes, *, holds: bool, dice: random.Random) -> bytes:
    source = (f"{_ATTACKERS_NETWORK}{dice.randrange(1, 255)}", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=source)
    try:
        writer.write(data)
        async with asyncio.timeout(_HELD_SECONDS):
            return b"" if holds and await reader.read(1) else await reader.read(200)
    finally:
        writer.transport.abort()


if __name__ == "__main__":
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    sys.stdout.write(json.dumps(uvloop.run(attack(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))))
