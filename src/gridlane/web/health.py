"""Is the process alive, is it ready to serve, what does it measure. The only endpoints without a caller."""

from fastapi import APIRouter, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gridlane.kernel.telemetry import metrics_page
from gridlane.web.problems import problem

router = APIRouter(include_in_schema=False)


@router.get("/health/live")
async def live() -> Response:
    return Response('{"status":"alive"}', media_type="application/json")


@router.get("/health/ready")
async def ready(request: Request) -> Response:
    try:
        async with request.app.state.database.as_owner() as work:
            await work.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError):
        return problem(503, "database_away", "The database does not answer.")
    return Response('{"status":"ready"}', media_type="application/json")


@router.get("/metrics")
async def metrics() -> Response:
    return Response(metrics_page(), media_type="text/plain; version=0.0.4")
