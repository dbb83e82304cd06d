"""Precedence of Python expressions: when a replacement needs parentheses.

Levels follow the table "Operator precedence" of the Python language reference, loosest first.
"""

from __future__ import annotations

import ast
import re
import warnings
from functools import lru_cache

from covey.repair.sources import Nodes

LOOSE, LAMBDA, TERNARY, OR, AND, NOT, COMPARE, BITOR, BITXOR, BITAND, SHIFT, ADD, MUL, UNARY, POWER, AWAIT, ATOM = (
    range(17)
)

_BINARY: dict[type[ast.operator], int] = {
    ast.BitOr: BITOR,
    ast.BitXor: BITXOR,
    ast.BitAnd: BITAND,
    ast.LShift: SHIFT,
    ast.RShift: SHIFT,
    ast.Add: ADD,
    ast.Sub: ADD,
    ast.Mult: MUL,
    ast.Div: MUL,
    ast.FloorDiv: MUL,
    ast.Mod: MUL,
    ast.MatMult: MUL,
    ast.Pow: POWER,
}
_LOOSE_NODES = (ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Starred)
_SIMPLE = re.compile(r"[A-Za-z_][\w.]*(\(\))?\Z|\d+\Z|'[^'\\\n]*'\Z|\"[^\"\\\n]*\"\Z")


def binary_level(operator: ast.operator) -> int:
    """Precedence level of a binary operator."""
    return _BINARY[type(operator)]


def node_level(node: ast.expr) -> int:
    """Precedence level of an expression node."""
    if isinstance(node, _LOOSE_NODES):
        return LOOSE
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)]
    if isinstance(node, ast.BoolOp):
        return OR if isinstance(node.op, ast.Or) else AND
    if isinstance(node, ast.UnaryOp):
        return NOT if isinstance(node.op, ast.Not) else UNARY
    simple: dict[type[ast.expr], int] = {ast.Lambda: LAMBDA, ast.IfExp: TERNARY, ast.Compare: COMPARE, ast.Await: AWAIT}
    return simple.get(type(node), ATOM)


@lru_cache(maxsize=8192)
def text_level(text: str) -> int | None:
    """Precedence level of an expression given as text; None when it is not an expression."""
    if _SIMPLE.match(text):
        return ATOM
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            node = ast.parse(text, mode="eval").body
    except Nodes:
        return LOOSE if text.startswith("*") else None
    if isinstance(node, ast.Tuple) and not text.startswith("("):
        return LOOSE
    return node_level(node)


def demanded(parent: ast.AST | None, node: ast.AST) -> int:
    """Lowest level that an expression in the place of ``node`` may have without parentheses."""
    if isinstance(parent, ast.BinOp):
        level = _BINARY[type(parent.op)]
        if isinstance(parent.op, ast.Pow):
            return AWAIT if node is parent.left else UNARY
        return level if node is parent.left else level + 1
    if isinstance(parent, ast.UnaryOp):
        return NOT if isinstance(parent.op, ast.Not) else UNARY
    if isinstance(parent, ast.BoolOp):
        return (OR if isinstance(parent.op, ast.Or) else AND) + 1
    if isinstance(parent, (ast.Call, ast.Subscript)):
        inner = parent.func if isinstance(parent, ast.Call) else parent.value
        return ATOM if node is inner else LAMBDA
    if isinstance(parent, ast.IfExp):
        return LAMBDA if node is parent.orelse else OR
    if isinstance(parent, ast.comprehension):
        return BITOR if node is parent.target else OR
    table: dict[type[ast.AST], int] = {
        ast.Attribute: ATOM,
        ast.Await: ATOM,
        ast.Compare: BITOR,
        ast.Starred: BITOR,
        ast.FormattedValue: TERNARY,
    }
    if parent is None:
        return LAMBDA
    return table.get(type(parent), LAMBDA)


def enclosed(text: str, start: int, end: int) -> bool:
    """True when the span stands directly between a pair of parentheses."""
    before, after = start - 1, end
    while before >= 0 and text[before] in " \t\n":
        before -= 1
    while after < len(text) and text[after] in " \t\n":
        after += 1
    return before >= 0 and after < len(text) and text[before] == "(" and text[after] == ")"
