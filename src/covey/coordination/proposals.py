"""Rounds of drafts from a model: each round knows what the tests said about the one before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from covey.agents.slots import Attempt, Drafts, Localisation, ProposeRequest
from covey.coordination.flock import Ask, Flock
from covey.core.patch import Candidate
from covey.core.repair import Standing, Verdict
from covey.core.testing import TestReport

ROUNDS = 3
"""Rounds of drafts at most; it stops earlier when one solves the problem or nothing new is written."""
SUSPECTS = 60
"""Suspects that a request for drafts names; a model sees a few functions, not hundreds of lines."""


async def propose(
    ask: Ask,
    flock: Flock,
    *,
    baseline: TestReport,
    where: Localisation,
    count: int,
    verify: Callable[[tuple[Candidate, ...]], Awaitable[None]],
    tried: Mapping[str, tuple[Candidate, Verdict]],
) -> None:
    """Draft with the model and ``verify``, round after round; ``tried`` holds the verdicts afterwards."""
    if flock.generator is None:
        return
    known = {result.id: result.failure for result in baseline.results if result.failure}
    shown = {test: known[test] for test in where.plan.targets if test in known}
    attempts: tuple[Attempt, ...] = ()
    for number in range(1, ROUNDS + 1):
        request = ProposeRequest(
            suspects=where.suspects[:SUSPECTS],
            failures=tuple(shown.values()),
            targets=tuple(shown),
            attempts=attempts,
            count=count,
        )
        drafts = await ask(f"propose/{number}", flock.generator, request, Drafts)
        await verify(drafts.candidates)
        new = [tried[item.id] for item in drafts.candidates if item.id in tried]
        if not new or any(verdict.standing is Standing.plausible for _, verdict in new):
            return
        attempts = (*attempts, *(Attempt(candidate=one, verdict=two) for one, two in new))
