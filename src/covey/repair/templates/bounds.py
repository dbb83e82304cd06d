"""Numbers that are wrong together or at their start: both ends of a range, start values, tolerance, rounding."""

from __future__ import annotations

import ast
from itertools import pairwise

from covey.repair.kinds import callee_name
from covey.repair.render import ADD
from covey.repair.site import Proposal, Site
from covey.repair.templates.base import Proposals, Template

_BOUNDARY = {ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">")}


def _switched(site: Site, node: ast.Compare) -> list[Proposal]:
    """The same comparison with each of its boundaries switched; empty where it has none."""
    found: list[Proposal] = []
    for (left, right), op in zip(pairwise([node.left, *node.comparators]), node.ops, strict=True):
        if type(op) not in _BOUNDARY:
            return []
        old, new = _BOUNDARY[type(op)]
        span = site.operator(left, right, old)
        if span is None:
            return []
        found.append(site.splice(*span, new))
    return found


def both_boundaries(site: Site, node: ast.AST) -> Proposals:
    """A range check that is off at both of its ends."""
    if isinstance(node, ast.Compare) and len(node.ops) == 2:
        parts = _switched(site, node)
        if parts:
            yield site.both(*parts, fit=1.0)
    elif isinstance(node, ast.BoolOp) and len(node.values) == 2:
        both = [_switched(site, v) for v in node.values if isinstance(v, ast.Compare) and len(v.ops) == 1]
        if len(both) == 2 and all(both):
            yield site.both(*both[0], *both[1], fit=1.0)


def start_value(site: Site, statement: ast.Assign) -> Proposals:
    """The value with which a loop starts to look for a smallest, largest, sum or product."""
    value, target = statement.value, statement.targets[0]
    constant = isinstance(value, (ast.Constant, ast.UnaryOp)) and site.kind(value) in {"int", "float", "none"}
    if not constant or not isinstance(target, ast.Name) or not 0 <= site.position < len(site.block) - 1:
        return
    loop = next((s for s in site.block[site.position + 1 :] if isinstance(s, (ast.For, ast.While))), None)
    if loop is None:
        return
    inside = list(ast.walk(loop))
    updated = any(isinstance(n, ast.Name) and n.id == target.id and isinstance(n.ctx, ast.Store) for n in inside)
    compared = any(
        (isinstance(n, ast.Compare) and target.id in site.text(n))
        or (isinstance(n, ast.Call) and callee_name(n) in {"min", "max"} and target.id in site.text(n))
        for n in inside
    )
    if not updated:
        return
    if compared:
        yield site.swap(value, 'float("inf")', 1.0)
        yield site.swap(value, '-float("inf")', 1.0)
        yield site.swap(value, "None", 0.5)
        if isinstance(loop, ast.For) and isinstance(loop.iter, (ast.Name, ast.Attribute)):
            yield site.swap(value, f"{site.text(loop.iter)}[0]", 1.0)
    for text in ("0", "1", "-1"):
        yield site.swap(value, text, 0.6)


def tolerance(site: Site, node: ast.Compare) -> Proposals:
    """Floating-point numbers that are compared exactly."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
        return
    right = node.comparators[0]
    if "float" not in {site.kind(node.left), site.kind(right)}:
        return
    equal = isinstance(node.ops[0], ast.Eq)
    difference = f"abs({site.wrapped(node.left, ADD)} - {site.wrapped(right, ADD + 1)})"
    yield site.swap(node, f"{difference} {'<' if equal else '>='} 1e-9", 1.0)
    if "math" in site.names:
        call = f"math.isclose({site.text(node.left)}, {site.text(right)})"
        yield site.swap(node, call if equal else f"not {call}", 0.8)


def rounding(site: Site, call: ast.Call) -> Proposals:
    """A number that is cut off where it should be rounded, or rounded in the wrong direction."""
    if not isinstance(call.func, ast.Name) or call.func.id not in {"int", "round"} or len(call.args) != 1:
        return
    if call.keywords or site.kind(call.args[0]) not in {"", "float"} or isinstance(call.args[0], ast.Starred):
        return
    inner = call.args[0]
    numeric = site.kind(inner) == "float"
    fit, text = (1.0 if numeric else 0.3), site.text(inner)
    yield site.swap(inner, f"{site.wrapped(inner, ADD)} + 0.5", fit)
    if "math" in site.names:
        yield site.swap(call, f"math.ceil({text})", fit)
        yield site.swap(call, f"math.floor({text})", fit)
    elif numeric:
        yield site.swap(call, f"int(-(-{site.wrapped(inner, ADD + 2)} // 1))", 0.5)


TEMPLATES = (
    Template("both-boundaries", 0.45, "a range check was off at both of its ends", (ast.Compare, ast.BoolOp),
             both_boundaries),
    Template("start-value", 0.45, "a loop started from the wrong value", (ast.Assign,), start_value),
    Template("tolerance", 0.5, "floating-point numbers were compared exactly", (ast.Compare,), tolerance),
    Template("rounding", 0.4, "a number was rounded in the wrong way", (ast.Call,), rounding),
)  # fmt: skip
