"""The guests' pages: ``/q/<number of the plug>`` is what the code on the plug says, ``/pay/<secret>`` is one charge.

Nothing here needs a script: forms post, the server answers with the page to look at next, and a page that waits
reloads itself. What is under way is kept by ``billing.checkout``, so a reload, a dead phone or a crash loses nothing.
"""

import contextlib
import io
from collections.abc import Callable, Coroutine
from importlib import resources
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import jinja2
from fastapi import APIRouter, Cookie, Form, Request, Response
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse, RedirectResponse

from gridlane.billing.api import the_parts
from gridlane.billing.checkout import CheckoutOver, CheckoutUnknown, Shown, Step
from gridlane.kernel.edge import TheDatabase, TheSettings
from gridlane.kernel.errors import Refusal
from gridlane.kernel.settings import Settings
from gridlane.web.places import PlugUnknown, plug_named
from gridlane.web.problems import STATUS
from gridlane.web.public.showing import charge_shown, plug_shown
from gridlane.web.public.wording import WORDS, Words, language_of
from gridlane.web.screens import SECURITY_HEADERS


class _Page(APIRoute):
    """A refusal becomes a page that a guest can read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await answer(request)
            except Refusal as refusal:
                return _refused(request, refusal)

        return page


router = APIRouter(include_in_schema=False, route_class=_Page)

KEPT_FOR = 2 * 24 * 3600  # seconds the browser remembers the guest's charge
_COOKIE = "gridlane_checkout"
_STRIPE_PAGES = "https://checkout.stripe.com"
_REFRESH = {Step.HOLDING: 5, Step.HELD: 2, Step.STARTING: 2, Step.CHARGING: 5}
"""Seconds after which a page that waits looks again."""

_templates = jinja2.Environment(
    loader=jinja2.FunctionLoader(
        lambda name: (resources.files(__package__) / "templates" / name).read_text(encoding="utf-8")
    ),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

Kept = Annotated[str | None, Cookie(alias=_COOKIE)]


@router.get("/q/{public_id}")
async def plug_page(
    request: Request,
    database: TheDatabase,
    settings: TheSettings,
    public_id: str,
    kept: Kept = None,
    lang: str | None = None,
) -> Response:
    """The page of a plug: what it is, what it costs, how to pay."""
    words = _words(request, lang)
    shown = await plug_shown(database, public_id, words)
    can_pay = the_parts(request).cards is not None or shown.gift is not None
    return _page(
        settings,
        "plug.html",
        words,
        it=shown,
        can_pay=can_pay,
        title=f"{words.plug} {shown.plug.public_id}",
        kept=await _still_running(request, kept),
    )


@router.get("/q/{public_id}/code.svg")
async def plug_code(database: TheDatabase, settings: TheSettings, public_id: str) -> Response:
    """The code for the plug's sticker, leading to its page. Raises PlugUnknown."""
    import segno

    _, plug = await plug_named(database, public_id)
    drawn = io.BytesIO()
    address = f"{settings.address()}/q/{quote(plug.public_id, safe='*')}"
    segno.make(address, error="q", micro=False).save(
        drawn, kind="svg", scale=8, border=4, title=plug.public_id
    )
    return Response(drawn.getvalue(), media_type="image/svg+xml", headers=SECURITY_HEADERS)


@router.post("/q/{public_id}")
async def begin(
    request: Request, database: TheDatabase, settings: TheSettings, public_id: str, lang: str | None = None
) -> Response:
    """A guest wants to charge: their checkout begins, and its price is kept."""
    words = _words(request, lang)
    shown = await plug_shown(database, public_id, words)
    secret, _ = await the_parts(request).checkout.open(shown.plug.station_id, shown.plug.evse, words.language)
    answer = RedirectResponse(f"/pay/{secret}", status_code=303)
    answer.set_cookie(
        _COOKIE,
        secret,
        max_age=KEPT_FOR,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.address().startswith("https:"),
    )
    return answer


