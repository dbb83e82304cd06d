"""What a plan costs."""

from __future__ import annotations

VAN = 40
"""Cost of one van, in whole euros."""
PER_TEN_KG = 3


def cost(loads: list[list[int]]) -> int:
    """Cost of loads: each van, and every ten kilograms begun of what it carries."""
    return sum(VAN + PER_TEN_KG * -(-sum(load) // 10) for load in loads)


def vans(plan: dict[str, list[list[int]]]) -> int:
    """Number of vans that a plan needs."""
    return sum(len(loads) for loads in plan.values())
