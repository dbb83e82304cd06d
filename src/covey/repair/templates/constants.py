"""Literals: numbers, truth values, None."""

from __future__ import annotations

import ast
import math

from covey.repair.site import Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.templates.quoting import is_docstring, is_piece


def number(site: Site, node: ast.Constant) -> Proposals:
    """Another number: one off, a common constant, one used nearby, the one that the failure asks for."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return
    place: ast.AST = node
    parent = site.parent(node)
    if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.USub):
        place, value = parent, -value
    whole = isinstance(value, int) and isinstance(site.parent(place), (ast.Subscript, ast.Slice))
    asked = [e for e in site.hints.expected() if isinstance(e, (int, float)) and not isinstance(e, bool)]
    spelling = site.text(node)
    parity = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod) and value == 2  # seldom wrong
    for new, fit in _numbers(site, value, asked).items():
        if new == value or not math.isfinite(new) or (whole and not isinstance(new, int)):
            continue
        plain = isinstance(value, float) and "e" not in spelling.lower()
        text = repr(float(new)) if plain else repr(new)
        yield site.swap(place, text, fit * (0.3 if parity else 1.0), note="literal" if new in asked else "")


def _numbers(site: Site, value: float, asked: list[int | float]) -> dict[int | float, float]:
    """Other numbers that may have been meant, with their fit."""
    wanted: dict[int | float, float] = {value + 1: 1.0, value - 1: 1.0}
    for common in (0, 1):
        wanted.setdefault(common, 0.8)
    wanted.setdefault(-1 if value == 1 else 2, 0.4)
    if value:
        wanted.setdefault(-value, 0.4)
        for factor, fit in ((10, 0.35), (2, 0.35), (1000, 0.15), (100, 0.15)):
            wanted.setdefault(value * factor, fit)
            if isinstance(value, float) or value % factor == 0:
                wanted.setdefault(value / factor if isinstance(value, float) else value // factor, fit)
    for other, count in site.index.numbers.most_common(24):
        if isinstance(other, float) and isinstance(value, int):
            continue
        wanted.setdefault(other, 0.3 + min(count, 5) * 0.04)
    for delta in site.hints.differences():
        if isinstance(value, float) or isinstance(delta, int):
            wanted[value + delta] = max(wanted.get(value + delta, 0), 1.2)
    for actual, expected in site.hints.pairs:
        if isinstance(actual, (int, float)) and isinstance(expected, (int, float)) and actual and value:
            scaled_value = value * expected / actual
            wanted.setdefault(int(scaled_value) if scaled_value == int(scaled_value) else scaled_value, 0.8)
    for number_asked in asked:
        wanted.setdefault(number_asked, 0.35)
    return wanted


def truth(site: Site, node: ast.Constant) -> Proposals:
    """True for False and back; None and the empty values for each other."""
    parent = site.parent(node)
    if isinstance(node.value, bool):
        yield site.swap(node, str(not node.value), 1.4)
        yield site.swap(node, "None", 0.35)
    elif node.value is None and not isinstance(parent, ast.Subscript):
        annotation = (
            isinstance(parent, (ast.arg, ast.FunctionDef, ast.AnnAssign)) and getattr(parent, "value", None) is not node
        )
        if annotation:
            return
        share = 0.4 if isinstance(parent, ast.Compare) else 1.0
        for text in ("False", "0", '""', "[]", "{}", "True", "1"):
            yield site.swap(node, text, (0.3 if text in {"True", "1"} else 0.5) * share)


def scaled(site: Site, node: ast.Constant) -> Proposals:
    """A number where a named constant of the module was meant."""
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float, str)) or is_docstring(site, node):
        return
    if is_piece(site, node) or site.function is None:
        return
    kind = site.kind(node)
    found: list[tuple[str, float]] = [
        (known.name, 1.5)
        for known in site.variables
        if known.role == "parameter" and known.loads == 0 and known.kind in {"", kind}
    ]
    found += [
        (name, 0.6 if site.facts.loads[name] == 0 else 0.4)
        for name in site.index.constants
        if name.isupper() and site.index.globals[name] == kind
    ]
    for name, fit in found[:12]:
        yield site.swap(node, name, fit)


TEMPLATES = (
    Template("number", 0.6, "a number was wrong", (ast.Constant,), number),
    Template("truth-value", 0.5, "a truth value or None was wrong", (ast.Constant,), truth),
    Template("named-constant", 0.4, "a fixed value stood where a name was meant", (ast.Constant,), scaled),
)  # fmt: skip
