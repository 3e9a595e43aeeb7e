"""What a 2.x station is asked about charging: to start, to stop, and how it stands (block F)."""

from datetime import datetime, timedelta
from typing import Any

from gridlane.simulator.profiles import Installed
from gridlane.simulator.station import Evse
from gridlane.simulator.v2x.authorization import Authorization2x


class RemoteControl2x(Authorization2x):
    def on_request_start_transaction(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = payload.get("evseId")
        able = [e for e in self.evses.values() if e.operative and e.error is None]
        able = [e for e in able if e.transaction is None or e.transaction.token is None]
        one = next((e for e in able if wanted in (None, e.number)), None)
        token, kind = payload["idToken"]["idToken"], payload["idToken"]["type"]
        if one is None or (self.is_kept(one) and not self.reservation_for(one, token)):
            return {"status": "Rejected"}
        profile = payload.get("chargingProfile")
        if profile is not None and (
            profile["chargingProfilePurpose"] != "TxProfile" or "transactionId" in profile
        ):
            return {"status": "Rejected"}
        one.remote_start_id = payload["remoteStartId"]
        if profile is not None:
            owner = one.transaction.id if one.transaction else f"remote:{one.remote_start_id}"
            self.profiles.install(Installed(one.number, profile, owner))
        answer = {"status": "Accepted"}
        if one.transaction is not None:
            answer["transactionId"] = one.transaction.id
            one.transaction.remote_start_id = one.remote_start_id

        def after(at: datetime) -> None:
            if self._is("AuthCtrlr", "AuthorizeRemoteStart") and kind not in ("NoAuthorization", "Central"):
                self._authorize(
                    token, kind, at, lambda info, then: self._remotely(one, token, kind, info, then)
                )
            else:
                self._remotely(one, token, kind, {"status": "Accepted"}, at)

        return answer, after

    def _remotely(self, one: Evse, token: str, kind: str, info: dict[str, Any], now: datetime) -> None:
        if info["status"] != "Accepted":
            return
        if one.transaction is not None:
            one.transaction.token = token
            transaction = one.transaction
            extra = {"remoteStartId": transaction.remote_start_id}
            self._remote_update(one, extra, (token, kind), now)
            self._power_path(one, now)
            return
        one.token = token
        if one.vehicle is not None or self.starts_at("Authorized"):
            self._begin(one, "RemoteStart", now, kind=kind)
        if one.vehicle is None:
            one.token_until = now + timedelta(seconds=int(self.model.value("TxCtrlr", "EVConnectionTimeOut")))

    def _remote_update(self, one: Evse, extra: dict[str, Any], token: tuple[str, str], now: datetime) -> None:
        transaction = one.transaction
        assert transaction is not None
        payload: dict[str, Any] = {
            "eventType": "Updated",
            "timestamp": self.told_time(now),
            "triggerReason": "RemoteStart",
            "seqNo": transaction.sequence,
            "transactionInfo": {"transactionId": transaction.id, **extra},
            "evse": {"id": one.number, "connectorId": 1},
            "idToken": {"idToken": token[0], "type": token[1]},
        }
        transaction.sequence += 1
        self.enqueue(
            lambda: ("TransactionEvent", payload),
            now,
            lambda response, at: self.event_answered(one, transaction, token, response, at),
        )

    def on_request_stop_transaction(self, payload: dict[str, Any], now: datetime) -> Any:
        one = self.running(payload["transactionId"])
        if one is None:
            return {"status": "Rejected"}
        return {"status": "Accepted"}, lambda at: self._stop_authorized(one, "RemoteStop", "Remote", at)

    def on_get_transaction_status(self, payload: dict[str, Any], now: datetime) -> Any:
        wanted = payload.get("transactionId")
        queued = any(wanted is None or wanted in repr(one.build()) for one in self.queue)
        if wanted is None:
            return {"messagesInQueue": queued}
        return {"messagesInQueue": queued, "ongoingIndicator": self.running(wanted) is not None}

    def running(self, transaction: str) -> Evse | None:
        return next(
            (e for e in self.evses.values() if e.transaction and e.transaction.id == transaction), None
        )
