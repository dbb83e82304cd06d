"""Invoices: lines, discount, tax, total."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

from invoicing.money import Money, total
from invoicing.tax import tax


@dataclass(frozen=True)
class Line:
    text: str
    amount: Money
    tax_rate: int  # per mille


@dataclass
class Invoice:
    number: str
    customer: str
    issued: date
    lines: list[Line] = field(default_factory=list)
    discount_percent: int = 0
    days_to_pay: int = 14

    def add(self, text: str, amount: Money, tax_rate: int) -> None:
        if amount.cents:
            self.lines.append(Line(text, amount, tax_rate))

    @property
    def due(self) -> date:
        return self.issued + timedelta(days=self.days_to_pay)

    @property
    def net(self) -> Money:
        return total(self._net_by_rate().values())

    @property
    def taxes(self) -> dict[int, Money]:
        """Tax for each rate, computed on the sum and not line by line."""
        return {rate: tax(net, rate) for rate, net in sorted(self._net_by_rate().items()) if rate}

    @property
    def total(self) -> Money:
        return total([self.net, *self.taxes.values()])

    def _net_by_rate(self) -> dict[int, Money]:
        nets: dict[int, Money] = defaultdict(lambda: Money(0))
        for line in self.lines:
            nets[line.tax_rate] = nets[line.tax_rate] + line.amount
        return {rate: net - net.share(self.discount_percent, 100) for rate, net in nets.items()}


class Numbering:
    """Numbers such as ``2024-0001``, without gaps, starting again each year."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def next(self, day: date) -> str:
        self._last[day.year] = self._last.get(day.year, 0) + 1
        return f"{day.year}-{self._last[day.year]:04d}"
