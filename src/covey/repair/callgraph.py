"""How many calls lie between a failing test and a function, by names alone."""

from __future__ import annotations

import ast
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

from covey.repair.kinds import callee_name
from covey.repair.sources import Source, read_source
from covey.repair.view import View

_FAR = 6


def _called(node: ast.AST) -> set[str]:
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            names.add(callee_name(inner))
        elif isinstance(inner, (ast.Name, ast.Attribute)):
            names.add(inner.id if isinstance(inner, ast.Name) else inner.attr)
    return names - {""}


def _test_functions(sources: Mapping[str, bytes], targets: Iterable[str], tests: Iterable[str]) -> Iterable[ast.AST]:
    wanted: dict[str, set[str]] = defaultdict(set)
    dotted: set[str] = set()
    for target in targets:
        name = re.split(r"::|\.", target.split("[")[0])[-1]
        if "::" in target:
            wanted[target.split("::")[0]].add(name)
        else:
            dotted.add(name)
    for path in wanted if not dotted else [*wanted, *(t for t in tests if t not in wanted)]:
        source = read_source(path, sources[path]) if path in sources else None
        if isinstance(source, Source):
            for node in ast.walk(source.tree):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name in wanted[path] | dotted:
                    yield node


def distances(
    views: Mapping[str, View], sources: Mapping[str, bytes], targets: Iterable[str], tests: Iterable[str]
) -> dict[tuple[str, str], int]:
    """Fewest calls from any target test: (path, function name) → 0 for functions that the test names itself."""
    where: dict[str, set[str]] = defaultdict(set)
    calls: dict[str, set[str]] = defaultdict(set)
    for path, view in views.items():
        for function in view.functions:
            where[function.name].add(path)
            calls[function.name] |= _called(function)
        for cls in view.classes:
            calls[cls.name] |= {"__init__"}
    depth: dict[str, int] = {}
    queue: deque[str] = deque()
    for test in _test_functions(sources, targets, tests):
        for name in _called(test):
            if name not in depth and (name in where or name in calls):
                depth[name] = 0
                queue.append(name)
    while queue:
        name = queue.popleft()
        if depth[name] >= _FAR:
            continue
        for callee in calls[name]:
            if callee not in depth and callee in where:
                depth[callee] = depth[name] + 1
                queue.append(callee)
    return {(path, name): value for name, value in depth.items() for path in where.get(name, ())}
