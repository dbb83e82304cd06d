"""Test runs in the real sandbox: what is reported, and what a hostile test cannot make of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from covey.core.errors import UnusableInput
from covey.core.execution import Limits, TestCommand, Tree
from covey.core.protocols import Sandbox
from covey.core.testing import Outcome, TestReport
from covey.execution.runner import TestRunner
from covey.execution.sandboxes.select import choose
from support_execution import LIMITS, pytest_command, this_environment, write_tree

BARE = ("-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:timeout")


@pytest.fixture
async def sandbox(tmp_path: Path) -> Sandbox:
    return await choose("auto", tmp_path / "scratch")


@pytest.fixture
def tree(tmp_path: Path, sandbox: Sandbox) -> Callable[[Mapping[str, str]], Tree]:
    def make(files: Mapping[str, str]) -> Tree:
        return write_tree(tmp_path / "tree", files, sandbox.owner)

    return make


async def run(
    sandbox: Sandbox,
    tree: Tree,
    *,
    command: TestCommand | None = None,
    limits: Limits = LIMITS,
    timeout_s: float = 30,
    tests: tuple[str, ...] = (),
    deselect: tuple[str, ...] = (),
) -> TestReport:
    runner = TestRunner(sandbox, this_environment(), command or pytest_command(*BARE), limits=limits, seed=3)
    return await runner.run(tree, tests=tests, deselect=deselect, timeout_s=timeout_s)


KINDS = """
import os
import pytest, unittest, helper

def test_passes(): pass
def test_fails(): helper.outer(1)
@pytest.mark.xfail
def test_xfails(): assert 0
@pytest.mark.xfail
def test_xpasses(): pass
@pytest.mark.xfail(strict=True)
def test_strict(): pass
@pytest.mark.skip
def test_skips(): pass
@pytest.fixture
def broken(): raise RuntimeError("set-up")
def test_setup(broken): pass
@pytest.fixture
def leaky():
    yield
    raise RuntimeError("tear-down")
def test_teardown(leaky): pass
@pytest.mark.parametrize("n", [1, 2])
def test_numbers(n): assert n == 1
class TestUnit(unittest.TestCase):
    def test_parts(self):
        for n in range(2):
            with self.subTest(n=n): self.assertEqual(n, 0)
def test_environment():
    assert os.environ["PYTHONHASHSEED"] == "3"
    assert not [name for name in os.environ if name.startswith(("COVEY_CHANNEL", "PYTEST_ADDOPTS"))]
"""

HELPER = """
def outer(x):
    return inner(x)
def inner(x):
    try:
        {}["k"]
    except KeyError as error:
        raise ValueError("bad value") from error
"""


async def test_every_outcome_is_reported_with_its_reason(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    report = await run(
        sandbox, tree({"test_a.py": KINDS, "helper.py": HELPER, "sub/test_b.py": "import absent_module\n"})
    )
    assert {result.id: result.outcome.value for result in report.results} == {
        "sub/test_b.py": "error",
        "test_a.py::test_passes": "passed",
        "test_a.py::test_fails": "failed",
        "test_a.py::test_xfails": "xfailed",
        "test_a.py::test_xpasses": "xpassed",
        "test_a.py::test_strict": "failed",
        "test_a.py::test_skips": "skipped",
        "test_a.py::test_setup": "error",
        "test_a.py::test_teardown": "error",
        "test_a.py::test_numbers[1]": "passed",
        "test_a.py::test_numbers[2]": "failed",
        "test_a.py::TestUnit::test_parts": "failed",
        "test_a.py::test_environment": "passed",
    }
    assert report.complete
    assert report.exit_code == 1
    failure = report.by_id()["test_a.py::test_fails"].failure
    assert failure is not None
    assert (failure.type, failure.message) == ("ValueError", "bad value")
    assert [(frame.path, frame.function) for frame in failure.frames] == [
        ("test_a.py", "test_fails"),
        ("helper.py", "outer"),
        ("helper.py", "inner"),
        ("helper.py", "inner"),
    ]
    absent = report.by_id()["sub/test_b.py"].failure
    assert absent is not None
    assert absent.missing_module == "absent_module"


async def test_tests_are_selected_and_left_out_by_name_file_or_class(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    files = {"test_a.py": "def test_1(): pass\ndef test_2(): assert 0\n", "sub/test_b.py": "def test_3(): pass\n"}
    made = tree(files)
    some = await run(sandbox, made, tests=("sub", "test_a.py::test_2", "test_gone.py::test_x"))
    assert [result.id for result in some.results] == ["sub/test_b.py::test_3", "test_a.py::test_2"]
    assert some.complete
    rest = await run(sandbox, made, deselect=("test_a.py::test_2",))
    assert rest.green
    assert len(rest.results) == 2


HOSTILE = {
    "exit": "import os; os._exit(0)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "memory": "x = bytearray(1 << 40) if 0 else [bytearray(1 << 20) for _ in range(4096)]",
    "kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_test_that_ends_the_process_is_an_error_and_the_report_not_complete(
    name: str, sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    source = f"def test_1(): pass\ndef test_2():\n    {HOSTILE[name]}\ndef test_3(): pass\n"
    limits = LIMITS.model_copy(update={"memory_bytes": 256 << 20})
    report = await run(sandbox, tree({"test_a.py": source}), limits=limits)
    assert not report.complete or name == "memory"  # Python may turn a limit into a MemoryError
    assert not report.green
    assert report.ids(Outcome.passed)[0] == "test_a.py::test_1"
    assert "test_a.py::test_2" in report.red


async def test_a_hanging_test_keeps_the_results_before_it(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    source = "def test_1(): pass\ndef test_2():\n    while True: pass\ndef test_3(): pass\n"
    report = await run(sandbox, tree({"test_a.py": source}), timeout_s=3)
    assert report.timed_out
    assert not report.complete
    assert [(result.id, result.outcome.value) for result in report.results] == [
        ("test_a.py::test_1", "passed"),
        ("test_a.py::test_2", "error"),
    ]


async def test_results_reported_before_descriptors_are_closed_are_kept_and_the_suite_is_not_green(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    source = "import os\ndef test_1(): pass\ndef test_2(): os.closerange(3, 5000)\ndef test_3(): pass\n"
    report = await run(sandbox, tree({"test_a.py": source}))
    assert "test_a.py::test_1" in report.ids(Outcome.passed)
    assert not report.green


FORGER = """
import json, os
def test_red():
    assert 0
