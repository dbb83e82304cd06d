"""What a run tells whoever watches it. Progress is never recorded and never decides anything."""

from __future__ import annotations

from typing import Protocol

from covey.core.canonical import Frozen


class Progress(Frozen):
    """One line of progress. Counters are cumulative for the run."""

    stage: str
    state: str = "running"  # started | running | done | failed
    message: str = ""
    tried: int = 0
    per_second: float = 0.0
    plausible: int = 0
    best: str = ""


class Observer(Protocol):
    """Receives progress; must return quickly and never raise."""

    def __call__(self, progress: Progress, /) -> None:
        """Take note of ``progress``."""
        ...


def nobody(progress: Progress, /) -> None:
    """Observe nothing."""
