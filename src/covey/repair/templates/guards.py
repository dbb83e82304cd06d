"""Guards: what should have been checked before a value is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from covey.repair.kinds import callee_name
from covey.repair.render import OR
from covey.repair.site import BUILTINS, Site
from covey.repair.templates.base import Proposals, Template

_EMPTY = {"list": "[]", "dict": "{}", "str": '""', "int": "0", "float": "0.0", "bool": "False", "tuple": "()",
    "set": "set()",
          "iter": "[]", "bytes": 'b""'}  # fmt: skip


_STRICT = frozenset({"min", "max", "len", "int", "float", "sum", "next"})
_WHOLE = (ast.Div, ast.FloorDiv, ast.Mod)


def _relied_on(node: ast.AST) -> Iterator[tuple[ast.AST, str, float]]:
    """Yield what one node relies on: (node, in which way, weight)."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield node.value, "object", 1.0
    elif isinstance(node, ast.Subscript):
        yield node.value, "container", 1.0
    elif isinstance(node, ast.BinOp) and isinstance(node.op, _WHOLE):
        yield node.right, "divisor", 1.2
        if isinstance(node.right, ast.Call) and callee_name(node.right) == "len" and node.right.args:
            yield node.right.args[0], "container", 1.2
    elif isinstance(node, ast.Call):
        for argument in node.args[:3]:
            yield argument, "argument", 0.8 if callee_name(node) in _STRICT else 0.5
    elif isinstance(node, (ast.For, ast.comprehension)):
        yield node.iter, "container", 0.9
    elif isinstance(node, (ast.Compare, ast.BinOp)):
        for child in ast.iter_child_nodes(node):
            yield child, "operand", 0.6


def subjects(site: Site) -> list[tuple[ast.AST, str, float]]:
    """Values that the statement relies on, most important first: (node, in which way, weight)."""
    if isinstance(site.statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return []
    found: dict[str, tuple[ast.AST, str, float]] = {}
    for node in site.nodes:
        for value, reliance, weight in _relied_on(node):
            if not isinstance(value, (ast.Name, ast.Attribute)):
                continue
            text = site.text(value)
            known = site.names.get(text)
            fixed = (
                known is not None
                and known.role in {"import", "global"}
                and known.kind in {"module", "func", "class", ""}
            )
            module = site.lookup(text.split(".")[0]) == "module"
            if text in {"self", "cls"} or text in BUILTINS or fixed or module:
                continue
            if text not in found or found[text][2] < weight:
                found[text] = (value, reliance, weight)
    return sorted(found.values(), key=lambda item: -item[2])[:5]


def _known_values(site: Site) -> Iterator[tuple[str, float]]:
    """Yield values that the function returns elsewhere, or empty values of the same types."""
    for value in site.returns:
        text = site.text(value)
        plain = isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and text in site.names)
        if plain or (isinstance(value, (ast.List, ast.Dict)) and len(text) < 4):
            yield text, 0.9
    for kind in map(site.kind, site.returns):
        if kind in _EMPTY:
            yield _EMPTY[kind], 1.0
        if kind == "bool":
            yield "True", 0.7
    if isinstance(site.statement, ast.Return) and site.statement.value is not None:
        own = site.kind(site.statement.value)
        yield _EMPTY.get(own, "None"), 1.0
        if own == "float":
            yield "0", 0.8


def _exits(site: Site) -> list[tuple[str, float]]:
    """Ways to leave the function early that suit what it returns elsewhere."""
    if site.function is None:
        return []
    if site.function in site.index.generators:
        return [("return", 1.0)]
    found: dict[str, float] = {}
    for text, fit in _known_values(site):
        found.setdefault(f"return {text}", fit)
    asked = [repr(expected) for _, expected in site.hints.pairs if len(repr(expected)) < 12]
    for text in asked:
        plain = text in {"[]", "{}", "()", "0", "''", "False", "None", "True"}
        found[f"return {text}"] = max(found.get(f"return {text}", 0.0), 1.3 if plain else 0.6)
    found.setdefault("return None" if site.returns else "return", 0.5 if site.returns else 0.8)
    return sorted(found.items(), key=lambda item: -item[1])[:6]


