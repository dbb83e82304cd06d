"""analyze_codebase: what a file, a folder or the whole repository defines."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from covey.agents.tools.session import Session
from covey.models.schema import Bounded
from covey.repair.sources import parse_tolerant
from covey.workspace.paths import show

FILES = 60
"""Files that one answer names."""
_NAMES = 8
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class AnalyzeCodebaseArguments(Bounded):
    """A file or folder; '' is the whole repository."""

    tool: Literal["analyze_codebase"]
    path: Annotated[str, Field(max_length=300)]


class AnalyzeCodebase:
    """Lists definitions with their lines."""

    name = "analyze_codebase"
    about = 'analyze_codebase(path): lists what a file or folder defines, with line numbers; "" is the repository.'
    arguments = AnalyzeCodebaseArguments

    async def run(self, args: AnalyzeCodebaseArguments, session: Session) -> str:
        """Return an outline of a file, or the files of a folder with the names that they define."""
        return await asyncio.to_thread(_analyze, args.path, session)


def _analyze(path: str, session: Session) -> str:
    view = session.view
    if path in view:
        name, data = view.read(path)
        lines = list(outline(data.decode("utf-8", "replace")))
        return f"{show(name)}:\n" + ("\n".join(lines) or "It defines nothing, or is not Python.")
    _, files = view.below(path)
    python = [file for file in files if file.endswith(".py")]
    found = []
    for file in python[:FILES]:
        tree = parse_tolerant(view[file].decode("utf-8", "replace"))
        names = [node.name for node in tree.body if isinstance(node, _Definition)] if tree else []
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        found.append(f"{show(file)}: {', '.join(names[:_NAMES])}{more}".rstrip(": "))
    left = f"\n{len(python) - FILES} more Python files; ask for a folder." if len(python) > FILES else ""
    others = len(files) - len(python)
    return "\n".join(found) + left + (f"\n{others} files that are not Python." if others else "")


def outline(text: str) -> Iterator[str]:
    """Yield one line for each class and function: its line number and its first words."""
    tree = parse_tolerant(text)
    lines = text.splitlines()

    def visit(node: ast.AST, depth: int) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _Definition):
                line = lines[child.lineno - 1].strip() if child.lineno <= len(lines) else child.name
                yield f"{'  ' * depth}{child.lineno}| {line}"
                yield from visit(child, depth + 1)

    if tree is not None:
        yield from visit(tree, 0)