@router.get("/pay/back")
async def back_from_payment(request: Request, settings: TheSettings, kept: Kept = None) -> Response:
    """Where the payment provider's page leads back to."""
    if kept is None:
        raise CheckoutUnknown
    return RedirectResponse(f"/pay/{quote(kept, safe='')}", status_code=303)


@router.get("/pay/{secret}")
async def charge_page(
    request: Request, database: TheDatabase, settings: TheSettings, secret: str
) -> Response:
    """Where a guest's charge stands; looking carries it on."""
    shown = await the_parts(request).checkout.look(secret)
    words = WORDS[shown.agreement.language]
    return _page(
        settings,
        "charge.html",
        words,
        it=shown,
        secret=secret,
        charge=await charge_shown(database, shown, words),
        title=words.steps[shown.step],
        refresh=_REFRESH.get(shown.step),
        payment_page=_address(shown.next_step),
        trouble=words.troubles.get(shown.trouble or "", shown.trouble),
    )


@router.post("/pay/{secret}/hold")
async def hold(
    request: Request, settings: TheSettings, secret: str, email: Annotated[str, Form(max_length=254)] = ""
) -> Response:
    """Hold the money: on to the payment provider's page, or straight to the start where nothing is to pay."""
    return_url = f"{settings.address()}/pay/back"
    shown = await the_parts(request).checkout.hold(secret, email.strip() or None, return_url)
    return RedirectResponse(_address(shown.next_step) or f"/pay/{secret}", status_code=303)


@router.post("/pay/{secret}/cancel")
async def cancel(request: Request, secret: str) -> Response:
    """The guest changes their mind before the start."""
    return await _done(request, secret, "cancel")


@router.post("/pay/{secret}/stop")
async def stop(request: Request, secret: str) -> Response:
    """The guest ends the charge."""
    return await _done(request, secret, "stop")


# --- below the story ---------------------------------------------------------------------------------------------


async def _done(request: Request, secret: str, verb: str) -> Response:
    """Do it, and show the page; where it was over already the page says so by itself."""
    checkout = the_parts(request).checkout
    with contextlib.suppress(CheckoutOver):
        await (checkout.cancel(secret) if verb == "cancel" else checkout.stop(secret))
    return RedirectResponse(f"/pay/{secret}", status_code=303)


def _refused(request: Request, refusal: Refusal) -> Response:
    words = _words(request, None)
    title, sentence = words.cannot_now, words.cannot_now_why
    if isinstance(refusal, CheckoutUnknown):
        title, sentence = words.lost, words.lost_why
    elif isinstance(refusal, PlugUnknown):
        title, sentence = words.wrong_code, ""
    settings: Settings = request.app.state.settings
    status = STATUS[refusal.kind]
    return _page(settings, "message.html", words, status=status, title=title, sentence=sentence)


async def _still_running(request: Request, kept: str | None) -> str | None:
    """The secret of this browser's charge, where it is not over."""
    if kept is None:
        return None
    try:
        shown: Shown = await the_parts(request).checkout.look(kept)
    except Refusal:
        return None
    return kept if shown.step in _REFRESH else None


def _words(request: Request, asked: str | None) -> Words:
    return WORDS[language_of(asked, request.headers.get("accept-language"))]


def _address(next_step: str | None) -> str | None:
    """The provider's page; None where its next step is the key of a form."""
    return next_step if next_step and next_step.startswith(("https://", "http://")) else None


def _page(settings: Settings, template: str, words: Words, *, status: int = 200, **shown: object) -> Response:
    content = _templates.get_template(template).render({"words": words, "refresh": None, **shown})
    return HTMLResponse(content, status, _headers(settings))


def _headers(settings: Settings) -> dict[str, str]:
    """No script at all; forms may lead to ourselves and to the payment provider's page. No address is passed on."""
    provider = settings.stripe_url or _STRIPE_PAGES
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(provider))
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {origin}"
    )
    kept_secret = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    return {**SECURITY_HEADERS, "Content-Security-Policy": policy, **kept_secret}
