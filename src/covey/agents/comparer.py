"""Compare: what competing patches do to the same inputs, which no test of the project may ever have tried."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from covey.agents.slots import Cluster, CompareRequest, Comparison, Difference
from covey.agents.workbench import Workbench
from covey.core.errors import RunError
from covey.core.patch import Patch
from covey.core.repair import ProbeOutcome, ProbeReport, ValidationPlan
from covey.execution.verdicts import regressions_for

_KEPT_FREE = 0.1
"""Share of the budget that must be left before anything is compared, and of what is left that may be spent on it."""
_AT_MOST_S = 10.0
_TESTS = 40


class Comparer:
    """Floor: calls that the tests make, and inputs near them, given to each patch in the fork server."""

    name = "comparer"

    async def run(self, request: CompareRequest, tools: Workbench) -> Comparison:
        """Fill the slot. What cannot be compared is said in the notes; it never ends the run."""
        wall_s = tools.budget.wall_s
        left_s = wall_s - tools.deadline.elapsed
        if left_s < _KEPT_FREE * wall_s:
            return Comparison(notes=("Behaviour was not compared: less than 10 % of the time was left.",))
        candidates = [patch.candidate for patch in request.patches if patch.candidate is not None]
        seconds = min(_AT_MOST_S, 2.5 * _KEPT_FREE * left_s)
        try:
            validator = await tools.validator()
            report = await validator.probe(
                candidates, _tests(request.patches, request.plan), timeout_s=seconds, seed=tools.seed
            )
        except RunError as error:
            return Comparison(notes=(f"Behaviour could not be compared: {error}",))
        return compare(request.patches, report)


def _tests(patches: Sequence[Patch], plan: ValidationPlan) -> tuple[str, ...]:
    """Targets, then the nearest tests that run what the patches change."""
    names = [*plan.targets]
    for patch in patches:
        if patch.candidate is not None:
            names += regressions_for(patch.candidate, plan)[:_TESTS]
    return tuple(dict.fromkeys(names))[:_TESTS]


def compare(patches: Sequence[Patch], report: ProbeReport) -> Comparison:
    """Put patches together that do the same to every input, in the order in which they are given. Pure."""
    found = {
        patch.id: report.outcomes[patch.candidate.id]
        for patch in patches
        if patch.candidate is not None and patch.candidate.id in report.outcomes
    }
    groups: dict[tuple[str, ...], list[str]] = {}
    for patch, outcomes in found.items():
        groups.setdefault(tuple(outcome.digest for outcome in outcomes), []).append(patch)
    clusters = tuple(
        Cluster(patches=tuple(names), changed=_changed(found[names[0]], report.base)) for names in groups.values()
    )
    if not report.inputs:
        clusters = ()
    unprobed = tuple(
        f"Patch {patch.id} could not be probed: {report.unprobed[patch.candidate.id]}."
        for patch in patches
        if patch.candidate is not None and patch.candidate.id in report.unprobed
    )
    return Comparison(
        clusters=clusters,
        differences=tuple(
            _difference(one.patches[0], two.patches[0], found, report) for one, two in combinations(clusters, 2)
        ),
        inputs=sum(_telling([outcomes[at] for outcomes in found.values()]) for at in range(len(report.inputs))),
        notes=(*report.notes, *unprobed),
    )


def _telling(outcomes: Sequence[ProbeOutcome]) -> bool:
    """Does an input say something? That all raise, or return what cannot be looked into, shows little."""
    kinds = {outcome.kind for outcome in outcomes}
    differ = len({outcome.digest for outcome in outcomes}) > 1
    return differ or ("returned" in kinds and "opaque" not in kinds)


def _changed(outcomes: Sequence[ProbeOutcome], base: Sequence[ProbeOutcome | None]) -> int:
    return sum(
        before is not None and before.digest != after.digest for before, after in zip(base, outcomes, strict=True)
    )


def _difference(one: str, two: str, found: dict[str, tuple[ProbeOutcome, ...]], report: ProbeReport) -> Difference:
    """The plainest input that tells two patches apart: both return, a test makes that call, it is short."""

    def plainness(at: int) -> tuple[bool, bool, int, int]:
        both = found[one][at].kind == found[two][at].kind == "returned"
        return not both, not report.inputs[at].recorded, len(report.inputs[at].call), at

    at = min((at for at in range(len(report.inputs)) if found[one][at].digest != found[two][at].digest), key=plainness)
    return Difference(
        patch=one,
        other=two,
        call=report.inputs[at].call,
        outcome=found[one][at].text,
        other_outcome=found[two][at].text,
    )
