"""What every ``api.py`` asks of the edge that mounts it: who calls, the database, and how to answer.

The edge itself (``web``) stands above all packages and sets these on the application; here are only the words.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query, Request, Response

from gridlane.kernel.access import Caller
from gridlane.kernel.bus import Bus
from gridlane.kernel.database import Database
from gridlane.kernel.jobs import Jobs
from gridlane.kernel.paging import MAX_LIMIT, Paging
from gridlane.kernel.personal import Share
from gridlane.kernel.settings import Settings


async def _caller(request: Request) -> Caller:
    caller: Caller = await request.app.state.recognise(request)
    return caller


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _bus(request: Request) -> Bus:
    bus: Bus = request.app.state.bus
    return bus


def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs


def _shares(request: Request) -> Sequence[Share]:
    shares: Sequence[Share] = request.app.state.shares
    return shares


def _paging(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50, cursor: Annotated[str | None, Query()] = None
) -> Paging:
    return Paging(limit, cursor)


TheCaller = Annotated[Caller, Depends(_caller)]
TheDatabase = Annotated[Database, Depends(_database)]
TheSettings = Annotated[Settings, Depends(_settings)]
TheBus = Annotated[Bus, Depends(_bus)]
TheJobs = Annotated[Jobs, Depends(_jobs)]
TheShares = Annotated[Sequence[Share], Depends(_shares)]
ThePaging = Annotated[Paging, Depends(_paging)]


class Json(Response):
    """An answer encoded by msgspec: dates, ids, decimals and Structs as they are."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)
