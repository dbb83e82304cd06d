"""Which patches get a verdict, and which of them is the answer with which label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from covey.agents.slots import Cluster, Comparison, Difference, Judged
from covey.coordination.choice import choose, equals, judge_patches
from covey.core.budget import Deadline
from covey.core.patch import Label, Patch
from covey.core.review import Evaluation, Resolution
from covey.core.task import Task
from support_roles import make_bench

TASK = Task(id="t")
HELD = Task(id="t", holdout=("tests/test_more.py",))


def patch(name: str) -> Patch:
    return Patch(id=name, base="b", diff=f"diff of {name}", files=("a.py",))


A, B, C = patch("a"), patch("b"), patch("c")


def says(
    of: Patch, label: Label | None, *, holdout: bool | None = None, resolution: Resolution = Resolution.resolved
) -> Evaluation:
    return Evaluation(patch=of.id, resolution=resolution, label=label, holdout_passed=holdout)


class ScriptedEvaluator:
    def __init__(self, *answers: Evaluation) -> None:
        self.answers = {answer.patch: answer for answer in answers}
        self.asked: list[str] = []

    async def evaluate(self, task: Task, patch: Patch) -> Evaluation:  # noqa: ARG002 - the interface of an evaluator
        self.asked.append(patch.id)
        return self.answers[patch.id]


NOTHING = Comparison()
ALIKE = Comparison(clusters=(Cluster(patches=("a", "b"), changed=2),), inputs=9)
APART = Comparison(
    clusters=(Cluster(patches=("a",), changed=2), Cluster(patches=("b", "c"), changed=1)),
    differences=(Difference(patch="a", other="b", call="f(3, [])", outcome="returns 1", other_outcome="returns 0"),),
    inputs=9,
)


def chosen(
    task: Task, *answers: Evaluation, patches: tuple[Patch, ...] = (A, B, C), compared: Comparison = NOTHING
) -> tuple[str, Label | None, str]:
    """Name, label and reasons of what is chosen among the judged."""
    best, verdict = choose(task, patches, {answer.patch: answer for answer in answers}, compared)
    assert best is not None
    assert verdict is not None
    assert best.label is verdict.label
    return best.id, best.label, " ".join(verdict.reasons)


# -- which are judged


async def judged(
    tmp_path: Path, task: Task, evaluator: ScriptedEvaluator, *patches: Patch, spent: float = 0
) -> list[str]:
    tools = await make_bench(tmp_path)
    tools.deadline = Deadline(tools.budget.wall_s, spent_s=spent)

    async def ask(stage: str, role: Any, request: Any, answer: type[BaseModel]) -> Any:
        assert (stage, answer) == (f"verdict/{request.id}", Judged)
        return await role.run(request, tools)

    found = await judge_patches(ask, task, evaluator, patches)
    assert list(found) == evaluator.asked
    return evaluator.asked


async def test_patches_are_judged_in_rank_order_until_one_stands(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(says(A, None), says(B, Label.no_regressions), says(C, Label.no_regressions))
    assert await judged(tmp_path, TASK, evaluator, A, B, C) == ["a", "b"]


async def test_at_most_four_are_judged_when_none_stands(tmp_path: Path) -> None:
    many = [patch(f"p{number}") for number in range(6)]
    evaluator = ScriptedEvaluator(*(says(one, Label.plausible) for one in many))
    assert await judged(tmp_path, TASK, evaluator, *many) == ["p0", "p1", "p2", "p3"]


async def test_held_out_tests_judge_every_competitor(tmp_path: Path) -> None:
    many = [patch(f"p{number}") for number in range(6)]
    evaluator = ScriptedEvaluator(*(says(one, Label.no_regressions, holdout=False) for one in many))
    assert len(await judged(tmp_path, HELD, evaluator, *many)) == 6


@pytest.mark.parametrize("task", [TASK, HELD])
async def test_no_second_verdict_is_begun_when_the_time_of_the_run_is_up(tmp_path: Path, task: Task) -> None:
    evaluator = ScriptedEvaluator(says(A, Label.plausible), says(B, Label.no_regressions))
    assert await judged(tmp_path, task, evaluator, A, B, spent=10_000) == ["a"]


# -- which is chosen, with which label


def test_nothing_judged_is_nothing_chosen() -> None:
    assert choose(TASK, (A,), {}, NOTHING) == (None, None)
    assert choose(TASK, (A,), {"a": says(A, None, resolution=Resolution.unresolved)}, NOTHING) == (None, None)


def test_without_held_out_tests_a_clean_patch_is_not_verified_and_the_reason_says_why() -> None:
    name, label, reasons = chosen(TASK, says(A, Label.plausible), says(B, Label.no_regressions))
    assert (name, label) == ("b", Label.no_regressions)
    assert "no held-out tests were named (--holdout)" in reasons


def test_a_patch_with_regressions_is_only_plausible() -> None:
    name, label, _ = chosen(TASK, says(A, None), says(B, Label.plausible), says(C, Label.plausible))
    assert (name, label) == ("b", Label.plausible)


def test_the_only_patch_that_passes_the_held_out_tests_is_verified() -> None:
    failing, passing = says(A, Label.no_regressions, holdout=False), says(B, Label.no_regressions, holdout=True)
    assert chosen(HELD, failing, passing, patches=(A, B)) == ("b", Label.verified, "")


def test_several_patches_that_pass_the_held_out_tests_are_not_verified() -> None:
    one, two = says(A, Label.no_regressions, holdout=True), says(B, Label.no_regressions, holdout=True)
    name, label, reasons = chosen(HELD, one, two, patches=(A, B))
    assert (name, label) == ("a", Label.no_regressions)
    assert "1 other patch(es) pass the held-out tests too" in reasons


def test_a_competitor_without_a_verdict_stands_against_verified() -> None:
    name, label, reasons = chosen(HELD, says(A, Label.no_regressions, holdout=True), patches=(A, B, C))
    assert (name, label) == ("a", Label.no_regressions)
    assert "2 other patch(es) could not be judged" in reasons


def test_a_competitor_on_which_the_machine_failed_stands_against_verified() -> None:
    broken = says(B, None, resolution=Resolution.infra_error)
    name, label, reasons = chosen(HELD, says(A, Label.no_regressions, holdout=True), broken, patches=(A, B))
    assert (name, label) == ("a", Label.no_regressions)
    assert "1 other patch(es) could not be judged" in reasons


def test_when_every_patch_fails_the_held_out_tests_the_first_is_offered_and_not_verified() -> None:
    name, label, _ = chosen(
        HELD, says(A, Label.plausible, holdout=False), says(B, Label.no_regressions, holdout=False), patches=(A, B)
    )
    assert (name, label) == ("a", Label.plausible)


def test_among_weaker_patches_one_that_passes_the_held_out_tests_goes_first() -> None:
    name, label, _ = chosen(
        HELD, says(A, Label.no_regressions, holdout=False), says(B, Label.plausible, holdout=True), patches=(A, B)
    )
    assert (name, label) == ("b", Label.plausible)


# -- what probes say about competitors

CLEAN_A, CLEAN_B, CLEAN_C = (says(one, Label.no_regressions, holdout=True) for one in (A, B, C))


def test_a_competitor_that_behaves_equally_on_all_probes_stands_no_longer_against_verified() -> None:
    assert chosen(HELD, CLEAN_A, CLEAN_B, patches=(A, B), compared=ALIKE) == ("a", Label.verified, "")


def test_a_competitor_without_a_verdict_that_behaves_equally_stands_no_longer_against_verified() -> None:
    assert chosen(HELD, CLEAN_A, patches=(A, B), compared=ALIKE) == ("a", Label.verified, "")


def test_a_competitor_that_could_not_be_probed_stands_against_verified() -> None:
    name, label, reasons = chosen(HELD, CLEAN_A, CLEAN_B, CLEAN_C, compared=ALIKE)
    assert (name, label) == ("a", Label.no_regressions)
    assert "1 other patch(es) pass the held-out tests too; nothing separates them." in reasons


def test_competitors_that_disagree_are_not_verified_and_the_reason_names_the_input() -> None:
    name, label, reasons = chosen(HELD, CLEAN_A, CLEAN_B, CLEAN_C, compared=APART)
    assert (name, label) == ("a", Label.no_regressions)
    assert "2 other patch(es) pass the held-out tests too." in reasons
    assert "patch b behaves differently: f(3, []) returns 1 with this patch and returns 0 with that one" in reasons
    assert "Add a test for f(3, [])." in reasons


def test_the_difference_is_told_from_the_chosen_patch_whichever_it_is() -> None:
    failing = says(A, Label.no_regressions, holdout=False)
    name, label, reasons = chosen(HELD, failing, CLEAN_C, patches=(A, C), compared=APART)
    assert (name, label, reasons) == ("c", Label.verified, "")
    broken = says(A, None, resolution=Resolution.infra_error)
    name, label, reasons = chosen(HELD, broken, CLEAN_C, patches=(A, C), compared=APART)
    assert (name, label) == ("c", Label.no_regressions)
    assert "patch a behaves differently: f(3, []) returns 0 with this patch and returns 1 with that one" in reasons


def test_without_held_out_tests_the_reasons_mention_a_disagreement() -> None:
    name, label, reasons = chosen(TASK, says(A, Label.no_regressions), compared=APART)
    assert (name, label) == ("a", Label.no_regressions)
    assert "no held-out tests were named (--holdout). Plausible patch b behaves differently: f(3, [])" in reasons


def test_a_patch_that_was_judged_and_is_not_clean_is_no_disagreement() -> None:
    _, _, reasons = chosen(
        TASK, says(A, Label.no_regressions), says(B, Label.plausible), patches=(A, B), compared=APART
    )
    assert "differently" not in reasons


@pytest.mark.parametrize(
    "compared",
    [
        ALIKE.model_copy(update={"inputs": 4}),
        ALIKE.model_copy(update={"clusters": (Cluster(patches=("a", "b"), changed=0),)}),
    ],
    ids=["few inputs", "inputs that do not reach the change"],
)
def test_equal_behaviour_that_shows_nothing_makes_nothing_verified(compared: Comparison) -> None:
    name, label, reasons = chosen(HELD, CLEAN_A, CLEAN_B, patches=(A, B), compared=compared)
    assert (name, label) == ("a", Label.no_regressions)
    assert "nothing separates them" in reasons


def test_probes_that_miss_what_tests_see_show_nothing() -> None:
    verdicts = {answer.patch: answer for answer in (CLEAN_A, says(B, Label.no_regressions, holdout=False))}
    assert equals(A, verdicts, ALIKE) == frozenset()
    assert equals(A, {"a": CLEAN_A, "b": CLEAN_B}, ALIKE) == {"b"}
    assert equals(None, {}, ALIKE) == frozenset()
