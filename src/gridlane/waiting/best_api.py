"""The REST edge of recommendations, answered from memory; and where cars tell that they are on their way."""

import asyncio
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheBus, TheCaller
from gridlane.kernel.ids import new_id
from gridlane.waiting.api import TheNeeds, fresh
from gridlane.waiting.board import SUBJECT, Board, Journey, Wish, plan_of

router = APIRouter(tags=["waiting"])

READ_AGAIN = timedelta(seconds=30)
"""The tables are read again so often; in between the live messages keep the plugs as they are."""


class JourneyInput(BaseModel):
    """Where one is going, and when one will be there."""

    site_id: UUID
    arriving_in: Annotated[float, Field(ge=0, le=240, description="minutes")]


async def _board(request: Request) -> Board:
    """The board of this process. The first request waits for it; later ones never do."""
    state = request.app.state
    if not hasattr(state, "board"):
        state.board = Board(system_clock)
        state.board_read_at = None
        state.board_reading = asyncio.Lock()
        await state.board.follow(state.bus)
    now = system_clock()
    if state.board.plan is None:
        async with state.board_reading:
            if state.board.plan is None:
                await _read(request)
    elif now - state.board_read_at >= READ_AGAIN:
        state.board_read_at = now
        state.board_task = asyncio.create_task(_read(request), name="board")
    board: Board = state.board
    return board


async def _read(request: Request) -> None:
    state = request.app.state
    outlook = await fresh(request)
    prices = await state.energy_prices()
    state.board.put(await asyncio.to_thread(plan_of, outlook, prices, system_clock()))
    state.board_read_at = system_clock()


TheBoard = Annotated[Board, Depends(_board)]


@router.get("/driver/best")
async def best_places(
    board: TheBoard,
    needs: TheNeeds,
    latitude: Annotated[float, Query(ge=-90, le=90)],
    longitude: Annotated[float, Query(ge=-180, le=180)],
    energy: Annotated[float, Query(gt=0, le=500_000, description="Wh to charge")] = 20_000.0,
    vehicle_power: Annotated[float, Query(gt=0, description="W")] = 150_000.0,
) -> Json:
    """The best places for a driver here and now: travel, wait, charging time and price in minutes, best first."""
    return Json({"items": board.best(Wish(latitude, longitude, needs, energy, vehicle_power))})


@router.post("/driver/journeys", status_code=201)
async def begin_journey(bus: TheBus, caller: TheCaller, journey: JourneyInput) -> Json:
    """Tell that one is on the way, so that others are sent elsewhere where the plugs would not do for all."""
    arrives_at = system_clock() + timedelta(minutes=journey.arriving_in)
    told = Journey(new_id(), journey.site_id, arrives_at.timestamp())
    bus.publish(SUBJECT, msgspec.json.encode(told))
    return Json({"id": told.id, "site_id": told.site_id, "arrives_at": arrives_at}, status_code=201)


@router.delete("/driver/journeys/{journey_id}", status_code=204)
async def give_up_journey(bus: TheBus, caller: TheCaller, journey_id: UUID, site_id: UUID) -> None:
    """Tell that one goes elsewhere."""
    bus.publish(SUBJECT, msgspec.json.encode(Journey(journey_id, site_id, 0.0, given_up=True)))
