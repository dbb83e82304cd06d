"""Choosing: which patches get a verdict, and which of them is the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from covey.agents.slots import Judged
from covey.agents.workbench import Workbench
from covey.coordination.flock import Ask
from covey.core.patch import Label, Patch
from covey.core.protocols import Evaluator
from covey.core.review import Evaluation, Resolution
from covey.core.task import Task

_JUDGED_AT_MOST = 4


@dataclass(frozen=True)
class _Judge:
    """An evaluator in the shape of a role, so that its verdicts are steps like any other."""

    task: Task
    evaluator: Evaluator
    name: str = "evaluator"

    async def run(self, request: Patch, tools: Workbench) -> Judged:
        evaluation = await self.evaluator.evaluate(self.task, request)
        return Judged(evaluation=evaluation, late=tools.out_of_time)


async def judge_patches(ask: Ask, task: Task, evaluator: Evaluator, patches: Sequence[Patch]) -> dict[str, Evaluation]:
    """Verdicts by patch id, in rank order: until one stands, or over all competitors when held-out tests can tell."""
    judged: dict[str, Evaluation] = {}
    role = _Judge(task, evaluator)
    for patch in patches[: None if task.holdout else _JUDGED_AT_MOST]:
        answer = await ask(f"verdict/{patch.id}", role, patch, Judged)
        judged[patch.id] = answer.evaluation
        if answer.late or (answer.evaluation.label is Label.no_regressions and not task.holdout):
            break
    return judged


def choose(
    task: Task, patches: Sequence[Patch], judged: Mapping[str, Evaluation]
) -> tuple[Patch | None, Evaluation | None]:
    """The first clean patch, else the first with any label; with held-out tests, first one that passes them.

    ``verified`` is given here, and only to a patch that passes the held-out tests after every other one was judged and
    did not.
    """
    ranked = [(patch, judged[patch.id]) for patch in patches if patch.id in judged]
    clean = [pair for pair in ranked if pair[1].label is Label.no_regressions and pair[1].holdout_passed is not False]
    if not clean:
        weaker = [pair for pair in ranked if pair[1].label is not None]
        weaker.sort(key=lambda pair: pair[1].holdout_passed is False)  # stable: else the order of the ranking
        return _labelled(*weaker[0]) if weaker else (None, None)
    patch, verdict = clean[0]
    unjudged = len(patches) - sum(answer.resolution is not Resolution.infra_error for _, answer in ranked)
    if not task.holdout:
        reason = "Not verified: no held-out tests were named (--holdout)."
    elif len(clean) > 1:
        reason = f"Not verified: {len(clean) - 1} other patch(es) pass the held-out tests too; nothing separates them."
    elif unjudged:
        reason = f"Not verified: {unjudged} other patch(es) could not be judged, so they may be as good."
    else:
        return _labelled(patch, verdict.model_copy(update={"label": Label.verified}))
    return _labelled(patch, verdict.model_copy(update={"reasons": (*verdict.reasons, reason)}))


def _labelled(patch: Patch, verdict: Evaluation) -> tuple[Patch, Evaluation]:
    return patch.model_copy(update={"label": verdict.label}), verdict
