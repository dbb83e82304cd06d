"""The verdict: a fresh tree, the text of the patch applied by git, pristine tests in fresh processes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from covey.agents.workbench import Workbench
from covey.core.errors import PatchDoesNotApply, SandboxError, UnusableInput
from covey.core.execution import Tree
from covey.core.patch import Label, Patch
from covey.core.review import Evaluation, Resolution
from covey.core.task import Task
from covey.core.testing import TestReport, regressions
from covey.workspace.diff import apply_patch
from covey.workspace.layers import write_layer


class FreshEvaluator:
    """Judges by fresh runs only (labels: see :class:`covey.core.patch.Label`).

    ``before`` is the whole suite on the untouched tree, ``targets`` must turn green, ``flaky`` tests do not count. The
    label ``verified`` is never given here: it needs a look at the competing patches
    (:func:`covey.coordination.choice.choose`).
    """

    def __init__(self, tools: Workbench, before: TestReport, targets: tuple[str, ...], flaky: tuple[str, ...]) -> None:
        self._tools = tools
        self._before = before
        self._targets = targets
        self._flaky = flaky

    async def evaluate(self, task: Task, patch: Patch) -> Evaluation:
        """Apply ``patch`` to a fresh tree and run targets, then the whole suite twice."""
        started = time.monotonic()
        try:
            tree = await self._patched(patch)
        except PatchDoesNotApply as error:
            return self._answer(patch, Resolution.unresolved, started, reasons=(f"The patch does not apply: {error}",))
        try:
            return await self._judge(task, patch, tree, started)
        except UnusableInput as error:  # the same command started before the patch
            reason = f"With the patch the tests cannot be run: {error}"
            return self._answer(patch, Resolution.unresolved, started, reasons=(reason,))
        except SandboxError as error:
            return self._answer(patch, Resolution.infra_error, started, reasons=(f"The sandbox failed: {error}",))

    async def _patched(self, patch: Patch) -> Tree:
        """A tree made from the base and the text of the diff alone; tests written for this run are laid over it."""
        tools = self._tools
        snapshot, owner = tools.ground.snapshot, tools.sandbox.owner
        dest = tools.folder / "verdict" / patch.id
        for leftover in (dest, dest.with_suffix(".tests")):  # of an interrupted verdict
            shutil.rmtree(leftover, ignore_errors=True)
        tree = await apply_patch(snapshot, patch.diff, dest, owner)
        if not tools.new_tests:
            return tree
        layer = Path(tree.layer or dest)
        changes: dict[str, bytes | None] = dict.fromkeys(tree.removed)
        changes |= {path: (layer / path).read_bytes() for path in patch.files if path not in tree.removed}
        return await write_layer(dest.with_suffix(".tests"), snapshot, {**changes, **tools.new_tests}, owner)

    async def _judge(self, task: Task, patch: Patch, tree: Tree, started: float) -> Evaluation:
        first = await self._tools.run_tests(tree, self._targets, search=False)
        still_red = self._not_green(first)
        if still_red:
            reason = f"{len(still_red)} target test(s) are still red in a fresh process."
            return self._answer(
                patch, Resolution.unresolved, started, still_red=still_red, after=first, reasons=(reason,)
            )
        one = await self._tools.run_tests(tree, search=False)
        two = await self._tools.run_tests(tree, search=False)
        broken_one = set(regressions(self._before, one, self._flaky)) | set(self._not_green(one))
        broken_two = set(regressions(self._before, two, self._flaky)) | set(self._not_green(two))
        unsteady = tuple(sorted(broken_one ^ broken_two))
        broken = tuple(sorted((broken_one & broken_two) | (set(unsteady) & set(self._targets))))
        flaky = tuple(sorted({*self._flaky, *unsteady} - set(broken)))
        reasons = [f"{test} was red in one of two equal runs: flaky, left out." for test in unsteady if test in flaky]
        if not (one.complete and two.complete):
            reasons.append("The whole suite did not run to its end with the patch.")
        if broken:
            reasons.append(f"{len(broken)} test(s) that passed before are red or gone with the patch.")
        clean = not broken and one.complete and two.complete
        held, said = await self._holdout(task, tree)
        reasons.extend(said)
        return self._answer(
            patch,
            Resolution.resolved if clean and held is not False else Resolution.unresolved,
            started,
            label=Label.no_regressions if clean else Label.plausible,
            regressions=broken,
            flaky=flaky,
            holdout_passed=held,
            reasons=tuple(reasons),
            after=one,
        )

    def _not_green(self, report: TestReport) -> tuple[str, ...]:
        """Targets that are not there, or there and not green."""
        results = report.by_id()
        return tuple(
            test
            for test in self._targets
            if test not in results or results[test].outcome.value not in ("passed", "xfailed")
        )

    async def _holdout(self, task: Task, tree: Tree) -> tuple[bool | None, tuple[str, ...]]:
        """Run the held-out tests by themselves: did all pass? None when none was named. And a sentence about it."""
        if not task.holdout:
            return None, ()
        report = await self._tools.run_tests(tree, task.holdout, search=False)
        total, red = len(report.results), len(report.red)
        if not total:
            return False, ("None of the held-out tests could be run.",)
        if red or not report.complete:
            return False, (f"{red} of {total} held-out tests are red with the patch.",)
        return True, (f"All {total} held-out tests pass with the patch.",)

    def _answer(self, patch: Patch, resolution: Resolution, started: float, **facts: object) -> Evaluation:
        return Evaluation.model_validate(
            {
                "patch": patch.id,
                "resolution": resolution,
                "before": self._before,
                **facts,
                "duration_s": time.monotonic() - started,
            }
        )
