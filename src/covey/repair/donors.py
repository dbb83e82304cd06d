"""Pieces of code of one file that may be used again elsewhere in it, gathered once."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from covey.repair.view import FUNCTIONS, Function, View

_LONGEST = 90
_MOST = 600
_COMPOUND = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.FunctionDef, ast.ClassDef)
_KINDS = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Raise, ast.Delete, ast.Assert)


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement or condition: its text, the function it stands in, names it reads and names it binds."""

    text: str
    function: Function | None
    reads: frozenset[str]
    binds: frozenset[str] = frozenset()
    call: bool = False


def _names(node: ast.AST, context: type[ast.expr_context]) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context))


def statements(view: View) -> list[Piece]:
    """Short simple statements of functions, without returns and jumps."""
    found: list[Piece] = []
    for node in view.statements:
        function = view.function_of(node)
        if function is None or not isinstance(node, _KINDS):
            continue
        plain = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        text = view.segment(node)
        if not plain and len(text) <= _LONGEST and "\n" not in text:
            bare = isinstance(node, ast.Expr)
            found.append(Piece(text, function, _names(node, ast.Load), _names(node, ast.Store), bare))
    return found[:_MOST]


def checks(view: View) -> list[Piece]:
    """Short conditions over one short statement, without an ``else``; a tab stands for a level of indentation."""
    found: list[Piece] = []
    for node in view.statements:
        if not isinstance(node, ast.If) or node.orelse or len(node.body) != 1 or view.function_of(node) is None:
            continue
        only = node.body[0]
        if isinstance(only, _COMPOUND):
            continue
        test, body = view.segment(node.test), view.segment(only)
        if len(test) <= _LONGEST and len(body) <= _LONGEST and "\n" not in test + body:
            text, function = f"if {test}:\n\t{body}", view.function_of(node)
            found.append(Piece(text, function, _names(node, ast.Load), _names(only, ast.Store)))
    return found[:_MOST]


def conditions(view: View) -> list[Piece]:
    """Short conditions, whole and in their parts."""
    found: list[Piece] = []
    for node in view.parents:
        if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
            parts = [node.test, *(node.test.values if isinstance(node.test, ast.BoolOp) else [])]
            for part in parts:
                text, reads = view.segment(part), _names(part, ast.Load)
                if len(text) < _LONGEST and "\n" not in text and reads:
                    found.append(Piece(text, view.function_of(node), reads))
    return found[:_MOST]


def generators(view: View) -> frozenset[Function]:
    """Functions that yield."""
    found: set[Function] = set()
    for node in view.parents:
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            function = view.function_of(node)
            if isinstance(function, FUNCTIONS):
                found.add(function)
    return frozenset(found)
