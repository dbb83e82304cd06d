"""Fault localisation: which statements may hold the fault, from coverage, crash frames and the problem's own words.

Suspiciousness of a statement from the spectrum follows two published formulas. With *ef* (*ep*) the failing (passing)
tests that run it and *nf* the failing tests that do not: Ochiai, ``ef / sqrt((ef + nf) * (ef + ep))`` (Abreu,
Zoeteweij, van Gemund: On the accuracy of spectrum-based fault localization, 2007), and DStar with exponent 2,
``ef² / (ep + nf)`` (Wong, Debroy, Gao, Li: The DStar method for effective software fault localization, 2014), which
is squeezed to 0..1. Evidence of other kinds raises a score towards 1 and never lowers it.
"""

from __future__ import annotations

import ast
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from covey.core.repair import Spectrum, Suspect
from covey.core.testing import Failure, Frame, Outcome
from covey.repair.callgraph import distances
from covey.repair.paths import imported, is_test_path
from covey.repair.sources import Source, read_source
from covey.repair.view import FUNCTIONS, Statement, View

_OCHIAI, _DSTAR = 0.8, 0.2
_CRASH = (0.65, 0.4, 0.25, 0.15)  # innermost repository frame first
_MENTIONED_LINE, _MENTIONED_SYMBOL, _NAMED_IN_MESSAGE = 0.35, 0.25, 0.35
_BY_NAME = 0.6  # share of a function's suspicion that a constant, default or header it uses gets
_DISTANCE = 0.07  # lost for each call between the test and the function
_UNKNOWN = 0.05
_UNKNOWN_BYTES = 3_000_000  # read at most, when nothing at all points anywhere
_IMPORTED = 40  # files whose constants may matter although no line of theirs was run by a test

_CALLED = re.compile(r"\b(\w+)\(\)")


@dataclass(slots=True)
class _Score:
    value: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def raise_by(self, share: float, reason: str) -> None:
        """Move the value towards 1 by a share of what is missing."""
        self.value = 1 - (1 - self.value) * (1 - share)
        if reason not in self.reasons:
            self.reasons.append(reason)


Scores = dict[tuple[str, int], _Score]


class _Files:
    """Views of the files that matter, read on demand."""

    def __init__(self, sources: Mapping[str, bytes], tests: frozenset[str]) -> None:
        self._sources = sources
        self._tests = tests
        self._known: dict[str, View | None] = {}

    def __call__(self, path: str) -> View | None:
        if path not in self._known:
            view = None
            if path in self._sources and path.endswith(".py") and path not in self._tests:
                source = read_source(path, self._sources[path])
                view = View(source) if isinstance(source, Source) else None
            self._known[path] = view
        return self._known[path]

    def views(self) -> Iterable[tuple[str, View]]:
        return [(path, view) for path, view in self._known.items() if view is not None]


