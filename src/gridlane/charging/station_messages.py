"""What charging does with what a station says: the table the composition root plugs in."""

from collections.abc import Callable
from datetime import datetime

from gridlane.charging import closing, silence
from gridlane.charging.authorizing import token_presented
from gridlane.charging.metering import meter_reported
from gridlane.charging.transactions import transaction_reported
from gridlane.stations.decision import Commit, Handler, TimePassed
from gridlane.stations.reports import MeterReported, TokenPresented, TransactionReported
from gridlane.stations.state import Live

HANDLERS: dict[type, Handler] = {
    TokenPresented: token_presented,
    TransactionReported: transaction_reported,
    MeterReported: meter_reported,
    TimePassed: silence.time_passed,
}

INSTRUCTIONS: dict[str, Handler] = dict.fromkeys(closing.INSTRUCTIONS, closing.instructed)
"""Instructions to a station's owner that are about sessions."""

AFTER_BOOT: tuple[Callable[[Live, datetime], Commit], ...] = (silence.interrupted,)
"""Follow the decision about ``Booted`` (``stations.decision.and_then``)."""
