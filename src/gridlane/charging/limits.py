"""Where a charge is to end by itself: at so much energy, money, time or battery, whichever comes first.

A station of OCPP 2.1 is told its limits and keeps them itself (F07); for every station they are kept here too, by
asking it to stop (``billing.limit_watch``).
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from gridlane.charging.state import is_believed
from gridlane.kernel.quantities import WattHours, Watts

Which = Literal["energy", "cost", "time", "soc"]

FORESEEN = timedelta(minutes=2)
"""Between two meter values the energy is taken to grow with the last power, for so long at most."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``cost`` in the currency of the price, taxes inside; ``energy`` Wh; ``time`` seconds; ``soc`` percent."""

    energy: WattHours | None = None
    cost: Decimal | None = None
    time: int | None = None
    soc: int | None = None

    def on_the_wire(self) -> dict[str, Any]:
        """As OCPP 2.1's transactionLimit names them."""
        named = {
            "maxCost": None if self.cost is None else float(self.cost),
            "maxEnergy": self.energy,
            "maxTime": self.time,
            "maxSoC": self.soc,
        }
        return {name: value for name, value in named.items() if value is not None}


NO_LIMITS = Limits()


class Standing(NamedTuple):
    """How a running charge stands, as far as it was told."""

    started_at: datetime  # by the station's clock
    received_at: datetime  # its first word about it
    energy: WattHours
    register_at: datetime | None
    power: Watts | None
    soc: float | None
    cost: Decimal | None


def reached(limits: Limits, it: Standing, now: datetime) -> Which | None:
    """Which limit the charge has come to, if any."""
    began = it.started_at if is_believed(it.started_at, it.received_at) else it.received_at
    if limits.energy is not None and foreseen(it, now) >= limits.energy:
        return "energy"
    if limits.cost is not None and it.cost is not None and it.cost >= limits.cost:
        return "cost"
    if limits.time is not None and (now - began).total_seconds() >= limits.time:
        return "time"
    return "soc" if limits.soc is not None and it.soc is not None and it.soc >= limits.soc else None


def foreseen(it: Standing, now: datetime) -> WattHours:
    """The energy by now: what the meter said, and what the power has added since."""
    if it.register_at is None or it.power is None:
        return it.energy
    since = min(max(now - it.register_at, timedelta(0)), FORESEEN)
    return WattHours(it.energy + it.power * since / timedelta(hours=1))
