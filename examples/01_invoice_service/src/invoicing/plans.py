"""What can be subscribed to."""

from __future__ import annotations

from dataclasses import dataclass, field

from invoicing.money import Money

CYCLES = {"monthly": 1, "quarterly": 3, "yearly": 12}


@dataclass(frozen=True)
class Tier:
    """Units up to ``limit`` (None: without limit) cost ``price`` each."""

    limit: int | None
    price: Money


@dataclass(frozen=True)
class Plan:
    """A price for each billing cycle, and tiers for what is used on top."""

    name: str
    price: Money
    cycle: str = "monthly"
    tiers: tuple[Tier, ...] = ()
    category: str = "service"
    months: int = field(init=False)

    def __post_init__(self) -> None:
        if self.cycle not in CYCLES:
            raise ValueError(f"unknown cycle {self.cycle!r}")
        limits = [tier.limit for tier in self.tiers]
        if None in limits[:-1]:
            raise ValueError("only the last tier may be without a limit")
        if limits != sorted(limits, key=lambda limit: (limit is None, limit)):
            raise ValueError("tiers must have rising limits")
        object.__setattr__(self, "months", CYCLES[self.cycle])


class Catalogue:
    """Plans by name."""

    def __init__(self, *plans: Plan) -> None:
        self._plans = {plan.name: plan for plan in plans}

    def __getitem__(self, name: str) -> Plan:
        try:
            return self._plans[name]
        except KeyError:
            raise LookupError(f"no plan {name!r}; there are {', '.join(sorted(self._plans))}") from None

    def names(self) -> list[str]:
        return sorted(self._plans)
