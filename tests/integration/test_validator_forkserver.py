"""The fork server in the real sandbox: its verdicts, its guards, and what it survives."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from covey.core.execution import TestCommand, Tree
from covey.core.patch import Candidate, Edit
from covey.core.protocols import Sandbox, Validator
from covey.core.repair import Standing, ValidationPlan, Verdict
from covey.core.testing import Outcome
from covey.execution.forkserver import ForkServer, ForkServerUnavailable
from covey.execution.sandboxes.select import choose
from support_execution import LIMITS, pytest_command, this_environment, write_tree

COMMAND = pytest_command("-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:timeout", "-p", "no:xdist")
UNITTEST = TestCommand(framework="unittest", argv=(sys.executable, "-m", "unittest"))

SOURCE = """import os

FACTOR = 3


def add(a, b=1):
    return a - b


def twice(x):
    return x * 2


def scaled(x, factor=FACTOR):
    return x * factor
"""

TESTS = """import os
import calc


def test_add():
    assert calc.add(1, 2) == 3


def test_add_zero():
    assert calc.add(5, 0) == 5


def test_twice():
    assert calc.twice(2) == 4


def test_scaled():
    assert calc.scaled(2) == 6


def test_home():
    assert os.listdir(os.environ["HOME"]) == []
    open(os.path.join(os.environ["HOME"], "mark"), "w").close()
"""

UNIT = """import unittest
import calc


class Calc(unittest.TestCase):
    def test_add(self):
        self.assertEqual(calc.add(1, 2), 3)

    def test_add_zero(self):
        self.assertEqual(calc.add(5, 0), 5)

    def test_twice(self):
        self.assertEqual(calc.twice(2), 4)

    def test_scaled(self):
        self.assertEqual(calc.scaled(2), 6)
