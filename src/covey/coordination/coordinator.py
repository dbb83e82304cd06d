"""The coordinator: Python decides the order, roles fill the slots, running tests decide the truth."""

from __future__ import annotations

from collections.abc import Mapping

from covey.agents.installer import Installation, InstallRequest, import_failures
from covey.agents.slots import (
    Brief,
    CompareRequest,
    Comparison,
    DocumentRequest,
    Localisation,
    LocaliseRequest,
    ReproduceRequest,
    Reproduction,
    ReviewRequest,
    Selection,
    SelectRequest,
    Story,
    TestRequest,
    UnderstandRequest,
)
from covey.agents.workbench import Workbench
from covey.coordination.choice import choose, choose_partial, equals, judge_patches
from covey.coordination.flock import Ask, Flock, asking
from covey.coordination.journal import Journal
from covey.coordination.policies import pipeline
from covey.coordination.policies.ground import Ground, Policy
from covey.coordination.verdict import FreshEvaluator
from covey.core.canonical import Frozen
from covey.core.patch import Label, Patch
from covey.core.review import Evaluation, Review
from covey.core.run import RunStatus
from covey.core.task import Task
from covey.core.testing import TestReport


class Solution(Frozen):
    """How a run ended: everything the report and the evidence are made from."""

    status: RunStatus
    story: Story
    brief: Brief = Brief()
    baseline: TestReport = TestReport()
    reproduction: Reproduction = Reproduction()
    localisation: Localisation = Localisation()
    patch: Patch | None = None
    evaluation: Evaluation | None = None
    reviews: tuple[Review, ...] = ()
    alternatives: tuple[Patch, ...] = ()
    tried: int = 0
    notes: tuple[str, ...] = ()


async def coordinate(
    task: Task, journal: Journal, tools: Workbench, flock: Flock, find: Policy = pipeline.find
) -> Solution:
    """Walk the natural path once; ``find`` is the policy that looks for candidates.

    Every slot is one step of the log, so a killed walk goes on where it was.
    """
    ask = asking(journal, tools)
    brief = await ask("understand", flock.understander, UnderstandRequest(statement=task.description), Brief)
    baseline = await ask("test", flock.tester, TestRequest(), TestReport)
    tools.keep_time_for_verdict(baseline.duration_s)
    request = ReproduceRequest(brief=brief, baseline=baseline)
    shown = await ask("reproduce", flock.reproducer, request, Reproduction)
    tools.new_tests.update({path: text.encode() for path, text in shown.new_tests.items()})
    missing = await lacking(ask, flock, baseline)
    if not shown.targets:
        return nothing_to_do(task, brief, baseline, shown).model_copy(update={"notes": missing.notes})
    where = await ask(
        "localise", flock.localiser, LocaliseRequest(brief=brief, baseline=baseline, reproduction=shown), Localisation
    )
    found = await find(Ground(ask, flock, tools, brief, baseline, shown, where))
    picked = SelectRequest(candidates=found.candidates, verdicts=found.verdicts)
    selection = await ask("select", flock.selector, picked, Selection)
    reviews = await review(ask, flock, selection)
    approved = [patch for patch, opinion in zip(selection.patches, reviews, strict=True) if opinion.approved]
    judged, compared = {}, Comparison()
    if found.solved:
        if len(approved) > 1:
            together = CompareRequest(patches=tuple(approved), plan=where.plan)
            compared = await ask("compare", flock.comparer, together, Comparison)
        if shown.new_tests:  # the baseline was before they were written
            baseline = await ask("before", flock.tester, TestRequest(), TestReport)
        evaluator = FreshEvaluator(tools, baseline, shown.targets, shown.flaky)
        judged = await judge_patches(ask, task, evaluator, approved)
    patch, verdict = choose(task, approved, judged, compared)
    if approved and not found.solved:  # the best that the budget allowed: it mends some targets, the status says so
        mended = next(one.verdict.flipped for one in selection.ranking if one.candidate == approved[0].candidate)
        evaluator = FreshEvaluator(tools, baseline, mended, shown.flaky)
        judged = await judge_patches(ask, task, evaluator, approved[:1])
        patch, verdict = choose_partial(approved[0], judged[approved[0].id], len(mended), len(shown.targets))
    told = DocumentRequest(
        brief=brief,
        reproduction=shown,
        localisation=where,
        patch=patch,
        review=next((opinion for opinion in reviews if patch and opinion.patch == patch.id), None),
        evaluation=verdict,
        alternatives=max(0, len(approved) - 1),
        tried=found.tried,
    )
    return Solution(
        status=status_of(verdict, patch),
        story=await ask("document", flock.documenter, told, Story),
        brief=brief,
        baseline=baseline,
        reproduction=shown,
        localisation=where,
        patch=patch,
        evaluation=verdict,
        reviews=reviews,
        alternatives=tuple(as_judged(other, judged) for other in approved if patch is None or other.id != patch.id),
        tried=found.tried,
        notes=(*missing.notes, *found.notes, *notes_on(compared, equals(patch, judged, compared))),
    )


