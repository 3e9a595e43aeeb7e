"""What makes a bill smaller than the tariff says: plans, promotion codes and free vend, as pure rules.

All of them are frozen into a session at its start, like its tariff. They are applied in a fixed order, each to what
the one before left open: free vend, energy included in the plan, the plan's discount, the promotion. So no order of
clicks changes a bill, and nothing is ever reduced below zero.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from gridlane.kernel.errors import Kind, Refusal
from gridlane.kernel.money import Money
from gridlane.kernel.quantities import WattHours, kilowatt_hours
from gridlane.tariffs.taxes import Vat


class Words(msgspec.Struct, frozen=True):
    included: str
    plan: str
    code: str


WORDS = {
    "en": Words("{} kWh included in plan {}", "{} % off, plan {}", "code {}"),
    "de": Words("{} kWh enthalten im Tarif {}", "{} % Nachlass, Tarif {}", "Code {}"),
}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription: a fee per month, energy included per month, and per cent off the energy beyond it."""

    name: str
    monthly_fee: Money
    vat: Vat
    energy_discount: Decimal = Decimal(0)
    included: WattHours = WattHours(0.0)


class PromotionKind(StrEnum):
    PERCENT = "percent"
    AMOUNT = "amount"


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A code that takes per cent or an amount off one session. Limits that are None do not bind."""

    code: str
    kind: PromotionKind
    value: Decimal
    valid_from: datetime
    valid_until: datetime | None = None
    uses: int | None = None
    uses_per_person: int | None = 1
    at_most: Decimal | None = None


class FreeVend(msgspec.Struct, frozen=True, kw_only=True):
    """A site gives charging away: all of it, or the first ``energy`` of each session. ``reason`` is for the bill."""

    reason: str
    energy: WattHours | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed at the start. ``included_left`` is what the plan still includes this month."""

    free_vend: FreeVend | None = None
    plan: Plan | None = None
    included_left: WattHours = WattHours(0.0)
    promotion: Promotion | None = None


class Reduction(msgspec.Struct, frozen=True):
    """A negative line: what is taken off at one tax rate, and why. ``energy`` is what the plan's allowance gave."""

    reason: str
    vat: Vat
    amount: Money
    energy: WattHours = WattHours(0.0)


class Charge(msgspec.Struct, frozen=True):
    """What a reduction may be taken from: one line of the priced session."""

    is_energy: bool
    vat: Vat
    amount: Money


class PromotionRefused(Refusal):
    code = "promotion_refused"
    kind = Kind.CONFLICT
    sentence = "The code {promotion} cannot be used: {why}."


def check_promotion(promotion: Promotion, now: datetime, uses: int, uses_by_person: int) -> None:
    """Raises PromotionRefused unless the code may be used once more, by this person, now."""
    why = next(_why_not(promotion, now, uses, uses_by_person), None)
    if why:
        raise PromotionRefused(promotion=promotion.code, why=why)


def _why_not(promotion: Promotion, now: datetime, uses: int, uses_by_person: int) -> Iterator[str]:
    if now < promotion.valid_from:
        yield "it is not valid yet"
    if promotion.valid_until is not None and now >= promotion.valid_until:
        yield "it has expired"
    if promotion.uses is not None and uses >= promotion.uses:
        yield "it has been used up"
    if promotion.uses_per_person is not None and uses_by_person >= promotion.uses_per_person:
        yield "you have used it already"


def reductions(
    charges: Sequence[Charge], energy: WattHours, terms: Terms, language: str = "en"
) -> list[Reduction]:
    """What the terms take off a session that charged ``energy``, in the order in which they apply."""
    words = WORDS[language]
    open_ = _Open(charges)
    taken: list[Reduction] = []
    if terms.free_vend:
        taken += _free(open_, energy, terms.free_vend)
    if terms.plan:
        percent = terms.plan.energy_discount
        taken += _included(open_, energy, terms, words)
        taken += open_.take(
            percent / 100, words.plan.format(_plain(percent), terms.plan.name), only_energy=True
        )
    if terms.promotion:
        taken += _promoted(open_, terms.promotion, words.code.format(terms.promotion.code))
    return taken


class _Open:
    """What is left to pay per kind of charge and tax rate; only what is above zero can be reduced."""

    def __init__(self, charges: Sequence[Charge]) -> None:
        self._left: dict[tuple[bool, Vat], Money] = {}
        for charge in charges:
            key = charge.is_energy, charge.vat
            before = self._left.get(key, Money.zero(charge.amount.currency))
            self._left[key] = before + charge.amount

    def take(self, share: Decimal, reason: str, *, only_energy: bool = False) -> Iterator[Reduction]:
        """Take a share (0 to 1) of all that is open, rounded half up per tax rate."""
        for (is_energy, vat), left in self._left.items():
            if left.amount > 0 and (is_energy or not only_energy):
                part = (left * min(share, Decimal(1))).rounded()
                self._left[is_energy, vat] = left - part
                if part:
                    yield Reduction(reason, vat, -part)

    def take_amount(self, amount: Decimal, reason: str) -> Iterator[Reduction]:
        """Take up to an amount, from the lines in their order."""
        for (is_energy, vat), left in self._left.items():
            part = Money(min(max(left.amount, Decimal(0)), amount), left.currency)
            if part:
                amount -= part.amount
                self._left[is_energy, vat] = left - part
                yield Reduction(reason, vat, -part)

    @property
    def total(self) -> Decimal:
        return sum((left.amount for left in self._left.values() if left.amount > 0), start=Decimal(0))


def _free(open_: _Open, energy: WattHours, free: FreeVend) -> Iterator[Reduction]:
    if free.energy is None:
        yield from open_.take(Decimal(1), free.reason)
    elif energy > 0:
        share = min(kilowatt_hours(free.energy) / kilowatt_hours(energy), Decimal(1))
        yield from open_.take(share, free.reason, only_energy=True)


def _included(open_: _Open, energy: WattHours, terms: Terms, words: Words) -> Iterator[Reduction]:
    used = WattHours(min(terms.included_left, energy))
    if used <= 0 or terms.plan is None:
        return
    share = kilowatt_hours(used) / kilowatt_hours(energy)
    reason = words.included.format(_plain(kilowatt_hours(used)), terms.plan.name)
    for number, reduction in enumerate(open_.take(share, reason, only_energy=True)):
        yield msgspec.structs.replace(reduction, energy=used) if number == 0 else reduction


def _promoted(open_: _Open, promotion: Promotion, reason: str) -> Iterator[Reduction]:
    if promotion.kind is PromotionKind.AMOUNT:
        yield from open_.take_amount(promotion.value, reason)
    elif promotion.at_most is not None and open_.total * promotion.value / 100 > promotion.at_most:
        yield from open_.take_amount(promotion.at_most, reason)
    else:
        yield from open_.take(promotion.value / 100, f"{_plain(promotion.value)} %, {reason}")


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def fee_of_month(plan: Plan, month: date, since: date, until: date | None = None) -> Money:
    """The plan's fee for the calendar month of ``month``, by the day where it begins or ends within it."""
    first = month.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    days = (min(until or following, following) - max(since, first)).days
    whole = plan.monthly_fee * max(days, 0)
    return Money(whole.amount / (following - first).days, whole.currency).rounded()
