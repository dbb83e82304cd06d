"""What roles work with: the trees they see, the tests they run, what happens when the sandbox fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from covey.core.budget import Budget, Deadline
from covey.core.errors import RunError, SandboxError
from covey.core.execution import ExecResult, ExecSpec, TestCommand, Tree
from covey.core.protocols import SandboxProcess
from covey.execution.processvalidator import ProcessValidator
from covey.execution.sandboxes.bare import BareSandbox
from covey.execution.sandboxes.select import choose
from support_roles import GREEN, PYTEST, RED, SHOP, ScriptedRunner, candidate_of, make_bench, passed, report_of

pytestmark = pytest.mark.requirement("E6")

OK = report_of(passed("a"), seconds=2.0)
GONE = SandboxError("the sandbox went away")


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("covey.agents.workbench._RETRY_AFTER_S", (0.0, 0.0))


def layer_of(tree: Tree) -> dict[str, str]:
    assert tree.layer is not None
    layer = Path(tree.layer)
    return {path.relative_to(layer).as_posix(): path.read_text() for path in layer.rglob("*") if path.is_file()}


# -- trees


async def test_the_plain_tree_is_the_snapshot_itself(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    snapshot = tools.ground.snapshot
    assert await tools.tree() == Tree(base=snapshot.base, root=snapshot.root)


async def test_a_candidate_costs_only_its_changed_files(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    tree = await tools.candidate_tree(candidate_of(tools, "shop/cart.py", "-=", "+="))
    assert layer_of(tree) == {"shop/cart.py": SHOP["shop/cart.py"].replace("-=", "+=")}
    assert (tmp_path / "repository/shop/cart.py").read_text() == SHOP["shop/cart.py"]


async def test_equal_changes_are_one_layer_and_a_leftover_is_replaced(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    tree = await tools.tree({"new.py": b"x"})
    Path(tree.layer or "", "stale.py").write_text("of a killed run")
    again = await tools.tree({"new.py": b"x"})
    assert again == tree
    assert layer_of(again) == {"new.py": "x"}
    assert (await tools.tree({"new.py": b"y"})).layer != tree.layer


async def test_new_tests_lie_over_every_tree_and_removed_files_are_gone(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    tools.new_tests["tests/test_new.py"] = b"new"
    tree = await tools.tree({"shop/cart.py": None})
    assert layer_of(tree) == {"tests/test_new.py": "new"}
    assert tree.removed == ("shop/cart.py",)


async def test_held_out_files_and_folders_are_absent_from_search_trees_only(tmp_path: Path) -> None:
    holdout = ("holdout", "tests/test_cart.py", "tests/test_more.py::test_x", "tests.test_cart.CartTest", "gone.py")
    tools = await make_bench(tmp_path, {**SHOP, "holdout/test_h.py": ""}, holdout=holdout)
    assert tools.hidden == ("holdout", "tests/test_cart.py")
    for changes in (None, {"new.py": b""}):
        assert set((await tools.tree(changes)).removed) == {"holdout", "tests/test_cart.py"}
        assert (await tools.tree(changes, search=False)).removed == ()


async def test_a_role_that_works_before_the_ground_is_there_is_a_fault_in_covey(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    tools.prepared = None
    with pytest.raises(SandboxError, match="fault in Covey"):
        _ = tools.ground


# -- running tests


async def test_held_out_tests_are_not_run_in_the_search_and_run_in_the_verdict(tmp_path: Path) -> None:
    runner = ScriptedRunner(OK, OK)
    tools = await make_bench(tmp_path, runner=runner, holdout=("tests/test_cart.py", "a::b", "x.y"))
    tree = await tools.tree()
    await tools.run_tests(tree)
    await tools.run_tests(tree, ("a::b",), search=False)
    assert runner.deselected == [("a::b", "x.y"), ()]
    assert runner.tests == [(), ("a::b",)]
    assert (tools.metrics["suite_runs"], tools.metrics["suite_seconds"]) == (2, 4.0)


async def test_real_held_out_tests_are_neither_present_nor_run_in_the_search(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path, holdout=(GREEN,))
    assert [result.id for result in (await tools.run_tests(await tools.tree())).results] == [RED]
    whole = await tools.run_tests(await tools.tree(search=False), search=False)
    assert {result.id for result in whole.results} == {RED, GREEN}


@pytest.mark.parametrize(
    ("path", "name", "found"),
    [
        ("tests/test_more.py", "tests.test_more", "tests.test_more.CartTest.test_empty"),
        ("tests/test_more.py", "tests/test_more.py", "tests.test_more.CartTest.test_empty"),
        ("holdout/test_more.py", "holdout", "test_more.CartTest.test_empty"),
        ("tests/more/__init__.py", "tests/more/__init__.py", "tests.more.CartTest.test_empty"),
    ],
)
async def test_held_out_unittests_are_found_by_name_file_and_folder(
    path: str, name: str, found: str, tmp_path: Path
) -> None:
    tools = await make_bench(tmp_path, {**SHOP, path: SHOP["tests/test_cart.py"]}, holdout=(name,))
    report = await tools.run_tests(await tools.tree(search=False), (name,), search=False)
    assert (len(report.results), found in report.by_id()) == (2, True), report.output


async def test_a_sandbox_that_fails_is_tried_again_and_whoever_watches_is_told(tmp_path: Path, no_pauses: None) -> None:
    tools = await make_bench(tmp_path, runner=ScriptedRunner(GONE, GONE, OK))
    said: list[str] = []
    tools.observer = lambda progress: said.append(f"{progress.stage} {progress.state}")
    assert await tools.run_tests(await tools.tree()) == OK
    assert said == ["sandbox failed"] * 2
    assert tools.metrics["suite_runs"] == 1


async def test_a_sandbox_that_keeps_failing_ends_the_run(tmp_path: Path, no_pauses: None) -> None:
    runner = ScriptedRunner(GONE, GONE, GONE, OK)
    tools = await make_bench(tmp_path, runner=runner)
    with pytest.raises(SandboxError, match="went away"):
        await tools.run_tests(await tools.tree())
    assert runner.answers == [OK]


async def test_other_trouble_is_not_tried_again(tmp_path: Path, no_pauses: None) -> None:
    runner = ScriptedRunner(RunError("no"), OK)
    tools = await make_bench(tmp_path, runner=runner)
    with pytest.raises(RunError, match="no"):
        await tools.run_tests(await tools.tree())
    assert runner.answers == [OK]


# -- time


async def test_the_search_leaves_time_for_the_verdict(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path, budget=Budget(wall_s=100))
    tools.keep_time_for_verdict(5.0)
    assert tools.deadline.seconds == 78
    tools.keep_time_for_verdict(1000.0)
    assert tools.deadline.seconds == 60  # never more than two fifths


async def test_the_time_of_the_run_is_longer_than_that_of_the_search(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path, budget=Budget(wall_s=100))
    now = 0.0
    tools.deadline = Deadline(100, clock=lambda: now)
    tools.keep_time_for_verdict(5.0)
    now = 80.0
    assert (tools.deadline.over, tools.out_of_time) == (True, False)
    now = 100.0
    assert tools.out_of_time


# -- the validator


class NoServer(BareSandbox):
    """Lets every long-running program end at once."""

    started = 0

    @asynccontextmanager
    async def start(self, spec: ExecSpec) -> AsyncIterator[SandboxProcess]:  # noqa: ARG002 - nothing is started
        self.started += 1
        yield _Ended()


class _Ended:
    async def send(self, line: bytes) -> None:  # noqa: ARG002 - it has ended
        raise SandboxError("gone")

    async def receive(self, timeout_s: float) -> bytes | None:  # noqa: ARG002 - it has ended
        return None

    async def stop(self) -> ExecResult:
        return ExecResult(exit_code=1, stdout=b"collecting killed it")


async def test_where_no_fork_server_can_collect_the_tests_fresh_processes_try_candidates(tmp_path: Path) -> None:
    sandbox = NoServer(tmp_path / "scratch")
    tools = await make_bench(tmp_path, sandbox=sandbox)
    said: list[str] = []
    tools.observer = lambda progress: said.append(progress.message)
    async with tools:
        first = await tools.validator()
        assert isinstance(first, ProcessValidator)
        assert await tools.validator() is first
    assert sandbox.started == 1
    assert "collecting killed it" in said[0]


async def test_a_command_that_no_fork_server_knows_is_tried_in_fresh_processes(tmp_path: Path) -> None:
    sandbox = NoServer(tmp_path / "scratch")
    tools = await make_bench(tmp_path, sandbox=sandbox, command=TestCommand(framework="command", argv=("make", "test")))
    assert isinstance(await tools.validator(), ProcessValidator)
    assert sandbox.started == 0


async def test_the_fork_server_of_a_run_is_one_and_ends_with_the_workbench(tmp_path: Path) -> None:
    sandbox = await choose("auto", tmp_path / "scratch")
    tools = await make_bench(tmp_path, sandbox=sandbox, command=PYTEST)
    before = set(psutil.Process().children(recursive=True))
    async with tools:
        validator = await tools.validator()
        assert await tools.validator() is validator
        spectrum = await validator.trace(["tests/test_cart.py::CartTest::test_total"], 10)
        assert spectrum.tests[0].lines["shop/cart.py"]
    assert set(psutil.Process().children(recursive=True)) <= before
