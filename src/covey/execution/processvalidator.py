"""Tries candidates in a fresh process each: slow, for tests that no fork server can collect, and to check one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from covey.core.errors import EditError, UnusableInput
from covey.core.execution import Tree
from covey.core.patch import Candidate
from covey.core.repair import ProbeReport, Spectrum, Standing, TracedTest, ValidationPlan, Verdict
from covey.core.testing import Failure, Outcome, TestReport, TestResult
from covey.execution.reports import clean
from covey.execution.runner import TestRunner
from covey.execution.verdicts import regressions_for

_MISSING = Failure(type="NotCollected", message="The test is not in the report.")


class ProcessValidator:
    """Implements :class:`covey.core.protocols.Validator` with a :class:`TestRunner`.

    ``make_tree`` gives the tree with a candidate applied (a layer over the base); it may raise EditError, and the
    candidate is then ``invalid``. ``tree`` is the tree without any edit. At most ``workers`` candidates run at once.
    """

    def __init__(
        self, runner: TestRunner, tree: Tree, make_tree: Callable[[Candidate], Awaitable[Tree]], *, workers: int = 1
    ) -> None:
        self._runner = runner
        self._tree = tree
        self._make_tree = make_tree
        self._workers = max(1, workers)

    async def trace(self, tests: Sequence[str], timeout_s: float) -> Spectrum:
        """Run ``tests`` once, all together, without coverage: there is none from a program we cannot enter."""
        seconds = timeout_s * max(1, len(tests))
        report = await self._runner.run(self._tree, tests=tests, timeout_s=seconds)
        found = report.by_id()
        missing = Outcome.error
        return Spectrum(
            tests=tuple(
                TracedTest(result=found.get(name) or TestResult(id=name, outcome=missing, failure=_MISSING))
                for name in tests
            ),
            notes=("Coverage cannot be measured with this test command; places come from failures alone.",),
        )

    async def validate(self, candidates: Sequence[Candidate], plan: ValidationPlan) -> AsyncGenerator[Verdict, None]:
        """Yield one verdict for each candidate, in order."""
        gate = asyncio.Semaphore(self._workers)

        async def one(candidate: Candidate) -> Verdict:
            async with gate:
                return await self._judge(candidate, plan)

        # A few ahead, so that an abandoned iteration does not leave thousands of processes to be cancelled.
        window = 2 * self._workers
        tasks: list[asyncio.Task[Verdict]] = []
        try:
            for at in range(len(candidates)):
                while len(tasks) < min(len(candidates), at + window):
                    tasks.append(asyncio.create_task(one(candidates[len(tasks)])))
                yield await tasks[at]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def probe(
        self,
        candidates: Sequence[Candidate],  # noqa: ARG002 - the interface of a validator
        tests: Sequence[str],  # noqa: ARG002
        *,
        timeout_s: float,  # noqa: ARG002
        seed: int,  # noqa: ARG002
    ) -> ProbeReport:
        """Nothing: calls are not seen in a program we cannot enter."""
        return ProbeReport(notes=("Behaviour cannot be compared with this test command.",))

    async def _judge(self, candidate: Candidate, plan: ValidationPlan) -> Verdict:
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            tree = await self._make_tree(candidate)
            verdict = await self._run(candidate, plan, tree, start)
        except (EditError, UnusableInput) as error:
            verdict = Verdict(
                candidate=candidate.id,
                standing=Standing.invalid,
                failure_type=type(error).__name__,
                failure_message=clean(str(error), 500),
                mode="process",
            )
        return verdict.model_copy(update={"duration_s": loop.time() - start})

    async def _run(self, candidate: Candidate, plan: ValidationPlan, tree: Tree, start: float) -> Verdict:
        before = await self._runner.run(tree, tests=plan.targets, timeout_s=plan.timeout_s)
        flipped = tuple(name for name in plan.targets if _turned_green(before, name))
        red = next((name for name in plan.targets if name not in flipped), None)
        if plan.targets and plan.targets[0] not in flipped:
            flipped = ()
        if not flipped:
            return _judged(candidate, before, Standing.failed, flipped, red)
        regressions = regressions_for(candidate, plan)
        if regressions:
            left = max(1.0, plan.timeout_s - (asyncio.get_running_loop().time() - start))
            after = await self._runner.run(tree, tests=regressions, timeout_s=left)
            found = after.by_id()
            bad = next((name for name in regressions if name not in found or found[name].outcome.bad), None)
            if bad is not None or _stopped(after) is not None:
                return _judged(candidate, after, Standing.regressed, flipped, bad)
        return _judged(candidate, before, Standing.plausible if red is None else Standing.progress, flipped, red)


def _judged(
    candidate: Candidate, report: TestReport, standing: Standing, flipped: tuple[str, ...], decided: str | None
) -> Verdict:
    failure = _failure(report, decided) if decided is not None else None
    stopped = _stopped(report)
    if stopped is not None:
        standing = stopped
    elif standing in (Standing.failed, Standing.regressed) and (broken := _broken(candidate, report)) is not None:
        standing, flipped, failure = Standing.invalid, (), broken
    return Verdict(
        candidate=candidate.id,
        standing=standing,
        flipped=flipped,
        stopped_at=decided,
        failure_type=failure.type if failure else "",
        failure_message=failure.message[:500] if failure else "",
        mode="process",
    )


def _broken(candidate: Candidate, report: TestReport) -> Failure | None:
    """Return the failure that shows that an edited module cannot be imported."""
    paths = {edit.path for edit in candidate.edits}
    for item in report.results:
        if item.outcome.bad and item.failure is not None:
            syntax = item.failure.type in ("SyntaxError", "IndentationError", "TabError")
            if any(at.path in paths and (at.function == "<module>" or syntax) for at in item.failure.frames):
                return item.failure
    return None


def _turned_green(report: TestReport, name: str) -> bool:
    """Say whether a target passed; one that names a file or class passes when all that it holds passes."""
    found = report.by_id().get(name)
    if found is not None:
        return found.outcome in (Outcome.passed, Outcome.xpassed)
    inside = [item for item in report.results if item.id.startswith((f"{name}::", f"{name}[", f"{name}."))]
    return bool(inside) and all(item.outcome in (Outcome.passed, Outcome.xpassed) for item in inside)


def _stopped(report: TestReport) -> Standing | None:
    if report.timed_out:
        return Standing.timeout
    crashed = report.signal is not None or report.out_of_memory
    crashed = crashed or any(item.failure and item.failure.type == "ProcessEnded" for item in report.results)
    return Standing.crashed if crashed else None


def _failure(report: TestReport, name: str) -> Failure:
    found = report.by_id().get(name)
    if found is None:  # a file that cannot be imported stands for its tests
        found = next((item for item in report.results if item.outcome.bad and name.startswith(item.id)), None)
    return found.failure if found is not None and found.failure is not None else _MISSING
