"""Which red tests become targets, and which tests are written when none is red."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.agents.reproducer import REPRODUCTION, Reproducer, render_tests
from covey.agents.slots import Brief, ReproduceRequest, Reproduction
from covey.agents.understander import session
from covey.core.execution import TestCommand
from covey.core.testing import Failure, Frame, Outcome, TestReport, TestResult
from covey.repair.problem import read_problem
from support_roles import GREEN, RED, SHOP, ScriptedRunner, failed, make_bench, passed, report_of

NODE = "tests/test_cart.py::CartTest::test_total"
OTHER = "tests/test_cart.py::CartTest::test_other"
FIXED = {**SHOP, "shop/cart.py": SHOP["shop/cart.py"].replace("-=", "+=")}


def missing(name: str, module: str) -> TestResult:
    failure = Failure(type="ModuleNotFoundError", missing_module=module)
    return TestResult(id=name, outcome=Outcome.error, failure=failure)


async def shown(
    tmp_path: Path, baseline: TestReport, *again: TestReport, brief: Brief | None = None, framework: str = "pytest"
) -> Reproduction:
    """What the reproducer makes of a baseline when a second run gives ``again``."""
    command = TestCommand.model_validate({"framework": framework, "argv": ("python",)})
    runner = ScriptedRunner(*again)
    tools = await make_bench(tmp_path, runner=runner, command=command)
    found = await Reproducer().run(ReproduceRequest(brief=brief or Brief(), baseline=baseline), tools)
    assert not runner.answers
    return found


async def test_red_tests_that_are_red_again_are_the_targets(tmp_path: Path) -> None:
    baseline = report_of(failed(NODE), passed("a::b"), failed(OTHER))
    found = await shown(tmp_path, baseline, report_of(failed(NODE), failed(OTHER)))
    assert found == Reproduction(targets=(NODE, OTHER))


async def test_a_red_test_that_is_green_when_run_again_is_flaky_and_named(tmp_path: Path) -> None:
    baseline = report_of(failed(NODE), failed(OTHER))
    found = await shown(tmp_path, baseline, report_of(failed(NODE), passed(OTHER)))
    assert (found.targets, found.flaky) == ((NODE,), (OTHER,))
    assert OTHER in found.notes[0]


async def test_a_red_test_that_the_second_run_does_not_mention_stays_a_target(tmp_path: Path) -> None:
    found = await shown(tmp_path, report_of(failed(NODE)), report_of())
    assert found.targets == (NODE,)


async def test_an_opaque_command_is_not_run_again_test_by_test(tmp_path: Path) -> None:
    found = await shown(tmp_path, report_of(failed("command")), framework="command")
    assert found.targets == ("command",)


async def test_tests_that_need_what_this_machine_lacks_are_set_aside_with_the_reason(tmp_path: Path) -> None:
    baseline = report_of(
        failed(NODE), missing("tests/test_db.py", "psycopg2.extras"), failed("t::net", "socket.gaierror")
    )
    found = await shown(tmp_path, baseline, report_of(failed(NODE)))
    assert found.targets == (NODE,)
    assert found.set_aside == {
        "tests/test_db.py": "needs the module psycopg2, which is not installed",
        "t::net": "needs the network, which tests do not get",
    }


@pytest.mark.parametrize("module", ["shop.basket", "shop", "tests", "toplevel"])
async def test_a_missing_module_of_the_repository_itself_is_a_fault_to_repair(tmp_path: Path, module: str) -> None:
    runner = ScriptedRunner(report_of(failed(NODE), missing("tests/test_db.py", module)))
    tools = await make_bench(tmp_path, {**SHOP, "toplevel.py": ""}, runner=runner)
    baseline = report_of(failed(NODE), missing("tests/test_db.py", module))
    found = await Reproducer().run(ReproduceRequest(brief=Brief(), baseline=baseline), tools)
    assert (found.targets, found.set_aside) == ((NODE, "tests/test_db.py"), {})


async def test_when_all_that_is_red_looks_like_the_machine_it_is_worked_on(tmp_path: Path) -> None:
    baseline = report_of(missing("tests/test_db.py", "psycopg2"), passed(NODE))
    found = await shown(tmp_path, baseline, baseline)
    assert (found.targets, found.set_aside) == (("tests/test_db.py",), {})


@pytest.mark.parametrize(
    "wanted", [NODE, "test_total", "CartTest::test_total", "tests/test_cart.py::CartTest::test_total"]
)
async def test_tests_that_the_text_names_narrow_the_targets(tmp_path: Path, wanted: str) -> None:
    baseline = report_of(failed(NODE), failed("tests/test_till.py::test_close"))
    found = await shown(tmp_path, baseline, report_of(failed(NODE)), brief=Brief(tests=(wanted,)))
    assert found.targets == (NODE,)
    assert found.set_aside == {"tests/test_till.py::test_close": "not what the problem text describes"}


async def test_a_name_that_no_red_test_has_narrows_nothing(tmp_path: Path) -> None:
    baseline = report_of(failed(NODE), failed(OTHER))
    found = await shown(tmp_path, baseline, baseline, brief=Brief(tests=("test_tot", "tests/test_car")))
    assert found.targets == (NODE, OTHER)


async def test_a_traceback_in_the_text_narrows_the_targets_to_those_that_fail_like_it(tmp_path: Path) -> None:
    frame = Frame(path="shop/cart.py", line=4, function="total")
    same = failed(NODE, "builtins.TypeError", frames=[frame.model_copy(update={"line": 5})])
    baseline = report_of(same, failed(OTHER, "KeyError", frames=[frame]), failed("a::b", "TypeError"))
    brief = Brief(frames=(frame,), exception="TypeError")
    found = await shown(tmp_path, baseline, report_of(same), brief=brief)
    assert found.targets == (NODE,)


# -- nothing is red: the text itself


def brief_of(text: str) -> Brief:
    problem = read_problem(text)
    return Brief(exception=problem.exception, snippets=(session(problem.doctests),) if problem.doctests else (text,))


async def written(tmp_path: Path, text: str, files: dict[str, str] | None = None) -> Reproduction:
    """What is made of a text, by real tests, when the suite is green."""
    tools = await make_bench(tmp_path, files)
    baseline = report_of(passed(GREEN, "tests/test_cart.py"), passed(RED, "tests/test_cart.py"))
    return await Reproducer().run(ReproduceRequest(brief=brief_of(text), baseline=baseline), tools)


async def test_without_an_example_nothing_can_be_shown(tmp_path: Path) -> None:
    found = await shown(tmp_path, report_of(passed(NODE)))
    assert found.targets == ()
    assert "shows no example" in found.notes[0]


async def test_with_an_opaque_command_no_test_is_written(tmp_path: Path) -> None:
    brief = Brief(snippets=("1/0",))
    assert (await shown(tmp_path, report_of(passed("command")), brief=brief, framework="command")).new_tests == {}


async def test_an_interactive_example_that_fails_becomes_a_test_beside_the_others(tmp_path: Path) -> None:
    found = await written(tmp_path, "Wrong:\n\n>>> from shop.cart import total\n>>> total([1, 2])\n3\n")
    assert list(found.new_tests) == [f"tests/{REPRODUCTION}"]
    (target,) = found.targets
    assert target.endswith("ProblemExamples.test_example_1")
    assert "1 test(s) were written from the problem text" in found.notes[0]


async def test_an_interactive_example_that_passes_is_no_target(tmp_path: Path) -> None:
    text = "Wrong:\n\n>>> from shop.cart import total\n>>> total([1, 2])\n3\n"
    found = await written(tmp_path, text, FIXED)
    assert (found.targets, found.new_tests) == ((), {})
    assert "do not fail" in found.notes[0]


async def test_code_that_raises_becomes_a_test_whatever_the_framework_calls_its_failure(tmp_path: Path) -> None:
    found = await written(tmp_path, "from shop.cart import total\ntotal(None)\n")
    assert len(found.targets) == 1


async def test_code_that_runs_to_its_end_is_no_target(tmp_path: Path) -> None:
    found = await written(tmp_path, "from shop.cart import total\ntotal([])\n")
    assert found.targets == ()


def test_examples_are_written_down_as_valid_python_whatever_they_hold() -> None:
    nasty = (">>> print('''a''')\na\n", 'x = "\\"" + \'"""\'\n', "    indented = 1\n", "\\ \n>>> 1\n1\n")
    compile(render_tests(nasty, ""), "written", "exec")


def test_an_example_that_shows_the_exception_complained_about_must_run_without_it() -> None:
    example = ">>> total(None)\nTraceback (most recent call last):\nTypeError: no\n"
    assert "DocTestRunner" not in render_tests((example,), "TypeError")
    assert "DocTestRunner" in render_tests((example,), "")  # an exception that is expected stays expected


@pytest.mark.parametrize(("code", "red"), [("total([1, 2", ()), ("total([1])", ()), ("from shop.cart import x", (1,))])
async def test_an_example_that_lacks_its_own_imports_shows_nothing(
    tmp_path: Path, code: str, red: tuple[int, ...]
) -> None:
    tools = await make_bench(tmp_path)
    request = ReproduceRequest(brief=Brief(snippets=(code,)), baseline=report_of(passed(NODE, "tests/test_cart.py")))
    found = await Reproducer().run(request, tools)
    assert len(found.targets) == len(red)
    if not red:
        assert found.notes == ("the examples of the problem text cannot run by themselves",)
