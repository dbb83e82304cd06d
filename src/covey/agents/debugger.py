"""Repair: no draft solved the problem, so find those worth building upon."""

from __future__ import annotations

from itertools import combinations, pairwise

from covey.agents.slots import RepairRequest, Seeds
from covey.agents.workbench import Workbench
from covey.core.patch import Candidate
from covey.core.repair import Standing, Verdict

_SEEDS = 6
_UNION_SOURCES = 24


class Debugger:
    """Floor: drafts that made progress and broke nothing; drafts for different targets are united.

    Those that turned most targets green come first; then those after which a target fails later only.
    """

    name = "debugger"

    async def run(self, request: RepairRequest, tools: Workbench) -> Seeds:  # noqa: ARG002 - the interface of a role
        """Fill the slot. No seeds in the answer means that nothing made progress."""
        by_id = {candidate.id: candidate for candidate in request.candidates}
        progress = [
            (by_id[verdict.candidate], verdict) for verdict in request.verdicts if verdict.standing is Standing.progress
        ]
        progress.sort(key=lambda pair: -len(pair[1].flipped))
        flips = [pair for pair in progress if pair[1].flipped]
        return Seeds(
            seeds=tuple(candidate for candidate, _ in progress[:_SEEDS]), unions=_unions(flips[:_UNION_SOURCES])
        )


def _unions(progress: list[tuple[Candidate, Verdict]]) -> tuple[Candidate, ...]:
    """Unite pairs that turn different targets green and touch different spans."""
    found = []
    for (one, first), (two, second) in combinations(progress, 2):
        if set(second.flipped) <= set(first.flipped) or set(first.flipped) <= set(second.flipped):
            continue
        edits = tuple(sorted((*one.edits, *two.edits), key=lambda edit: (edit.path, edit.start, edit.end)))
        if any(a.path == b.path and b.start < a.end for a, b in pairwise(edits)):
            continue
        found.append(
            Candidate(
                id=Candidate.make_id(edits),
                edits=edits,
                origin=f"{one.origin} + {two.origin}",
                path=one.path,
                line=one.line,
                score=min(one.score, two.score),
                explanation=f"{one.explanation} {two.explanation}",
            )
        )
    return tuple(found)