def _tests(text: str, kind: str, reliance: str) -> list[tuple[str, float]]:
    if reliance == "divisor" or kind in {"int", "float"}:
        return [(f"{text} == 0", 0.9 if reliance == "divisor" else 0.5), (f"{text} < 0", 0.4), (f"{text} <= 0", 0.5),
                (f"{text} is None", 0.3)]  # fmt: skip
    if kind in {"list", "dict", "str", "tuple", "set", "iter"}:
        return [(f"not {text}", 0.9), (f"{text} is None", 0.5)]
    return [(f"{text} is None", 0.8), (f"not {text}", 0.8)]


def _raises(site: Site) -> list[tuple[str, float]]:
    """Errors that may be raised in a guard: those that the failure asks for."""
    return [(f'raise {name}("invalid value")', 1.8) for name in site.hints.not_raised[:2]]


def early_exit(site: Site, statement: ast.stmt) -> Proposals:
    """A missing check that leaves the function or the turn of the loop."""
    if statement is not site.statement or site.function is None:
        return
    exits = _exits(site)
    if site.loop is not None:
        exits = [("continue", 1.2), ("break", 0.4), *exits[:2]]
    if isinstance(
        statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass)
    ):
        return
    boost = 1.3 if site.hints.none_used else 1.0
    crashed = (site.view.path, statement.lineno) in site.hints.crashes
    for node, reliance, weight in subjects(site):
        text = site.text(node)
        for test, fit in _tests(text, site.kind(node), reliance):
            for leave, likely in exits:
                score = fit * weight * likely * (boost if "None" in test else 1) * (1.5 if crashed else 0.8)
                yield site.insert_before(statement, [f"if {test}:", f"\t{leave}"], score)


def missing_raise(site: Site, statement: ast.stmt) -> Proposals:
    """A missing check that raises the error which the failure waits for."""
    wanted = _raises(site)
    if not wanted or site.function is None or statement is not site.statement:
        return
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    for known in site.variables[:6]:
        tests = _tests(known.name, known.kind, "argument")
        tests += [(f"{known.name} < 0", 0.6), (f"{known.name} <= 0", 0.6)] if known.kind in {"", "int", "float"} else []
        tests += (
            [(f"not isinstance({known.name}, {known.kind})", 0.7)]
            if known.kind in {"str", "int", "list", "dict"}
            else []
        )
        tests += [(f"not isinstance({known.name}, {t})", 0.3) for t in ("str", "int")] if not known.kind else []
        for leave, likely in wanted:
            for test, fit in tests:
                yield site.insert_before(statement, [f"if {test}:", f"\t{leave}"], fit * likely * 0.8)
    if site.self_name:
        for attribute, kind in list(site.attributes.items())[:10]:
            if kind != "func":
                for test in (f"not self.{attribute}", f"self.{attribute}", f"self.{attribute} is None"):
                    for leave, likely in wanted:
                        yield site.insert_before(statement, [f"if {test}:", f"\t{leave}"], 0.4 * likely)


