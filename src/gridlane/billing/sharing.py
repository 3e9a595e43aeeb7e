"""What others are owed: a site's host its share of the revenue, an employee the energy charged at home.

Pure rules over the sessions of a month, giving statements whose rows explain every cent. The ledger posts their totals.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from gridlane.kernel.money import Money
from gridlane.kernel.quantities import WattHours, kilowatt_hours


class HostContract(msgspec.Struct, frozen=True, kw_only=True):
    """The host gets its electricity paid per kWh, then ``percent`` of what is left of the net revenue.

    ``monthly_minimum`` is paid also when the share is less. ``host`` is the name people know it by.
    """

    host_id: UUID
    host: str = ""
    percent: Decimal
    per_kilowatt_hour: Money
    monthly_minimum: Money


class EarningSession(msgspec.Struct, frozen=True):
    """A session as far as sharing cares: what it brought before taxes and how much energy it took."""

    session_id: UUID
    ended: datetime
    energy: WattHours
    net: Money


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """What a host is owed for a month, and how it came about. ``total`` is the sum of the three parts, rounded each."""

    contract: HostContract
    month: date
    sessions: tuple[EarningSession, ...]
    energy: WattHours
    revenue: Money
    electricity: Money
    share: Money
    topped_up: Money

    @property
    def total(self) -> Money:
        return self.electricity + self.share + self.topped_up


def payout(contract: HostContract, month: date, sessions: Sequence[EarningSession]) -> Payout:
    """The statement of a host over the sessions of a month. A month that lost money shares nothing."""
    zero = Money.zero(contract.monthly_minimum.currency)
    energy = WattHours(sum(session.energy for session in sessions))
    revenue = sum((session.net for session in sessions), start=zero)
    electricity = (contract.per_kilowatt_hour * _kilowatt_hours(sessions)).rounded()
    left = max(revenue - electricity, zero)
    share = (left * (contract.percent / 100)).rounded()
    return Payout(
        contract=contract,
        month=month,
        sessions=tuple(sessions),
        energy=energy,
        revenue=revenue,
        electricity=electricity,
        share=share,
        topped_up=max(contract.monthly_minimum - electricity - share, zero),
    )


class HomeAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """An employer pays back energy charged at an employee's home: per kWh, up to ``at_most`` a month (None: no limit).

    ``employer`` is the name people know it by.
    """

    employer_id: UUID
    employer: str = ""
    employee_id: UUID
    per_kilowatt_hour: Money
    at_most: Money | None = None


class Reimbursement(msgspec.Struct, frozen=True, kw_only=True):
    """What an employee gets for a month. ``cut`` is what the monthly limit took off."""

    agreement: HomeAgreement
    month: date
    energy: WattHours
    total: Money
    cut: Money


def reimbursement(agreement: HomeAgreement, month: date, energies: Iterable[WattHours]) -> Reimbursement:
    """The statement of an employee over the home sessions of a month; rounded once, on the sum."""
    charged = list(energies)
    kwh = sum(map(kilowatt_hours, charged), start=Decimal(0))
    whole = (agreement.per_kilowatt_hour * kwh).rounded()
    total = whole if agreement.at_most is None else min(whole, agreement.at_most)
    return Reimbursement(
        agreement=agreement, month=month, energy=WattHours(sum(charged)), total=total, cut=whole - total
    )


def _kilowatt_hours(sessions: Sequence[EarningSession]) -> Decimal:
    return sum((kilowatt_hours(session.energy) for session in sessions), start=Decimal(0))
