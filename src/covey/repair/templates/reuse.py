"""What the rest of the file does with such a value and this place does not: calls, items, operands, conditions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from covey.repair.kinds import DICT_METHODS, LIST_METHODS, SET_METHODS, STR_METHODS, callee_name
from covey.repair.site import BUILTINS, Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.uses import Use, Uses, tails

_MOST = 10
_CONSIDERED = 60
_VALUES = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


def value_here(site: Site, node: ast.AST) -> bool:
    """True for an expression that is read as a plain value, so that something may be put around it."""
    parent = site.parent(node)
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    if isinstance(parent, (ast.Attribute, ast.arg, ast.AnnAssign, ast.Expr, ast.Await, ast.Delete, ast.withitem)):
        return isinstance(parent, ast.AnnAssign) and node is parent.value
    if isinstance(parent, ast.Call) and node is parent.func:
        return False
    if isinstance(parent, ast.Subscript) and node is parent.value:
        return False
    if isinstance(parent, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.FormattedValue)):
        return False
    if isinstance(node, ast.Name):
        known = site.names.get(node.id)
        return node.id not in BUILTINS and (known is None or known.kind not in {"func", "class", "module"})
    return True


def _ranked(site: Site, name: str) -> list[tuple[float, Use]]:
    """Uses of one sort whose names are all bound here, likeliest first, whatever the value."""
    return site.remember(("uses", name), lambda: _rank(site, getattr(site.index.uses, name)))


def _rank(site: Site, uses: Uses) -> list[tuple[float, Use]]:
    found: list[tuple[float, Use]] = []
    for use in uses.values():
        if not use.reads <= site.bound or ("self" in use.reads and not site.self_name):
            continue
        weight = 0.25 + min(use.count, 5) * 0.03
        if site.function in use.functions:
            weight += 0.25
        elif any(f is not None and site.view.parents.get(f) is site.method_class for f in use.functions):
            weight += 0.1
        if any(n in site.names and site.names[n].loads == 0 and site.names[n].role == "parameter" for n in use.reads):
            weight += 0.5
        found.append((weight, use))
    found.sort(key=lambda item: (-item[0], item[1].before, item[1].after))
    return found


def _suited(site: Site, node: ast.AST, name: str) -> Iterator[tuple[float, Use]]:
    """Yield uses of one sort, those of the same value first."""
    text, ranked = site.text(node), _ranked(site, name)
    tail = text.rpartition(".")[2]
    found: list[tuple[float, Use]] = []
    for position, (weight, use) in enumerate(ranked):
        same = text in use.subjects
        if same or position < _CONSIDERED:
            alike = 0.6 if same else 0.3 if tail in tails(use.subjects) else 0.0
            found.append((weight + alike, use))
    found.sort(key=lambda item: -item[0])
    yield from found[:_MOST]


def _applied(site: Site, node: ast.AST, use: Use) -> str:
    return f"{use.before}{site.wrapped(node, use.level)}{use.after}"


def called_elsewhere(site: Site, node: ast.AST) -> Proposals:
    """A call that other values of the file are put through."""
    if not value_here(site, node) or site.text(node) in {"self", "cls"}:
        return
    parent = site.parent(node)
    around = site.text(parent.func) + "(" if isinstance(parent, ast.Call) else ""
    own = callee_name(node) if isinstance(node, ast.Call) else ""
    for weight, use in _suited(site, node, "calls"):
        if use.before != around and not (own and use.before.startswith(f"{own}(")):
            yield site.swap(node, _applied(site, node, use), weight)


def _fits(site: Site, node: ast.AST, use: Use) -> bool:
    method = use.after[1:].partition("(")[0]
    kind = site.kind(node)
    for known, methods in (
        ("str", STR_METHODS), ("list", LIST_METHODS), ("dict", DICT_METHODS), ("set", SET_METHODS)):  # fmt: skip
        if method in methods:
            return kind in {"", known, "obj"}
    return kind in {"", "obj"}


def method_elsewhere(site: Site, node: ast.AST) -> Proposals:
    """A method that other values of the file are asked for."""
    if not value_here(site, node) or (isinstance(node, ast.Name) and node.id not in site.names):
        return
    own = site.text(node)
    for weight, use in _suited(site, node, "methods"):
        known_self = own != "self" or own in use.subjects
        if known_self and _fits(site, node, use) and not own.endswith(use.after):
            yield site.swap(node, _applied(site, node, use), weight)


def item_elsewhere(site: Site, node: ast.AST) -> Proposals:
    """An item or slice that is taken of such values elsewhere in the file."""
    if not value_here(site, node) or site.kind(node) in {"int", "float", "bool", "set", "none"}:
        return
    own = site.text(node)
    for weight, use in _suited(site, node, "items"):
        same = own in use.subjects
        if own != "self" or same:
            yield site.swap(node, own + use.after, weight if same else weight * 0.5)


_TEXTUAL = frozenset({"str", "list", "tuple", "bytes"})
_PLACES = (ast.Return, ast.Assign, ast.AugAssign, ast.Compare, ast.Call, ast.keyword, ast.Subscript, ast.Slice,
           ast.IfExp, ast.BinOp, ast.Tuple, ast.List, ast.Yield, ast.ListComp, ast.GeneratorExp, ast.Dict)  # fmt: skip


def _inner_operand(site: Site, node: ast.AST) -> bool:
    """True for an operand of a longer sum or product, which is extended at its end only."""
    parent = site.parent(node)
    return isinstance(parent, ast.BinOp) and isinstance(node, ast.BinOp) and type(parent.op) is type(node.op)


def operand_elsewhere(site: Site, node: ast.AST) -> Proposals:
    """A term that such values are joined with elsewhere in the file."""
    if not value_here(site, node) or not isinstance(site.parent(node), _PLACES) or _inner_operand(site, node):
        return
    kind, own = site.kind(node), site.text(node)
    if kind in {"bool", "dict", "none", "func", "class"} or own in {"self", "cls"}:
        return
    for weight, use in _suited(site, node, "operands"):
        term = (use.after or use.before).strip()
        textual = any(mark in term for mark in "'\"[")
        if (kind in _TEXTUAL and not textual) or (textual and kind in {"int", "float"}) or own in term:
            continue
        yield site.swap(node, _applied(site, node, use), weight * (0.6 if isinstance(node, ast.Constant) else 1.0))


def unread_operand(site: Site, node: ast.AST) -> Proposals:
    """A term that is the value of a name which nobody reads."""
    if not value_here(site, node) or not isinstance(site.parent(node), _PLACES) or _inner_operand(site, node):
        return
    kind, own = site.kind(node), site.text(node)
    if kind in {"bool", "dict", "none", "func", "class", "set"} or own in {"self", "cls"}:
        return
    for known in site.variables:
        if known.loads or known.name == own or known.kind in {"func", "class", "dict", "set", "bool"}:
            continue
        if kind in _TEXTUAL or known.kind in _TEXTUAL:
            signs: tuple[tuple[str, float], ...] = (("+", 1.2),) if kind in {"", known.kind} or not known.kind else ()
        else:
            signs = (("+", 1.2), ("-", 1.0), ("*", 1.1), ("/", 0.6), ("//", 0.4), ("%", 0.5), ("**", 0.3))
        for sign, fit in signs:
            level = 11 if sign in "+-" else 12
            yield site.swap(node, f"{site.wrapped(node, level)} {sign} {known.name}", fit)
            if sign in "+-/":
                yield site.swap(node, f"{known.name} {sign} {site.wrapped(node, level + 1)}", fit * 0.7)


def _tests(site: Site, node: ast.AST) -> Iterator[ast.expr]:
    """Yield the conditions that a node holds."""
    if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        yield node.test
    elif isinstance(node, ast.comprehension):
        yield from node.ifs[-1:]
    elif isinstance(node, (ast.Return, ast.Assign)):
        if node.value is not None and site.kind(node.value) == "bool":
            yield node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand


def condition_elsewhere(site: Site, node: ast.AST) -> Proposals:
    """The other half of a condition that stands whole elsewhere in the file."""
    for test in _tests(site, node):
        parts = [test, *(test.values if isinstance(test, ast.BoolOp) else [])]
        whole = site.text(test)
        for part in parts:
            for weight, use in _suited(site, part, "conditions"):
                half = use.before.rpartition(" ")[0] if use.before else use.after
                bare = half.strip().removesuffix(" and").removesuffix(" or")
                bare = bare.removeprefix("and ").removeprefix("or ")
                if bare not in whole and (site.text(part) in use.subjects or part is test):
                    yield site.swap(part, _applied(site, part, use), weight)


def bounded(site: Site, node: ast.AST) -> Proposals:
    """A number that should be kept within a bound."""
    if not value_here(site, node) or isinstance(node, ast.Constant) or site.kind(node) not in {"", "int", "float"}:
        return
    parent, own = site.parent(node), site.text(node)
    if not isinstance(parent, (ast.Return, ast.Assign, ast.keyword, ast.Call, ast.Slice)) or own in {"self", "cls"}:
        return
    if isinstance(parent, ast.Call) and callee_name(parent) in {"min", "max", "len", "isinstance"}:
        return
    if isinstance(node, ast.Call) and callee_name(node) in {"min", "max"}:
        for known in site.variables:
            if known.kind in {"", "int", "float"} and known.loads == 0:
                other = "max" if callee_name(node) == "min" else "min"
                yield site.swap(node, f"{other}({known.name}, {own})", 1.3)
        return
    numeric = site.kind(node) in {"int", "float"}
    for known in site.variables:
        if known.name == own or (known.kind not in {"int", "float"} and not (known.kind == "" and known.loads == 0)):
            continue
        fit = 1.2 if known.loads == 0 else 0.4 if numeric else 0.15
        yield site.swap(node, f"min({own}, {known.name})", fit)
        yield site.swap(node, f"max({own}, {known.name})", fit)
    if numeric:
        yield site.swap(node, f"max({own}, 1)", 0.25)


def part_of(site: Site, node: ast.AST) -> Proposals:
    """A part of a sequence where all of it was taken."""
    if not value_here(site, node) or isinstance(node, ast.Subscript):
        return
    kind, own, parent = site.kind(node), site.text(node), site.parent(node)
    if kind not in {"str", "list", "tuple", "bytes"} and not (kind == "" and isinstance(node, ast.Call)):
        return
    if isinstance(parent, (ast.Compare, ast.comprehension)) and isinstance(node, ast.Call):
        return
    fit = 1.0 if kind and isinstance(parent, (ast.Return, ast.Assign, ast.Call, ast.For)) else 0.5
    for part, weight in (("[1:]", 0.8), ("[:-1]", 0.8), ("[::-1]", 0.7), ("[0]", 0.6), ("[-1]", 0.6)):
        yield site.swap(node, site.wrapped(node, 16) + part, weight * fit)
    for known in site.variables:
        if known.loads == 0 and known.kind in {"", "int"} and known.name != own:
            for part, weight in ((f"[:{known.name}]", 1.2), (f"[{known.name}:]", 1.0), (f"[{known.name}]", 1.2)):
                yield site.swap(node, site.wrapped(node, 16) + part, weight)


TEMPLATES = (
    Template("call-as-elsewhere", 0.36, "a value was not put through a call as elsewhere in the file", _VALUES,
             called_elsewhere),
    Template("method-as-elsewhere", 0.36, "a value was not asked for its method as elsewhere in the file", _VALUES,
             method_elsewhere),
    Template("item-as-elsewhere", 0.36, "a value was used whole where elsewhere in the file an item of it is", _VALUES,
             item_elsewhere),
    Template("operand-as-elsewhere", 0.35, "a term was missing that stands beside such values elsewhere in the file",
             (ast.expr,), operand_elsewhere),
    Template("unread-operand", 0.42, "a term was missing, and a name that nobody reads says which",
             (ast.expr,), unread_operand),
    Template("condition-as-elsewhere", 0.4, "a condition lacked the half that it has elsewhere in the file",
             (ast.stmt, ast.IfExp, ast.comprehension, ast.UnaryOp), condition_elsewhere),
    Template("missing-bound", 0.35, "a number was not kept within its bound", (*_VALUES, ast.BinOp), bounded),
    Template("missing-part", 0.35, "a whole sequence was used where a part of it was meant",
             (ast.Name, ast.Attribute, ast.Call), part_of),
)  # fmt: skip
