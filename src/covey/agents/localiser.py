"""Localise: rank the lines that may hold the fault, and choose the tests that decide about candidates."""

from __future__ import annotations

import posixpath

from covey.agents.slots import Localisation, LocaliseRequest
from covey.agents.workbench import Workbench
from covey.core.repair import Spectrum, ValidationPlan
from covey.core.testing import Outcome, TestReport
from covey.repair.locate import locate

_PASSING_AT_MOST = 400
_SUSPECTS = 400
_SHORTEST_TIMEOUT_S = 1.0
_PATIENCE, _REST = 10.0, 2.0
"""A candidate may take so many times what the targets and what all tests took (with tracing, which slows them):
endless loops are common among candidates, and each costs all of it."""


class Localiser:
    """Floor: spectrum-based localisation over the targets and the nearest passing tests, plus crash frames."""

    name = "localiser"

    async def run(self, request: LocaliseRequest, tools: Workbench) -> Localisation:
        """Fill the slot. Without a validator that can trace, only crash frames and the text point at lines."""
        targets = request.reproduction.targets
        passing = _nearest(request.baseline, targets)
        validator = await tools.validator()
        spectrum = await validator.trace((*targets, *passing), tools.test_timeout_s)
        results = request.baseline.by_id()
        failures = {test: found.failure for test in targets if (found := results.get(test)) and found.failure}
        failures |= {
            traced.result.id: traced.result.failure
            for traced in spectrum.tests
            if traced.result.failure and traced.result.id in targets
        }
        suspects = locate(
            spectrum, targets, failures, tools.sources, mentioned=request.brief.mentioned, limit=_SUSPECTS
        )
        return Localisation(
            suspects=suspects,
            plan=_plan(spectrum, targets, passing, tools.test_timeout_s),
            traced=len(spectrum.tests),
            notes=spectrum.notes,
        )


def _nearest(baseline: TestReport, targets: tuple[str, ...]) -> tuple[str, ...]:
    """Passing tests, those in a target's own file first, then its folder, then the rest; bounded."""
    results = baseline.by_id()
    files = {results[test].path for test in targets if test in results}
    folders = {posixpath.dirname(path) for path in files if path}

    def distance(path: str | None) -> int:
        if path in files:
            return 0
        return 1 if path and posixpath.dirname(path) in folders else 2

    passing = [result for result in baseline.results if result.outcome is Outcome.passed]
    passing.sort(key=lambda result: distance(result.path))  # stable: the suite's own order within a distance
    return tuple(result.id for result in passing[:_PASSING_AT_MOST])


def _plan(spectrum: Spectrum, targets: tuple[str, ...], passing: tuple[str, ...], timeout_s: float) -> ValidationPlan:
    """Regression tests are those that passed under the validator too; others would only blame candidates."""
    steady = {traced.result.id for traced in spectrum.tests if traced.result.outcome is Outcome.passed}
    if not spectrum.tests:
        return ValidationPlan(targets=targets, regressions=passing, timeout_s=timeout_s)
    took = {traced.result.id: traced.result.duration_s for traced in spectrum.tests if not traced.partial}
    own = sum(took.get(test, 0.0) for test in targets)
    covering: dict[str, list[str]] = {}
    lines = {traced.result.id: traced.lines for traced in spectrum.tests}
    regressions = tuple(test for test in passing if test in steady)
    for test in regressions:
        for path in lines.get(test, {}):
            covering.setdefault(path, []).append(test)
    return ValidationPlan(
        targets=targets,
        regressions=regressions,
        covering={path: tuple(tests) for path, tests in sorted(covering.items())},
        timeout_s=min(timeout_s, max(_SHORTEST_TIMEOUT_S, _PATIENCE * own + _REST * sum(took.values()))),
    )
