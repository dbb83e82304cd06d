"""Criticise: a model may deny a patch that passes the tests; it can never approve one that fails them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from covey.agents.desk import PROMPTS, Question
from covey.agents.reviewer import Reviewer
from covey.agents.slots import ReviewRequest
from covey.agents.team_slots import Critique, CritiqueRequest, TestFacts
from covey.agents.workbench import Workbench
from covey.core.errors import AgentFeedback
from covey.core.patch import Candidate, Patch
from covey.core.redact import visible
from covey.core.repair import Scored, Standing
from covey.core.review import Review
from covey.models.context import clip
from covey.models.prompts import render
from covey.models.schema import Bounded
from covey.repair.explain import explain
from covey.repair.judge import judge
from covey.workspace.diff import make_patch
from covey.workspace.edits import changes_of

_DIFF = 4_000
"""Characters of a patch that a critic reads."""

_Sentence = Annotated[str, Field(max_length=160)]


class CriticAnswer(Bounded):
    """The rubric first, so that the verdict follows from it."""

    mends_the_cause: bool
    holds_for_other_inputs: bool
    leaves_the_rest_alone: bool
    issues_found: tuple[_Sentence, ...] = Field(max_length=3)
    recommendations: tuple[_Sentence, ...] = Field(max_length=2)
    review_status: Literal["approve", "deny"]


class Critic:
    """Asks a model for its verdict on the best of the plausible drafts, by a rubric, with the tests as facts."""

    name = "critic"

    async def run(self, request: CritiqueRequest, tools: Workbench) -> Critique:
        """Fill the slot. Raises what a model can do wrong: see :data:`covey.agents.desk.Trouble`."""
        best, patch, review = await look(request, tools)
        facts = facts_of(request, best, tools.sources)
        procedural = by_procedure(best, review, facts)
        if procedural.review_status == "deny":
            return procedural.model_copy(update={"source": "facts"})
        note = render(
            PROMPTS,
            "critic.jinja",
            diff=clip(_bare(patch.diff), head=_DIFF, tail=_DIFF // 4),
            facts=facts,
            concerns=review.concerns,
        )
        answer: CriticAnswer = await tools.desk.ask(self.name, Question(note=note, answer=CriticAnswer, check=_check))
        return Critique(
            candidate=best.candidate.id,
            review_status=answer.review_status,
            issues_found=_said(answer.issues_found),
            test_results=facts,
            recommendations=_said(answer.recommendations),
            next_iteration=answer.review_status == "deny",
            source="model",
        )


class Procedure:
    """Floor: what the procedural reviewer forbids is denied, all else approved."""

    name = "critic"

    async def run(self, request: CritiqueRequest, tools: Workbench) -> Critique:
        """Fill the slot."""
        best, _, review = await look(request, tools)
        return by_procedure(best, review, facts_of(request, best, tools.sources))


async def look(request: CritiqueRequest, tools: Workbench) -> tuple[Scored, Patch, Review]:
    """The draft that the judge ranks first, as a patch, with the procedural review of it.

    Where none is plausible it is the one that mends most targets, and the verdict on it says so.
    """
    verdicts = {verdict.candidate: verdict for verdict in request.verdicts}
    pairs = [(candidate, verdicts[candidate.id]) for candidate in request.candidates]
    ranked = judge(pairs, tools.sources)
    candidate, verdict = max(pairs, key=lambda pair: len(pair[1].flipped))
    best = ranked[0] if ranked else Scored(candidate=candidate, verdict=verdict, rank=0.0)
    patch = await make_patch(
        tools.ground.snapshot,
        dict(changes_of(tools.sources, best.candidate.edits)),
        origin=best.candidate.origin,
        explanation=explain(best.candidate, tools.sources),
        candidate=best.candidate,
        scratch=tools.folder / "layers",
    )
    review = await Reviewer().run(ReviewRequest(patch=patch, demotions=best.demotions), tools)
    return best, patch, review


def by_procedure(best: Scored, review: Review, facts: TestFacts) -> Critique:
    """A verdict from facts alone: tests first, then the procedural review."""
    standing = best.verdict.standing
    failing = () if standing is Standing.plausible else (f"The tests say of this patch: {standing.value}.",)
    issues = (*failing, *review.blocking)
    return Critique(
        candidate=best.candidate.id,
        review_status="deny" if issues or not review.approved else "approve",
        issues_found=(*issues, *review.concerns),
        test_results=facts,
        next_iteration=bool(issues) or not review.approved,
    )


def facts_of(request: CritiqueRequest, best: Scored, sources: Mapping[str, bytes]) -> TestFacts:
    """What the tests of the search said of a candidate. Of one that is not plausible no regression test counts."""
    candidate, verdict, plan = best.candidate, best.verdict, request.plan
    paths = {edit.path for edit in candidate.edits}
    covering = plan.covering
    regressions = (
        set(plan.regressions)
        if covering is None
        else {test for path in paths for test in covering.get(path, plan.regressions)}
    )
    if verdict.standing is Standing.plausible:
        passed, failed = len(plan.targets) + len(regressions), 0
    else:
        passed = len(verdict.flipped)
        failed = len(plan.targets) - passed + (verdict.standing is Standing.regressed)
    return TestFacts(passed=passed, failed=failed, coverage=_coverage(request, candidate, sources))


def _coverage(request: CritiqueRequest, candidate: Candidate, sources: Mapping[str, bytes]) -> int | None:
    """Percent of a candidate's edits that touch, or stand behind, a line that target tests run."""
    if not request.traced or not candidate.edits:
        return None
    run = 0
    for edit in candidate.edits:
        data = sources[edit.path]
        first = data.count(b"\n", 0, edit.start) + 1
        last = data.count(b"\n", 0, edit.end) + 1
        run += any(one.path == edit.path and first - 1 <= one.line <= last for one in request.suspects)
    return round(100 * run / len(candidate.edits))


def _bare(diff: str) -> str:
    """A diff without git's own header lines, which cost tokens and say nothing."""
    return "\n".join(line for line in diff.splitlines() if not line.startswith(("diff --git ", "index ")))


def _check(answer: CriticAnswer) -> None:
    if answer.review_status == "deny" and not _said(answer.issues_found):
        raise AgentFeedback("A patch that passes the tests is denied for a reason only: name an issue, or approve it.")


def _said(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences that say something, each once and in one line: they are shown to the user too."""
    lines = (visible(" ".join(text.split())) for text in texts)
    return tuple(dict.fromkeys(line for line in lines if line))
