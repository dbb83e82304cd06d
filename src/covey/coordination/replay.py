"""Walking a recorded run again without running anything, to see that the code still derives what the log says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from covey.coordination.journal import Journal
from covey.core.canonical import Frozen
from covey.core.errors import ReplayDivergence
from covey.core.protocols import RunStore

Walk = Callable[[Journal], Awaitable[object]]
"""A coordinator's walk: everything it does goes through the journal it is given."""


class ReplayReport(Frozen):
    """How far a walk followed the log. ``divergence`` says where and why it left it; empty when it never did."""

    run_id: str
    recorded_steps: int
    recorded_head: str
    walked_steps: int
    walked_head: str
    divergence: str = ""

    @property
    def identical(self) -> bool:
        """True when every recorded step was derived again, the same final hash included, and nothing else."""
        return not self.divergence and self.walked_head == self.recorded_head

    @property
    def followed(self) -> bool:
        """True when every recorded step was derived again, though the walk wanted to go on (an interrupted run)."""
        return self.walked_steps == self.recorded_steps and self.walked_head == self.recorded_head


async def replay(store: RunStore, run_id: str, walk: Walk) -> ReplayReport:
    """Walk a recorded run again and compare. No work is done: every answer comes from the log.

    Raises StoreError when the log cannot be read, UnusableInput when there is no such run, and whatever ``walk``
    raises on its own.
    """
    run = await store.get(run_id)
    journal = await Journal.open(store, run, replay=True)
    divergence = ""
    try:
        await walk(journal)
        await journal.finish()
    except ReplayDivergence as error:
        divergence = str(error)
    return ReplayReport(
        run_id=run.id,
        recorded_steps=run.steps,
        recorded_head=run.head,
        walked_steps=journal.position,
        walked_head=journal.head,
        divergence=divergence,
    )