def conditional_statement(site: Site, statement: ast.stmt) -> Proposals:
    """A statement that should only run under a condition."""
    if statement is not site.statement or not isinstance(
        statement, (ast.Expr, ast.Assign, ast.AugAssign, ast.Delete, ast.Raise)
    ):
        return
    span = site.view.whole_lines(statement)
    moved = site.view.reindented(statement, site.view.indent(statement) + site.view.unit)
    if span is None or moved is None or site.function is None:
        return
    indent = site.view.indent(statement)
    tests: list[tuple[str, float]] = []
    for node, reliance, weight in subjects(site):
        text, kind = site.text(node), site.kind(node)
        tests.append((f"{text} is not None", (0.9 if site.hints.none_used else 0.5) * weight))
        tests.append((text, 0.7 * weight))
        if reliance == "divisor":
            tests.append((f"{text} != 0", 0.9 * weight))
        if kind in {"int", "float"}:
            tests.append((f"{text} > 0", 0.5 * weight))
    for node in site.nodes:
        tests += _membership(site, node)
    for known in site.variables:
        if known.loads == 0:
            tests += [(known.name, 1.2), (f"not {known.name}", 1.0)]
    for test, fit in tests[:16]:
        yield site.replace_lines(span, f"{indent}if {test}:\n{moved}", fit)


def _membership(site: Site, node: ast.AST) -> Iterator[tuple[str, float]]:
    """Yield tests whether a key or element is there already."""
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, (ast.Slice, ast.Constant)):
        key, holder = site.text(node.slice), site.text(node.value)
        yield f"{key} in {holder}", 0.9
        if isinstance(node.ctx, ast.Store):
            yield f"{key} not in {holder}", 0.9
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) == 1:
        word = {"append": "not in", "add": "not in", "remove": "in", "discard": "in"}.get(node.func.attr)
        if word:
            yield f"{site.text(node.args[0])} {word} {site.text(node.func.value)}", 0.8


def lookup(site: Site, node: ast.Subscript) -> Proposals:
    """``d[k]`` where a missing key must give a default."""
    if not isinstance(node.ctx, ast.Load) or isinstance(node.slice, ast.Slice):
        return
    if site.kind(node.value) not in {"", "dict", "obj"} or isinstance(node.value, ast.Subscript):
        return
    parent = site.parent(node)
    if isinstance(parent, (ast.arg, ast.AnnAssign)):
        return
    if site.kind(node.slice) == "int" and site.kind(node.value) != "dict" and "KeyError" not in site.hints.types:
        return
    holder, key = site.text(node.value), site.text(node.slice)
    asked = 1.5 if "KeyError" in site.hints.types else 0.5
    numeric = isinstance(parent, (ast.BinOp, ast.AugAssign))
    for default, fit in (
        ("", 1.0),
        (", 0", 1.2 if numeric else 0.6),
        (', ""', 0.5),
        (", []", 0.5),
        (", {}", 0.4),
        (f", {key}", 0.4),
    ):
        if "," in key and not key.startswith("("):
            continue
        yield site.swap(node, f"{holder}.get({key}{default})", fit * asked)
    for known in site.variables:
        if "default" in known.name or known.loads == 0:
            yield site.swap(node, f"{holder}.get({key}, {known.name})", 1.2 * asked)


def strict_lookup(site: Site, call: ast.Call) -> Proposals:
    """``d.get(k)`` where a missing key must be an error, or where another default is due."""
    if (
        callee_name(call) != "get"
        or not isinstance(call.func, ast.Attribute)
        or not 1 <= len(call.args) <= 2
        or call.keywords
    ):
        return
    yield site.swap(
        call, f"{site.text(call.func.value)}[{site.text(call.args[0])}]", 1.3 if site.hints.not_raised else 0.5
    )


def augmented_lookup(site: Site, node: ast.AugAssign) -> Proposals:
    """``d[k] += x`` on a key that may be missing."""
    target = node.target
    if not isinstance(target, ast.Subscript) or isinstance(target.slice, ast.Slice) or not isinstance(node.op, ast.Add):
        return
    holder, key = site.text(target.value), site.text(target.slice)
    asked = 1.5 if "KeyError" in site.hints.types else 0.6
    value = site.text(node.value)
    kind = site.kind(node.value)
    default = "[]" if kind == "list" else '""' if kind == "str" else "0"
    yield site.swap_statement(f"{holder}[{key}] = {holder}.get({key}, {default}) + {value}", asked)