def test_forger():
    for fd in range(3, 2000):
        try:
            event = {"e": "result", "id": "test_a.py::test_red", "outcome": "passed"}
            os.write(fd, (json.dumps(event) + "\\n").encode())
        except OSError:
            pass
"""


async def test_a_test_cannot_take_back_a_red_result(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    report = await run(sandbox, tree({"test_a.py": FORGER}))
    assert "test_a.py::test_red" in report.red
    assert not report.green


async def test_a_conftest_that_cannot_be_imported_is_a_result(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    files = {"conftest.py": "import pkg\n", "pkg.py": "x = 1 / 0\n", "test_a.py": "def test_1(): pass\n"}
    report = await run(sandbox, tree(files))
    assert report.red == ("conftest.py",)
    failure = report.results[0].failure
    assert failure is not None
    assert (failure.type, failure.frames[-1].path) == ("ZeroDivisionError", "pkg.py")


async def test_stale_bytecode_in_the_tree_is_not_believed(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree], tmp_path: Path
) -> None:
    import importlib.util
    import os
    import py_compile

    made = tree({"pkg.py": "x = 1\n", "test_a.py": "import pkg\ndef test_1(): assert pkg.x == 2\n"})
    source = tmp_path / "tree" / "pkg.py"
    py_compile.compile(str(source), str(tmp_path / "tree" / importlib.util.cache_from_source("pkg.py")))
    info = source.stat()
    source.write_text("x = 2\n")
    os.utime(source, ns=(info.st_atime_ns, info.st_mtime_ns))
    report = await run(sandbox, made)
    assert report.green


async def test_the_users_options_do_not_make_a_run_partial_or_parallel(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    files = {
        "pytest.ini": "[pytest]\naddopts = -x -n 2 --lf --strict-markers -k 'not test_9'\n",
        "test_a.py": "def test_1(): assert 0\ndef test_2(): assert 0\ndef test_3(): pass\ndef test_9(): assert 0\n",
    }
    report = await run(sandbox, tree(files))
    assert report.complete
    assert report.counts()["total"] == 3
    assert len(report.red) == 2


async def test_a_suite_without_tests_gives_an_empty_report(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    report = await run(sandbox, tree({"nothing.py": ""}))
    assert report.results == ()
    assert not report.green


@pytest.mark.parametrize(
    "command",
    [
        TestCommand(framework="command", argv=("not-a-program-at-all",)),
        TestCommand(framework="command", argv=("sh", "-c", "exit 127"), shell="exit 127"),
        TestCommand(framework="pytest", argv=(sys.executable, "-m", "pytest", "--no-such-option")),
        TestCommand(framework="pytest", argv=(sys.executable, "-S", "-m", "pytest")),
    ],
)
async def test_a_command_that_cannot_start_is_the_users_to_mend(
    command: TestCommand, sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    with pytest.raises(UnusableInput, match="cannot start"):
        await run(sandbox, tree({"test_a.py": "def test_1(): pass\n"}), command=command)


async def test_an_opaque_command_is_one_test_judged_by_its_exit_code(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    made = tree({"check.sh": "grep -q good data.txt\n", "data.txt": "good\n"})
    good = await run(sandbox, made, command=TestCommand(framework="command", argv=("sh", "check.sh")))
    assert (good.green, good.ids(Outcome.passed)) == (True, ("command",))
    bad = await run(sandbox, made, command=TestCommand(framework="command", argv=("sh", "-c", "! sh check.sh")))
    assert bad.red == ("command",)


async def test_an_opaque_command_that_ends_in_pytest_reports_each_test(
    sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]
) -> None:
    made = tree(
        {"run.sh": f"exec {sys.executable} -m pytest\n", "test_a.py": "def test_1(): pass\ndef test_2(): 1/0\n"}
    )
    report = await run(sandbox, made, command=TestCommand(framework="command", argv=("sh", "run.sh")))
    assert report.complete
    assert report.red == ("test_a.py::test_2",)


async def test_unittest_needs_no_pytest(sandbox: Sandbox, tree: Callable[[Mapping[str, str]], Tree]) -> None:
    source = "import unittest\nclass A(unittest.TestCase):\n    def test_1(self): pass\n    def test_2(self): 1/0\n"
    command = TestCommand(framework="unittest", argv=(sys.executable, "-m", "unittest"))
    report = await run(sandbox, tree({"test_a.py": source}), command=command, deselect=("test_a.A.test_2",))
    assert report.green
    assert [result.id for result in report.results] == ["test_a.A.test_1"]
