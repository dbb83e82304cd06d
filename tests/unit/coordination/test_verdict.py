"""The verdict: what fresh runs show about a patch, and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from covey.agents.workbench import Workbench
from covey.coordination.verdict import FreshEvaluator
from covey.core.errors import SandboxError, UnusableInput
from covey.core.patch import Label, Patch
from covey.core.review import Evaluation, Resolution
from covey.core.task import Task
from covey.core.testing import Outcome, TestReport, TestResult
from covey.workspace.diff import make_patch
from support_roles import GREEN, RED, SHOP, ScriptedRunner, failed, make_bench, passed, report_of

TASK = Task(id="t")
FIXED = SHOP["shop/cart.py"].replace("-=", "+=")
BEFORE = report_of(failed("target"), passed("steady"), failed("hopeless"))
MENDED = report_of(passed("target"), passed("steady"), failed("hopeless"))
TARGET = report_of(passed("target"))


async def patch_of(tools: Workbench, text: str = FIXED) -> Patch:
    return await make_patch(tools.ground.snapshot, {"shop/cart.py": text.encode()}, origin="test")


async def verdict(
    tmp_path: Path,
    *runs: TestReport | Exception,
    before: TestReport = BEFORE,
    flaky: Sequence[str] = (),
    task: Task = TASK,
) -> Evaluation:
    """Judge the real patch of the shop with scripted runs; every run must be wanted."""
    runner = ScriptedRunner(*runs)
    tools = await make_bench(tmp_path, runner=runner, holdout=task.holdout)
    evaluation = await FreshEvaluator(tools, before, ("target",), tuple(flaky)).evaluate(task, await patch_of(tools))
    assert not runner.answers, "fewer runs than expected"
    assert evaluation.before == before
    return evaluation


async def test_targets_that_pass_and_a_clean_suite_twice_is_no_regressions(tmp_path: Path) -> None:
    found = await verdict(tmp_path, TARGET, MENDED, MENDED)
    assert (found.resolution, found.label) == (Resolution.resolved, Label.no_regressions)
    assert (found.regressions, found.flaky, found.reasons, found.holdout_passed) == ((), (), (), None)
    assert found.after == MENDED


async def test_a_target_that_is_still_red_gets_no_label_and_no_further_runs(tmp_path: Path) -> None:
    found = await verdict(tmp_path, report_of(failed("target")))
    assert (found.resolution, found.label, found.still_red) == (Resolution.unresolved, None, ("target",))
    assert "still red in a fresh process" in found.reasons[0]


async def test_a_target_that_is_gone_or_skipped_is_not_green(tmp_path: Path) -> None:
    for number, run in enumerate((report_of(), report_of(TestResult(id="target", outcome=Outcome.skipped)))):
        found = await verdict(tmp_path / str(number), run)
        assert (found.label, found.still_red) == (None, ("target",))


async def test_a_test_that_is_red_in_both_runs_is_a_regression(tmp_path: Path) -> None:
    broken = report_of(passed("target"), failed("steady"), failed("hopeless"))
    found = await verdict(tmp_path, TARGET, broken, broken)
    assert (found.resolution, found.label, found.regressions) == (Resolution.unresolved, Label.plausible, ("steady",))
    assert "red or gone with the patch" in found.reasons[0]


async def test_a_test_that_is_gone_is_a_regression(tmp_path: Path) -> None:
    gone = report_of(passed("target"), failed("hopeless"))
    found = await verdict(tmp_path, TARGET, gone, gone)
    assert (found.label, found.regressions) == (Label.plausible, ("steady",))


async def test_a_test_that_is_red_in_one_of_two_equal_runs_is_flaky_and_named(tmp_path: Path) -> None:
    once = report_of(passed("target"), failed("steady"), failed("hopeless"))
    found = await verdict(tmp_path, TARGET, once, MENDED)
    assert (found.label, found.flaky, found.regressions) == (Label.no_regressions, ("steady",), ())
    assert "steady was red in one of two equal runs" in found.reasons[0]


async def test_a_target_that_is_red_in_one_of_two_runs_is_no_flaky_test_but_a_failure(tmp_path: Path) -> None:
    once = report_of(failed("target"), passed("steady"), failed("hopeless"))
    found = await verdict(tmp_path, TARGET, MENDED, once)
    assert (found.resolution, found.label) == (Resolution.unresolved, Label.plausible)
    assert (found.regressions, found.flaky) == (("target",), ())


async def test_tests_known_to_be_flaky_are_not_held_against_a_patch(tmp_path: Path) -> None:
    broken = report_of(passed("target"), failed("steady"), failed("hopeless"))
    found = await verdict(tmp_path, TARGET, broken, broken, flaky=["steady"])
    assert (found.label, found.flaky, found.regressions) == (Label.no_regressions, ("steady",), ())


async def test_a_suite_that_does_not_run_to_its_end_proves_nothing(tmp_path: Path) -> None:
    cut = report_of(*MENDED.results, complete=False)
    found = await verdict(tmp_path, TARGET, MENDED, cut)
    assert (found.resolution, found.label) == (Resolution.unresolved, Label.plausible)
    assert "did not run to its end" in found.reasons[0]


async def test_a_patch_that_does_not_apply_is_unresolved_without_any_run(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path, runner=ScriptedRunner())
    good = await patch_of(tools)
    diff = good.diff.replace("-        result -= value", "-        result *= value")
    bad = good.model_copy(update={"diff": diff, "id": Patch.make_id(diff)})
    found = await FreshEvaluator(tools, BEFORE, ("target",), ()).evaluate(TASK, bad)
    assert (found.resolution, found.label) == (Resolution.unresolved, None)
    assert "does not apply" in found.reasons[0]


async def test_a_sandbox_that_fails_is_no_verdict_on_the_patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("covey.agents.workbench._RETRY_AFTER_S", (0.0, 0.0))
    gone = SandboxError("bubblewrap went away")
    tools = await make_bench(tmp_path, runner=ScriptedRunner(TARGET, gone, gone, gone))
    found = await FreshEvaluator(tools, BEFORE, ("target",), ()).evaluate(TASK, await patch_of(tools))
    assert (found.resolution, found.label) == (Resolution.infra_error, None)
    assert "bubblewrap went away" in found.reasons[0]


async def test_a_patch_with_which_the_tests_cannot_even_start_is_unresolved(tmp_path: Path) -> None:
    found = await verdict(tmp_path, UnusableInput("The test command cannot start: make test."))
    assert (found.resolution, found.label) == (Resolution.unresolved, None)
    assert "cannot start" in found.reasons[0]


async def test_held_out_tests_are_run_by_themselves_and_decide(tmp_path: Path) -> None:
    task = Task(id="t", holdout=("holdout/test_more.py",))
    found = await verdict(tmp_path / "a", TARGET, MENDED, MENDED, report_of(passed("more")), task=task)
    assert (found.resolution, found.label, found.holdout_passed) == (Resolution.resolved, Label.no_regressions, True)
    assert found.reasons == ("All 1 held-out tests pass with the patch.",)
    for number, run in enumerate((report_of(failed("more")), report_of(), report_of(passed("more"), complete=False))):
        found = await verdict(tmp_path / str(number), TARGET, MENDED, MENDED, run, task=task)
        assert (found.resolution, found.holdout_passed) == (Resolution.unresolved, False)


async def test_the_verdict_asks_for_targets_then_the_suite_twice_then_held_out_tests(tmp_path: Path) -> None:
    task = Task(id="t", holdout=("tests/test_cart.py", "other::id"))
    runner = ScriptedRunner(TARGET, MENDED, MENDED, report_of(passed("more")))
    tools = await make_bench(tmp_path, runner=runner, holdout=task.holdout)
    await FreshEvaluator(tools, BEFORE, ("target",), ()).evaluate(task, await patch_of(tools))
    assert runner.tests == [("target",), (), (), task.holdout]
    assert runner.deselected == [(), (), (), ()]
    assert {tree.removed for tree in runner.trees} == {()}


async def test_tests_written_for_the_run_lie_over_the_patched_tree(tmp_path: Path) -> None:
    runner = ScriptedRunner(TARGET, MENDED, MENDED)
    tools = await make_bench(tmp_path, runner=runner)
    tools.new_tests["tests/test_new.py"] = b"new"
    patch = await patch_of(tools)
    leftover = tools.folder / "verdict" / f"{patch.id}.tests"
    leftover.mkdir(parents=True)  # of a verdict that was interrupted
    (leftover / "stale.py").write_text("stale")
    await FreshEvaluator(tools, BEFORE, ("target",), ()).evaluate(TASK, patch)
    assert patch.files == ("shop/cart.py",)
    for tree in runner.trees:
        assert tree.layer is not None
        layer = Path(tree.layer)
        files = {path.relative_to(layer).as_posix(): path.read_text() for path in layer.rglob("*") if path.is_file()}
        assert files == {"shop/cart.py": FIXED, "tests/test_new.py": "new"}


async def test_new_tests_do_not_bring_back_a_file_that_the_patch_removes(tmp_path: Path) -> None:
    runner = ScriptedRunner(TARGET, MENDED, MENDED)
    tools = await make_bench(tmp_path, {**SHOP, "shop/old.py": "x = 1\n"}, runner=runner)
    tools.new_tests["tests/test_new.py"] = b"new"
    changes: dict[str, bytes | None] = {"shop/cart.py": FIXED.encode(), "shop/old.py": None}
    patch = await make_patch(tools.ground.snapshot, changes, origin="test")
    await FreshEvaluator(tools, BEFORE, ("target",), ()).evaluate(TASK, patch)
    assert [tree.removed for tree in runner.trees] == [("shop/old.py",)] * 3
    assert Path(runner.trees[0].layer or "", "shop/cart.py").read_text() == FIXED


async def test_real_tests_judge_the_text_of_the_diff(tmp_path: Path) -> None:
    path = name = "holdout/test_more.py"  # where the suite itself does not look
    more = SHOP["tests/test_cart.py"].replace("[1, 2]), 3", "[5]), 5")
    tools = await make_bench(tmp_path, {**SHOP, path: more}, holdout=(name,))
    before = await tools.run_tests(await tools.tree())
    assert (before.red, before.ids(Outcome.passed)) == ((RED,), (GREEN,))
    evaluator = FreshEvaluator(tools, before, (RED,), ())
    task = Task(id="t", holdout=(name,))
    found = await evaluator.evaluate(task, await patch_of(tools))
    assert (found.resolution, found.label, found.holdout_passed) == (Resolution.resolved, Label.no_regressions, True)
    assert found.reasons == ("All 2 held-out tests pass with the patch.",)
    overfit = await patch_of(tools, FIXED.replace("return result", "return 3 if values else 0"))
    assert (await evaluator.evaluate(task, overfit)).holdout_passed is False
