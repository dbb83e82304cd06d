"""The re-ranking hook: whoever can say how likely drafts are puts the likelier ones first.

A ranker is a role: it gets a bounded batch of drafts and answers with one score for each. Without one, the order of
the templates and of the judge stands. :class:`covey.agents.coder.Coder` and :class:`covey.agents.selector.Selector`
take one when they are built.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from covey.agents.workbench import Workbench
from covey.core.canonical import Frozen
from covey.core.errors import AgentFeedback
from covey.core.patch import Candidate
from covey.core.protocols import Role
from covey.core.testing import Failure

BATCH = 32
"""Drafts in one request at most."""


class RankRequest(Frozen):
    """Say how likely each of the ``candidates`` is the repair. ``failures`` say how the targets fail without it."""

    candidates: tuple[Candidate, ...] = Field(max_length=BATCH)
    failures: tuple[Failure, ...] = ()


class Scores(Frozen):
    """One score (0 unlikely to 1 likely) for each candidate, in their order."""

    scores: tuple[float, ...] = Field(max_length=BATCH)


Ranker = Role[RankRequest, Workbench, Scores]


class NoRanker:
    """Floor: every draft is as likely as any other, so the order stays."""

    name = "ranker"

    async def run(self, request: RankRequest, tools: Workbench) -> Scores:  # noqa: ARG002 - the interface of a role
        """Fill the slot."""
        return Scores(scores=(0.5,) * len(request.candidates))


async def scored(
    ranker: Ranker, candidates: Sequence[Candidate], failures: tuple[Failure, ...], tools: Workbench
) -> list[float]:
    """Scores of candidates, 0 to 1, asked for batch by batch. A batch that the ranker cannot score counts as even."""
    found: list[float] = []
    for start in range(0, len(candidates), BATCH):
        batch = tuple(candidates[start : start + BATCH])
        try:
            answer = await ranker.run(RankRequest(candidates=batch, failures=failures), tools)
        except AgentFeedback:  # a ranker is a help, never a condition
            answer = Scores(scores=())
        even = len(answer.scores) != len(batch) or any(score != score for score in answer.scores)  # noqa: PLR0124 - NaN
        found += [0.5] * len(batch) if even else [min(1.0, max(0.0, score)) for score in answer.scores]
    return found


def reordered(candidates: Sequence[Candidate], scores: Sequence[float]) -> tuple[Candidate, ...]:
    """Candidates by score and by their place: a score of 1 is worth ten times the weight of a score of 0.

    The weight of a place falls like 1 / (8 + place), as slowly as the stream's own weights do. Equal scores leave the
    order as it is.
    """
    weights = [(0.1 + 0.9 * score) / (8 + place) for place, score in enumerate(scores)]
    order = sorted(range(len(candidates)), key=lambda place: (-weights[place], place))
    return tuple(candidates[place] for place in order)
