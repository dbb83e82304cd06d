"""Document: put the outcome in plain words, with the evidence for each claim."""

from __future__ import annotations

from covey.agents.slots import DocumentRequest, Story
from covey.agents.workbench import Workbench


class Documenter:
    """Floor: sentences built from recorded facts only."""

    name = "documenter"

    async def run(self, request: DocumentRequest, tools: Workbench) -> Story:  # noqa: ARG002 - a role's interface
        """Fill the slot."""
        patch, evaluation = request.patch, request.evaluation
        targets = request.reproduction.targets
        if patch is None:
            return Story(headline="No acceptable patch was found.", sentences=_without_patch(request))
        where = f"{patch.candidate.path}:{patch.candidate.line}" if patch.candidate else ", ".join(patch.files)
        whole = evaluation is not None and evaluation.label is not None
        sentences = [patch.explanation] if patch.explanation else []
        if evaluation is not None:
            before, after = evaluation.before, evaluation.after
            if before is not None and after is not None:
                sentences.append(
                    f"Red before: {len(before.red)} of {len(before.results)} tests; after: {len(after.red)} of "
                    f"{len(after.results)}."
                )
        if request.alternatives:
            what = "pass the target tests too" if whole else "also mend some of them"
            sentences.append(f"{request.alternatives} other patch(es) {what}; see alternatives.")
        plural = "s" if len(targets) != 1 else ""
        verb = "Repaired" if whole else "Repaired some of"
        return Story(headline=f"{verb} {len(targets)} failing test{plural} in {where}.", sentences=tuple(sentences))


def _without_patch(request: DocumentRequest) -> tuple[str, ...]:
    targets = request.reproduction.targets
    sentences = [f"{request.tried} candidates were tried against {len(targets)} failing test(s)."]
    if request.localisation.suspects:
        places = ", ".join(f"{item.path}:{item.line}" for item in request.localisation.suspects[:3])
        sentences.append(f"The most suspicious lines are {places}.")
    return (*sentences, *request.reproduction.notes, *request.localisation.notes)
