"""The API role: every package's routers in one application, served by uvicorn."""

from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI

from gridlane.accounts import api as tokens
from gridlane.accounts import (
    belonging_api,
    entering_api,
    fleets_api,
    importing_api,
    organization_api,
    people_api,
    privacy_api,
    push_api,
    security_api,
    single_sign_on_api,
)
from gridlane.accounts.recognising import recognise
from gridlane.app.personal import SHARES
from gridlane.billing import api as money
from gridlane.billing import contracts_api, fleet_accounts_api, offers_api
from gridlane.billing import driver_api as paying
from gridlane.campaigns import api as campaigns
from gridlane.charging import api as sessions
from gridlane.energy import api as power
from gridlane.energy import driver_api as wishing
from gridlane.insight import api as insight
from gridlane.insight import reports_api
from gridlane.kernel import bus as buses
from gridlane.kernel.database import Database
from gridlane.kernel.jobs import Jobs
from gridlane.kernel.settings import Settings
from gridlane.maintenance import alerts_api
from gridlane.maintenance import api as faults
from gridlane.planning import api as planning
from gridlane.stations import api as stations
from gridlane.stations import blocks_api
from gridlane.support import api as support
from gridlane.support import driver_api as helped
from gridlane.tariffs import api as prices
from gridlane.waiting import api as waiting
from gridlane.waiting import best_api as recommending
from gridlane.waiting import favourites_api
from gridlane.web import application


def routers() -> list[APIRouter]:
    """Every package's REST edge."""
    return [
        entering_api.router,
        people_api.router,
        belonging_api.router,
        security_api.router,
        privacy_api.router,
        push_api.router,
        single_sign_on_api.router,
        organization_api.router,
        tokens.router,
        fleets_api.router,
        importing_api.router,
        stations.router,
        blocks_api.router,
        sessions.router,
        waiting.router,
        recommending.router,
        favourites_api.router,
        prices.router,
        money.router,
        paying.router,
        support.router,
        helped.router,
        contracts_api.router,
        fleet_accounts_api.router,
        offers_api.router,
        faults.router,
        alerts_api.router,
        power.router,
        wishing.router,
        planning.router,
        campaigns.router,
        insight.router,
        reports_api.router,
    ]


async def make(settings: Settings, bus: buses.Bus) -> FastAPI:
    assert settings.database_url is not None
    database = Database(settings.database_url, settings.database_app_url)
    return application.make(
        settings=settings,
        database=database,
        bus=bus,
        jobs=Jobs(settings.database_url),
        recognise=recognise,
        routers=routers(),
        shares=SHARES,
    )


def description() -> dict[str, Any]:
    """The OpenAPI description, without a database at hand."""
    nowhere = "postgresql://nobody@localhost/nowhere"  # engines connect only when used
    app = application.make(
        settings=Settings(),
        database=Database(nowhere),
        bus=buses.LocalBus(),
        jobs=Jobs(nowhere),
        recognise=recognise,
        routers=routers(),
    )
    return app.openapi()


def run(settings: Settings) -> None:
    import uvloop

    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    app = await make(settings, await buses.connect(settings.nats_url))
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    await uvicorn.Server(config).serve()
