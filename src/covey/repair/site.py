"""A place to edit, and the small tools with which templates build their proposals."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from covey.repair.evidence import Hints
from covey.repair.index import FileIndex, FunctionFacts, Package
from covey.repair.kinds import kind_of
from covey.repair.render import LAMBDA, demanded, enclosed, text_level
from covey.repair.view import Function, Statement, View, own_nodes

ValueT = TypeVar("ValueT")
Splice = tuple[int, int, str]
BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))


@dataclass(frozen=True, slots=True)
class Proposal:
    """Spans of text to replace. ``fit`` says how well it suits the place (1: as usual).

    ``wide`` marks an edit that reaches beyond the header of one statement; it is checked with everything around it.
    """

    splices: tuple[Splice, ...]
    fit: float = 1.0
    wide: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A name that may be used at a place: where it comes from and what it seems to hold."""

    name: str
    role: str  # parameter | local | global | import | attribute
    kind: str
    loads: int  # reads in the enclosing function


class Site:
    """One statement, with everything a template may ask about it."""

    def __init__(self, view: View, statement: Statement, package: Package, hints: Hints) -> None:
        self.view = view
        self.statement = statement
        self.package = package
        self.hints = hints
        self.index: FileIndex = package.files[view.path]
        self.function: Function | None = view.function_of(statement)
        self.cls: ast.ClassDef | None = view.class_of(statement)
        self.loop = view.loop_of(statement)
        self._remembered: dict[object, Any] = {}

    def remember(self, key: object, work: Callable[[], ValueT]) -> ValueT:
        """Return what ``work`` gave the first time under ``key``: templates share what they look up."""
        if key not in self._remembered:
            self._remembered[key] = work()
        found: ValueT = self._remembered[key]
        return found

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """The statement and the nodes of its own header."""
        return own_nodes(self.statement)

    @cached_property
    def facts(self) -> FunctionFacts:
        """Facts of the enclosing function; empty at module and class level."""
        return self.index.facts(self.function) if self.function is not None else FunctionFacts()

    @cached_property
    def self_name(self) -> str:
        """Name of the instance parameter when this is the body of a method, else nothing."""
        if self.function is None or self.method_class is None or not self.facts.parameters:
            return ""
        first = self.facts.parameters[0]
        return first if first in {"self", "cls"} else ""

    @cached_property
    def method_class(self) -> ast.ClassDef | None:
        """Class of which the enclosing function (or one around it) is a method."""
        node: ast.AST | None = self.function
        while node is not None:
            parent = self.view.parents.get(node)
            if isinstance(parent, ast.ClassDef):
                return parent
            node = parent
        return None

    @cached_property
    def attributes(self) -> dict[str, str]:
        """Attributes of ``self`` here: kind by name."""
        return self.package.attributes(self.method_class.name) if self.method_class is not None else {}

    @cached_property
    def names(self) -> dict[str, Known]:
        """Names that are bound when the statement runs, nearest first. Builtins are not listed."""
        found: dict[str, Known] = {}
        line = self.statement.lineno
        top = max(self.statement.lineno, getattr(self.loop, "end_lineno", 0) or 0) if self.loop else line
        function = self.function
        while function is not None:
            facts = self.index.facts(function)
            for name in facts.parameters:
                found.setdefault(name, Known(name, "parameter", facts.kinds.get(name, ""), facts.loads[name]))
            for name, stores in facts.stores.items():
                if any(where < line or (self.loop is not None and where <= top) for where, _ in stores):
                    found.setdefault(name, Known(name, "local", facts.kinds.get(name, ""), facts.loads[name]))
            parent = self.view.parents.get(function)
            function = self.view.function_of(parent) if parent is not None else None
        for name, kind in self.index.globals.items():
            role = "import" if name in self.index.imports else "global"
            found.setdefault(name, Known(name, role, kind, self.facts.loads[name]))
        return found

    @cached_property
    def bound(self) -> frozenset[str]:
        """Names that are bound here, builtins among them."""
        return BUILTINS.union(self.names)

    @cached_property
    def variables(self) -> list[Known]:
        """Parameters and locals, without ``self`` and ``cls``."""
        return [
            k for k in self.names.values() if k.role in {"parameter", "local"} and k.name not in {"self", "cls", "_"}
        ]

    def lookup(self, name: str) -> str:
        """Kind of a name or of ``self.name``."""
        if name.startswith("self."):
            return self.attributes.get(name[5:], "")
        known = self.names.get(name)
        return known.kind if known else ("func" if name in BUILTINS else "")

    def kind(self, node: ast.AST | None) -> str:
        """Guess the type of an expression here."""
        return kind_of(node, self.lookup)

    def text(self, node: ast.AST) -> str:
        """Source text of a node."""
        return self.view.segment(node)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Node around a node."""
        return self.view.parents.get(node)

    def wrapped(self, node: ast.AST, level: int) -> str:
        """Text of a node, in parentheses where its level is below ``level``."""
        text = self.text(node)
        own = text_level(text)
        return text if own is not None and own >= level else f"({text})"

    def swap(self, node: ast.AST, text: str, fit: float = 1.0, note: str = "") -> Proposal:
        """Replace an expression by another; parentheses are added where precedence asks for them."""
        start, end = self.view.span(node)
        demand = demanded(self.parent(node), node)
        plain = demand <= LAMBDA and ":=" not in text and not text.startswith("yield")  # most places take anything
        level = None if plain or text.startswith("*") else text_level(text)
        if level is not None and level < demand and not (level and enclosed(self.view.text, start, end)):
            text = f"({text})"
        return Proposal(((start, end, text),), fit, note=note)

    def splice(self, start: int, end: int, text: str, fit: float = 1.0, note: str = "") -> Proposal:
        """Replace a span of the statement's header."""
        return Proposal(((start, end, text),), fit, note=note)

    def both(self, *parts: Proposal, fit: float = 1.0, wide: bool = False) -> Proposal:
        """One proposal made of several."""
        return Proposal(tuple(s for part in parts for s in part.splices), fit, wide or any(p.wide for p in parts))

    def operator(self, left: ast.AST, right: ast.AST, pattern: str) -> tuple[int, int] | None:
        """Span of an operator between two nodes, comments left out."""
        start, stop = self.view.span(left)[1], self.view.span(right)[0]
        gap = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), self.view.text[start:stop])
        match = re.search(pattern, gap)
        return (start + match.start(), start + match.end()) if match else None

    def lines(self, lines: Iterable[str], indent: str) -> str:
        """Text of whole lines; a leading tab in a line stands for one level of indentation."""
        unit = self.view.unit
        return "".join(f"{indent}{line.replace(chr(9), unit) if line.startswith(chr(9)) else line}\n" for line in lines)

    def insert_before(
        self, statement: ast.AST, lines: Iterable[str], fit: float = 1.0, note: str = ""
    ) -> Proposal | None:
        """Put new lines above a statement; None when it shares its line."""
        span = self.view.whole_lines(statement)
        if span is None or self.is_elif(statement) or isinstance(statement, ast.excepthandler):
            return None
        return Proposal(
            ((span[0], span[0], self.lines(lines, self.view.indent(statement))),), fit, wide=True, note=note
        )

    def insert_after(
        self, statement: ast.AST, lines: Iterable[str], fit: float = 1.0, note: str = ""
    ) -> Proposal | None:
        """Put new lines below a statement, at its indentation; None when it shares its line."""
        span = self.view.whole_lines(statement)
        if span is None or isinstance(statement, ast.excepthandler):
            return None
        text = self.lines(lines, self.view.indent(statement))
        if not self.view.text[: span[1]].endswith("\n"):
            text = "\n" + text.rstrip("\n")
        return Proposal(((span[1], span[1], text),), fit, wide=True, note=note)

    def is_elif(self, statement: ast.AST) -> bool:
        """True when a statement is written as ``elif``."""
        return isinstance(statement, ast.If) and self.view.text.startswith("elif", self.view.span(statement)[0])

    def repeated(self, node: ast.AST) -> bool:
        """True when the expression around a node says the same thing twice: ``x == x``, ``f(x, x)``."""
        child, parent = node, self.parent(node)
        while isinstance(parent, (ast.Attribute, ast.Subscript)):
            child, parent = parent, self.parent(parent)
        if isinstance(parent, ast.Compare):
            parts = [parent.left, *parent.comparators]
        elif isinstance(parent, ast.BinOp) and not isinstance(parent.op, (ast.Add, ast.Mult)):
            parts = [parent.left, parent.right]
        elif isinstance(parent, ast.BoolOp):
            parts = parent.values
        elif isinstance(parent, ast.Call):
            parts = parent.args
        else:
            return False
        text = self.text(child)
        return not isinstance(child, ast.Constant) and sum(self.text(part) == text for part in parts) > 1

    @cached_property
    def conditions(self) -> list[tuple[str, float]]:
        """Conditions of the file whose names are all bound here, those of the same function first."""
        found: dict[str, float] = {}
        names, bound = self.names, self.bound
        own = {node.id for node in self.nodes if isinstance(node, ast.Name)}
        for piece in self.index.conditions:
            if len(piece.text) < 70 and piece.reads <= bound:
                near = self.function is not None and piece.function is self.function
                shared = len(piece.reads & own - {"self"}) / len(piece.reads)
                unread = any(name in names and names[name].loads == 0 for name in piece.reads)
                weight = (0.7 if near else 0.4) + 0.15 * shared + (0.4 if unread else 0.0)
                found[piece.text] = max(found.get(piece.text, 0), weight)
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:14]

    @cached_property
    def block(self) -> list[ast.stmt]:
        """Statements among which this one stands."""
        return self.view.block_of(self.statement)

    @cached_property
    def position(self) -> int:
        """Place of the statement in its block; -1 for a handler."""
        return next((i for i, item in enumerate(self.block) if item is self.statement), -1)

    @cached_property
    def is_async(self) -> bool:
        """True inside a coroutine function."""
        return isinstance(self.function, ast.AsyncFunctionDef)

    def of(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """Yield own nodes of some types."""
        return (node for node in self.nodes if isinstance(node, kinds))

    @cached_property
    def returns(self) -> list[ast.expr]:
        """Values returned elsewhere in the enclosing function."""
        if self.function is None:
            return []
        return [
            node.value
            for node in ast.walk(self.function)
            if isinstance(node, ast.Return) and node.value is not None and node is not self.statement
        ]

    def swap_statement(self, text: str, fit: float = 1.0, note: str = "") -> Proposal:
        """Replace a simple statement by another."""
        start, end = self.view.span(self.statement)
        return Proposal(((start, end, text),), fit, note=note)

    def replace_lines(self, span: tuple[int, int], text: str, fit: float = 1.0, note: str = "") -> Proposal:
        """Replace whole lines; checked together with the enclosing function."""
        return Proposal(((*span, text),), fit, wide=True, note=note)
