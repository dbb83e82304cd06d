"""Select: order plausible drafts and turn the best of them into patches."""

from __future__ import annotations

from collections.abc import Sequence

from covey.agents.ranking import Ranker, scored
from covey.agents.slots import Selection, SelectRequest
from covey.agents.workbench import Workbench
from covey.core.patch import Candidate, Label
from covey.core.repair import Scored, Standing, Verdict
from covey.repair.explain import explain
from covey.repair.judge import judge
from covey.workspace.diff import make_patch
from covey.workspace.edits import changes_of

_PATCHES = 20


class Selector:
    """Floor: minimality, prior and suspiciousness; families that overfit are demoted, with the reason.

    With a ranker, the judge's rank is weighed by its scores: half for a score of 0, one and a half for a score of 1.
    """

    name = "selector"

    def __init__(self, ranker: Ranker | None = None) -> None:
        self._ranker = ranker

    async def run(self, request: SelectRequest, tools: Workbench) -> Selection:
        """Fill the slot. Patches come in the order of the ranking, the best 20 at most.

        Where nothing is plausible, drafts that made progress keep the order in which they were given.
        """
        verdicts = {verdict.candidate: verdict for verdict in request.verdicts}
        pairs = [(candidate, verdicts[candidate.id]) for candidate in request.candidates]
        judged = judge(pairs, tools.sources)
        if self._ranker is not None and len(judged) > 1:
            judged = await _weighed(self._ranker, judged[:_PATCHES], tools)
        ranking = (judged or _progress(pairs))[:_PATCHES]
        patches = []
        for one in ranking:
            candidate, verdict = one.candidate, one.verdict
            patch = await make_patch(
                tools.ground.snapshot,
                dict(changes_of(tools.sources, candidate.edits)),
                origin=candidate.origin,
                explanation=explain(candidate, tools.sources),
                candidate=candidate,
                scratch=tools.folder / "layers",
            )
            plausible = verdict.standing is Standing.plausible
            patches.append(patch.model_copy(update={"label": Label.plausible if plausible else None}))
        return Selection(ranking=ranking, patches=tuple(patches))


async def _weighed(ranker: Ranker, judged: Sequence[Scored], tools: Workbench) -> tuple[Scored, ...]:
    """The judge's ranking weighed by a ranker's scores."""
    scores = await scored(ranker, [one.candidate for one in judged], (), tools)
    weighed = [
        one.model_copy(update={"rank": round(one.rank * (0.5 + score), 6)})
        for one, score in zip(judged, scores, strict=True)
    ]
    return tuple(sorted(weighed, key=lambda one: (-one.rank, one.candidate.id)))


def _progress(pairs: Sequence[tuple[Candidate, Verdict]]) -> tuple[Scored, ...]:
    """Drafts that mend some targets; the judge has no opinion on them."""
    return tuple(
        Scored(candidate=candidate, verdict=verdict, rank=0.0)
        for candidate, verdict in pairs
        if verdict.standing is Standing.progress
    )
