"""Who comes and goes at a 2.x station: cars, cards, who may charge and who may stop (blocks C and E)."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from gridlane.kernel.quantities import Watts
from gridlane.simulator.station import Evse
from gridlane.simulator.v2x.transactions import Transactions2x


class Authorization2x(Transactions2x):
    def plugged(self, one: Evse, now: datetime) -> None:
        self.show(one, now)
        if one.transaction is not None:
            self._update(one, "CablePluggedIn", now, charging_state="EVConnected")
            self._power_path(one, now)
        elif one.token is not None or self.starts_at("EVConnected"):
            self._begin(one, "CablePluggedIn", now)

    def park(self, evse: int, now: datetime) -> None:
        """The detector of the bay sees a vehicle."""
        if self.starts_at("ParkingBayOccupancy") and self.evses[evse].transaction is None:
            self._begin(self.evses[evse], "EVDetected", now)

    def leave(self, evse: int, now: datetime) -> None:
        """The bay is empty again."""
        transaction = self.evses[evse].transaction
        if self.stops_at("ParkingBayOccupancy") and transaction is not None:
            self._finish(self.evses[evse], "EVDeparted", transaction.stop_reason or "Local", now)

    def unplugged(self, one: Evse, now: datetime) -> None:
        transaction = one.transaction
        if transaction is None:
            return
        if self.stops_at("ParkingBayOccupancy"):
            self._update(one, "EVCommunicationLost", now, charging_state="Idle")
        elif self.stops_at("EVConnected") or self._is("TxCtrlr", "StopTxOnEVSideDisconnect"):
            reason = transaction.stop_reason or "EVDisconnected"
            self._finish(
                one, "EVCommunicationLost" if transaction.stop_reason is None else "EVDeparted", reason, now
            )
        else:
            one.power = Watts(0.0)
            self._update(one, "EVCommunicationLost", now, charging_state="Idle")

    def tapped(self, one: Evse, token: str, kind: str, now: datetime) -> None:
        if one.transaction is not None and one.transaction.token is not None:
            self._tap_to_stop(one, token, kind, now)
            return
        self._authorize(token, kind, now, lambda info, at: self._authorized(one, token, kind, info, at))

    def _authorize(self, token: str, kind: str, now: datetime, then: Any) -> None:
        known = self.local_list.get(token) or self.cache.get(token)
        if not self._may_send():
            allowed = self._is("AuthCtrlr", "LocalAuthorizeOffline")
            then(known if known and allowed else {"status": "Invalid"}, now)
            return
        if known and known["status"] == "Accepted" and self._is("AuthCtrlr", "LocalPreAuthorize"):
            then(known, now)
            return

        def answered(response: Any, at: datetime) -> None:
            if response is None:
                then({"status": "Invalid"}, at)
                return
            info = msgspec.to_builtins(response.id_token_info)
            if self._is("AuthCacheCtrlr", "Enabled"):
                self.cache[token] = info
            then(info, at)

        self.call("Authorize", {"idToken": {"idToken": token, "type": kind}}, now, answered)

    def _authorized(self, one: Evse, token: str, kind: str, info: dict[str, Any], now: datetime) -> None:
        if info["status"] != "Accepted":
            return
        group = (info.get("groupIdToken") or {}).get("idToken")
        if self.is_kept(one) and not self._is_master(group) and not self.reservation_for(one, token, group):
            return
        one.token, one.group = token, group
        if self._is_master(one.group):
            one.token = None
            self.stop_all(token, kind, now)
            return
        if one.transaction is not None:
            one.transaction.token, one.transaction.group = token, one.group
            one.transaction.reservation_id = self.use_reservation(one, token, group, now)
            self._update(one, "Authorized", now, token=(token, kind))
            one.token = None
            self._power_path(one, now)
        elif one.vehicle is not None or self.starts_at("Authorized"):
            self._begin(one, "Authorized", now, kind=kind)
        if one.vehicle is None:
            one.token_until = now + timedelta(seconds=int(self.model.value("TxCtrlr", "EVConnectionTimeOut")))

    def _tap_to_stop(self, one: Evse, token: str, kind: str, now: datetime) -> None:
        transaction = one.transaction
        assert transaction is not None
        if token == transaction.token:
            self._stop_authorized(one, "StopAuthorized", "Local", now, (token, kind))
            return

        def decided(info: dict[str, Any], at: datetime) -> None:
            group = (info.get("groupIdToken") or {}).get("idToken")
            if info["status"] != "Accepted":
                return
            if self._is_master(group):
                self.stop_all(token, kind, at)
            elif group is not None and group == transaction.group and one.transaction is transaction:
                self._stop_authorized(one, "StopAuthorized", "Local", at, (token, kind))

        self._authorize(token, kind, now, decided)

    def stop_all(self, token: str, kind: str, now: datetime) -> None:
        """Master pass (C16): end everything."""
        for one in self.evses.values():
            if one.transaction is not None:
                self._stop_authorized(one, "StopAuthorized", "MasterPass", now, (token, kind))

    def token_expired(self, one: Evse, now: datetime) -> None:
        one.token = one.token_until = one.remote_start_id = None
        if one.transaction is not None and one.vehicle is None:
            self._finish(one, "EVConnectTimeout", "Timeout", now)
        self.show(one, now)
