"""The REST edge of push: the key to subscribe with, one's devices, and coming and going of one."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from gridlane.accounts import push
from gridlane.accounts.entering_api import agent_of
from gridlane.kernel.clock import system_clock
from gridlane.kernel.edge import Json, TheCaller, TheDatabase, TheSettings

router = APIRouter(prefix="/me/push", tags=["driving"])

Endpoint = Annotated[str, Field(min_length=8, max_length=2000)]
Key = Annotated[str, Field(min_length=8, max_length=200)]


class Keys(BaseModel):
    p256dh: Key
    auth: Key


class SubscriptionInput(BaseModel):
    """What the browser's PushSubscription says of itself."""

    endpoint: Endpoint
    keys: Keys


class EndpointInput(BaseModel):
    endpoint: Endpoint


@router.get("")
async def show_push(caller: TheCaller, database: TheDatabase, settings: TheSettings) -> Json:
    """The key that a browser subscribes with, and one's devices."""
    async with database.unit_of_work(caller.scope) as work:
        return Json(
            {"key": push.public_key(settings), "devices": await push.devices_of(work, caller.person())}
        )


@router.post("", status_code=201)
async def subscribe(
    request: Request, caller: TheCaller, database: TheDatabase, settings: TheSettings, wish: SubscriptionInput
) -> Json:
    """Let this device be told. The same device again keeps its place."""
    person_id = caller.person()
    subscription = push.Wish(wish.endpoint, wish.keys.p256dh, wish.keys.auth)
    async with database.as_owner() as work:  # a device may have been another person's until now
        id_ = await push.subscribe(work, settings, person_id, subscription, agent_of(request), system_clock())
    return Json({"id": id_}, status_code=201)


@router.post("/forget", status_code=204)
async def unsubscribe(caller: TheCaller, database: TheDatabase, wish: EndpointInput) -> None:
    """Tell this device no more."""
    async with database.unit_of_work(caller.scope) as work:
        await push.unsubscribe(work, caller.person(), wish.endpoint)