def _hits(files: _Files, lines: Mapping[str, Sequence[int]]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for path, numbers in lines.items():
        view = files(path)
        if view is not None:
            found.update((path, start) for line in numbers if (start := view.statement_line(line)) is not None)
    return found


def ochiai(failed: int, passed: int, failed_elsewhere: int) -> float:
    """Ochiai's suspiciousness, 0..1."""
    below = math.sqrt((failed + failed_elsewhere) * (failed + passed))
    return failed / below if below else 0.0


def dstar(failed: int, passed: int, failed_elsewhere: int) -> float:
    """DStar with exponent 2, squeezed to 0..1 by x / (1 + x)."""
    below = passed + failed_elsewhere
    if not failed:
        return 0.0
    value = failed**2 / below if below else math.inf
    return 1.0 if math.isinf(value) else value / (1 + value)


def _spectrum(files: _Files, spectrum: Spectrum, targets: frozenset[str]) -> Scores:
    failing = [
        _hits(files, test.lines)
        for test in spectrum.tests
        if test.result.id in targets and test.result.outcome != Outcome.passed
    ]
    suspect = {path for hit in failing for path, _ in hit}  # other files need not even be read
    passed: dict[tuple[str, int], int] = defaultdict(int)
    for test in spectrum.tests:
        if test.result.outcome == Outcome.passed and test.result.id not in targets:
            for key in _hits(files, {path: lines for path, lines in test.lines.items() if path in suspect}):
                passed[key] += 1
    failed: dict[tuple[str, int], int] = defaultdict(int)
    for hit in failing:
        for key in hit:
            failed[key] += 1
    scores: Scores = defaultdict(_Score)
    for key, ef in failed.items():
        nf = len(failing) - ef
        value = _OCHIAI * ochiai(ef, passed[key], nf) + _DSTAR * dstar(ef, passed[key], nf)
        also = f", also by {passed[key]} passing" if passed[key] else ", by no passing test"
        scores[key] = _Score(value, [f"run by {ef} of {len(failing)} failing tests{also}"])
    return scores


def _frames(files: _Files, failures: Iterable[Failure], scores: Scores) -> None:
    for failure in failures:
        rank = 0
        for frame in reversed(failure.frames):
            view = files(frame.path)
            line = view.statement_line(frame.line) if view is not None else None
            if line is None:
                continue
            share = _CRASH[min(rank, len(_CRASH) - 1)]
            scores[frame.path, line].raise_by(
                share, f"{failure.type} was raised here" if rank == 0 else "on the way to the crash"
            )
            if rank == 0:
                _neighbours(view, frame.path, line, share, scores)
            rank += 1


def _neighbours(view: View | None, path: str, line: int, share: float, scores: Scores) -> None:
    """Statements before the crash in the same function prepare what crashed."""
    function = view.function_of(view.at(line)[0]) if view is not None and view.at(line) else None
    if function is None or view is None:
        return
    for statement in view.statements:
        if function.lineno <= statement.lineno < line and (path, statement.lineno) in scores:
            scores[path, statement.lineno].raise_by(share * 0.25, "before the crash in the same function")


def _mentions(files: _Files, mentioned: Sequence[Frame], failures: Iterable[Failure], scores: Scores) -> None:
    for frame in mentioned:
        if frame.path:
            view = files(frame.path)
            line = view.statement_line(frame.line) if view is not None and frame.line else None
            if line is not None:
                scores[frame.path, line].raise_by(_MENTIONED_LINE, "named in the problem")
        name = frame.function.rpartition(".")[2]
        for path, view in list(files.views()) if name else []:
            if frame.path and frame.path != path:
                continue
            for function in (f for f in view.functions if f.name == name):
                for statement in _inside(view, function):
                    if (path, statement.lineno) in scores or frame.path:
                        scores[path, statement.lineno].raise_by(_MENTIONED_SYMBOL, f"`{name}` is named in the problem")
    for failure in failures:
        for name in set(_CALLED.findall(failure.message[:2000])):
            for path, view in files.views():
                for function in (f for f in view.functions if f.name == name.rpartition(".")[2]):
                    scores[path, function.lineno].raise_by(_NAMED_IN_MESSAGE, f"`{name}` is named in the failure")


def _inside(view: View, function: ast.AST) -> list[Statement]:
    return [s for s in view.statements if view.function_of(s) is function]


def _names(node: ast.AST) -> set[str]:
    found = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            found.add(inner.id)
        elif isinstance(inner, ast.Attribute):
            found.add(inner.attr)
        elif isinstance(inner, ast.keyword) and inner.arg:
            found.add(inner.arg)
    return found


def _defined(statement: Statement) -> set[str]:
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return {statement.name}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        targets = [statement.target]
    return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}


def _at_import(files: _Files, spectrum: Spectrum, scores: Scores) -> None:
    """Give constants, defaults, headers and class attributes a score through the functions that use their names."""
    for path in imported(dict(files.views()), spectrum.at_import)[:_IMPORTED]:
        files(path)
    by_name: dict[str, float] = defaultdict(float)
    local: dict[str, dict[str, float]] = {}
    bodies: dict[tuple[str, int], float] = {}
    for path, view in files.views():
        own = local.setdefault(path, defaultdict(float))
        for statement in view.statements:
            score = scores[path, statement.lineno].value if (path, statement.lineno) in scores else 0.0
            if not score:
                continue
            function = view.function_of(statement)
            if function is not None and function is not statement:
                key = (path, function.lineno)
                bodies[key] = max(bodies.get(key, 0.0), score)
            heads = [c for c in ast.iter_child_nodes(statement) if not isinstance(c, (ast.stmt, ast.excepthandler))]
            for name in {n for head in heads for n in _names(head)}:
                own[name] = max(own[name], score)
                by_name[name] = max(by_name[name], score)
    for path, view in files.views():
        for statement in view.statements:
            if isinstance(statement, FUNCTIONS):
                best = bodies.get((path, statement.lineno), 0.0)
                if best:
                    _offer(scores, path, statement.lineno, _BY_NAME * best, "its body is run by a failing test")
            elif view.function_of(statement) is None and not isinstance(statement, (ast.Import, ast.ImportFrom)):
                near = max((local[path].get(n, 0.0) for n in _defined(statement)), default=0.0)
                far = max((by_name.get(n, 0.0) for n in _defined(statement)), default=0.0)
                best = max(near * _BY_NAME, far * _BY_NAME * 0.8)
                if best:
                    _offer(scores, path, statement.lineno, best, "its name is used where a failing test runs")


