"""The streets of the maps: the operator's own archive, served from our origin so that no foreign host is asked."""

from fastapi import APIRouter, Response
from starlette.responses import FileResponse, JSONResponse

from gridlane.kernel.edge import TheSettings
from gridlane.web.problems import problem

router = APIRouter(include_in_schema=False)

TILES = "/map/tiles.pmtiles"


@router.get("/map/about.json")
async def about(settings: TheSettings) -> Response:
    """Where the streets are, or null: ``{"streets": "/map/tiles.pmtiles"}``."""
    has = settings.map_file is not None and settings.map_file.is_file()
    return JSONResponse({"streets": TILES if has else None}, headers={"Cache-Control": "no-cache"})


@router.get(TILES)
async def tiles(settings: TheSettings) -> Response:
    """The archive; readers ask for ranges of it."""
    if settings.map_file is None or not settings.map_file.is_file():
        return problem(404, "map_missing", "No map archive is set; see the setting GRIDLANE_MAP_FILE.")
    return FileResponse(
        settings.map_file, media_type="application/octet-stream", headers={"Cache-Control": "max-age=86400"}
    )
