"""What a station knows of customers and shows to drivers: messages and costs (blocks I, N09, N10, O, P)."""

from datetime import datetime
from typing import Any

from gridlane.simulator.v2x.asked import Asked2x


class People2x(Asked2x):
    def on_customer_information(self, payload: dict[str, Any], now: datetime) -> Any:
        token = (payload.get("idToken") or {}).get("idToken")
        key = payload.get("customerIdentifier") or token or str(payload.get("customerCertificate"))
        known = self.customers.get(key) or (f"cached: {token}" if token in self.cache else "")
        if payload["clear"]:
            self.customers.pop(key, None)
            self.cache.pop(token or "", None)
        if not payload["report"] and not payload["clear"]:
            return {"status": "Rejected"}

        def after(at: datetime) -> None:
            report = {
                "requestId": payload["requestId"],
                "seqNo": 0,
                "tbc": False,
                "generatedAt": self.told_time(at),
                "data": known if payload["report"] else "",
            }
            self.call("NotifyCustomerInformation", report, at)

        return {"status": "Accepted"}, after

    def on_set_display_message(self, payload: dict[str, Any], now: datetime) -> Any:
        message = payload["message"]
        if message["priority"] not in ("AlwaysFront", "InFront", "NormalCycle"):
            return {"status": "NotSupportedPriority"}
        if message["message"]["format"] not in ("ASCII", "UTF8"):
            return {"status": "NotSupportedMessageFormat"}
        transaction = message.get("transactionId")
        if transaction is not None and not any(
            one.transaction and one.transaction.id == transaction for one in self.evses.values()
        ):
            return {"status": "UnknownTransaction"}
        self.display[message["id"]] = message
        end = message.get("endDateTime")
        if end is not None:
            self.at(datetime.fromisoformat(end), lambda _at: self._take_down(message["id"]))
        return {"status": "Accepted"}

    def _take_down(self, message: int) -> None:
        self.display.pop(message, None)

    def on_get_display_messages(self, payload: dict[str, Any], now: datetime) -> Any:
        ids = payload.get("id")
        found = [
            one
            for one in self.display.values()
            if (ids is None or one["id"] in ids)
            and payload.get("priority") in (None, one["priority"])
            and payload.get("state") in (None, one.get("state"))
        ]
        if not found:
            return {"status": "Unknown"}

        def after(at: datetime) -> None:
            self.call(
                "NotifyDisplayMessages",
                {"requestId": payload["requestId"], "messageInfo": found, "tbc": False},
                at,
            )

        return {"status": "Accepted"}, after

    def on_clear_display_message(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"status": "Accepted" if self.display.pop(payload["id"], None) else "Unknown"}

    def on_cost_updated(self, payload: dict[str, Any], now: datetime) -> Any:
        self.shown_costs[payload["transactionId"]] = payload["totalCost"]
        return {}

    def on_data_transfer(self, payload: dict[str, Any], now: datetime) -> Any:
        return {"status": "UnknownVendorId"}
