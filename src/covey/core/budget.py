"""What a run may spend."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from covey.core.canonical import Frozen


class Budget(Frozen):
    """Upper bounds of a run: wall seconds, model tokens, candidates and plausible patches to collect."""

    wall_s: float = 300.0
    tokens: int = 200_000
    candidates: int = 20_000
    plausible: int = 8


@dataclass
class Deadline:
    """A point on the monotonic clock, so that a jump of the wall clock changes nothing.

    ``spent_s`` counts what an interrupted part of the same run has already used.
    """

    seconds: float
    spent_s: float = 0.0
    clock: Callable[[], float] = time.monotonic
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.spent_s + self.clock() - self.started

    @property
    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.seconds - self.elapsed)

    @property
    def over(self) -> bool:
        """True when no time is left."""
        return self.left <= 0.0