"""

FILES = {"calc.py": SOURCE, "test_calc.py": TESTS, "data.txt": "kept\n"}
PLAN = ValidationPlan(
    targets=("test_calc.py::test_add",),
    regressions=tuple(f"test_calc.py::test_{name}" for name in ("add_zero", "twice", "scaled", "home")),
    timeout_s=20,
)


def edit(old: str, new: str, path: str = "calc.py", source: str = SOURCE) -> Candidate:
    start = source.index(old)
    edits = (Edit(path=path, start=start, end=start + len(old), text=new),)
    return Candidate(id=Candidate.make_id(edits), edits=edits, origin="test", path=path, line=1)


def body(code: str) -> Candidate:
    """A candidate that does something first and is right otherwise."""
    return edit("return a - b", f"{code}\n    return a + b")


@pytest.fixture
async def sandbox(tmp_path: Path) -> Sandbox:
    return await choose("auto", tmp_path / "scratch")


@pytest.fixture
def tree(tmp_path: Path, sandbox: Sandbox) -> Callable[..., Tree]:
    def make(**files: str) -> Tree:
        return write_tree(tmp_path / "tree", {**FILES, **files}, sandbox.owner)

    return make


def server(sandbox: Sandbox, tree: Tree, command: TestCommand = COMMAND, workers: int = 2) -> ForkServer:
    return ForkServer(sandbox, this_environment(), command, tree, workers=workers, limits=LIMITS, seed=0)


@pytest.fixture
async def fork_server(sandbox: Sandbox, tree: Callable[..., Tree]) -> AsyncIterator[ForkServer]:
    async with server(sandbox, tree()) as running:
        yield running


async def judge(validator: Validator, *candidates: Candidate, plan: ValidationPlan = PLAN) -> list[Verdict]:
    return [verdict async for verdict in validator.validate(candidates, plan)]


async def test_each_standing_has_its_candidate(fork_server: ForkServer) -> None:
    candidates = [
        edit("a - b", "a + b"),
        edit("a - b", "a * b"),
        edit("a - b", "3"),
        edit("a - b", "a +* b"),
        edit("import os", "import not_there"),
        edit("return a - b", "while True: pass"),
        edit("return a - b", "os._exit(0)"),
    ]
    plan = PLAN.model_copy(update={"timeout_s": 3.0})
    verdicts = await judge(fork_server, *candidates, plan=plan)
    assert [verdict.candidate for verdict in verdicts] == [candidate.id for candidate in candidates]
    assert [(verdict.standing, verdict.mode) for verdict in verdicts] == [
        (Standing.plausible, "hotswap"),
        (Standing.failed, "hotswap"),
        (Standing.regressed, "hotswap"),
        (Standing.invalid, "hotswap"),
        (Standing.invalid, "fresh"),
        (Standing.timeout, "hotswap"),
        (Standing.crashed, "hotswap"),
    ]
    assert verdicts[0].flipped == ("test_calc.py::test_add",)
    assert (verdicts[1].failure_type, verdicts[1].stopped_at) == ("AssertionError", "test_calc.py::test_add")
    assert verdicts[2].stopped_at == "test_calc.py::test_add_zero"
    assert fork_server.starts == 1


async def test_some_targets_turned_green_is_progress(fork_server: ForkServer) -> None:
    plan = ValidationPlan(targets=("test_calc.py::test_twice", "test_calc.py::test_add"), timeout_s=20)
    (verdict,) = await judge(fork_server, edit("x * 2", "x + x"), plan=plan)
    assert (verdict.standing, verdict.flipped) == (Standing.progress, ("test_calc.py::test_twice",))


async def test_only_tests_that_run_the_edited_file_guard_it(fork_server: ForkServer) -> None:
    broken = edit("a - b", "3")  # breaks test_add_zero
    narrow = PLAN.model_copy(update={"covering": {"calc.py": ("test_calc.py::test_twice",)}})
    elsewhere = PLAN.model_copy(update={"covering": {"other.py": ()}})
    assert (await judge(fork_server, broken, plan=narrow))[0].standing is Standing.plausible
    assert (await judge(fork_server, broken, plan=elsewhere))[0].standing is Standing.regressed


HOSTILE = {
    "exits well": ("os._exit(0)", Standing.crashed),
    "kills itself": ("os.kill(os.getpid(), 9)", Standing.crashed),
    "closes every descriptor": ("os.closerange(3, 5000)", Standing.crashed),
    "leaves a thread": (
        "import threading, time; threading.Thread(target=time.sleep, args=(99,)).start()",
        Standing.plausible,
    ),
    "leaves a daemon": (
        "os.fork() or (os.setsid(), os.fork() or __import__('time').sleep(99), os._exit(0))",
        Standing.plausible,
    ),
    "changes the folder": ("os.chdir('/')", Standing.plausible),
    "stops its alarm": ("import signal; signal.alarm(0); signal.setitimer(signal.ITIMER_REAL, 0)", Standing.plausible),
    "wants too much memory": ("bytearray(1 << 40)", Standing.failed),
    "recurses for ever": ("add(a, b)", Standing.failed),
    "raises SystemExit": ("raise SystemExit(0)", Standing.failed),
}


async def test_hostile_candidates_harm_only_themselves(fork_server: ForkServer) -> None:
    candidates = [body(code) for code, _ in HOSTILE.values()] + [edit("a - b", "a + b")]
    verdicts = await judge(fork_server, *candidates)
    found = {name: verdict.standing for name, verdict in zip(HOSTILE, verdicts, strict=False)}
    assert found == {name: standing for name, (_, standing) in HOSTILE.items()}
    assert verdicts[-1].standing is Standing.plausible
    assert fork_server.starts == 1


@pytest.mark.parametrize("code", ["os.kill(os.getppid(), 9)", "os.kill(-1, 9)"])
async def test_a_candidate_that_kills_the_server_crashes_alone(code: str, fork_server: ForkServer) -> None:
    good = edit("a - b", "a + b")
    also = edit("a - b", "b + a")
    verdicts = await judge(fork_server, good, body(code), also)
    assert [verdict.standing for verdict in verdicts] == [Standing.plausible, Standing.crashed, Standing.plausible]
    assert 2 <= fork_server.starts <= 4


async def test_a_damaged_tree_is_replaced_and_nobody_else_suffers(fork_server: ForkServer, tmp_path: Path) -> None:
    check = edit("a - b", "a + b if open('data.txt').read() == 'kept\\\\n' else 0".replace("\\\\", "\\"))
    candidates = [
        check,
        body("open('data.txt', 'w').write('spoilt')"),
        body("__import__('shutil').rmtree('.', ignore_errors=True)"),
        check.model_copy(update={"id": "again"}),
    ]
    verdicts = await judge(fork_server, *candidates)
    assert verdicts[0].standing is Standing.plausible
    assert verdicts[3].standing is Standing.plausible
    assert fork_server.starts >= 2
    assert (tmp_path / "tree" / "data.txt").read_text() == "kept\n"


async def test_files_that_a_test_leaves_in_the_tree_are_gone_for_the_next(fork_server: ForkServer) -> None:
    leaver = "assert not os.path.exists('left.txt'); open('left.txt', 'w').close(); os.makedirs('left/deep')"
    candidates = [body(f"{leaver}; n = {number}") for number in range(4)]
    plan = ValidationPlan(targets=PLAN.targets, timeout_s=20)
    verdicts = await judge(fork_server, *candidates, plan=plan)
    assert [verdict.standing for verdict in verdicts] == [Standing.plausible] * 4
    assert fork_server.starts == 1


async def test_tests_that_start_python_see_the_edit_on_disk(sandbox: Sandbox, tree: Callable[..., Tree]) -> None:
    test = (
        "import subprocess, sys\n"
        "def test_program():\n"
        "    code = 'import calc; print(calc.add(1, 2))'\n"
        "    assert subprocess.check_output([sys.executable, '-c', code]).strip() == b'3'\n"
    )
    plan = ValidationPlan(targets=("test_program.py::test_program",), regressions=PLAN.regressions, timeout_s=20)
    async with server(sandbox, tree(**{"test_program.py": test})) as running:
        verdicts = await judge(
            running, edit("a - b", "a + b"), edit("a - b", "a * b"), edit("a - b", "b + a"), plan=plan
        )
    assert [(verdict.standing, verdict.mode) for verdict in verdicts] == [
        (Standing.plausible, "disk"),
        (Standing.failed, "disk"),
        (Standing.plausible, "disk"),
    ]


async def test_files_that_are_not_python_can_be_edited(sandbox: Sandbox, tree: Callable[..., Tree]) -> None:
    test = "def test_data():\n    assert open('data.txt').read() == 'changed\\n'\n"
    plan = ValidationPlan(targets=("test_data.py::test_data",), regressions=PLAN.regressions, timeout_s=20)
    async with server(sandbox, tree(**{"test_data.py": test})) as running:
        verdicts = await judge(
            running, edit("kept", "changed", "data.txt", "kept\n"), edit("a - b", "a + b"), plan=plan
        )
    assert [verdict.standing for verdict in verdicts] == [Standing.plausible, Standing.failed]


async def test_a_suite_that_cannot_be_collected_is_repaired_by_fresh_imports(
    sandbox: Sandbox, tree: Callable[..., Tree]
) -> None:
    files = {
        "conftest.py": "import calc\n",
        "calc.py": SOURCE.replace("a - b", "a + b").replace("FACTOR = 3", "FACTOR = 3 / 0"),
    }
    good = edit("3 / 0", "3", source=files["calc.py"])
    worse = edit("3 / 0", "3 / 0.0", source=files["calc.py"])
    async with server(sandbox, tree(**files)) as running:
        assert "ZeroDivisionError" in running.notes[0] or "division" in running.notes[0]
        verdicts = await judge(running, good, worse)
    assert [(verdict.standing, verdict.mode) for verdict in verdicts] == [
        (Standing.plausible, "fresh"),
        (Standing.invalid, "fresh"),
    ]


async def test_a_test_file_that_cannot_be_imported_is_a_target(sandbox: Sandbox, tree: Callable[..., Tree]) -> None:
    source = SOURCE.replace("def twice", "def twce").replace("a - b", "a + b")
    files = {"calc.py": source, "test_import.py": "from calc import twice\ndef test_it(): assert twice(1) == 2\n"}
    plan = ValidationPlan(targets=("test_import.py",), regressions=PLAN.regressions, timeout_s=20)
    async with server(sandbox, tree(**files)) as running:
        verdicts = await judge(
            running, edit("twce", "twice", source=source), edit("twce", "twise", source=source), plan=plan
        )
        spectrum = await running.trace(["test_import.py"], 10)
    assert [verdict.standing for verdict in verdicts] == [Standing.plausible, Standing.failed]
    assert spectrum.tests[0].result.outcome is Outcome.error


async def test_coverage_is_kept_for_each_test_and_for_imports_apart(
    sandbox: Sandbox, tree: Callable[..., Tree]
) -> None:
    more = (
        "import os, threading, calc\n"
        "def test_thread():\n"
        "    thread = threading.Thread(target=calc.twice, args=(1,))\n"
        "    thread.start()\n"
        "    thread.join()\n"
        "def test_hangs():\n"
        "    calc.add(1)\n"
        "    while True: pass\n"
        "def test_dies():\n"
        "    calc.scaled(1)\n"
        "    os._exit(0)\n"
    )
    names = [
        "test_calc.py::test_twice",
        "test_more.py::test_thread",
        "test_more.py::test_hangs",
        "test_more.py::test_dies",
    ]
    async with server(sandbox, tree(**{"test_more.py": more})) as running:
        spectrum = await running.trace([*names, "test_more.py::test_absent"], 2)
        (verdict,) = await judge(running, edit("a - b", "a + b"))
    twice, thread, hangs, dies, absent = spectrum.tests
    assert (twice.result.outcome, twice.lines["calc.py"], twice.partial) == (Outcome.passed, (11,), False)
    assert thread.lines["calc.py"] == (11,)
    assert (hangs.lines["calc.py"], hangs.partial) == ((7,), True)
    assert (dies.lines["calc.py"], dies.partial) == ((15,), True)
    assert dies.result.outcome is Outcome.error
    assert absent.result.outcome is Outcome.error
    assert spectrum.at_import["calc.py"] == (1, 3, 6, 10, 14)
    assert verdict.standing is Standing.plausible


async def test_unittest_is_served_like_pytest(sandbox: Sandbox, tree: Callable[..., Tree]) -> None:
    plan = ValidationPlan(
        targets=("test_calc.Calc.test_add",),
        regressions=tuple(f"test_calc.Calc.test_{name}" for name in ("add_zero", "twice", "scaled")),
        timeout_s=20,
    )
    async with server(sandbox, tree(**{"test_calc.py": UNIT}), UNITTEST) as running:
        verdicts = await judge(
            running,
            edit("a - b", "a + b"),
            edit("a - b", "3"),
            edit("FACTOR = 3", "FACTOR = 4"),
            edit("b=1", "b=2"),
            plan=plan,
        )
        spectrum = await running.trace(["test_calc.Calc.test_twice"], 10)
    assert [(verdict.standing, verdict.mode) for verdict in verdicts] == [
        (Standing.plausible, "hotswap"),
        (Standing.regressed, "hotswap"),
        (Standing.failed, "fresh"),
        (Standing.failed, "fresh"),
    ]
    assert spectrum.tests[0].lines["calc.py"] == (11,)


async def test_iteration_may_be_abandoned(fork_server: ForkServer) -> None:
    many = [edit("a - b", f"a + b + {number}") for number in range(30)]
    async for verdict in fork_server.validate(many, PLAN):
        assert verdict.standing is Standing.plausible
        break
    (verdict,) = await judge(fork_server, edit("a - b", "a * b"))
    assert verdict.standing is Standing.failed


async def test_a_command_that_is_no_framework_has_no_fork_server(sandbox: Sandbox, tree: Callable[..., Tree]) -> None:
    with pytest.raises(ForkServerUnavailable):
        server(sandbox, tree(), TestCommand(framework="command", argv=("make", "test")))


async def test_a_server_that_cannot_start_says_why(sandbox: Sandbox, tree: Callable[..., Tree]) -> None:
    command = pytest_command("--no-such-option")
    with pytest.raises(ForkServerUnavailable, match="no-such-option"):
        async with server(sandbox, tree(), command):
            pass
