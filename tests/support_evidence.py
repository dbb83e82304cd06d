"""A small finished run, as evidence is made from it."""

from __future__ import annotations

import difflib

from pydantic import JsonValue

from covey.core.execution import Applied, Environment, TestCommand
from covey.core.patch import Candidate, Edit, Label, Patch
from covey.core.repair import Suspect
from covey.core.review import Evaluation, Resolution, Review
from covey.core.run import Run, RunStatus, Step, Usage
from covey.core.task import Task
from covey.core.testing import Failure, Outcome, TestReport, TestResult
from covey.evidence.item import EvidenceInput

BEFORE = "def total(values):\n    result = 0\n    for value in values:\n        result -= value\n    return result\n"
AFTER = BEFORE.replace("-=", "+=")
PATH = "shop/cart.py"
RED = "tests/test_cart.py::test_total"


def diff_of(before: str, after: str, path: str = PATH) -> str:
    """A unified diff in git's form."""
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{path}", f"b/{path}")
    return f"diff --git a/{path} b/{path}\n" + "".join(lines)


def make_patch(before: str = BEFORE, after: str = AFTER, label: Label | None = Label.no_regressions) -> Patch:
    """A patch of one file."""
    diff = diff_of(before, after)
    edits = (Edit(path=PATH, start=0, end=0, text=""),)
    candidate = Candidate(id="c1", edits=edits, origin="operator", path=PATH, line=4)
    return Patch(
        id=Patch.make_id(diff),
        base="b" * 64,
        diff=diff,
        files=(PATH,),
        origin="operator",
        explanation="`-=` becomes `+=`.",
        label=label,
        candidate=candidate,
    )


def make_tests(*, green: bool, output: str = "") -> TestReport:
    """Two tests, one of them red unless ``green``."""
    failure = None if green else Failure(type="AssertionError", message="-3 != 3", text="E   assert -3 == 3")
    return TestReport(
        results=(
            TestResult(id=RED, outcome=Outcome.passed if green else Outcome.failed, failure=failure),
            TestResult(id="tests/test_cart.py::test_empty", outcome=Outcome.passed),
        ),
        exit_code=0 if green else 1,
        output=output or ("2 passed" if green else "1 failed, 1 passed"),
        command=("python", "-m", "pytest"),
        duration_s=0.25,
    )


def make_run(description: str = "The total of a cart is negative.") -> Run:
    """The run's record, genesis included."""
    task = Task(id="task", description=description, repository="/home/me/shop", base="b" * 64)
    settings: dict[str, JsonValue] = {"plausible": 8}
    run = Run(id="20261120-101502-3f9a2c", task=task, settings=settings, covey_version="0.1.0", created_at=1.0)
    return run.model_copy(update={"genesis": run.derive_genesis()})


def make_steps(run: Run, details: tuple[JsonValue, ...] = ({"x": 1}, {"y": 2}, None)) -> tuple[Step, ...]:
    """A sealed chain of events."""
    steps: list[Step] = []
    parent = run.genesis
    for seq, detail in enumerate(details):
        usage = Usage(prefilled=10, reused=5, generated=seq)
        step = Step(
            seq=seq, parent=parent, name=f"step{seq}", inputs="i" * 64, output={"n": seq}, detail=detail, usage=usage
        )
        steps.append(step.sealed())
        parent = steps[-1].hash
    return tuple(steps)


APPLIED = Applied(sandbox="bubblewrap", mechanisms={"network": "namespace", "memory": "none", "wall": "deadline"})


def make_item(**changes: object) -> EvidenceInput:
    """Everything about a run that found a patch; ``changes`` replace fields."""
    run = make_run()
    patch = make_patch()
    alternative = make_patch(after=BEFORE.replace("result -= value", "result = result + value"), label=Label.plausible)
    facts: dict[str, object] = {
        "run": run,
        "status": RunStatus.patched,
        "steps": make_steps(run),
        "patch": patch,
        "evaluation": Evaluation(
            patch=patch.id,
            resolution=Resolution.resolved,
            label=Label.no_regressions,
            reasons=("Not verified: no held-out tests were named (--holdout).",),
        ),
        "reviews": (Review(patch=patch.id, approved=True, concerns=("It changes an operator.",)),),
        "alternatives": (alternative,),
        "environment": Environment(
            kind="built", python="/env/bin/python", version=(3, 11, 2), lock=("pytest==8.3.0", "attrs==24.1")
        ),
        "command": TestCommand(framework="pytest", argv=("python", "-m", "pytest")),
        "applied": APPLIED,
        "before": make_tests(green=False),
        "after": make_tests(green=True),
        "notes": ("The search stopped when enough was found.",),
        "headline": "Repaired 1 failing test in shop/cart.py:4.",
        "explanation": "The loop subtracted each value.",
        "touched": {PATH: (BEFORE.encode(), AFTER.encode())},
        "targets": (RED,),
        "suspects": (Suspect(path=PATH, line=4, score=0.9, symbol="total", reasons=("run by the red test only",)),),
        "candidates": 41,
        "candidates_per_s": 40.04,
        "duration_s": 3.21,
    }
    return EvidenceInput.model_validate({**facts, **changes})


def without_patch() -> EvidenceInput:
    """A run that ended honestly without a patch."""
    return make_item(
        status=RunStatus.no_patch,
        patch=None,
        evaluation=None,
        reviews=(),
        alternatives=(),
        after=None,
        touched={},
        headline="No acceptable patch was found.",
        explanation="",
    )
