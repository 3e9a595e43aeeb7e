"""What a station holds for others: the cache, the local list, reservations (blocks C11, D, H)."""

from datetime import datetime
from typing import Any

from gridlane.simulator.station import Evse
from gridlane.simulator.v2x.asked import Asked2x


class Holdings2x(Asked2x):
    def on_clear_cache(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.model.value("AuthCacheCtrlr", "Enabled") != "true":
            return {"status": "Rejected"}
        self.cache.clear()
        return {"status": "Accepted"}

    def on_get_local_list_version(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"versionNumber": self.local_list_version}

    def on_send_local_list(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.model.value("LocalAuthListCtrlr", "Enabled") != "true":
            return {"status": "Failed"}
        entries = payload.get("localAuthorizationList", [])
        if payload["updateType"] == "Full":
            self.local_list = {}
        elif payload["versionNumber"] <= self.local_list_version:
            return {"status": "VersionMismatch"}
        for entry in entries:
            number = entry["idToken"]["idToken"]
            if "idTokenInfo" in entry:
                self.local_list[number] = entry["idTokenInfo"]
            else:
                self.local_list.pop(number, None)
        self.local_list_version = payload["versionNumber"]
        return {"status": "Accepted"}

    # --- reservations: of one EVSE, or of any -----------------------------------------------------------------------

    def on_reserve_now(self, payload: dict[str, Any], now: datetime) -> Any:
        if self.model.value("ReservationCtrlr", "Enabled") != "true":
            return {"status": "Rejected"}
        number, kind = payload.get("evseId"), payload.get("connectorType")
        if kind is not None and kind != self.spec.connector_type:
            return {"status": "Rejected"}
        if number is None:
            return self._reserve_any(payload, now)
        one = self.evses.get(number)
        if one is None:
            return {"status": "Rejected"}
        if one.is_free and (one.reservation is None or one.reservation["id"] == payload["id"]):
            one.reservation = payload
            self._watch(payload, now)
            return {"status": "Accepted"}, lambda at: self.show(one, at)
        return {"status": _why_not([one])}

    def _reserve_any(self, payload: dict[str, Any], now: datetime) -> Any:
        """One EVSE more is kept free; which one is open until all that are free are spoken for."""
        others = {key: one for key, one in self.kept_anywhere.items() if key != payload["id"]}
        if len(self._free()) <= len(others):
            return {"status": _why_not(list(self.evses.values()))}
        self.kept_anywhere = others | {payload["id"]: payload}
        self._watch(payload, now)
        return {"status": "Accepted"}, self._show_all

    def _watch(self, payload: dict[str, Any], now: datetime) -> None:
        def expire(at: datetime) -> None:
            if self._reservation(payload["id"]) is payload:
                self._lose_reservation(payload["id"], "Expired", at)

        self.at(datetime.fromisoformat(payload["expiryDateTime"]), expire)

    def _reservation(self, identity: int) -> dict[str, Any] | None:
        own = [one.reservation for one in self.evses.values() if one.reservation is not None]
        return next((one for one in (*own, *self.kept_anywhere.values()) if one["id"] == identity), None)

    def _forget(self, identity: int) -> None:
        self.kept_anywhere.pop(identity, None)
        for one in self.evses.values():
            if one.reservation is not None and one.reservation["id"] == identity:
                one.reservation = None

    def _lose_reservation(self, identity: int, status: str, now: datetime) -> None:
        self._forget(identity)
        self.call(
            "ReservationStatusUpdate", {"reservationId": identity, "reservationUpdateStatus": status}, now
        )
        self._show_all(now)

    def break_connector(self, evse: int, error: str | None, now: datetime) -> None:
        one = self.evses[evse]
        super().break_connector(evse, error, now)
        if error is not None and one.reservation is not None:
            self._lose_reservation(one.reservation["id"], "Removed", now)
        while error is not None and len(self.kept_anywhere) > len(self._free()):
            self._lose_reservation(list(self.kept_anywhere)[-1], "Removed", now)

    def on_cancel_reservation(self, payload: dict[str, Any], now: datetime) -> Any:
        if self._reservation(payload["reservationId"]) is None:
            return {"status": "Rejected"}
        self._forget(payload["reservationId"])
        return {"status": "Accepted"}, self._show_all

    def _free(self) -> list[Evse]:
        return [one for one in self.evses.values() if one.is_free and one.reservation is None]

    def is_kept(self, one: Evse) -> bool:
        """Whether an EVSE is kept for somebody: itself, or as one of the last that are free."""
        if one.reservation is not None:
            return True
        free = self._free()
        return bool(self.kept_anywhere) and one in free and len(free) <= len(self.kept_anywhere)

    def reservation_for(self, one: Evse, token: str, group: str | None = None) -> dict[str, Any] | None:
        """The reservation that lets this token in at an EVSE, by its number or by its group."""
        candidates = [one.reservation] if one.reservation is not None else list(self.kept_anywhere.values())
        known = self.local_list.get(token) or self.cache.get(token) or {}
        group = group or (known.get("groupIdToken") or {}).get("idToken")
        return next((each for each in candidates if _is_for(each, token, group)), None)

    def use_reservation(self, one: Evse, token: str, group: str | None, now: datetime) -> int | None:
        """Its number, and it is over: other EVSEs may be free again."""
        found = self.reservation_for(one, token, group)
        if found is None:
            return None
        self._forget(found["id"])
        for other in self.evses.values():
            if other is not one:
                self.show(other, now)
        return int(found["id"])

    def _show_all(self, now: datetime) -> None:
        for one in self.evses.values():
            self.show(one, now)


def _is_for(reservation: dict[str, Any], token: str, group: str | None) -> bool:
    reserved_group = (reservation.get("groupIdToken") or {}).get("idToken")
    return token == reservation["idToken"]["idToken"] or (group is not None and group == reserved_group)


def _why_not(evses: list[Evse]) -> str:
    if all(one.error is not None for one in evses):
        return "Faulted"
    return "Unavailable" if all(not one.operative for one in evses) else "Occupied"
