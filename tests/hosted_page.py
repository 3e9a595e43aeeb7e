"""The page on which a payment provider takes a guest's card, as Stripe hosts it: `localstripe` has none.

A server in front of a real `localstripe`: it answers for visits (Checkout Sessions) and hands everything else through.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

import local_stripe
from gridlane.app.supervisor import free_port

FORM = """<!doctype html><html lang="en"><title>Pay</title><h1>Pay {amount}</h1>
<form method="post"><button>Pay</button></form>"""


class HostedPage:
    """Visits, kept in memory; the payment behind each is one of localstripe."""

    def __init__(self, stripe: str, address: str) -> None:
        self.stripe = stripe
        self.address = address
        self.visits: dict[str, dict[str, str]] = {}
        self.intents: dict[str, str] = {}
        visits = "/v1/checkout/sessions"
        self.app = Starlette(
            routes=[
                Route(visits, self.create, methods=["POST"]),
                Route(visits + "/{id}", self.show),
                Route(visits + "/{id}/expire", self.expire, methods=["POST"]),
                Route("/visit/{id}", self.form),
                Route("/visit/{id}", self.pay, methods=["POST"]),
                Route("/{path:path}", self.through, methods=["GET", "POST", "DELETE"]),
            ]
        )

    async def create(self, request: Request) -> Response:
        wish = dict(parse_qsl((await request.body()).decode()))
        id_ = f"cs_test_{uuid4().hex}"
        self.visits[id_] = wish | {"status": "open"}
        return JSONResponse(self._visit(id_))

    async def show(self, request: Request) -> Response:
        return JSONResponse(self._visit(request.path_params["id"]))

    async def expire(self, request: Request) -> Response:
        self.visits[request.path_params["id"]]["status"] = "expired"
        return await self.show(request)

    async def form(self, request: Request) -> Response:
        wish = self.visits[request.path_params["id"]]
        return HTMLResponse(FORM.format(amount=wish["line_items[0][price_data][unit_amount]"]))

    async def pay(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        wish = self.visits[id_]
        fields = {
            "amount": wish["line_items[0][price_data][unit_amount]"],
            "currency": wish["line_items[0][price_data][currency]"],
            "capture_method": wish["payment_intent_data[capture_method]"],
            "payment_method_types[]": "card",
            "metadata[gridlane_key]": wish["payment_intent_data[metadata][gridlane_key]"],
        }
        intent = await asyncio.to_thread(lambda: local_stripe.ask(self.stripe, "payment_intents", **fields))
        await asyncio.to_thread(local_stripe.confirm, self.stripe, intent["id"])
        self.intents[id_] = intent["id"]
        wish["status"] = "complete"
        return RedirectResponse(wish["success_url"], 303)

    async def through(self, request: Request) -> Response:
        kept = {
            name: request.headers[name]
            for name in ("authorization", "content-type")
            if name in request.headers
        }
        async with httpx2.AsyncClient(base_url=self.stripe, timeout=20) as client:
            answer = await client.request(
                request.method,
                str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
                content=await request.body(),
                headers=kept,
            )
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

    def _visit(self, id_: str) -> dict[str, object]:
        return {
            "id": id_,
            "object": "checkout.session",
            "status": self.visits[id_]["status"],
            "url": f"{self.address}/visit/{id_}",
            "payment_intent": self.intents.get(id_),
        }


@asynccontextmanager
async def hosted_page(stripe: str) -> AsyncIterator[str]:
    """Runs for the length of the block; gives its address, to be used as Stripe's."""
    port = free_port()
    page = HostedPage(stripe, f"http://127.0.0.1:{port}")
    config = uvicorn.Config(page.app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn offers no event)
        await asyncio.sleep(0.01)
    try:
        yield page.address
    finally:
        server.should_exit = True
        await serving
