"""The REST edge of imports: a CSV file as the body."""

from typing import Literal

from fastapi import APIRouter, Request

from gridlane.accounts.importing import bring_in
from gridlane.accounts.sheets import SheetUnreadable
from gridlane.kernel.edge import Json, TheBus, TheCaller, TheDatabase, TheSettings

router = APIRouter(tags=["imports"])

MOST_BYTES = 20_000_000
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "description": "CSV with a heading"}}},
    }
}


@router.post("/imports/{kind}", openapi_extra=_BODY)
async def import_file(
    request: Request,
    caller: TheCaller,
    database: TheDatabase,
    settings: TheSettings,
    bus: TheBus,
    kind: Literal["people", "tokens", "sites"],
    dry_run: bool = True,
    skip_bad: bool = False,
) -> Json:
    """Bring in a file of people, tokens, or sites with stations. Looked at only, unless ``dry_run`` is false; nothing is
    written while a line is bad, unless ``skip_bad``. The same file twice changes nothing.
    """
    if int(request.headers.get("content-length") or 0) > MOST_BYTES:
        raise SheetUnreadable(reason=f"it may have at most {MOST_BYTES // 1_000_000} MB; send it in parts")
    content = await request.body()
    report = await bring_in(database, settings, caller, kind, content, dry_run=dry_run, skip_bad=skip_bad)
    if report.written and kind == "sites":
        bus.publish("directory")
    return Json(report._asdict())
