"""The built screens, served from our own origin with a strict content security policy."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse, RedirectResponse

from gridlane.web.problems import problem

router = APIRouter(include_in_schema=False)

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def built() -> Path | None:
    """Where the built screens lie: inside the released wheel, or in the checkout's ``ui/dist``."""
    package = Path(__file__).parent.parent
    for folder in (package / "screens", package.parent.parent / "ui" / "dist"):
        if (folder / "console").exists():
            return folder
    return None


@router.get("/")
async def start() -> Response:
    return RedirectResponse("/console/")


@router.get("/console/{path:path}")
async def console(request: Request, path: str) -> Response:
    return _file("console", path)


@router.get("/app/{path:path}")
async def driver(request: Request, path: str) -> Response:
    return _file("driver", path)


def _file(app: str, path: str) -> Response:
    folder = built()
    if folder is None:
        return problem(
            503, "screens_not_built", "The screens are not built: run `make run` or tools/build_ui.py."
        )
    root = (folder / app).resolve()
    wanted = (root / path).resolve()
    if not wanted.is_relative_to(root):
        return problem(404, "not_found", "There is no such page.")
    if not wanted.is_file():
        if Path(path).suffix:
            return problem(404, "not_found", "There is no such file.")
        wanted = root / "index.html"  # the app's own router knows the page
    forever = "/assets/" in f"/{path}"
    caching = "public, max-age=31536000, immutable" if forever else "no-cache"
    return FileResponse(wanted, headers={**SECURITY_HEADERS, "Cache-Control": caching})
