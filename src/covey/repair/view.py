"""Structure of a parsed file: parents, statements by line, enclosing functions, whole-line spans."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from covey.repair.sources import Source

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Statement = ast.stmt | ast.excepthandler
_BLOCKS = ("body", "orelse", "finalbody", "handlers")
_INNER = (ast.stmt, ast.excepthandler)


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield every list of statements directly below a node (handlers are not statements)."""
    for name in ("body", "orelse", "finalbody"):
        value = getattr(node, name, None)
        if isinstance(value, list) and value:
            yield value
    for case in getattr(node, "cases", ()):
        yield case.body


def first_line(node: ast.AST) -> int:
    """First line of a statement, decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    own: int = node.lineno  # type: ignore[attr-defined]
    return min([own, *(d.lineno for d in decorators)])


MOST_NODES = 500
"""Nodes looked at in one statement; a longer one is data or generated code."""


def own_nodes(statement: ast.AST) -> list[ast.AST]:
    """Return a statement and every node of its own header, but no statement below it and no annotation."""
    found: list[ast.AST] = [statement]
    for node in found:
        if len(found) > MOST_NODES:
            break
        notes = (getattr(node, "annotation", None), getattr(node, "returns", None))
        for child in ast.iter_child_nodes(node):
            if child in notes:
                continue  # annotations do not run
            if isinstance(child, ast.match_case):
                found.append(child.pattern)
                if child.guard:
                    found.append(child.guard)
            elif not isinstance(child, (*_INNER, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)):
                found.append(child)
    return found


class View:
    """A source with its structure worked out once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.path = source.path
        self.parents: dict[ast.AST, ast.AST] = {}
        self.statements: list[Statement] = []
        self.functions: list[Function] = []
        self.classes: list[ast.ClassDef] = []
        self._at: dict[int, list[Statement]] = {}
        self._line_of: dict[int, int] = {}
        self._index()
        self.unit = self._indent_unit()
        self._string_lines: set[int] | None = None
        self._spans: dict[ast.AST, tuple[int, int]] = {}

    def _index(self) -> None:
        stack: list[ast.AST] = [self.source.tree]
        while stack:
            node = stack.pop()
            for child in ast.iter_child_nodes(node):
                if isinstance(child, (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)):
                    continue  # these are shared between parents
                self.parents[child] = node
                stack.append(child)
            if isinstance(node, _INNER):
                self.statements.append(node)
            if isinstance(node, FUNCTIONS):
                self.functions.append(node)
            elif isinstance(node, ast.ClassDef):
                self.classes.append(node)
        self.statements.sort(key=lambda s: (s.lineno, s.col_offset))
        self.functions.sort(key=lambda f: f.lineno)
        self.classes.sort(key=lambda c: c.lineno)
        for statement in self.statements:  # outer statements come first, inner ones overwrite their lines
            for line in range(first_line(statement), (statement.end_lineno or statement.lineno) + 1):
                self._line_of[line] = statement.lineno
            self._at.setdefault(statement.lineno, []).append(statement)

    def _indent_unit(self) -> str:
        for holder in (*self.functions, *self.classes):
            inner, outer = holder.body[0], self.source.line(holder.lineno)
            line = self.source.line(first_line(inner))
            indent, base = indent_of(line), indent_of(outer)
            if first_line(inner) > holder.lineno and indent.startswith(base) and len(indent) > len(base):
                return indent[len(base) :]
        match = re.search(r"^([ \t]+)\S", self.text, re.MULTILINE)
        return match.group(1) if match and len(match.group(1)) <= 8 else "    "

    def statement_line(self, line: int) -> int | None:
        """First line of the innermost statement that owns ``line``."""
        return self._line_of.get(line)

    def at(self, line: int) -> list[Statement]:
        """Statements whose first line is that of the statement owning ``line``."""
        return self._at.get(self._line_of.get(line, -1), [])

    def segment(self, node: ast.AST) -> str:
        """Text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Start and end of a node in the text."""
        known = self._spans.get(node)
        if known is None:
            known = self._spans[node] = self.source.span(node)
        return known

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around a node, from the inside out, without the module."""
        current = self.parents.get(node)
        while current is not None and not isinstance(current, ast.Module):
            yield current
            current = self.parents.get(current)

    def function_of(self, node: ast.AST) -> Function | None:
        """Innermost function around a node; for a function itself, the function."""
        if isinstance(node, FUNCTIONS):
            return node
        return next((a for a in self.ancestors(node) if isinstance(a, FUNCTIONS)), None)

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """Innermost class around a node; for a class itself, the class."""
        if isinstance(node, ast.ClassDef):
            return node
        return next((a for a in self.ancestors(node) if isinstance(a, ast.ClassDef)), None)

    def statement_of(self, node: ast.AST) -> Statement | None:
        """Innermost statement or handler that holds a node."""
        if isinstance(node, _INNER):
            return node
        return next((a for a in self.ancestors(node) if isinstance(a, _INNER)), None)

    def loop_of(self, node: ast.AST) -> ast.For | ast.AsyncFor | ast.While | None:
        """Innermost loop of the same function around a node."""
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, (ast.For, ast.AsyncFor, ast.While)):
                return ancestor
            if isinstance(ancestor, (*FUNCTIONS, ast.ClassDef)):
                return None
        return None

    def block_of(self, statement: ast.AST) -> list[ast.stmt]:
        """Return the list of statements that holds ``statement`` (empty for a handler)."""
        parent = self.parents.get(statement)
        if parent is None:
            return []
        return next((block for block in blocks(parent) if any(item is statement for item in block)), [])

    def symbol(self, node: ast.AST) -> str:
        """Dotted name of the function or class around a node, as ``__qualname__`` has it without ``<locals>``."""
        names = [a.name for a in self.ancestors(node) if isinstance(a, (*FUNCTIONS, ast.ClassDef))]
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            names.insert(0, node.name)
        return ".".join(reversed(names))

    def indent(self, node: ast.AST) -> str:
        """Blanks before the first statement of the line on which a node starts."""
        return indent_of(self.source.line(first_line(node)))

    def whole_lines(self, statement: ast.AST) -> tuple[int, int] | None:
        """Span of the complete lines of a statement, line end included; None when it shares them."""
        first = first_line(statement)
        last: int = statement.end_lineno or statement.lineno  # type: ignore[attr-defined]
        start, stop = self.source.line_start(first), self.source.line_start(last + 1)
        head = self.text[start : self.source.offset(first, statement.col_offset)]  # type: ignore[attr-defined]
        tail = self.text[self.span(statement)[1] : stop].strip()
        if head.strip() or (tail and not tail.startswith("#")):
            return None
        return start, stop

    def string_lines(self) -> set[int]:
        """Lines that start inside a string: their indentation is part of a value."""
        if self._string_lines is None:
            found: set[int] = set()
            for node in ast.walk(self.source.tree):
                text = isinstance(node, ast.JoinedStr) or (
                    isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
                )
                if text and (node.end_lineno or node.lineno) > node.lineno:  # type: ignore[attr-defined]
                    found.update(range(node.lineno + 1, node.end_lineno + 1))  # type: ignore[attr-defined]
            self._string_lines = found
        return self._string_lines

    def reindented(self, statement: ast.AST, indent: str) -> str | None:
        """Whole lines of a statement moved to ``indent``, each with its line end; None when that cannot be done."""
        span = self.whole_lines(statement)
        if span is None:
            return None
        old, inside = self.indent(statement), self.string_lines()
        result = []
        first = first_line(statement)
        last: int = statement.end_lineno or statement.lineno  # type: ignore[attr-defined]
        for number in range(first, last + 1):
            line = self.source.line(number)
            if number in inside or not line.strip():
                result.append(line)
            elif line.startswith(old):
                result.append(indent + line[len(old) :])
            elif number > first:
                result.append(line)
            else:
                return None
        return "\n".join(result) + "\n"


def indent_of(line: str) -> str:
    """Leading blanks of a line."""
    return line[: len(line) - len(line.lstrip(" \t\f"))]
