"""Choosing: which patches get a verdict, and which of them is the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from covey.agents.slots import Comparison, Judged
from covey.agents.workbench import Workbench
from covey.coordination.flock import Ask
from covey.core.patch import Label, Patch
from covey.core.protocols import Evaluator
from covey.core.review import Evaluation, Resolution
from covey.core.task import Task

_JUDGED_AT_MOST = 4
_PROBES = 5
"""With fewer inputs that say something, equal behaviour on all of them shows nothing."""


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
    task: Task, patches: Sequence[Patch], judged: Mapping[str, Evaluation], compared: Comparison
) -> tuple[Patch | None, Evaluation | None]:
    """The first clean patch, else the first with any label; with held-out tests, first one that passes them.

    ``verified`` is given here, and only to a patch that passes the held-out tests when every other one was judged and
    did not, or behaves like it on all probe inputs.
    """
    ranked = [(patch, judged[patch.id]) for patch in patches if patch.id in judged]
    clean = [pair for pair in ranked if _clean(pair[1])]
    if not clean:
        weaker = [pair for pair in ranked if pair[1].label is not None]
        weaker.sort(key=lambda pair: pair[1].holdout_passed is False)  # stable: else the order of the ranking
        return _labelled(*weaker[0]) if weaker else (None, None)
    patch, verdict = clean[0]
    reasons = _against_verified(task, patch, patches, judged, compared)
    if not reasons:
        return _labelled(patch, verdict.model_copy(update={"label": Label.verified}))
    return _labelled(patch, verdict.model_copy(update={"reasons": (*verdict.reasons, *reasons)}))


def equals(patch: Patch | None, judged: Mapping[str, Evaluation], compared: Comparison) -> frozenset[str]:
    """Ids of the other patches that behave like ``patch`` on all probe inputs, where that shows something.

    It shows nothing with few inputs, when the patch changes nothing on any of them, and when tests tell patches apart
    that the probes do not.
    """
    cluster = compared.cluster_of(patch.id) if patch is not None else None
    if patch is None or cluster is None or compared.inputs < _PROBES or not cluster.changed:
        return frozenset()
    verdicts = [judged[name] for name in cluster.patches if name in judged]
    if any(verdict.resolution is not Resolution.infra_error and not _clean(verdict) for verdict in verdicts):
        return frozenset()
    return frozenset(cluster.patches) - {patch.id}


def _against_verified(
    task: Task, patch: Patch, patches: Sequence[Patch], judged: Mapping[str, Evaluation], compared: Comparison
) -> tuple[str, ...]:
    """Why a clean patch is not verified; empty when it is."""
    equal = equals(patch, judged, compared)
    others = [other for other in patches if other.id != patch.id and other.id not in equal]
    unjudged = [other for other in others if _unknown(judged.get(other.id))]
    passing = [other for other in others if other not in unjudged and _clean(judged[other.id])]
    apart = _difference(patch, [*passing, *unjudged], compared)
    if not task.holdout:
        return ("Not verified: no held-out tests were named (--holdout).", *apart)
    if passing:
        much = f"Not verified: {len(passing)} other patch(es) pass the held-out tests too"
        return (f"{much}.", *apart) if apart else (f"{much}; nothing separates them.",)
    if unjudged:
        much = f"Not verified: {len(unjudged)} other patch(es) could not be judged, so they may be as good."
        return (much, *apart)
    return ()


def _difference(patch: Patch, rivals: Sequence[Patch], compared: Comparison) -> tuple[str, ...]:
    """The input on which the best of ``rivals`` that behaves otherwise does so, in a sentence."""
    for rival in rivals:
        found = compared.between(patch.id, rival.id)
        if found is not None:
            how = f"{found.call} {found.outcome} with this patch and {found.other_outcome} with that one"
            return (f"Plausible patch {rival.id} behaves differently: {how}. Add a test for {found.call}.",)
    return ()


def _clean(verdict: Evaluation) -> bool:
    return verdict.label is Label.no_regressions and verdict.holdout_passed is not False


def _unknown(verdict: Evaluation | None) -> bool:
    return verdict is None or verdict.resolution is Resolution.infra_error


def choose_partial(
    patch: Patch, verdict: Evaluation, mended: int, targets: int
) -> tuple[Patch | None, Evaluation | None]:
    """A patch that was judged against the targets it mends: offered without a label, and only if nothing broke."""
    if not _clean(verdict):
        return None, None
    reason = f"It mends {mended} of {targets} target tests."
    told = verdict.model_copy(update={"label": None, "reasons": (*verdict.reasons, reason)})
    return patch.model_copy(update={"label": None}), told


def _labelled(patch: Patch, verdict: Evaluation) -> tuple[Patch, Evaluation]:
    return patch.model_copy(update={"label": verdict.label}), verdict
