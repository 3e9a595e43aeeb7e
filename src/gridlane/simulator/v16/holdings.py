"""What a station holds for others: the local list and reservations."""

from datetime import datetime
from typing import Any

from gridlane.simulator.station import Evse
from gridlane.simulator.v16.configuration import Configured16


class Holdings16(Configured16):
    def on_get_local_list_version(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.configuration["LocalAuthListEnabled"] != "true":
            return {"listVersion": -1}
        return {"listVersion": self.local_list_version}

    def on_send_local_list(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.configuration["LocalAuthListEnabled"] != "true":
            return {"status": "NotSupported"}
        entries = payload.get("localAuthorizationList", [])
        if payload["updateType"] == "Full":
            if any("idTagInfo" not in entry for entry in entries):
                return {"status": "Failed"}
            self.local_list = {entry["idTag"]: entry["idTagInfo"] for entry in entries}
        else:
            if payload["listVersion"] <= self.local_list_version:
                return {"status": "VersionMismatch"}
            for entry in entries:
                if "idTagInfo" in entry:
                    self.local_list[entry["idTag"]] = entry["idTagInfo"]
                else:
                    self.local_list.pop(entry["idTag"], None)
        self.local_list_version = payload["listVersion"]
        return {"status": "Accepted"}

    def on_reserve_now(self, payload: dict[str, Any], now: datetime) -> Any:
        connector = payload["connectorId"]
        one = (
            self.evses.get(connector)
            if connector
            else next((e for e in self.evses.values() if e.is_free), None)
        )
        if one is None:
            return {"status": "Rejected" if connector else "Occupied"}
        if one.error is not None:
            return {"status": "Faulted"}
        if not one.operative:
            return {"status": "Unavailable"}
        other = one.reservation is not None and one.reservation["reservationId"] != payload["reservationId"]
        if one.vehicle is not None or one.transaction is not None or other:
            return {"status": "Occupied"}
        one.reservation = payload
        expiry = (
            datetime.fromisoformat(payload["expiryDate"])
            if isinstance(payload["expiryDate"], str)
            else payload["expiryDate"]
        )

        def expire(at: datetime) -> None:
            if one.reservation is payload:
                one.reservation = None
                self.show(one, at)

        self.at(expiry, expire)
        return {"status": "Accepted"}, lambda at: self.show(one, at)

    def on_cancel_reservation(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = payload["reservationId"]
        one = next(
            (e for e in self.evses.values() if e.reservation and e.reservation["reservationId"] == wanted),
            None,
        )
        if one is None:
            return {"status": "Rejected"}
        one.reservation = None
        return {"status": "Accepted"}, lambda at: self.show(one, at)

    def _fits_reservation(self, one: Evse, token: str) -> bool:
        reservation = one.reservation or {}
        info = self.local_list.get(token) or self.cache.get(token) or {}
        parent = reservation.get("parentIdTag")
        return token == reservation.get("idTag") or (parent is not None and info.get("parentIdTag") == parent)
