"""Operators: comparison, arithmetic, bits, boolean, negation, order of operands, grouping."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import pairwise

from covey.repair.render import ADD, AND, BITOR, MUL, NOT, OR, POWER, UNARY
from covey.repair.site import Proposal, Site
from covey.repair.templates.base import Proposals, Template

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_PATTERN = {"is not": r"is\s+not", "not in": r"not\s+in", "is": r"\bis\b", "in": r"\bin\b"}
_BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<",
             "is": "is not", "is not": "is", "in": "not in", "not in": "in"}  # fmt: skip
_OTHER: dict[str, dict[str, float]] = {
    "<": {">": 1, "==": 0.4, "!=": 0.4},
    "<=": {">=": 1, "==": 0.5, "!=": 0.3},
    ">": {"<": 1, "==": 0.4, "!=": 0.6},
    ">=": {"<=": 1, "==": 0.5, "!=": 0.3},
    "==": {"<=": 0.6, ">=": 0.6, "in": 0.5, "is": 0.4, "<": 0.3, ">": 0.3},
    "!=": {">": 0.6, "<": 0.6, "not in": 0.5, "is not": 0.4, "<=": 0.3, ">=": 0.3},
    "is": {"==": 1},
    "is not": {"!=": 1},
    "in": {"==": 0.5},
    "not in": {"!=": 0.5},
}
_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
}  # fmt: skip
_SWAPS: dict[str, dict[str, float]] = {
    "+": {"-": 1, "*": 0.5, "|": 0.2, "/": 0.15, "//": 0.1, "%": 0.1},
    "-": {"+": 1, "*": 0.4, "/": 0.2, "//": 0.2, "%": 0.2, "^": 0.1},
    "*": {"/": 0.8, "+": 0.7, "**": 0.6, "//": 0.5, "-": 0.3, "%": 0.2},
    "/": {"//": 1, "*": 0.8, "%": 0.4, "-": 0.2, "+": 0.15},
    "//": {"/": 1, "%": 0.8, "*": 0.6, "-": 0.2, "+": 0.15, ">>": 0.1},
    "%": {"//": 1, "/": 0.7, "*": 0.3, "&": 0.2, "+": 0.15, "-": 0.15},
    "**": {"*": 1, "+": 0.3, "^": 0.1},
    "&": {"|": 1, "^": 0.6, "-": 0.2}, "|": {"&": 1, "^": 0.6, "+": 0.3}, "^": {"&": 0.8, "|": 0.8, "**": 0.4},
    "<<": {">>": 1}, ">>": {"<<": 1},
}  # fmt: skip
_NUMERIC = frozenset({"int", "float", "bool"})


_RARE = 0.2
"""Fit of an operator that is hardly ever taken for another by hand."""


def _others(table: dict[str, dict[str, float]], old: str, every: Iterable[str]) -> dict[str, float]:
    """Likely replacements of an operator, then all the rest."""
    likely = table[old]
    return {**likely, **{new: _RARE for new in every if new != old and new not in likely}}


def _op_pattern(text: str) -> str:
    if text in _PATTERN:
        return _PATTERN[text]
    escaped = "".join("\\" + c for c in text)
    return escaped + (r"(?![=*/<>])" if text in {"<", ">", "*", "/"} else "")


def _with_comparison(site: Site, node: ast.Compare, new: dict[str, float]) -> Proposals:
    operands = [node.left, *node.comparators]
    for (left, right), op in zip(pairwise(operands), node.ops, strict=True):
        old = _COMPARE[type(op)]
        span = site.operator(left, right, _op_pattern(old))
        if span is not None:
            for text, fit in new.items():
                yield site.splice(*span, text, fit)


def boundary(site: Site, node: ast.Compare) -> Proposals:
    """``<`` for ``<=`` and so on."""
    for index, op in enumerate(node.ops):
        new = _BOUNDARY.get(_COMPARE[type(op)])
        operands = [node.left, *node.comparators]
        span = site.operator(operands[index], operands[index + 1], _op_pattern(_COMPARE[type(op)]))
        if new and span:
            yield site.splice(*span, new)


def opposite(site: Site, node: ast.Compare) -> Proposals:
    """The opposite comparison."""
    if len(node.ops) == 1:
        yield from _with_comparison(site, node, {_OPPOSITE[_COMPARE[type(node.ops[0])]]: 1})


def comparison(site: Site, node: ast.Compare) -> Proposals:
    """Any other comparison that makes sense for the operands."""
    operands = [node.left, *node.comparators]
    for (left, right), op in zip(pairwise(operands), node.ops, strict=True):
        old = _COMPARE[type(op)]
        span = site.operator(left, right, _op_pattern(old))
        if span is None:
            continue
        right_kind = site.kind(right)
        known = {old, _BOUNDARY.get(old, ""), _OPPOSITE[old]}
        for new, fit in _others(_OTHER, old, _OPPOSITE).items():
            if new in known:
                continue
            if new in {"in", "not in"} and right_kind not in {"str", "list", "tuple", "set", "dict", "iter"}:
                continue
            if new in {"is", "is not"} and right_kind not in {"none", "bool", "obj"}:
                continue
            if new in "<=>=" and right_kind in {"none", "bool", "dict", "func", "class"}:
                continue
            yield site.splice(*span, new, fit)


def arithmetic(site: Site, node: ast.BinOp) -> Proposals:
    """Another arithmetic or bit operator, first as a plain change of the sign, then with the grouping kept."""
    old = _BINARY.get(type(node.op))
    span = site.operator(node.left, node.right, _op_pattern(old)) if old else None
    if old is None or span is None:
        return
    kinds = {site.kind(node.left), site.kind(node.right)}
    textual = bool(kinds & {"str", "list", "tuple", "bytes"})
    for new, fit in _others(_SWAPS, old, _BINARY.values()).items():
        if textual and new not in {"+", "*", "%"}:
            continue
        yield site.splice(*span, new, fit * (0.5 if textual else 1))
        level = {"+": ADD, "-": ADD, "*": MUL, "/": MUL, "//": MUL, "%": MUL, "**": POWER}.get(new, BITOR)
        text = f"{site.wrapped(node.left, level)} {new} {site.wrapped(node.right, level + 1)}"
        yield site.swap(node, text, fit * 0.9 * (0.5 if textual else 1))


def ceiling(site: Site, node: ast.BinOp) -> Proposals:
    """A division that should round up."""
    if isinstance(node.op, ast.FloorDiv):
        fit = 0.5 if isinstance(node.right, ast.Constant) else 1.0
        yield site.swap(node, f"-(-{site.wrapped(node.left, UNARY)} // {site.wrapped(node.right, MUL + 1)})", fit)


def augmented(site: Site, node: ast.AugAssign) -> Proposals:
    """Another augmented assignment, or a plain one."""
    old = _BINARY.get(type(node.op))
    span = site.operator(node.target, node.value, _op_pattern((old or "?") + "=").replace(r"(?![=*/<>])", ""))
    if old is None or span is None:
        return
    kind = site.kind(node.value) or site.kind(node.target)
    for new, fit in _others(_SWAPS, old, _BINARY.values()).items():
        if kind in {"", *_NUMERIC} or (new in "|&-^" and kind == "set"):
            yield site.splice(*span, new + "=", fit)
    yield site.splice(*span, "=", 0.6)


def accumulate(site: Site, node: ast.Assign) -> Proposals:
    """``x = y`` where ``x += y`` was meant."""
    if len(node.targets) != 1 or not isinstance(node.targets[0], (ast.Name, ast.Attribute, ast.Subscript)):
        return
    span = site.operator(node.targets[0], node.value, r"=")
    kind = site.kind(node.value)
    before = site.kind(node.targets[0]) or kind
    if span is None or kind in {"none", "bool", "dict", "func", "class"}:
        return
    bound = isinstance(node.targets[0], ast.Name) and node.targets[0].id in site.names
    fit = 1.0 if site.loop is not None else 0.4
    if bound or not isinstance(node.targets[0], ast.Name):
        yield site.splice(*span, "+=", fit)
        if before in {"", "int", "float"}:
            yield site.splice(*span, "-=", fit * 0.5)
            yield site.splice(*span, "*=", fit * 0.3)
        if kind in {"set", "bool", "int"}:
            yield site.splice(*span, "|=", fit * 0.3)


def boolean(site: Site, node: ast.BoolOp) -> Proposals:
    """``and`` for ``or`` and back, one sign at a time, then all of them with the grouping kept."""
    old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    spans = [site.operator(left, right, rf"\b{old}\b") for left, right in pairwise(node.values)]
    for span in spans:
        if span is not None:
            yield site.splice(*span, new)
    level = AND if new == "and" else OR
    yield site.swap(node, f" {new} ".join(site.wrapped(value, level + 1) for value in node.values), 0.9)


def operand_order(site: Site, node: ast.AST) -> Proposals:
    """Operands the wrong way round."""
    if isinstance(node, ast.BinOp):
        textual = site.kind(node.left) in {"str", "list", "tuple"} or site.kind(node.right) in {"str", "list", "tuple"}
        if isinstance(node.op, (ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)) or (
            isinstance(node.op, ast.Add) and not textual
        ):
            return
        left, right = node.left, node.right
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        if isinstance(node.ops[0], (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)):
            return
        left, right = node.left, node.comparators[0]
    elif isinstance(node, ast.IfExp):
        left, right = node.body, node.orelse
    else:
        return
    yield site.both(site.swap(left, site.text(right)), site.swap(right, site.text(left)))


def _conditions(site: Site) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in site.nodes:
        if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
            found.append(node.test)
        elif isinstance(node, ast.BoolOp):
            found.extend(node.values)
        elif isinstance(node, ast.comprehension):
            found.extend(node.ifs)
        elif isinstance(node, ast.Return) and node.value is not None and site.kind(node.value) in {"bool", ""}:
            found.append(node.value)
        elif isinstance(node, ast.Call):
            found.extend(a for a in node.args if site.kind(a) == "bool")
            found.extend(k.value for k in node.keywords if site.kind(k.value) == "bool")
        elif isinstance(node, ast.Assign) and site.kind(node.value) == "bool":
            found.append(node.value)
        elif isinstance(node, ast.Lambda):
            found.append(node.body)
    return [f for f in found if not isinstance(f, ast.Constant)]


def negate(site: Site, node: ast.AST) -> Proposals:
    """A missing ``not``."""
    for test in _conditions(site) if node is site.statement else []:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            continue
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            continue  # the opposite comparison says the same
        returned = isinstance(site.parent(test), ast.Return)
        simple = isinstance(test, (ast.Name, ast.Attribute, ast.Call))
        yield site.swap(test, f"not {site.wrapped(test, NOT)}", 0.4 if returned else 1.0 if simple else 0.7)


def drop_sign(site: Site, node: ast.UnaryOp) -> Proposals:
    """A ``not``, minus or ``~`` too many, or one that covers too little."""
    yield site.swap(node, site.text(node.operand), 1.0)
    if isinstance(node.op, ast.Not):
        parent = site.parent(node)
        if isinstance(parent, ast.BoolOp) and parent.values[0] is node:
            start = site.view.span(node.operand)[0]
            stop = site.view.span(parent)[1]
            yield site.swap(parent, f"not ({site.view.text[start:stop]})", 0.6)
        if isinstance(node.operand, ast.BoolOp):
            first, *rest = node.operand.values
            joiner = " and " if isinstance(node.operand.op, ast.And) else " or "
            yield site.swap(node, joiner.join([f"not {site.wrapped(first, NOT)}", *map(site.text, rest)]), 0.5)
            other = " or " if isinstance(node.operand.op, ast.And) else " and "
            yield site.swap(node, other.join(f"not {site.wrapped(v, NOT)}" for v in node.operand.values), 0.3)
    elif isinstance(node.op, ast.UAdd):
        yield site.swap(node, f"-{site.wrapped(node.operand, UNARY)}", 1.0)
    elif isinstance(node.op, ast.USub):
        yield site.swap(node, f"~{site.wrapped(node.operand, UNARY)}", 0.15)
    elif isinstance(node.op, ast.Invert):
        yield site.swap(node, f"-{site.wrapped(node.operand, UNARY)}", 0.4)
        yield site.swap(node, f"not {site.wrapped(node.operand, NOT)}", 0.4)


def minus(site: Site, node: ast.AST) -> Proposals:
    """A missing minus sign."""
    parent = site.parent(node)
    if isinstance(parent, (ast.UnaryOp, ast.Attribute)) or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    if isinstance(node, ast.Constant) and (isinstance(node.value, (bool, str, bytes)) or node.value is None):
        return
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Sub)) and node is parent.right:
        return
    useful = isinstance(parent, (ast.Return, ast.BinOp, ast.Call, ast.keyword, ast.Assign, ast.Subscript,
        ast.Slice, ast.Tuple,
                                 ast.Lambda, ast.Compare))  # fmt: skip
    kind = site.kind(node)
    if useful and kind in {"", *_NUMERIC} and not (isinstance(parent, ast.Call) and node is parent.func):
        fit = 1.0 if kind in _NUMERIC else 0.35
        yield site.swap(node, f"-{site.wrapped(node, UNARY)}", fit * (0.5 if isinstance(parent, ast.Call) else 1))


def off_by_one(site: Site, node: ast.AST) -> Proposals:
    """A whole number that is one too small or too large."""
    parent = site.parent(node)
    if not isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.BinOp, ast.Subscript)):
        return
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or site.kind(node) not in {"", "int"}:
        return
    if isinstance(parent, ast.Compare):
        ordered = all(isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)) for op in parent.ops)
        fit = 0.7 if ordered and site.kind(node) == "int" else 0.3 if ordered else 0.0
    elif isinstance(parent, (ast.Slice, ast.Return, ast.Assign)):
        fit = 1.0 if site.kind(node) == "int" else 0.4
    elif isinstance(parent, ast.Subscript) and node is parent.slice:
        fit = 1.0 if site.kind(node) == "int" else 0.5
    elif isinstance(parent, (ast.Call, ast.keyword)):
        func = parent.func if isinstance(parent, ast.Call) else None
        fit = 0.0 if node is func else 0.9 if isinstance(func, ast.Name) and func.id == "range" else 0.35
    elif isinstance(parent, ast.BinOp) and not isinstance(node, ast.BinOp):
        fit = 0.5 if site.kind(node) == "int" else 0.25
    else:
        return
    wanted = {d for d in site.hints.differences() if d in {1, -1}}
    if isinstance(node, ast.Call) and site.kind(node) != "int":
        fit *= 0.3  # results of unknown calls are seldom counted on
    for sign, value in (("+", 1), ("-", -1)):
        if fit and not (isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant) and node.right.value == 1):
            boost = 1.5 if value in wanted and isinstance(parent, ast.Return) else 1.0
            text = f"{site.wrapped(node, ADD)} {sign} 1"
            yield site.swap(node, text, fit * boost)


def drop_operand(site: Site, node: ast.BinOp) -> Proposals:
    """An operand too many."""
    adjustment = isinstance(node.right, ast.Constant)
    yield site.swap(node, site.text(node.left), 1.0 if adjustment else 0.5)
    yield site.swap(node, site.text(node.right), 0.35)


def grouping(site: Site, node: ast.AST) -> Proposals:
    """Parentheses missing or in the wrong place."""
    view = site.view
    if isinstance(node, ast.BinOp):
        for inner, other, first in ((node.right, node.left, True), (node.left, node.right, False)):
            if not isinstance(inner, ast.BinOp):
                continue
            near, far = (inner.left, inner.right) if first else (inner.right, inner.left)
            pair = (other, near) if first else (near, other)
            start, stop = view.span(pair[0])[0], view.span(pair[1])[1]
            between = view.text[view.span(pair[0])[1] : view.span(pair[1])[0]]
            if between.count("(") == between.count(")"):
                yield site.splice(start, stop, f"({view.text[start:stop]})", 1.0)
            outer_text = site.text(node)
            inner_span = view.span(inner)
            offset = view.span(node)[0]
            opening, closing = _outside(view.text, *inner_span)
            if opening >= offset and closing <= view.span(node)[1] and opening < inner_span[0]:
                kept = outer_text[: opening - offset] + site.text(inner) + outer_text[closing - offset :]
                yield site.splice(*view.span(node), kept, 0.8)
            del far
    elif isinstance(node, ast.BoolOp):
        for index, value in enumerate(node.values):
            if not isinstance(value, ast.BoolOp):
                continue
            if index > 0:
                start, stop = view.span(node.values[index - 1])[0], view.span(value.values[0])[1]
                yield site.splice(start, stop, f"({view.text[start:stop]})", 1.0)
            if index < len(node.values) - 1:
                start, stop = view.span(value.values[-1])[0], view.span(node.values[index + 1])[1]
                yield site.splice(start, stop, f"({view.text[start:stop]})", 1.0)
            start, stop = view.span(value)
            opening, closing = _outside(view.text, start, stop)
            if opening < start:
                yield site.splice(opening, closing, view.text[start:stop], 0.8)


def _outside(text: str, start: int, stop: int) -> tuple[int, int]:
    """Span widened by one pair of parentheses directly around it."""
    before, after = start - 1, stop
    while before > 0 and text[before] in " \t\n":
        before -= 1
    while after < len(text) and text[after] in " \t\n":
        after += 1
    if before >= 0 and after < len(text) and text[before] == "(" and text[after] == ")":
        return before, after + 1
    return start, stop


def constant_alternative(site: Site, node: ast.BoolOp) -> Proposals:
    """``x == a or b`` where ``x == a or x == b`` was meant."""
    first = node.values[0]
    if not (isinstance(first, ast.Compare) and len(first.ops) == 1):
        return
    op = _COMPARE[type(first.ops[0])]
    fixed: list[Proposal] = [
        site.swap(value, f"{site.text(first.left)} {op} {site.text(value)}")
        for value in node.values[1:]
        if isinstance(value, (ast.Constant, ast.Attribute))
    ]
    if fixed:
        yield site.both(*fixed)


def chain(site: Site, node: ast.Compare) -> Proposals:
    """A comparison that lacks its other bound, or has one too many."""
    if len(node.ops) == 2:
        middle = site.text(node.comparators[0])
        yield site.swap(node, f"{site.text(node.left)} {_COMPARE[type(node.ops[0])]} {middle}", 0.5)
        yield site.swap(node, f"{middle} {_COMPARE[type(node.ops[1])]} {site.text(node.comparators[1])}", 0.5)
    elif isinstance(node.ops[0], (ast.Lt, ast.LtE)) and site.kind(node.left) in {"int", "float"}:
        yield site.swap(node, f"0 <= {site.text(node)}", 0.5)


TEMPLATES = (
    Template("comparison-boundary", 0.95, "a comparison was off at its boundary", (ast.Compare,), boundary),
    Template("comparison-opposite", 0.6, "a comparison was the wrong way round", (ast.Compare,), opposite),
    Template("comparison-other", 0.55, "the wrong comparison was used", (ast.Compare,), comparison),
    Template("arithmetic-operator", 0.85, "the wrong arithmetic operator was used", (ast.BinOp,), arithmetic),
    Template("round-up", 0.3, "a division rounded down", (ast.BinOp,), ceiling),
    Template("augmented-operator", 0.8, "the wrong augmented assignment was used", (ast.AugAssign,), augmented),
    Template("accumulate", 0.4, "a value was overwritten instead of accumulated", (ast.Assign,), accumulate),
    Template("boolean-operator", 0.75, "`and` and `or` were mixed up", (ast.BoolOp,), boolean),
    Template("operand-order", 0.6, "two operands were swapped", (ast.BinOp, ast.Compare, ast.IfExp), operand_order),
    Template("missing-not", 0.6, "a condition was not negated", (ast.stmt,), negate),
    Template("extra-sign", 0.7, "a sign or `not` was wrong", (ast.UnaryOp,), drop_sign),
    Template("missing-minus", 0.25, "a minus sign was missing",
             (ast.Name, ast.Attribute, ast.Call, ast.Constant, ast.BinOp), minus),
    Template("off-by-one", 0.55, "a number was off by one", (ast.expr,), off_by_one),
    Template("extra-operand", 0.45, "an expression had a term too many", (ast.BinOp,), drop_operand),
    Template("grouping", 0.55, "parentheses grouped the wrong terms", (ast.BinOp, ast.BoolOp), grouping),
    Template("repeated-comparison", 0.8, "a comparison was not repeated for each alternative",
             (ast.BoolOp,), constant_alternative),
    Template("comparison-chain", 0.2, "a range check had the wrong bounds", (ast.Compare,), chain),
)  # fmt: skip
