"""Results: returned, assigned, computed and thrown away."""

from __future__ import annotations

import ast

from covey.repair.kinds import callee_name, words
from covey.repair.site import BUILTINS, Site
from covey.repair.templates.base import Proposals, Template

_IMMUTABLE = frozenset(
    words(
        """strip lstrip rstrip lower upper replace title capitalize format encode decode union difference intersection
    zfill ljust rjust center removeprefix removesuffix casefold expandtabs with_suffix with_name joinpath _replace
    astimezone"""
    )
)


def is_docstring(statement: ast.AST) -> bool:
    """True for a string that stands alone."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def unused_result(site: Site, statement: ast.Expr) -> Proposals:
    """A result that was computed and thrown away."""
    value = statement.value
    start, _ = site.view.span(statement)
    if isinstance(value, (ast.Constant, ast.Yield, ast.YieldFrom)):
        return
    last = site.position == len(site.block) - 1
    if site.function is not None:
        yield site.splice(start, start, "return ", 1.1 if last else 0.3)
    call = value.value if isinstance(value, ast.Await) else value
    if isinstance(call, ast.Call):
        name = callee_name(call)
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if isinstance(owner, (ast.Name, ast.Attribute)) and site.text(owner) != "self" and site.kind(owner) != "module":
            yield site.splice(start, start, f"{site.text(owner)} = ", 1.6 if name in _IMMUTABLE else 0.4)
        if call.args and isinstance(call.args[0], (ast.Name, ast.Attribute)) and isinstance(call.func, ast.Name):
            yield site.splice(
                start, start, f"{site.text(call.args[0])} = ", 1.3 if name in {"sorted", "reversed"} else 0.4
            )
        if name[:1].isupper() and (name.endswith(("Error", "Exception")) or name == "StopIteration"):
            yield site.splice(start, start, "raise ", 2.0)
    elif isinstance(value, ast.Compare) and len(value.ops) == 1 and isinstance(value.ops[0], ast.Eq):
        yield site.swap_statement(f"{site.text(value.left)} = {site.text(value.comparators[0])}", 2.0)


def in_place(site: Site, statement: ast.Assign) -> Proposals:
    """The result of a method that works in place and gives None."""
    value = statement.value
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return
    if value.func.attr in {
        "sort",
        "append",
        "extend",
        "reverse",
        "add",
        "update",
        "insert",
        "remove",
        "clear",
        "discard",
    }:
        yield site.swap_statement(site.text(value), 1.5)
        holder = site.text(value.func.value)
        if value.func.attr == "sort":
            inner = site.view.text[site.view.span(value.func)[1] + 1 : site.view.span(value)[1] - 1]
            yield site.swap(value, f"sorted({holder}{', ' + inner if inner else ''})", 1.5)
        elif value.func.attr == "append" and value.args:
            yield site.swap(value, f"[*{holder}, {site.text(value.args[0])}]", 0.8)


def missing_return(site: Site, statement: ast.stmt) -> Proposals:
    """A function that ends without giving its result."""
    function = site.function
    if function is None or statement is not function.body[-1] or isinstance(statement, (ast.Return, ast.Raise)):
        return
    if function.name == "__init__" or function in site.index.generators:
        return
    urgent = 1.3 if site.hints.none_used or any(actual is None for actual, _ in site.hints.pairs) else 0.8
    empty = 1.2 if not site.returns else 0.6
    for known in site.variables:
        if known.role == "local":
            yield site.insert_after(
                statement, [f"return {known.name}"], urgent * empty * (1.2 if known.loads <= 2 else 0.8)
            )
    if site.self_name:
        yield site.insert_after(statement, ["return self"], 0.6 * empty)
    for value in dict.fromkeys(map(site.text, site.returns)):
        if len(value) < 40 and "\n" not in value:
            yield site.insert_after(statement, [f"return {value}"], 0.4)
    for text, fit in (("False", 0.8), ("True", 0.6), ("None", 0.1), ("[]", 0.2), ("0", 0.2)):
        yield site.insert_after(
            statement, [f"return {text}"], fit * (1.0 if any(site.kind(v) == "bool" for v in site.returns) else 0.4)
        )


def missing_value(site: Site, statement: ast.Return) -> Proposals:
    """A ``return`` without the value that is due, or in place of another jump."""
    if statement.value is not None:
        return
    end = site.view.span(statement)[1]
    values = [(known.name, 0.7) for known in site.variables]
    values += [(text, 0.5) for text in dict.fromkeys(map(site.text, site.returns))]
    for text, fit in (*values, ("True", 0.3), ("False", 0.3)):
        yield site.splice(end, end, f" {text}", fit)
    if site.loop is not None:
        yield site.swap_statement("break", 0.8)
        yield site.swap_statement("continue", 0.8)


def return_value(site: Site, statement: ast.Return) -> Proposals:
    """Another value to return."""
    if statement.value is None:
        return
    start, text = site.view.span(statement)[0], site.text(statement.value)
    others = [(k.name, 1.1 if k.loads == 0 else 0.4) for k in site.variables if k.role == "local"]
    others += [
        (v, 0.45) for v in list(dict.fromkeys(map(site.text, site.returns)))[:8] if len(v) < 60 and "\n" not in v
    ]
    if site.self_name:
        others += [(f"self.{name}", 0.3) for name, kind in list(site.attributes.items())[:16] if kind != "func"]
    for other, fit in others:
        if other != text:
            yield site.swap(statement.value, other, fit)
    if isinstance(statement.value, (ast.Name, ast.Attribute)):
        yield site.swap(statement.value, f"not {text}", 0.2)
    if site.loop is not None:
        yield site.swap_statement("break", 0.3)
        yield site.swap_statement("continue", 0.5)
    yield site.splice(start, start + 6, "yield", 0.5 if _generates(site) else 0.1)


def _generates(site: Site) -> bool:
    return site.function in site.index.generators


def assigned_value(site: Site, statement: ast.Assign) -> Proposals:
    """The value that the same variable or attribute gets elsewhere."""
    target = statement.targets[0]
    if not isinstance(target, (ast.Name, ast.Attribute)):
        return
    label, own = site.text(target), site.text(statement.value)
    seen: set[str] = {own}
    for other in site.index.assignments[label]:
        if other is not statement:
            text = site.text(other.value)
            read = {n.id for n in ast.walk(other.value) if isinstance(n, ast.Name)}
            if (
                text not in seen
                and len(text) < 90
                and len(seen) < 7
                and all(n in site.names or n in BUILTINS for n in read)
            ):
                seen.add(text)
                yield site.swap(statement.value, text, 0.7)


TEMPLATES = (
    Template("unused-result", 0.7, "a result was computed but not used", (ast.Expr,), unused_result),
    Template("in-place-result", 0.8, "the result of an in-place method is None", (ast.Assign,), in_place),
    Template("missing-return", 0.65, "a function did not return its result", (ast.stmt,), missing_return),
    Template("empty-return", 0.5, "a value was not returned", (ast.Return,), missing_value),
    Template("return-value", 0.5, "the wrong value was returned", (ast.Return,), return_value),
    Template("assigned-value", 0.4, "the wrong value was assigned", (ast.Assign,), assigned_value),
)  # fmt: skip
