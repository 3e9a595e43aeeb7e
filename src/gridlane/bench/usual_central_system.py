"""The peer of the gateway benchmark, a process of its own: a central system as it is usually written in Python, with the
``ocpp`` package on ``websockets``. It validates by the official schemas and answers; it stores nothing.
"""

# mypy: disable-error-code="untyped-decorator,misc"
# (the package has no types)

import asyncio
import sys
from datetime import UTC, datetime
from itertools import count
from typing import Any

_transactions = count(1)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _v16() -> type:
    from ocpp.routing import on
    from ocpp.v16 import ChargePoint, call_result
    from ocpp.v16.datatypes import IdTagInfo
    from ocpp.v16.enums import AuthorizationStatus, RegistrationStatus

    accepted = IdTagInfo(status=AuthorizationStatus.accepted)

    class Central(ChargePoint):
        @on("BootNotification")
        def boot(self, **_: Any) -> Any:
            return call_result.BootNotification(_now(), 300, RegistrationStatus.accepted)

        @on("StatusNotification")
        def status(self, **_: Any) -> Any:
            return call_result.StatusNotification()

        @on("Authorize")
        def authorize(self, **_: Any) -> Any:
            return call_result.Authorize(accepted)

        @on("StartTransaction")
        def start_transaction(self, **_: Any) -> Any:
            return call_result.StartTransaction(next(_transactions), accepted)

        @on("MeterValues")
        def meter_values(self, **_: Any) -> Any:
            return call_result.MeterValues()

        @on("StopTransaction")
        def stop_transaction(self, **_: Any) -> Any:
            return call_result.StopTransaction()

    return Central


def _v201() -> type:
    from ocpp.routing import on
    from ocpp.v201 import ChargePoint, call_result
    from ocpp.v201.datatypes import IdTokenInfoType
    from ocpp.v201.enums import AuthorizationStatusEnumType, RegistrationStatusEnumType

    accepted = IdTokenInfoType(status=AuthorizationStatusEnumType.accepted)

    class Central(ChargePoint):
        @on("BootNotification")
        def boot(self, **_: Any) -> Any:
            return call_result.BootNotification(_now(), 300, RegistrationStatusEnumType.accepted)

        @on("StatusNotification")
        def status(self, **_: Any) -> Any:
            return call_result.StatusNotification()

        @on("Authorize")
        def authorize(self, **_: Any) -> Any:
            return call_result.Authorize(accepted)

        @on("TransactionEvent")
        def transaction_event(self, **_: Any) -> Any:
            return call_result.TransactionEvent(id_token_info=accepted)

    return Central


async def _serve(version: str, port: int) -> None:
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.exceptions import ConnectionClosed
    from websockets.typing import Subprotocol

    central = _v16() if version == "ocpp1.6" else _v201()

    async def station(connection: ServerConnection) -> None:
        assert connection.request is not None
        try:
            await central(connection.request.path.rpartition("/")[2], connection).start()
        except ConnectionClosed:
            return

    async with serve(station, "127.0.0.1", port, subprotocols=[Subprotocol(version)], compression=None):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
