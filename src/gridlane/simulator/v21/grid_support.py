"""Controls of feeding back (block R): what an inverter holds for the grid. Only a station with a direct-current output
has one here; the others say so.
"""

from datetime import datetime
from typing import Any

from gridlane.simulator.station import StationSpec
from gridlane.simulator.station2x import Station2x

FIELDS = {
    "EnterService": "enterService",
    "FixedPFAbsorb": "fixedPFAbsorb",
    "FixedPFInject": "fixedPFInject",
    "FixedVar": "fixedVar",
    "FreqDroop": "freqDroop",
    "Gradients": "gradient",
    "LimitMaxDischarge": "limitMaxDischarge",
}
"""Where a kind of control has its content; all others are curves."""

_INNER = {"fixedPFAbsorb": "fixedPF", "fixedPFInject": "fixedPF"}
_UNCONDITIONAL = ("enterService", "gradient")  # reported without saying whether they are a default


class GridSupport21(Station2x):
    def __init__(self, spec: StationSpec) -> None:
        super().__init__(spec)
        self.controls: dict[str, dict[str, Any]] = {}  # requests as received, by their control id
        self.superseded: set[str] = set()

    def on_set_der_control(self, payload: dict[str, Any], now: datetime) -> Any:
        """R04: of one kind the control of the higher priority (the lower number) counts; a default replaces a default."""
        if not self.spec.direct:
            return {"status": "NotSupported"}
        content = payload.get(_field(payload))
        if content is None:
            return {"status": "Rejected", "statusInfo": {"reasonCode": "MissingParam"}}
        rivals = [
            id_
            for id_, one in self.controls.items()
            if id_ != payload["controlId"] and _are_rivals(one, payload)
        ]
        beaten = [
            id_ for id_ in rivals if content["priority"] <= self.controls[id_][_field(payload)]["priority"]
        ]
        self.controls[payload["controlId"]] = payload
        self.superseded.discard(payload["controlId"])
        self.superseded |= set(beaten)
        if len(beaten) < len(rivals):
            self.superseded.add(payload["controlId"])
        return {"status": "Accepted", **({"supersededIds": beaten[:24]} if beaten else {})}

    def on_get_der_control(self, payload: dict[str, Any], now: datetime) -> Any:
        if not self.spec.direct:
            return {"status": "NotSupported"}
        found = self._matching(payload)
        if not found:
            return {"status": "NotFound"}

        def report(at: datetime) -> None:
            told: dict[str, Any] = {"requestId": payload["requestId"], "tbc": False}
            for id_ in found[:24]:
                told.setdefault(_field(self.controls[id_]), []).append(self._told(id_))
            self.call("ReportDERControl", told, at)

        return {"status": "Accepted"}, report

    def on_clear_der_control(self, payload: dict[str, Any], now: datetime) -> Any:
        if not self.spec.direct:
            return {"status": "NotSupported"}
        found = self._matching(payload)
        for id_ in found:
            del self.controls[id_]
            self.superseded.discard(id_)
        return {"status": "Accepted" if found else "NotFound"}

    def _matching(self, wanted: dict[str, Any]) -> list[str]:
        if "controlId" in wanted:
            return [wanted["controlId"]] if wanted["controlId"] in self.controls else []
        return [
            id_
            for id_, one in self.controls.items()
            if wanted.get("isDefault") in (None, one["isDefault"])
            and wanted.get("controlType") in (None, one["controlType"])
        ]

    def _told(self, id_: str) -> dict[str, Any]:
        """One entry of a ReportDERControl."""
        control = self.controls[id_]
        name = _field(control)
        told: dict[str, Any] = {"id": id_, _INNER.get(name, name): control[name]}
        if name not in _UNCONDITIONAL:
            told |= {"isDefault": control["isDefault"], "isSuperseded": id_ in self.superseded}
        if name == "curve":
            told["curveType"] = control["controlType"]
        return told


def _field(control: dict[str, Any]) -> str:
    return FIELDS.get(control["controlType"], "curve")


def _are_rivals(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["controlType"], one["isDefault"]) == (other["controlType"], other["isDefault"])
