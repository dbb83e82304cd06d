"""Is a proposal Python, and does it change the program? Decided by compiling as little as possible.

An edit inside one statement's header is compiled with that header alone, wrapped in a function and a loop where the
original has them, so that ``return``, ``await``, ``yield`` and ``break`` are legal exactly there. A wider edit is
compiled with the enclosing function. Two proposals with equal byte code (names and constants included) are one.
Nothing is executed.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType

from covey.repair.sources import Nodes
from covey.repair.view import FUNCTIONS, Statement, View, first_line

_BODY = "__covey_body__()"
"""A call that no optimiser removes: it keeps what follows a ``break``, a ``continue`` and a ``return`` apart."""


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the warnings that compiling candidates may give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _fingerprint(code: CodeType) -> tuple[object, ...]:
    constants = tuple(
        _fingerprint(item) if isinstance(item, CodeType) else (type(item).__name__, repr(item))
        for item in code.co_consts
    )
    return (
        code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags,
        code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_exceptiontable, constants,
    )  # fmt: skip


def compiled_key(text: str) -> int | None:
    """Hash of what ``text`` compiles to; None when it does not compile. Use inside :func:`quiet`."""
    try:
        return hash(_fingerprint(compile(text, "<candidate>", "exec", dont_inherit=True, optimize=0)))
    except Nodes:
        return None


def splice_text(text: str, base: int, splices: tuple[tuple[int, int, str], ...]) -> str | None:
    """Apply splices (absolute offsets) to the text that starts at ``base``; None when they overlap or leave it."""
    result = text
    limit = base + len(text)
    for start, end, new in sorted(splices, key=lambda s: (s[0], s[1]), reverse=True):
        if start < base or end > limit:
            return None
        result = result[: start - base] + new + result[end - base :]
        limit = start
    return result


class Checker:
    """Checks the proposals for one file and remembers what was already seen."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._seen: set[tuple[int, int, int | None]] = set()
        self._based: set[tuple[int, int]] = set()

    def accept(self, statement: Statement, splices: tuple[tuple[int, int, str], ...], *, wide: bool) -> bool:
        """True when the proposal compiles, differs from the original and was not seen before."""
        if not wide and not isinstance(statement, ast.Match):
            region = self._header(statement)
        else:
            region = self._around(statement, splices)
        if region is None:
            return False
        start, stop, prefix, suffix, indent = region
        if (start, stop) not in self._based:
            self._based.add((start, stop))
            self._seen.add((start, stop, compiled_key(self._code(self.view.text[start:stop], prefix, suffix, indent))))
        text = splice_text(self.view.text[start:stop], start, splices)
        if text is None:
            return False
        key = compiled_key(self._code(text, prefix, suffix, indent))
        if key is None or (start, stop, key) in self._seen:
            return False
        self._seen.add((start, stop, key))
        return True

    def _code(self, text: str, prefix: str, suffix: str, indent: str) -> str:
        if suffix:
            text = text.rstrip()
            if text.startswith("elif"):
                text = text[2:]
            if indent and text.startswith("@"):
                text = text.replace("\n" + indent, "\n  ")
            elif text.startswith("@"):
                text = text.replace("\n", "\n  ")
        return prefix + text + suffix + (f"\n  {_BODY}\n {_BODY}\n" if prefix.endswith("  ") else "")

    def _opening(self, statement: ast.AST) -> str:
        parent = self.view.parents.get(statement)
        function = self.view.function_of(parent) if parent is not None else None
        keyword = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
        outer = "if 1:\n" if function is None or isinstance(parent, ast.ClassDef) else f"{keyword} _():\n"
        return f"{outer} {'while' if self.view.loop_of(statement) is not None else 'if'} {_BODY}:\n  "

    def _header(self, statement: Statement) -> tuple[int, int, str, str, str] | None:
        body: list[ast.stmt] | None = getattr(statement, "body", None)
        prefix = self._opening(statement)
        if not body:
            start, stop = self.view.span(statement)
            return start, stop, prefix, "", ""
        source = self.view.source
        line = first_line(statement)
        start = source.line_start(line) + len(self.view.indent(statement))
        if line == statement.lineno:
            start = self.view.span(statement)[0]
        below = first_line(body[0])
        if below > statement.lineno and not source.line(below)[: body[0].col_offset].strip(" \t\f@"):
            stop, suffix = source.line_start(below), f"\n   {_BODY}\n"
        else:
            stop, suffix = self.view.span(body[0])[0], f" {_BODY}\n"
        if isinstance(statement, ast.ExceptHandler):
            prefix += f"try:\n   {_BODY}\n  "
        return start, stop, prefix, suffix, self.view.indent(statement)

    def _around(
        self, statement: ast.AST, splices: tuple[tuple[int, int, str], ...]
    ) -> tuple[int, int, str, str, str] | None:
        low, high = min(s[0] for s in splices), max(s[1] for s in splices)
        outward = any("nonlocal" in s[2] for s in splices)  # legal only together with the outer function
        node: ast.AST | None = statement
        while node is not None and not isinstance(node, ast.Module):
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                first = first_line(node)
                start = self.view.source.line_start(first)
                stop = self.view.source.line_start((node.end_lineno or node.lineno) + 1)
                plain = not self.view.source.line(first)[: node.col_offset].strip(" \t\f@")
                text = self.view.text[start:stop]
                outer = self.view.parents.get(node)
                if outward or ("nonlocal" in text and not isinstance(node, ast.ClassDef)):
                    plain = plain and (outer is None or self.view.function_of(outer) is None)
                if start <= low and high <= stop and plain and not text.startswith("\f"):
                    indented = bool(self.view.indent(node))
                    return start, stop, "if 1:\n" if indented else "", "", ""
            node = self.view.parents.get(node)
        return 0, len(self.view.text), "", "", ""
