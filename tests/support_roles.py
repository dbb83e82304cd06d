"""A workbench over a tiny real repository, for tests of roles and of the coordinator."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from covey.agents.workbench import Prepared, Workbench
from covey.core.budget import Budget, Deadline
from covey.core.execution import Limits, TestCommand, Tree
from covey.core.patch import Candidate, Edit
from covey.core.protocols import Sandbox, Validator
from covey.core.repair import Standing, Verdict
from covey.core.testing import Failure, Frame, Outcome, TestReport, TestResult
from covey.execution.runner import TestRunner
from covey.execution.sandboxes.bare import BareSandbox
from covey.workspace.snapshot import take_snapshot
from support_execution import this_environment
from support_workspace import write_files

SHOP = {
    "shop/__init__.py": "",
    "shop/cart.py": (
        "def total(values):\n    result = 0\n    for value in values:\n        result -= value\n    return result\n"
    ),
    "tests/__init__.py": "",
    "tests/test_cart.py": (
        "import unittest\n\nfrom shop.cart import total\n\n\nclass CartTest(unittest.TestCase):\n"
        "    def test_total(self):\n        self.assertEqual(total([1, 2]), 3)\n\n"
        "    def test_empty(self):\n        self.assertEqual(total([]), 0)\n"
    ),
}
"""A shop whose cart subtracts."""

RED = "tests.test_cart.CartTest.test_total"
GREEN = "tests.test_cart.CartTest.test_empty"

UNITTEST = TestCommand(framework="unittest", argv=(sys.executable, "-m", "unittest", "discover", "-t", "."))
PYTEST = TestCommand(framework="pytest", argv=(sys.executable, "-m", "pytest"))


class ScriptedRunner(TestRunner):
    """Answers test runs in order, instead of running anything; an answer that is an exception is raised."""

    def __init__(self, *answers: TestReport | Exception) -> None:
        self.answers = list(answers)
        self.trees: list[Tree] = []
        self.tests: list[tuple[str, ...]] = []
        self.deselected: list[tuple[str, ...]] = []

    async def run(
        self,
        tree: Tree,
        *,
        tests: Sequence[str] = (),
        deselect: Sequence[str] = (),
        timeout_s: float,  # noqa: ARG002 - nothing is run
    ) -> TestReport:
        self.trees.append(tree)
        self.tests.append(tuple(tests))
        self.deselected.append(tuple(deselect))
        assert self.answers, f"a run of {tests or 'the suite'} that nobody expected"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class BenchWithRunner(Workbench):
    """A workbench whose test runs are scripted."""

    scripted: ScriptedRunner

    def runner(self) -> TestRunner:
        return self.scripted


async def make_bench(
    folder: Path,
    files: Mapping[str, str | bytes] | None = None,
    *,
    sandbox: Sandbox | None = None,
    command: TestCommand = UNITTEST,
    holdout: tuple[str, ...] = (),
    budget: Budget | None = None,
    validator: Validator | None = None,
    runner: ScriptedRunner | None = None,
) -> Workbench:
    """Everything that :mod:`covey.app` would put together, over a snapshot of ``files``; nothing contained by default.

    With ``runner``, tests are not run but answered by it.
    """
    repository = write_files(folder / "repository", SHOP if files is None else files)
    sandbox = sandbox or BareSandbox(folder / "scratch")
    snapshot = await take_snapshot(repository, folder / "run" / "snapshot", owner=sandbox.owner)
    budget = budget or Budget()
    tools = (BenchWithRunner if runner else Workbench)(
        sandbox=sandbox,
        folder=folder / "run",
        deadline=Deadline(budget.wall_s),
        budget=budget,
        limits=Limits(memory_bytes=1 << 30, processes=128),
        suite_timeout_s=60,
        test_timeout_s=10,
        workers=1,
        seed=0,
        holdout=holdout,
        prepared=Prepared(snapshot=snapshot, environment=this_environment(), command=command),
        _validator=validator,
    )
    if isinstance(tools, BenchWithRunner) and runner:
        tools.scripted = runner
    return tools


def edit_of(tools: Workbench, path: str, old: str, new: str) -> Edit:
    """Replace the first ``old`` of a file of the base."""
    start = tools.sources[path].index(old.encode())
    return Edit(path=path, start=start, end=start + len(old.encode()), text=new)


def candidate_of(tools: Workbench, path: str, old: str, new: str, origin: str = "operator") -> Candidate:
    """A candidate with one edit."""
    edit = edit_of(tools, path, old, new)
    line = tools.sources[path][: edit.start].count(b"\n") + 1
    return Candidate(
        id=Candidate.make_id((edit,)), edits=(edit,), origin=origin, path=path, line=line, explanation=f"{new}."
    )


def plain_candidate(name: str, start: int = 0, path: str = "shop/cart.py") -> Candidate:
    """A candidate of which only the name matters."""
    edit = Edit(path=path, start=start, end=start + 1, text=name)
    return Candidate(id=name, edits=(edit,), origin="operator", path=path, line=1)


def verdict_of(name: str, standing: Standing = Standing.failed, *flipped: str) -> Verdict:
    """What the validator saw of the candidate ``name``."""
    return Verdict(candidate=name, standing=standing, flipped=flipped)


def passed(name: str, path: str | None = None) -> TestResult:
    """A green test."""
    return TestResult(id=name, outcome=Outcome.passed, path=path)


def failed(
    name: str, kind: str = "AssertionError", path: str | None = None, *, frames: Iterable[Frame] = ()
) -> TestResult:
    """A red test."""
    return TestResult(id=name, outcome=Outcome.failed, path=path, failure=Failure(type=kind, frames=tuple(frames)))


def report_of(*results: TestResult, complete: bool = True, seconds: float = 0.0) -> TestReport:
    """A run of tests."""
    return TestReport(results=results, complete=complete, duration_s=seconds)
