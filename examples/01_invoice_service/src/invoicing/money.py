"""Exact money: whole cents of one currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were combined."""


@dataclass(frozen=True, order=True)
class Money:
    """An amount in cents. Ordering is only meaningful within one currency."""

    cents: int
    currency: str = "EUR"

    @classmethod
    def of(cls, amount: str | Decimal, currency: str = "EUR") -> Money:
        """Read an amount such as ``"12.50"``, rounded half up to a cent."""
        return cls(_round(Decimal(amount) * 100), currency)

    def __add__(self, other: Money) -> Money:
        self._check(other)
        return Money(self.cents + other.cents, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._check(other)
        return Money(self.cents - other.cents, self.currency)

    def __mul__(self, factor: int | Decimal) -> Money:
        return Money(_round(self.cents * Decimal(factor)), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.cents, self.currency)

    def __str__(self) -> str:
        sign = "-" if self.cents < 0 else ""
        units, cents = divmod(abs(self.cents), 100)
        return f"{sign}{units:,}.{cents:02d} {self.currency}"

    def share(self, part: int, whole: int) -> Money:
        """The proportion ``part / whole``, rounded half up."""
        if whole <= 0:
            raise ValueError("the whole must be positive")
        return Money(_round(Decimal(self.cents) * part / whole), self.currency)

    def _check(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")


def total(amounts, currency: str = "EUR") -> Money:
    """Add up amounts; nothing is zero."""
    result = Money(0, currency)
    for amount in amounts:
        result = result + amount
    return result


def _round(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))
