"""Periodic event streams (block N): the station opens them for its monitors, the central system sets their pace."""

from datetime import datetime
from typing import Any

from gridlane.simulator.station import StationSpec
from gridlane.simulator.station2x import Station2x


class EventStreams21(Station2x):
    def __init__(self, spec: StationSpec) -> None:
        super().__init__(spec)
        self.streams: dict[int, dict[str, Any]] = {}  # ConstantStreamDataType by id, those that were accepted

    def open_stream(self, id_: int, monitor: int, params: dict[str, int], now: datetime) -> None:
        told = {"id": id_, "variableMonitoringId": monitor, "params": params}

        def answered(response: Any, _at: datetime) -> None:
            if response is not None and response.status == "Accepted":
                self.streams[id_] = told

        self.call("OpenPeriodicEventStream", {"constantStreamData": told}, now, answered)

    def close_stream(self, id_: int, now: datetime) -> None:
        self.streams.pop(id_, None)
        self.call("ClosePeriodicEventStream", {"id": id_}, now)

    def on_adjust_periodic_event_stream(self, payload: dict[str, Any], now: datetime) -> Any:
        stream = self.streams.get(payload["id"])
        if stream is None:
            return {"status": "Rejected", "statusInfo": {"reasonCode": "NotFound"}}
        stream["params"] = stream["params"] | payload["params"]
        return {"status": "Accepted"}

    def on_get_periodic_event_stream(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"constantStreamData": list(self.streams.values())} if self.streams else {}
