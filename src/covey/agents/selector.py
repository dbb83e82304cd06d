"""Select: order plausible drafts and turn the best of them into patches."""

from __future__ import annotations

from collections.abc import Sequence

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
    """Floor: minimality, prior and suspiciousness; families that overfit are demoted, with the reason."""

    name = "selector"

    async def run(self, request: SelectRequest, tools: Workbench) -> Selection:
        """Fill the slot. Patches come in the order of the ranking, the best 20 at most.

        Where nothing is plausible, drafts that made progress keep the order in which they were given.
        """
        verdicts = {verdict.candidate: verdict for verdict in request.verdicts}
        pairs = [(candidate, verdicts[candidate.id]) for candidate in request.candidates]
        ranking = (judge(pairs, tools.sources) or _progress(pairs))[:_PATCHES]
        patches = []
        for scored in ranking:
            candidate, verdict = scored.candidate, scored.verdict
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


def _progress(pairs: Sequence[tuple[Candidate, Verdict]]) -> tuple[Scored, ...]:
    """Drafts that mend some targets; the judge has no opinion on them."""
    return tuple(
        Scored(candidate=candidate, verdict=verdict, rank=0.0)
        for candidate, verdict in pairs
        if verdict.standing is Standing.progress
    )
