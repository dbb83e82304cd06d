"""Excerpts: the few lines of a repository that a model needs to see, chosen around the suspects."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from covey.core.repair import Suspect
from covey.models.lineedits import EditFile
from covey.models.prompts import numbered
from covey.repair.paths import is_test_path
from covey.repair.sources import Unreadable, read_source

AROUND = 4
"""Lines shown around a suspect that is in no function."""
LONGEST = 80
"""A function longer than this is shown around its suspects only."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A function or class with its lines, from its first decorator to its end."""

    name: str
    first: int
    last: int


def excerpts(
    sources: Mapping[str, bytes], suspects: Sequence[Suspect], *, lines: int, files: int = 6
) -> list[EditFile]:
    """Return the files that hold the most suspicious places with the ranges worth reading, about ``lines`` in all.

    Whole functions are shown where they are short; the most suspicious place is always shown. Files that cannot be
    decoded or parsed are left out: an edit of them could not be checked. So are files of tests, whoever suspects them:
    what is not shown here cannot be edited.
    """
    chosen: dict[str, list[tuple[int, int]]] = {}
    known: dict[str, tuple[EditFile, list[Scope]] | None] = {}
    left = lines
    for suspect in suspects:
        if suspect.path not in known:
            known[suspect.path] = _read(suspect.path, sources)
        entry = known[suspect.path]
        if entry is None or any(low <= suspect.line <= high for low, high in chosen.get(suspect.path, ())):
            continue
        if suspect.path not in chosen and len(chosen) >= files:
            continue
        file, scopes = entry
        first, last = around(suspect.line, scopes, len(file.lines))
        if chosen and last - first + 1 > left:
            continue
        chosen.setdefault(suspect.path, []).append((first, last))
        left -= last - first + 1
        if left <= 0:
            break
    return [
        entry[0].model_copy(update={"ranges": tuple(sorted(ranges))})
        for path, ranges in chosen.items()
        if (entry := known[path]) is not None
    ]


def around(line: int, scopes: Sequence[Scope], size: int) -> tuple[int, int]:
    """Return the range to show for ``line``: its innermost function, or a few lines where that is too long."""
    inside = [scope for scope in scopes if scope.first <= line <= scope.last]
    innermost = max(inside, key=lambda scope: scope.first, default=None)
    if innermost is not None and innermost.last - innermost.first < LONGEST:
        return innermost.first, innermost.last
    reach = LONGEST // 4 if innermost is not None else AROUND
    low, high = (innermost.first, innermost.last) if innermost is not None else (1, size)
    return max(low, line - reach), min(high, line + reach)


def _read(path: str, sources: Mapping[str, bytes]) -> tuple[EditFile, list[Scope]] | None:
    if path not in sources or is_test_path(path, sources):
        return None
    data = sources[path]
    source = read_source(path, data)
    if isinstance(source, Unreadable):
        return None
    return EditFile.of(path, data), functions(source.tree)


def functions(tree: ast.Module) -> list[Scope]:
    """Return all functions of a module with their qualified names, outer before inner."""
    found: list[Scope] = []

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([child.lineno, *(item.lineno for item in child.decorator_list)])
                found.append(Scope(f"{prefix}{child.name}", first, child.end_lineno or child.lineno))
                visit(child, f"{prefix}{child.name}.")
            else:
                visit(child, f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix)

    visit(tree, "")
    return found


def shown(file: EditFile) -> str:
    """Show the ranges of a file with line numbers, as a model must name them; ``…`` where lines are left out."""
    parts = [f"{file.path}:"]
    end = 0
    for first, last in file.spans():
        if first > end + 1:
            parts.append("…")
        parts.append(numbered(file, first, last))
        end = last
    if end < len(file.lines):
        parts.append("…")
    return "\n".join(parts)
