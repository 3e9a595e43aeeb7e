"""Prices that a station keeps itself (block I): default tariffs by EVSE, and the tariff of a running transaction."""

from datetime import datetime
from typing import Any

from gridlane.simulator.station import StationSpec
from gridlane.simulator.station2x import Station2x

MOST_PRICES = 10
"""Elements of one list of prices; a small station has no room for more."""

_PRICED = ("energy", "chargingTime", "idleTime", "fixedFee", "reservationTime", "reservationFixed")


class Tariffs21(Station2x):
    def __init__(self, spec: StationSpec) -> None:
        super().__init__(spec)
        self.default_tariffs: dict[int, dict[str, Any]] = {}  # by EVSE
        self.transaction_tariffs: dict[str, dict[str, Any]] = {}

    def on_set_default_tariff(self, payload: dict[str, Any], now: datetime) -> Any:
        """I07: a tariff's number stands for one content; on EVSE 0 it is every EVSE's."""
        tariff, number = payload["tariff"], payload["evseId"]
        if number not in (0, *self.evses):
            return {"status": "Rejected", "statusInfo": {"reasonCode": "UnknownEvse"}}
        if _too_long(tariff):
            return {"status": "TooManyElements"}
        wanted = [number] if number else list(self.evses)
        others = [one for evse, one in self.default_tariffs.items() if evse not in wanted]
        if any(one["tariffId"] == tariff["tariffId"] and one != tariff for one in others):
            return {"status": "DuplicateTariffId"}
        self.default_tariffs |= dict.fromkeys(wanted, tariff)
        return {"status": "Accepted"}

    def on_get_tariffs(self, payload: dict[str, Any], now: datetime) -> Any:
        number = payload["evseId"]
        if number not in (0, *self.evses):
            return {"status": "Rejected", "statusInfo": {"reasonCode": "UnknownEvse"}}
        places: dict[str, list[int]] = {}
        for evse, tariff in sorted(self.default_tariffs.items()):
            if number in (0, evse):
                places.setdefault(tariff["tariffId"], []).append(evse)
        if not places:
            return {"status": "NoTariff"}
        assignments = [
            {"tariffId": id_, "tariffKind": "DefaultTariff", "evseIds": evses}
            for id_, evses in places.items()
        ]
        return {"status": "Accepted", "tariffAssignments": assignments}

    def on_clear_tariffs(self, payload: dict[str, Any], now: datetime) -> Any:
        """I08: one result for each that was named, or for each that was there."""
        number, ids = payload.get("evseId"), payload.get("tariffIds")
        gone = {
            evse: one["tariffId"]
            for evse, one in self.default_tariffs.items()
            if number in (None, 0, evse) and (ids is None or one["tariffId"] in ids)
        }
        for evse in gone:
            del self.default_tariffs[evse]
        named = ids or sorted(set(gone.values()))
        results = [
            {"tariffId": id_, "status": "Accepted" if id_ in gone.values() else "NoTariff"} for id_ in named
        ]
        return {"clearTariffsResult": results or [{"status": "NoTariff"}]}

    def on_change_transaction_tariff(self, payload: dict[str, Any], now: datetime) -> Any:
        """I11: the rest of the transaction costs something else, in the same currency."""
        one, tariff = self.running(payload["transactionId"]), payload["tariff"]
        if one is None or one.transaction is None:
            return {"status": "TxNotFound"}
        if _too_long(tariff):
            return {"status": "TooManyElements"}
        id_ = one.transaction.id
        before = self.transaction_tariffs.get(id_) or self.default_tariffs.get(one.number)
        if before is not None and before["currency"] != tariff["currency"]:
            return {"status": "NoCurrencyChange"}
        self.transaction_tariffs[id_] = tariff
        return {"status": "Accepted"}


def _too_long(tariff: dict[str, Any]) -> bool:
    return any(len(tariff.get(name, {}).get("prices", ())) > MOST_PRICES for name in _PRICED)
