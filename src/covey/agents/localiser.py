"""Localise: rank the lines that may hold the fault, and choose the tests that decide about candidates."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence, Set

from covey.agents.slots import Localisation, LocaliseRequest
from covey.agents.workbench import Workbench
from covey.core.repair import Spectrum, TracedTest, ValidationPlan
from covey.core.testing import Outcome, TestReport
from covey.repair.locate import locate

_PASSING_AT_MOST = 400
_TARGETS = 60
"""Targets traced at most: hundreds that fail for one fault say what the first of them say."""
_ROUND = 60
_RELATED = 200
"""Passing tests are traced in rounds, nearest first: until so many ran a line that a target runs, or until a round in
which fewer than one in ten did (the second follows in any case where files of tests name a module that a target runs).
More of them move no suspect any more, and each takes a fork."""
_SHARE = 0.3
"""Of the time that is left to the search; when localising took so much of it, no further round begins."""
_SUSPECTS = 400
_SHORTEST_TIMEOUT_S = 1.0
_PATIENCE, _REST = 10.0, 2.0
"""A candidate may take so many times what the targets and what all tests took (with tracing, which slows them):
endless loops are common among candidates, and each costs all of it."""


Passing = tuple[str, str | None]
"""Id and file of a passing test."""


class Localiser:
    """Floor: spectrum-based localisation over the targets and the nearest passing tests, plus crash frames."""

    name = "localiser"

    async def run(self, request: LocaliseRequest, tools: Workbench) -> Localisation:
        """Fill the slot. Without a validator that can trace, only crash frames and the text point at lines."""
        targets = request.reproduction.targets
        passing = _nearest(request.baseline, targets)
        spectrum = await _trace(targets, passing, tools)
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
            plan=_plan(spectrum, targets, tuple(test for test, _ in passing), tools.test_timeout_s),
            traced=len(spectrum.tests),
            notes=spectrum.notes,
        )


async def _trace(targets: tuple[str, ...], passing: tuple[Passing, ...], tools: Workbench) -> Spectrum:
    """Trace the targets with the nearest passing tests, then as many further ones as tell something."""
    left = tools.deadline.left
    validator = await tools.validator()
    near = [test for test, _ in passing[: _ROUND if left else 0]]
    spectrum = await validator.trace((*targets[:_TARGETS], *near), tools.test_timeout_s)
    suspicious = _lines_of_targets(spectrum, targets, passing)
    waiting, named = _related_first(passing[len(near) :], {path for path, _ in suspicious}, tools)
    waiting = waiting[: _PASSING_AT_MOST - len(near)]
    latest, related = spectrum.tests, 0
    while waiting:
        shared = sum(_runs_any(traced, suspicious) for traced in latest if traced.result.id not in targets)
        related += shared
        if related >= _RELATED or (shared * 10 < len(latest) and not named):
            return spectrum
        if left - tools.deadline.left >= _SHARE * left:
            note = f"{len(waiting)} passing tests were not traced, so that time is left for the search."
            return spectrum.model_copy(update={"notes": (*spectrum.notes, note)})
        more = await validator.trace(waiting[:_ROUND], tools.test_timeout_s)
        waiting, latest, named = waiting[_ROUND:], more.tests, False
        notes = tuple(dict.fromkeys((*spectrum.notes, *more.notes)))
        spectrum = spectrum.model_copy(update={"tests": (*spectrum.tests, *latest), "notes": notes})
    return spectrum


def _lines_of_targets(
    spectrum: Spectrum, targets: tuple[str, ...], passing: tuple[Passing, ...]
) -> frozenset[tuple[str, int]]:
    """Lines that targets run outside files of tests."""
    tests = {path for _, path in passing} | {traced.result.path for traced in spectrum.tests}
    return frozenset(
        (path, line)
        for traced in spectrum.tests
        if traced.result.id in targets
        for path, lines in traced.lines.items()
        if path not in tests
        for line in lines
    )


def _runs_any(traced: TracedTest, suspicious: frozenset[tuple[str, int]]) -> bool:
    return any((path, line) in suspicious for path, lines in traced.lines.items() for line in lines)


def _related_first(passing: Sequence[Passing], suspicious: Set[str], tools: Workbench) -> tuple[tuple[str, ...], bool]:
    """Ids; tests come first whose file names a module that a target runs. Also whether there are any of these."""
    modules = {re.sub(r"(/__init__)?\.py$", "", path).rpartition("/")[2] for path in suspicious}
    words = re.compile(rb"\b(?:%s)\b" % b"|".join(re.escape(name.encode()) for name in sorted(modules)))
    names: dict[str | None, bool] = {}
    for _, path in passing:
        if path not in names:
            names[path] = bool(modules) and words.search(tools.sources.get(path or "", b"")) is not None
    return tuple(test for test, path in sorted(passing, key=lambda item: not names[item[1]])), any(names.values())


def _nearest(baseline: TestReport, targets: tuple[str, ...]) -> tuple[Passing, ...]:
    """Passing tests, those in a target's own file first, then its folder, then the rest."""
    results = baseline.by_id()
    files = {results[test].path for test in targets if test in results}
    folders = {posixpath.dirname(path) for path in files if path}

    def distance(path: str | None) -> int:
        if path in files:
            return 0
        return 1 if path and posixpath.dirname(path) in folders else 2

    passing = [result for result in baseline.results if result.outcome is Outcome.passed]
    passing.sort(key=lambda result: distance(result.path))  # stable: the suite's own order within a distance
    return tuple((result.id, result.path) for result in passing)


def _plan(spectrum: Spectrum, targets: tuple[str, ...], passing: tuple[str, ...], timeout_s: float) -> ValidationPlan:
    """Regression tests are those that passed under the validator too; others would only blame candidates."""
    steady = {traced.result.id for traced in spectrum.tests if traced.result.outcome is Outcome.passed}
    if not spectrum.tests:
        return ValidationPlan(targets=targets, regressions=passing[:_PASSING_AT_MOST], timeout_s=timeout_s)
    took = {traced.result.id: traced.result.duration_s for traced in spectrum.tests if not traced.partial}
    own = sum(took.get(test, 0.0) for test in targets[:_TARGETS]) * max(1.0, len(targets) / _TARGETS)
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