def as_judged(patch: Patch, judged: Mapping[str, Evaluation]) -> Patch:
    """A patch with the label of its fresh verdict; without a verdict it has none."""
    verdict = judged.get(patch.id)
    return patch.model_copy(update={"label": verdict.label if verdict else None})


async def lacking(ask: Ask, flock: Flock, baseline: TestReport) -> Installation:
    """What must be installed by somebody; nobody is asked when every import works."""
    failures = import_failures(baseline)
    if not failures:
        return Installation()
    return await ask("install", flock.installer, InstallRequest(failures=failures), Installation)


async def review(ask: Ask, flock: Flock, selection: Selection) -> tuple[Review, ...]:
    """One review for each patch of the selection, in its order."""
    reviews = []
    for scored, patch in zip(selection.ranking, selection.patches, strict=True):
        request = ReviewRequest(patch=patch, demotions=scored.demotions)
        reviews.append(await ask(f"review/{patch.id}", flock.reviewer, request, Review))
    return tuple(reviews)


def notes_on(compared: Comparison, equal: frozenset[str]) -> tuple[str, ...]:
    """What the comparison says about the alternatives; where it says nothing, why."""
    if equal:
        names = ", ".join(sorted(equal))
        return (f"Behaves like the patch on all {compared.inputs} probe inputs: {names} (see alternatives).",)
    return () if compared.differences else compared.notes


def status_of(verdict: Evaluation | None, patch: Patch | None) -> RunStatus:
    """The run's status from its verdict: only a clean suite makes it ``patched``."""
    if patch is None:
        return RunStatus.no_patch
    if verdict is None or verdict.label is None:
        return RunStatus.partial
    clean = verdict.label in (Label.no_regressions, Label.verified) and verdict.holdout_passed is not False
    return RunStatus.patched if clean else RunStatus.plausible


def nothing_to_do(task: Task, brief: Brief, baseline: TestReport, shown: Reproduction) -> Solution:
    """No test shows the problem: either all is well, or it could not be reproduced."""
    if not baseline.results:
        headline, status = "The test command ran no tests.", RunStatus.no_patch
    elif not baseline.complete:
        headline, status = "The test command did not reach its end, and no test of it is red.", RunStatus.no_patch
    elif shown.flaky:
        headline, status = "Only flaky tests are red; there is nothing steady to repair.", RunStatus.no_patch
    elif task.description.strip():
        headline, status = "All tests pass, and the problem could not be reproduced.", RunStatus.already_passing
    else:
        headline, status = "All tests pass already; there is nothing to repair.", RunStatus.already_passing
    return Solution(
        status=status,
        story=Story(headline=headline, sentences=shown.notes),
        brief=brief,
        baseline=baseline,
        reproduction=shown,
    )
