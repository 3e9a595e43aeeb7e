"""A real `localstripe` process, and what the payment form in a guest's browser does at the provider."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

KEY = "sk_test_12345"
AUTH = (KEY, "")


@contextmanager
def local_stripe(home: Path) -> Iterator[str]:
    """Runs for the length of the block; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=home, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address)
        yield address
        server.terminate()


def ask(address: str, path: str, **data: str) -> dict[str, Any]:
    answer = httpx2.post(f"{address}/v1/{path}", data=data, auth=AUTH)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def card(address: str, number: str = "4242424242424242") -> str:
    """A card as the browser's form would register it; gives the method's id."""
    fields = {"card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2030", "card[cvc]": "123"}
    return str(ask(address, "payment_methods", type="card", **fields)["id"])


def confirm(address: str, reference: str, number: str = "4242424242424242") -> None:
    """The guest fills in the form and confirms."""
    ask(address, f"payment_intents/{reference}", payment_method=card(address, number))
    ask(address, f"payment_intents/{reference}/confirm")


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            httpx2.get(f"{address}/v1/balance", auth=AUTH)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("localstripe did not start")
