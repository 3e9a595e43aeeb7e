"""Refusals as ``application/problem+json`` (RFC 9457): one table from kind to status, a stable code, a sentence."""

from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from gridlane.kernel.errors import InputInvalid, Kind, Refusal

log = structlog.get_logger(__name__)

STATUS: dict[Kind, int] = {
    Kind.INVALID: 422,
    Kind.NOT_SIGNED_IN: 401,
    Kind.NOT_ALLOWED: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_MANY: 429,
    Kind.UNAVAILABLE: 503,
    Kind.UNSUPPORTED: 501,
}

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


def register(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)


def problem(status: int, code: str, sentence: str, **more: Any) -> Response:
    """A problem document; ``code`` is stable and documented, ``detail`` is for people."""
    body = {"type": f"urn:gridlane:error:{code}", "title": sentence, "status": status, "code": code, **more}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Response(msgspec.json.encode(body, enc_hook=str), status, headers, "application/problem+json")


async def _refused(_request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return problem(STATUS[refusal.kind], refusal.code, str(refusal), details=refusal.details)


async def _invalid(_request: Request, error: Exception) -> Response:
    """Every wrong field with its path and what is wrong; the input itself is not echoed."""
    assert isinstance(error, RequestValidationError)
    problems = {
        ".".join(str(part) for part in one["loc"][1:]) or "body": one["msg"] for one in error.errors()
    }
    sentence = "; ".join(f"{field}: {message}" for field, message in problems.items())
    return problem(422, InputInvalid.code, f"The input is not valid: {sentence}.", problems=problems)


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, _CODES.get(error.status_code, "http_error"), str(error.detail))


async def _failed(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, exc_info=error)
    return problem(
        500, "internal", "Something went wrong on our side; nothing was changed. Please try again."
    )
