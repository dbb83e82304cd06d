"""How values are used in one file: what is called around them, taken from them, joined to them. Gathered once."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import permutations

from covey.repair.render import AND, ATOM, OR, binary_level
from covey.repair.view import Function, View

_LONGEST = 50
_MOST = 500

SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}


@dataclass(slots=True)
class Use:
    """One way to use a value: ``before`` and ``after`` are the text on both sides of it.

    ``subjects`` are the texts that are used so, ``functions`` where that happens, ``reads`` the names in the text
    around them. ``level`` is the precedence that the value needs (see :mod:`covey.repair.render`).
    """

    before: str
    after: str
    level: int
    reads: frozenset[str]
    subjects: set[str] = field(default_factory=set)
    functions: set[Function | None] = field(default_factory=set)
    count: int = 0


Uses = dict[tuple[str, str], Use]


class UsesOfFile:
    """Uses of values in one file, by sort: calls around them, methods, items, operands, conditions."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.calls: Uses = {}
        self.methods: Uses = {}
        self.items: Uses = {}
        self.operands: Uses = {}
        self.conditions: Uses = {}
        for node in view.parents:
            if isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                self._item(node)
            elif isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
                self._operand(node)
            elif isinstance(node, ast.BoolOp):
                self._condition(node)

    def _add(self, uses: Uses, subject: ast.AST, key: tuple[str, str], around: list[ast.AST], level: int) -> None:
        before, after = key
        text = self._view.segment(subject)
        long = len(before) + len(after) > _LONGEST or "\n" in before + after
        if long or "\n" in text or (len(uses) >= _MOST and (before, after) not in uses):
            return
        if key not in uses:
            names = frozenset(n.id for part in around for n in ast.walk(part) if isinstance(n, ast.Name))
            uses[key] = Use(before, after, level, names)
        use = uses[key]
        use.subjects.add(text)
        use.functions.add(self._view.function_of(subject))
        use.count += 1

    def _call(self, node: ast.Call) -> None:
        func, arguments = node.func, node.args
        if isinstance(self._view.parents.get(node), ast.Expr) or any(isinstance(a, ast.Starred) for a in arguments):
            return
        if len(arguments) == 1 and not node.keywords and not isinstance(arguments[0], (ast.Constant, ast.GeneratorExp)):
            self._add(self.calls, arguments[0], (f"{self._view.segment(func)}(", ")"), [func], 1)
        elif len(arguments) == 2 and not node.keywords:
            for one, other in permutations(arguments):
                if not isinstance(one, ast.Constant):
                    text, name = self._view.segment(other), self._view.segment(func)
                    first = one is arguments[0]
                    pair = (f"{name}(", f", {text})") if first else (f"{name}({text}, ", ")")
                    self._add(self.calls, one, pair, [func, other], 1)
        if isinstance(func, ast.Attribute) and len(arguments) + len(node.keywords) <= 1 and not node.keywords:
            inner = ", ".join(map(self._view.segment, arguments))
            self._add(self.methods, func.value, ("", f".{func.attr}({inner})"), [*arguments], ATOM)

    def _item(self, node: ast.Subscript) -> None:
        after = self._view.text[self._view.span(node.value)[1] : self._view.span(node)[1]]
        if after.startswith("["):
            self._add(self.items, node.value, ("", after), [node.slice], ATOM)

    def _operand(self, node: ast.BinOp) -> None:
        sign, level = SIGNS[type(node.op)], binary_level(node.op)
        left, right = self._view.segment(node.left), self._view.segment(node.right)
        right = f"({right})" if isinstance(node.right, (ast.BinOp, ast.IfExp)) else right
        left = f"({left})" if isinstance(node.left, ast.IfExp) else left
        self._add(self.operands, node.left, ("", f" {sign} {right}"), [node.right], level)
        self._add(self.operands, node.right, (f"{left} {sign} ", ""), [node.left], level + 1)

    def _condition(self, node: ast.BoolOp) -> None:
        word = "and" if isinstance(node.op, ast.And) else "or"
        level = (AND if word == "and" else OR) + 1
        for one, other in permutations(range(len(node.values)), 2):
            text = self._view.segment(node.values[other])
            text = f"({text})" if isinstance(node.values[other], ast.BoolOp) else text
            pair = (f"{text} {word} ", "") if other < one else ("", f" {word} {text}")
            self._add(self.conditions, node.values[one], pair, [node.values[other]], level)


def tails(texts: Iterable[str]) -> set[str]:
    """Last names of dotted texts."""
    return {text.rpartition(".")[2] for text in texts}
