"""Makes the web application: the parts it is given, the routers it mounts, nothing else."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request

from gridlane import __version__
from gridlane.kernel.access import Caller
from gridlane.kernel.bus import Bus
from gridlane.kernel.database import Database
from gridlane.kernel.jobs import Jobs
from gridlane.kernel.personal import Share
from gridlane.kernel.settings import Settings
from gridlane.planning.process import WarmPlanner
from gridlane.web import driving, health, live, maps, problems, screens
from gridlane.web.places import PublicPlaces
from gridlane.web.public import pages

Recognise = Callable[[Request], Awaitable[Caller]]


def make(
    *,
    settings: Settings,
    database: Database,
    bus: Bus,
    jobs: Jobs,
    recognise: Recognise,
    routers: Sequence[APIRouter],
    shares: Sequence[Share] = (),
) -> FastAPI:
    """The application. ``routers`` are the packages' own, all below ``/api/v1``; ``shares`` what they hold of people."""
    planner = WarmPlanner()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await jobs.open()
        yield
        await planner.close()
        await jobs.close()
        await database.close()
        await bus.close()

    app = FastAPI(
        title="Gridlane",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.database = database
    app.state.bus = bus
    app.state.jobs = jobs
    app.state.planner = planner
    app.state.shares = shares
    app.state.recognise = recognise
    app.state.public_places = PublicPlaces(database)
    app.state.energy_prices = app.state.public_places.energy_prices
    app.state.live = live.LiveState(database, bus)
    problems.register(app)
    app.include_router(health.router)
    for router in (*routers, driving.router, live.router):
        app.include_router(router, prefix="/api/v1")
    app.include_router(pages.router)
    app.include_router(maps.router)
    app.include_router(screens.router)
    return app
