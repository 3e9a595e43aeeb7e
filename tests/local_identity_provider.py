"""Identity providers to test against: a real `oidc-provider-mock` process, and one of our own that checks PKCE.

The mock does not look at the code challenge and cannot give wrong answers; ``StrictProvider`` does and can.
"""

import asyncio
import base64
import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import uvicorn
from joserfc import jwk, jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PATIENCE = 60
"""Seconds that the process may take for an answer on a busy machine."""


@contextmanager
def mock_provider() -> Iterator[str]:
    """Runs for the length of the block; gives its issuer."""
    port = _free_port()
    command = [
        sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--host", "127.0.0.1", "--require-nonce",
        "--require-registration",
    ]  # fmt: skip
    with subprocess.Popen(
        command, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        issuer = f"http://127.0.0.1:{port}"
        _wait_for(f"{issuer}/.well-known/openid-configuration")
        yield issuer
        server.terminate()


def registered(issuer: str, redirect_address: str) -> tuple[str, str]:
    """A client of the mock: id and secret."""
    answer = httpx2.post(
        f"{issuer}/oauth2/clients", json={"redirect_uris": [redirect_address]}, timeout=PATIENCE
    )
    answer.raise_for_status()
    return answer.json()["client_id"], answer.json()["client_secret"]


def user(issuer: str, subject: str, **claims: Any) -> None:
    """Somebody whom the mock knows."""
    httpx2.put(f"{issuer}/users/{subject}", json=claims, timeout=PATIENCE).raise_for_status()


def consent(url: str, subject: str) -> dict[str, str]:
    """What the person does at the mock: gives the code and the state that the browser comes back with."""
    answer = httpx2.post(url, data={"sub": subject}, follow_redirects=False, timeout=PATIENCE)
    assert answer.status_code == 302, answer.text
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: back[name][0] for name in ("code", "state")}


class StrictProvider:
    """Gives a token for a code only to who proves the code's challenge; ``claims`` change what tokens say."""

    def __init__(self, issuer: str) -> None:
        self.issuer, self.claims, self.email = issuer, {}, "ada@example.org"
        self.key = jwk.RSAKey.generate_key(2048, parameters={"kid": "one"})
        self.signing = self.key
        self._codes: dict[str, dict[str, str]] = {}

    def consent(self, url: str) -> dict[str, str]:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return {"code": code, "state": asked["state"]}

    async def discovery(self, _request: Request) -> JSONResponse:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return JSONResponse(
            {"issuer": self.issuer, **{name: f"{self.issuer}/{path}" for name, path in ends.items()}}
        )

    async def keys(self, _request: Request) -> JSONResponse:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def token(self, request: Request) -> JSONResponse:
        form = dict(await request.form())
        asked = self._codes.pop(str(form.get("code")), None)
        if asked is None:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        proof = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        if challenge != asked["code_challenge"] or asked["redirect_uri"] != form.get("redirect_uri"):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": asked["client_id"], "sub": "ada-1", "nonce": asked["nonce"], "iat": now,
            "exp": now + 300, "email": self.email, "email_verified": True, "name": "Ada", **self.claims,
        }  # fmt: skip
        header = {"alg": "RS256", "kid": "one"}
        return JSONResponse({"id_token": jwt.encode(header, claims, self.signing), "access_token": "x"})


@asynccontextmanager
async def strict_provider() -> AsyncIterator[StrictProvider]:
    """Runs in this process for the length of the block."""
    port = _free_port()
    provider = StrictProvider(f"http://127.0.0.1:{port}")
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.discovery),
            Route("/keys", provider.keys),
            Route("/token", provider.token, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn offers no event)
        await asyncio.sleep(0.01)
    yield provider
    server.should_exit = True
    await serving


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            httpx2.get(address)
        except httpx2.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
