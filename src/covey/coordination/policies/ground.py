"""What every policy starts from and what it brings home."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from covey.agents.slots import Brief, Localisation, Reproduction
from covey.agents.workbench import Workbench
from covey.coordination.flock import Ask, Flock
from covey.coordination.search import Found
from covey.core.testing import TestReport


@dataclass(frozen=True)
class Ground:
    """The ground of one run: who can be asked, what is known, and the tests that decide.

    Everything that a policy does goes through ``ask``, so that it is recorded, resumed and replayed step by step.
    """

    ask: Ask
    flock: Flock
    tools: Workbench
    brief: Brief
    baseline: TestReport
    shown: Reproduction
    where: Localisation


Policy = Callable[[Ground], Awaitable[Found]]
"""Looks for candidates until some are plausible, or the budget is spent."""
