"""Money: a decimal amount of one currency. Amounts of different currencies never mix."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from gridlane.kernel.errors import CurrenciesMixed


@lru_cache(maxsize=256)
def minor_digits(currency: str) -> int:
    """Digits after the point of a currency by ISO 4217: 2 for EUR, 0 for JPY, 3 for BHD."""
    from babel.numbers import get_currency_precision

    return int(get_currency_precision(currency))


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount. Arithmetic keeps every digit; ``rounded`` is called once, at the invoice line.

    Raises CurrenciesMixed when two currencies meet.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if len(self.currency) != 3 or not self.currency.isupper():
            raise ValueError(f"not an ISO 4217 currency code: {self.currency!r}")

    @classmethod
    def zero(cls, currency: str) -> "Money":
        return cls(Decimal(0), currency)

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str) -> "Money":
        """Money from digits as written. Floats are refused: they do not mean what they print."""
        return cls(Decimal(amount), currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> "Money":
        """Money from the smallest unit, as payment providers count it (1234 -> 12.34 EUR, 1234 JPY)."""
        return cls(Decimal(minor).scaleb(-minor_digits(currency)), currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __mul__(self, factor: Decimal | int) -> "Money":
        return Money(self.amount * factor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._same(other)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __str__(self) -> str:
        return f"{self.rounded().amount} {self.currency}"

    def rounded(self) -> "Money":
        """Rounded half up to the currency's smallest unit: Gridlane's published rule for every invoice line."""
        quantum = Decimal(1).scaleb(-minor_digits(self.currency))
        return Money(self.amount.quantize(quantum, rounding=ROUND_HALF_UP), self.currency)

    def minor(self) -> int:
        """The rounded amount counted in the smallest unit."""
        return int(self.rounded().amount.scaleb(minor_digits(self.currency)))

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise CurrenciesMixed(left=self.currency, right=other.currency)
        return other.amount
