"""Metered usage, priced in tiers."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from invoicing.money import Money, total
from invoicing.periods import Period
from invoicing.plans import Tier


class Meter:
    """Collects units by customer and day."""

    def __init__(self) -> None:
        self._units: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))

    def record(self, customer: str, day: date, units: int) -> None:
        if units < 0:
            raise ValueError("units must not be negative")
        self._units[customer][day] += units

    def units(self, customer: str, period: Period) -> int:
        return sum(units for day, units in self._units[customer].items() if day in period)


def charge(units: int, tiers: tuple[Tier, ...]) -> Money:
    """Price of ``units``: each tier's price counts for the units that fall into it."""
    parts = []
    counted = 0
    for tier in tiers:
        upper = units if tier.limit is None else min(units, tier.limit)
        if upper > counted:
            parts.append(tier.price * (upper - counted))
            counted = upper
    if tiers and counted < units:
        raise ValueError(f"{units} units are more than the plan allows ({tiers[-1].limit})")
    return total(parts)
