"""The validator that needs no fork server says the same, one process for each candidate."""

from __future__ import annotations

import sys
from pathlib import Path

from covey.core.errors import EditError
from covey.core.execution import TestCommand, Tree
from covey.core.patch import Candidate, Edit
from covey.core.repair import Standing, ValidationPlan
from covey.execution.processvalidator import ProcessValidator
from covey.execution.runner import TestRunner
from covey.execution.sandboxes.select import choose
from support_execution import LIMITS, this_environment, write_tree

SOURCE = "def add(a, b):\n    return a - b\n"
TESTS = """import unittest
import calc
class Calc(unittest.TestCase):
    def test_add(self):
        self.assertEqual(calc.add(1, 2), 3)
    def test_same(self):
        self.assertEqual(calc.add(5, 0), 5)
"""
FILES = {"calc.py": SOURCE, "test_calc.py": TESTS}


def edit(new: str) -> Candidate:
    start = SOURCE.index("return")
    edits = (Edit(path="calc.py", start=start, end=len(SOURCE) - 1, text=new),)
    return Candidate(id=Candidate.make_id(edits), edits=edits, origin="test", path="calc.py", line=2)


async def test_each_candidate_gets_the_verdict_of_a_fresh_process(tmp_path: Path) -> None:
    sandbox = await choose("auto", tmp_path / "scratch")
    tree = write_tree(tmp_path / "tree", FILES, sandbox.owner)

    async def make_tree(candidate: Candidate) -> Tree:
        (change,) = candidate.edits
        if change.text == "unwritable":
            raise EditError("The file cannot be edited so.")
        text = SOURCE[: change.start] + change.text + SOURCE[change.end :]
        layer = write_tree(tmp_path / "layers" / candidate.id, {"calc.py": text}, sandbox.owner)
        return tree.model_copy(update={"layer": layer.base})

    command = TestCommand(framework="unittest", argv=(sys.executable, "-m", "unittest"))
    runner = TestRunner(sandbox, this_environment(), command, limits=LIMITS, seed=0)
    validator = ProcessValidator(runner, tree, make_tree, workers=2)
    plan = ValidationPlan(targets=("test_calc.Calc.test_add",), regressions=("test_calc.Calc.test_same",), timeout_s=8)
    expected = {
        "return a + b": Standing.plausible,
        "return a * b": Standing.failed,
        "return 3": Standing.regressed,
        "return +* 3": Standing.invalid,
        "unwritable": Standing.invalid,
        "import os; os._exit(0)": Standing.crashed,
        "while True: pass": Standing.timeout,
    }
    candidates = [edit(text) for text in expected]
    verdicts = [verdict async for verdict in validator.validate(candidates, plan)]
    assert [verdict.standing for verdict in verdicts] == list(expected.values())
    assert [verdict.candidate for verdict in verdicts] == [candidate.id for candidate in candidates]
    assert {verdict.mode for verdict in verdicts} == {"process"}
    spectrum = await validator.trace(["test_calc.Calc.test_add", "test_calc.Calc.test_gone"], 10)
    assert [test.result.outcome.bad for test in spectrum.tests] == [True, True]
    assert spectrum.notes