def method_on_missing_key(site: Site, call: ast.Call) -> Proposals:
    """``d[k].append(x)`` on a key that may be missing."""
    func = call.func
    if not (isinstance(func, ast.Attribute) and isinstance(func.value, ast.Subscript)):
        return
    default = {"append": "[]", "extend": "[]", "insert": "[]", "add": "set()", "update": "{}"}.get(func.attr)
    if default:
        holder, key = site.text(func.value.value), site.text(func.value.slice)
        yield site.swap(
            func.value, f"{holder}.setdefault({key}, {default})", 1.5 if "KeyError" in site.hints.types else 0.5
        )


def or_default(site: Site, node: ast.AST) -> Proposals:
    """A value that may be None and lacks a default."""
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or not isinstance(
        node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)
    ):
        return
    parent = site.parent(node)
    text = site.text(node)
    if text in {"self", "cls"} or site.kind(node) in {"func", "class", "module", "bool"}:
        return
    used = isinstance(parent, (ast.For, ast.comprehension)) and node is parent.iter
    operand = isinstance(parent, (ast.BinOp, ast.Return, ast.Assign, ast.keyword)) or (
        isinstance(parent, ast.Call) and node in parent.args
    )
    base = (1.0 if used else 0.4) * (1.5 if site.hints.none_used else 1.0)
    if not (used or operand):
        return
    kind = site.kind(node)
    options = [_EMPTY[kind]] if kind in _EMPTY else ["[]", '""', "0", "{}"] if not used else ["[]", "()"]
    for index, option in enumerate(options):
        yield site.swap(node, f"{site.wrapped(node, OR)} or {option}", base * (1 - index * 0.15))
    for known in site.variables:
        if ("default" in known.name or known.loads == 0) and known.name != text:
            yield site.swap(node, f"{site.wrapped(node, OR)} or {known.name}", 0.9)


def conditional_expression(site: Site, node: ast.AST) -> Proposals:
    """An expression that must not be computed for None, empty or zero."""
    value: ast.expr | None = None
    if isinstance(site.statement, (ast.Return, ast.Assign)):
        value = site.statement.value
    if node is not site.statement or value is None or isinstance(value, (ast.IfExp, ast.Constant, ast.Lambda)):
        return
    others = ["None", *([_EMPTY[k]] if (k := site.kind(value)) in _EMPTY else [])]
    others += [repr(e) for e in site.hints.expected() if len(repr(e)) < 10][:2]
    for subject, reliance, weight in subjects(site):
        text = site.text(subject)
        for other in dict.fromkeys(others):
            yield site.swap(value, f"{site.wrapped(value, OR)} if {text} else {other}", 0.5 * weight)
            if reliance != "divisor":
                yield site.swap(value, f"{site.wrapped(value, OR)} if {text} is not None else {other}", 0.5 * weight)


TEMPLATES = (
    Template("early-exit", 0.45, "a special case was not handled before", (ast.stmt,), early_exit),
    Template("missing-raise", 0.5, "a wrong value was not refused", (ast.stmt,), missing_raise),
    Template("conditional-statement", 0.35, "a statement ran when it should not", (ast.stmt,), conditional_statement),
    Template("missing-key", 0.55, "a key may be missing", (ast.Subscript,), lookup),
    Template("strict-key", 0.4, "a missing key was not noticed", (ast.Call,), strict_lookup),
    Template("missing-key-added-to", 0.6, "a key may be missing when it is added to", (ast.AugAssign,),
        augmented_lookup),
    Template("missing-key-method", 0.6, "a key may be missing when its value is changed", (ast.Call,),
        method_on_missing_key),
    Template("or-default", 0.35, "a value may be None", (ast.expr,), or_default),
    Template("conditional-expression", 0.35, "an expression was computed for a value that it does not suit",
             (ast.stmt,), conditional_expression),
)  # fmt: skip