def _offer(scores: Scores, path: str, line: int, value: float, reason: str) -> None:
    score = scores[path, line]
    score.value = max(score.value, value)
    if reason not in score.reasons:
        score.reasons.append(reason)


def _without_coverage(files: _Files, sources: Mapping[str, bytes], scores: Scores) -> None:
    budget = _UNKNOWN_BYTES
    for path in sorted(sources):
        budget -= len(sources[path])
        view = files(path) if budget > 0 else None
        for statement in view.statements if view is not None else []:
            if view is not None and view.function_of(statement) is not None:
                _offer(scores, path, statement.lineno, _UNKNOWN, "no coverage is known")


def _call_distance(
    files: _Files, sources: Mapping[str, bytes], targets: Iterable[str], scores: Scores, tests: frozenset[str]
) -> None:
    views = dict(files.views())
    for (path, name), distance in distances(views, sources, targets, tests).items():
        view = views[path]
        for function in (f for f in view.functions if f.name == name):
            for statement in _inside(view, function):
                score = scores.get((path, statement.lineno))
                if score is not None and score.value:
                    share = max(0.0, 0.2 - _DISTANCE * distance)
                    if share:
                        score.raise_by(
                            share, "called by the failing test" if distance == 0 else f"{distance} calls from the test"
                        )


def _worth_it(statement: Statement) -> bool:
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)):
        return False
    return not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


def locate(
    spectrum: Spectrum,
    targets: Sequence[str],
    failures: Mapping[str, Failure],
    sources: Mapping[str, bytes],
    *,
    mentioned: Sequence[Frame] = (),
    limit: int = 400,
) -> tuple[Suspect, ...]:
    """Rank statements (by the line they start on), most suspicious first.

    ``targets`` are the failing tests, ``failures`` their failures by test id, ``mentioned`` frames or bare function
    names found in the problem text. Test files are never suspects. Without coverage an order is still given, from
    frames, mentions and call distance.
    """
    tests = files_of_tests(spectrum, targets, sources)
    files = _Files(sources, tests)
    scores = _spectrum(files, spectrum, frozenset(targets))
    chosen = [failure for test, failure in failures.items() if test in targets] or list(failures.values())
    for failure in chosen:
        for frame in failure.frames:
            files(frame.path)
    for frame in mentioned:
        files(frame.path)
    _frames(files, chosen, scores)
    _mentions(files, mentioned, chosen, scores)
    if not any(score.value for score in scores.values()):
        _without_coverage(files, sources, scores)
        _mentions(files, mentioned, chosen, scores)
    _call_distance(files, sources, targets, scores, tests)
    _at_import(files, spectrum, scores)
    found: list[Suspect] = []
    for (path, line), score in scores.items():
        view = files(path)
        statements = view.at(line) if view is not None else []
        if view is None or score.value <= 0 or not any(map(_worth_it, statements)):
            continue
        found.append(
            Suspect(
                path=path,
                line=line,
                score=round(min(score.value, 1.0), 6),
                symbol=view.symbol(statements[0]),
                reasons=tuple(score.reasons),
            )
        )
    found.sort(key=lambda s: (-s.score, s.path, s.line))
    return tuple(found[:limit])


def files_of_tests(spectrum: Spectrum, targets: Iterable[str], sources: Mapping[str, bytes]) -> frozenset[str]:
    """Files that hold tests or belong to them: by name, and because a traced test says so."""
    found = {path for path in sources if is_test_path(path, sources)}
    found.update(test.result.path for test in spectrum.tests if test.result.path)
    found.update(target.split("::")[0] for target in targets if "::" in target)
    return frozenset(found)
