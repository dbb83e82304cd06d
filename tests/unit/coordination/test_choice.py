"""Which patches get a verdict, and which of them is the answer with which label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from covey.agents.slots import Judged
from covey.coordination.choice import choose, judge_patches
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


def chosen(task: Task, *answers: Evaluation, patches: tuple[Patch, ...] = (A, B, C)) -> tuple[str, Label | None, str]:
    """Name, label and reasons of what is chosen among the judged."""
    best, verdict = choose(task, patches, {answer.patch: answer for answer in answers})
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
    assert choose(TASK, (A,), {}) == (None, None)
    assert choose(TASK, (A,), {"a": says(A, None, resolution=Resolution.unresolved)}) == (None, None)


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
