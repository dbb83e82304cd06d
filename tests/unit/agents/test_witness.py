"""A model's failing test counts only when it runs, fails twice alike, and fails as it says it would."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.agents.desk import Trouble
from covey.agents.reproducer import Reproducer
from covey.agents.slots import Brief, ReproduceRequest, Reproduction
from covey.agents.witness import FILE, Witness
from covey.agents.witnesscode import invented, look_over, top_modules, write_test
from covey.core.errors import AgentFeedback
from covey.core.execution import TestCommand
from covey.core.testing import Failure, Frame, Outcome, TestReport, TestResult
from covey.models.backends.scripted import ScriptedBackend
from support_asking import asking_bench, prompt_of, said
from support_roles import PYTEST, SHOP, UNITTEST, ScriptedRunner, failed, passed, report_of

PATH = f"tests/{FILE}"
BASELINE = report_of(passed("tests.test_cart.CartTest.test_empty", "tests/test_cart.py"))
STATEMENT = "total([1, 2]) should be 3. total(None) should raise ValueError."


def written(
    *lines: str, imports: tuple[str, ...] = ("from shop.cart import total",), kind: str = "AssertionError"
) -> str:
    return said(imports=imports, lines=lines, fails_with=kind)


GOOD = written("assert total([1, 2]) == 3")


def red(kind: str = "AssertionError", where: str = PATH, outcome: Outcome = Outcome.failed) -> TestReport:
    """What running the written test gives."""
    failure = Failure(type=kind, message="-3 != 3", frames=(Frame(path=PATH, line=5), Frame(path=where, line=1)))
    return report_of(TestResult(id="w", outcome=outcome, failure=failure, path=PATH))


async def witnessed(
    tmp_path: Path,
    script: list[str],
    *runs: TestReport | Exception,
    statement: str = STATEMENT,
    baseline: TestReport = BASELINE,
    command: TestCommand = UNITTEST,
) -> tuple[Reproduction, ScriptedBackend]:
    runner = ScriptedRunner(*runs)
    tools, backend = await asking_bench(tmp_path, script, statement=statement, runner=runner, command=command)
    found = await Witness(Reproducer()).run(ReproduceRequest(brief=Brief(), baseline=baseline), tools)
    assert not runner.answers
    assert not backend.left
    return found, backend


@pytest.mark.parametrize("command", [UNITTEST, PYTEST], ids=["unittest", "pytest"])
async def test_a_real_test_that_fails_as_stated_becomes_the_target(tmp_path: Path, command: TestCommand) -> None:
    tools, _ = await asking_bench(tmp_path, [GOOD], statement=STATEMENT, command=command)
    found = await Witness(Reproducer()).run(ReproduceRequest(brief=Brief(), baseline=BASELINE), tools)
    (target,) = found.targets
    assert "test_problem" in target
    assert list(found.new_tests) == [PATH]
    assert any("written by a model" in note and PATH in note for note in found.notes)
    assert "assert total([1, 2]) == 3" in tools.desk.drain().model_dump_json()


async def test_what_is_red_already_needs_no_model(tmp_path: Path) -> None:
    found, _ = await witnessed(tmp_path, [], report_of(failed("a::b")), baseline=report_of(failed("a::b")))
    assert (found.targets, found.new_tests) == (("a::b",), {})


@pytest.mark.parametrize(
    ("statement", "baseline", "framework"),
    [
        ("", BASELINE, "unittest"),
        (" \n", BASELINE, "unittest"),
        (STATEMENT, BASELINE, "command"),
        (STATEMENT, report_of(passed("a"), complete=False), "unittest"),
    ],
)
async def test_without_words_a_framework_or_a_whole_suite_nothing_is_written(
    tmp_path: Path, statement: str, baseline: TestReport, framework: str
) -> None:
    command = TestCommand.model_validate({"framework": framework, "argv": ("python",)})
    found, _ = await witnessed(tmp_path, [], statement=statement, baseline=baseline, command=command)
    assert not found.targets


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (report_of(passed("w", PATH)), "It passes, or is skipped"),
        (report_of(TestResult(id="w", outcome=Outcome.skipped, path=PATH)), "It passes, or is skipped"),
        (red("ImportError", outcome=Outcome.error), "It could not be run"),
        (red("TypeError"), "It was to fail with AssertionError, and fails with TypeError -3 != 3"),
        (report_of(), "It did not run to its end"),
        (red().model_copy(update={"complete": False}), "It did not run to its end"),
    ],
)
async def test_a_test_that_shows_nothing_goes_back_with_what_happened(
    tmp_path: Path, run: TestReport, why: str
) -> None:
    found, backend = await witnessed(tmp_path, [GOOD, written("assert total([1]) == 1")], run, red(), red())
    assert found.targets == ("w",)
    assert why in prompt_of(backend)


async def test_a_test_that_fails_otherwise_the_second_time_is_not_taken(tmp_path: Path) -> None:
    found, _ = await witnessed(tmp_path, [GOOD, GOOD], red(), report_of(passed("w", PATH)))
    assert not found.targets
    assert "could not be reproduced" in found.notes[-1]
    assert "not fail the same way twice" in found.notes[-1]


async def test_an_exception_counts_when_the_repository_raises_it_and_not_when_the_test_does(tmp_path: Path) -> None:
    one, two = written("total(None)", kind="ValueError"), written("assert total(None)", kind="ValueError")
    found, backend = await witnessed(tmp_path, [one, two], red("ValueError"), *[red("ValueError", "shop/cart.py")] * 2)
    assert found.targets == ("w",)
    assert "fails by itself" in prompt_of(backend)


async def test_a_model_that_repeats_itself_is_not_asked_for_ever(tmp_path: Path) -> None:
    green = report_of(passed("w", PATH))
    found, _ = await witnessed(tmp_path, [GOOD, GOOD], green)
    assert (found.targets, found.new_tests) == ((), {})
    found, _ = await witnessed(
        tmp_path / "other", [written(f"assert total([{n}]) == {n}") for n in range(3)], green, green, green
    )
    assert "of 3 test(s) that a model wrote none shows it" in found.notes[-1]


async def test_a_model_without_a_usable_answer_is_trouble_for_the_floor_to_mend(tmp_path: Path) -> None:
    with pytest.raises(Trouble):
        await witnessed(tmp_path, [written("import os; os.remove('x')")] * 3)


MODULES = top_modules(SHOP)


@pytest.mark.parametrize(
    "line",
    [
        "open('x', 'w')",
        "__import__('os').system('true')",
        "eval('1')",
        "total.__globals__['x'] = 1",
        "total.helper = lambda: 3",
        "total = lambda values: 3",
        "raise AssertionError",
        "assert False",
        "assert 1 == 2",
        "self.skipTest('later')",
        "import socket",
        "while True: pass",
        "return",
        "try:\n    total([])\nfinally:\n    pass",
        "print(",
        "x = 1",
        "def total(values): return 1",
        "self.fail('x')",
    ],
)
def test_what_a_test_of_a_problem_never_needs_is_refused(line: str) -> None:
    use = () if line == "x = 1" else ("total([1])",)
    with pytest.raises(AgentFeedback):
        look_over(["from shop.cart import total"], [*line.split("\n"), *use], MODULES)


@pytest.mark.parametrize(
    "statement",
    ["import os", "import subprocess", "from unittest import mock", "from .cart import total", "import shop; import os",
     "from shop.cart import *", "x = 1", "import math", "import numpy", ""],
)  # fmt: skip
def test_a_test_imports_this_repository_and_plain_modules_only(statement: str) -> None:
    with pytest.raises(AgentFeedback):
        look_over([statement], ["assert total([1]) == 1"], MODULES)


def test_ordinary_tests_are_allowed() -> None:
    lines = [
        "cart = [1, 2]",
        "with self.assertRaises(ValueError):",
        "    total(cart)",
        "self.assertEqual(total(cart), 3)",
    ]
    look_over(["import math", "from shop.cart import total"], lines, MODULES)
    look_over(
        ["import shop.cart as c", "import pytest"], ["with pytest.raises(ValueError):", "    c.total(None)"], MODULES
    )


@pytest.mark.parametrize("framework", ["pytest", "unittest", "django"])
def test_the_text_of_a_test_is_python_in_the_form_of_the_framework(framework: str) -> None:
    text = write_test(["from shop.cart import total"], ["    x = total([1])", "    assert x == 1"], framework)
    compile(text, "test", "exec")
    assert ("class ProblemTest" in text) is (framework != "pytest")


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("assert total([1, 2]) == 3", ()),
        ("assert total([5, 2]) == 7", ("7",)),
        ("assert 'seven' in total([5, 2])", ("seven",)),
        ("self.assertEqual(total([1]), [40, -12])", ("40", "12")),
        ("assert total([]) == 0 and total([1]) is not None", ()),
        ("assert total([1]) == total([2])", ()),
        ("assert total([1]) == 3.5", ("3.5",)),
    ],
)
def test_values_that_a_model_worked_out_are_told_apart_from_the_users(line: str, values: tuple[str, ...]) -> None:
    assert invented([line], STATEMENT) == values


async def test_a_value_that_a_model_worked_out_is_named_in_the_notes(tmp_path: Path) -> None:
    found, _ = await witnessed(tmp_path, [written("assert total([5, 2]) == 999")], red(), red())
    assert found.targets == ("w",)
    assert "(999): it does not stand in the problem text" in found.notes[-1]
